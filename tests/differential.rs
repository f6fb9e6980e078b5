//! The same command lines through Mosquitto's clients and through ours, at the same broker:
//! exit code, standard output and standard error are the same, but for the differences that
//! are named here. Ours are started under Mosquitto's names.

mod support;

use std::os::unix::fs::symlink;
use std::path::Path;

use mq::cli::{Kind, OPTIONS};
use support::peers::require_programs;
use support::program::{find_program, program_path};
use support::{Broker, Program};

/// Options that Mosquitto has since 2.1, or that are ours.
const NEWER_THAN_2_0: &[&str] = &[
    "-o",
    "--ws",
    "--no-tls",
    "--tls-keylog",
    "--retain-handling",
    "-w",
    "--watch",
    "--message-rate",
    "--no-local",
    "--pw-file",
    "--pw-env",
];

/// What 2.0.11 says, and what 2.1 and ours say.
const NEWER_TEXTS: &[(&str, &str)] = &[
    // A point within the brackets.
    (".).", ")."),
    ("unsupported URL scheme", "Unsupported URL scheme"),
    ("Invalid command given", "Invalid command nonsense given"),
    (
        "Invalid property name given",
        "Invalid property name nonsense given",
    ),
    // 2.1 prints the brackets only in the line about the CONNACK.
    (
        "Client (null) received CONNACK",
        "Client () received CONNACK",
    ),
    ("Client (null) ", "Client null "),
    ("Client () ", "Client (null) "),
    (
        "a topic to subscribe to.",
        "a topic to subscribe to (-t) or unsubscribe from (-U).",
    ),
];

/// A line that prints the whole help: how it is written is each program's own affair.
const HELP: &str = "Both topic and message must be supplied.";

/// Wrong values, for both programs.
const WRONG_FOR_BOTH: &[&str] = &[
    "-q 3",
    "-q -1",
    "-p 65536",
    "-p -1",
    "-k 4",
    "-k 65536",
    "-M 0",
    "-V 4",
    "-V mqttv4",
    "-x abc",
    "-x 4294967296",
    "-x -2",
    "-i a -I b",
    "-c",
    "-V 5 -c",
    "-c -I a -V 5",
    "--will-payload x",
    "--will-retain",
    "--will-topic a/+",
    "--will-topic a/#",
    "--will-qos 3 --will-topic a",
    "--nonsense",
    "-vt",
    "word",
    "-L http://localhost/a",
    "-L mqtt://localhost",
    "-D",
    "-D publish",
    "-D publish content-type",
    "-D nonsense content-type a",
    "-D publish nonsense a",
    "-D connect content-type a",
    "-D puback reason-string a",
    "-D publish subscription-identifier 1",
    "-D connect receive-maximum 65536",
    "-D publish payload-format-indicator 256",
    "-D publish message-expiry-interval -1",
    "-D publish user-property a",
    "-D connack reason-string a",
    "--cert a",
    "--key a",
    "--keyform pem",
    "--psk 00 --cafile a",
    "--psk 00",
    "--cafile /nonexistent",
    "--proxy http://a",
    "--proxy socks5h://",
    "--proxy socks5h://a:65536",
    "-u",
    "-P",
];

/// Command lines of the publisher that have an end. An empty topic is no error in 2.0, and
/// files that cannot be read have other texts there.
const PUBLISH: &[&str] = &[
    "",
    "-t a",
    "-m x",
    "-t a -m x",
    "-t a -m x -q 1",
    "-t a -m x -q 2",
    "-t a -n",
    "-t a -n -q 1",
    "-t a -m ''",
    "-t a -m x -r -q 1",
    "-t a -n -r -q 1",
    "-t a -m x -V 31 -q 2",
    "-t a -m x -V 311 -q 2",
    "-t a -m x -V 5 -q 2",
    "-t a -m x -V mqttv5",
    "-t a -m x -V mqttv31",
    "-t a -m x --repeat 3",
    "-t a -m x --repeat 3 -q 1",
    "-t a -m x --repeat 3 -q 2 --repeat-delay 0.01",
    "-t a -m x --repeat 0",
    "-t a -m x --repeat-delay -1",
    "-t a -m x -i id",
    "-t a -m x -I id",
    "-t a -m x -i id -c",
    "-t a -m x -i id -c -V 5",
    "-t a -m x -x 10",
    "-t a -m x -x 0x10",
    "-t a -m x -k 5",
    "-t a -m x -M 1 -q 1",
    "-t a -m x -u name -P password",
    "-t a -m x -u name",
    "-t a -m x -P password",
    "-t a -m x -V 5 -P password",
    "-t a -m x --will-topic w",
    "-t a -m x --will-topic w --will-payload bye --will-qos 2 --will-retain",
    "-t a -m x -A 127.0.0.1",
    "-t a -m x -A nowhere.invalid",
    "-t a -m x -h 127.0.0.1",
    "-t a -m x -h nowhere.invalid",
    "-t a -m x --nodelay",
    "-t a -m x --quiet",
    "-t a -m x --quiet -p 1",
    "-t a -m x -p 1",
    "-t a -m x --unix /nonexistent",
    "-t a/+ -m x",
    "-t a/# -m x",
    "-t a -m x -m y",
    "-t a -m x -n",
    "-t a -m x -l",
    "-t a -m x -s",
    "-t a -f Cargo.toml",
    "-t a -s",
    "-t a -l",
    "-t a -m x -D publish content-type text/plain",
    "-t a -m x -D publish payload-format-indicator 1",
    "-t a -m x -D publish message-expiry-interval 10",
    "-t a -m x -D publish response-topic b",
    "-t a -m x -D publish correlation-data xyz",
    "-t a -m x -D publish user-property k v -D publish user-property k w",
    "-t a -m x -D PUBLISH Content-Type x",
    "-t a -m x -D connect user-property k v",
    "-t a -m x -D connect receive-maximum 5",
    "-t a -m x -D connect session-expiry-interval 5",
    "-t a -m x -D disconnect reason-string bye",
    "-t a -m x -D will content-type x --will-topic w",
    "-t a -m x -D publish content-type x -V 311",
    "-t a -m x -D connect user-property k v -V 311",
    "-t a -m x -d",
    "-t a -m x -d -q 1",
    "-t a -m x -d -q 2",
    "-t a -m x -d -q 2 -i id",
    "-t a -m x -d -i id --repeat 3 -q 1",
    "-t a -m x -d -i id -V 5 -q 1 -r",
    "-t a -n -d -i id",
    "-L mqtt://127.0.0.1:PORT/a -m x",
    "-L mqtt://name:password@127.0.0.1:PORT/a/b -m x",
    "-L MQTT://127.0.0.1:PORT/a -m x",
    "-L mqtt://127.0.0.1:PORT/a/+ -m x",
];

/// Command lines of the subscriber that have an end: with an empty topic 2.0 has none. The broker has retained messages.
const SUBSCRIBE: &[&str] = &[
    "",
    "-t d/text -C 1",
    "-t d/text -C 1 -v",
    "-t d/text -C 1 -N",
    "-t d/text -C 1 -N -v",
    "-t d/text -t d/json -C 2 -v",
    "-t d/# -C 5 -v -T d/binary",
    "-t d/# -C 4 -T d/binary -T d/json",
    "-t d/+ -C 1 -T d/binary -T d/json -T d/float -T d/double -T d/utf8 -v",
    "-t d/text -C 1 -q 1",
    "-t d/text -C 1 -q 2 -v",
    "-t d/text -C 1 -V 31",
    "-t d/text -C 1 -V 5",
    "-t d/text -C 1 -V 5 --retain-as-published",
    "-t d/text -C 1 -i id -d",
    "-t d/text -C 1 -i id -d -q 2",
    "-t d/text -C 1 -i id -d -V 5 -q 1",
    "-t d/text -C 1 -d",
    "-t d/text -E",
    "-t d/text -E -d -i id",
    "-t d/text -t d/json -U d/utf8 -E -d -i id",
    "-t d/text -R -E",
    "-t d/text -R -W 1",
    "-t d/text --retained-only -C 1",
    "-t d/text -R --retained-only",
    "-t none -W 1",
    "-t none -W 1 --quiet",
    "-t none -W 1 -V 5",
    "-t none -W 0",
    "-t none -C 0",
    "-t none -C -1",
    "-t a#",
    "-t a/#/b",
    "-t a+",
    "-t a -T b+",
    "-t a -U b+",
    "-t a -F %",
    "-t a -F %z",
    "-t a -F \\q",
    "-t a -F \\",
    "-t a -F @",
    "-t a --random-filter 0",
    "-t a -p 1",
    "-t a -h nowhere.invalid",
    "-t a --unix /nonexistent",
    "-t d/text -C 1 -L mqtt://127.0.0.1:PORT/d/text",
    "-L mqtt://127.0.0.1:PORT/d/text -C 1 -v",
    "-t d/text -C 1 -D subscribe subscription-identifier 5 -F %S",
    "-t d/text -C 1 -D subscribe user-property a b",
    "-t d/text -E -D unsubscribe user-property a b -U x",
    "-t d/text -C 1 -D disconnect session-expiry-interval 0",
];

/// Formats that each retained message is printed with. `%f`, `%d`, and the groups and the
/// width of `%x` are newer than 2.0.
const FORMATS: &[&str] = &[
    "%t",
    "%p",
    "%x",
    "%X",
    "%l",
    "%m",
    "%q",
    "%r",
    "%%",
    "%A",
    "%C",
    "%D",
    "%E",
    "%F",
    "%P",
    "%R",
    "%S",
    "%t:%p",
    "%10t|",
    "%-10t|",
    "%.2t|",
    "%10.2t|",
    "%010t|",
    "%10p|",
    "%-10p|",
    "%3p|",
    "%-3p|",
    "%010p|",
    "%5l|",
    "%05l|",
    "%-5l|",
    "%5m|",
    "%05m|",
    "%5A|",
    "%05E|",
    "%8C|",
    "%.1C|",
    "%8R|",
    "%5S|",
    "%5F|",
    "\\n\\t\\r\\\\",
    "\\a\\v\\e",
    "@@",
    "a b c",
];

const RETAINED: &[(&str, &[u8], &str)] = &[
    (
        "d/text",
        b"hello",
        "-D publish content-type text/plain -D publish user-property k v",
    ),
    (
        "d/json",
        b"{\"a\": [1, 2.50, true, null], \"b\": \"x\"}",
        "",
    ),
    ("d/utf8", "été".as_bytes(), "-D publish response-topic r"),
    (
        "d/binary",
        b"\x00\xff\x10",
        "-D publish correlation-data abc",
    ),
    (
        "d/float",
        &[0, 0, 0x28, 0x42],
        "-D publish payload-format-indicator 0",
    ),
    ("d/double", &[0, 0, 0, 0, 0, 0, 0x45, 0x40], ""),
];

struct Pair {
    broker: Broker,
    folder: tempfile::TempDir,
    failures: Vec<String>,
}

impl Pair {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        for (theirs, ours) in [("mosquitto_pub", "mq-pub"), ("mosquitto_sub", "mq-sub")] {
            symlink(program_path(ours), folder.path().join(theirs)).expect("a link");
        }
        Self {
            broker: Broker::local(),
            folder,
            failures: Vec::new(),
        }
    }

    /// Runs a command line through both, and notes where they differ.
    fn compare(&mut self, name: &str, line: &str) {
        let theirs = find_program(name).expect("it was looked for");
        let theirs = self.outcome(&theirs, line);
        let ours = self.outcome(&self.folder.path().join(name), line);
        if theirs != ours {
            self.failures.push(format!(
                "{name} {line}\n  theirs: {theirs:?}\n  ours:   {ours:?}\n"
            ));
        }
    }

    fn outcome(&self, program: &Path, line: &str) -> (i32, String, String) {
        let port = self.broker.port();
        let line = line.replace("PORT", &port.to_string());
        let mut command = Program::at(program, "").env("LC_ALL", "C.UTF-8");
        // A port or a missing value stands at the end of some lines.
        if !line.contains("-p ") && !line.contains("-L mqtt") && !line.contains("--unix") {
            command = command.port(port);
        }
        let outcome = command.args_of(&line).run();
        let stdout = match outcome.stderr().contains(HELP) {
            true => String::new(),
            false => outcome.stdout(),
        };
        (outcome.code(), newer(&stdout), newer(outcome.stderr()))
    }

    #[track_caller]
    fn check(self) {
        assert!(
            self.failures.is_empty(),
            "{} differences:\n{}",
            self.failures.len(),
            self.failures.join("")
        );
    }
}

/// A text of 2.0 as 2.1 has it.
fn newer(text: &str) -> String {
    NEWER_TEXTS
        .iter()
        .fold(text.to_owned(), |text, (old, new)| text.replace(old, new))
}

fn pair() -> Option<Pair> {
    require_programs(&["mosquitto_pub", "mosquitto_sub"]).then(Pair::new)
}

#[test]
fn an_option_without_its_value_is_the_same_error() {
    let Some(mut pair) = pair() else {
        return;
    };
    for row in OPTIONS {
        if !matches!(row.words, mq::cli::Words::One(..)) {
            continue;
        }
        let short = row.short.map(|short| format!("-{short}"));
        let long = row.long.map(|long| format!("--{long}"));
        let names = [short, long].into_iter().flatten();
        for name in names.filter(|name| !NEWER_THAN_2_0.contains(&name.as_str())) {
            for (kind, program) in [
                (Kind::Publish, "mosquitto_pub"),
                (Kind::Subscribe, "mosquitto_sub"),
            ] {
                if row.programs.include(kind) {
                    pair.compare(program, &name);
                }
            }
        }
    }
    pair.check();
}

#[test]
fn a_wrong_value_is_the_same_error() {
    let Some(mut pair) = pair() else {
        return;
    };
    for line in WRONG_FOR_BOTH {
        pair.compare("mosquitto_pub", &format!("-t a -m x {line}"));
        pair.compare("mosquitto_sub", &format!("-t a {line}"));
    }
    pair.check();
}

#[test]
fn publishing_is_the_same() {
    let Some(mut pair) = pair() else {
        return;
    };
    for line in PUBLISH {
        pair.compare("mosquitto_pub", line);
    }
    pair.check();
}

#[test]
fn subscribing_is_the_same() {
    let Some(mut pair) = pair() else {
        return;
    };
    retain(&pair.broker);
    for line in SUBSCRIBE {
        pair.compare("mosquitto_sub", line);
    }
    for format in FORMATS {
        for (topic, ..) in RETAINED {
            for version in ["311", "5"] {
                pair.compare(
                    "mosquitto_sub",
                    &format!("-t {topic} -C 1 -V {version} -q 1 -F '{format}'"),
                );
            }
        }
    }
    pair.check();
}

fn retain(broker: &Broker) {
    for (topic, payload, options) in RETAINED {
        broker
            .typed(&format!("mq-pub -r -q 1 -s -t {topic} -V 5 {options}"))
            .stdin(payload.to_vec())
            .run()
            .succeeds();
    }
}
