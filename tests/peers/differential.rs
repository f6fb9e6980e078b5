//! The same command lines through Mosquitto's clients and through ours, at the same broker:
//! exit code, standard output and standard error are the same, but for the differences that
//! are named here. Ours are started under Mosquitto's names.

mod command_lines;
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::support::peers::require_programs;
use crate::support::program::{find_program, program_path};
use crate::support::{Broker, Program};
use command_lines::{
    FORMATS, HELP, JSON, NEWER_TEXTS, NEWER_THAN_2_0, PUBLISH, RETAINED, SUBSCRIBE, WRONG_FOR_BOTH,
};
use mq::cli::{Kind, options};
use mq::options::Arity;

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

/// A text of 2.0 as 2.1 has it, and without the time.
fn newer(text: &str) -> String {
    let text = NEWER_TEXTS
        .iter()
        .fold(text.to_owned(), |text, (old, new)| text.replace(old, new));
    match text.split_once("\"tst\":") {
        Some((before, after)) => {
            let (_, after) = after.split_once(',').expect("the time is not all");
            format!("{before}{after}")
        }
        None => text,
    }
}

fn pair() -> Option<Pair> {
    require_programs(&["mosquitto_pub", "mosquitto_sub"]).then(Pair::new)
}

#[test]
fn an_option_without_its_value_is_the_same_error() {
    let Some(mut pair) = pair() else {
        return;
    };
    for (kind, program) in [
        (Kind::Publish, "mosquitto_pub"),
        (Kind::Subscribe, "mosquitto_sub"),
    ] {
        for row in options(kind).rows() {
            if !matches!(row.arity, Arity::Value { .. }) {
                continue;
            }
            let short = row.short.map(|short| format!("-{short}"));
            let long = row.long.map(|long| format!("--{long}"));
            for name in short.into_iter().chain(long) {
                if !NEWER_THAN_2_0.contains(&name.as_str()) {
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
    retain(&pair.broker, RETAINED);
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

#[test]
fn json_is_the_same() {
    let Some(mut pair) = pair() else {
        return;
    };
    retain(&pair.broker, JSON);
    for (topic, ..) in JSON {
        for format in ["%j", "%J", "%t:%j:%p"] {
            // User properties are laid out over other lines in 2.0.
            for options in ["", "-V 5", "--pretty", "-q 1 --pretty"] {
                pair.compare(
                    "mosquitto_sub",
                    &format!("-t {topic} -C 1 {options} -F '{format}'"),
                );
            }
        }
    }
    pair.check();
}

fn retain(broker: &Broker, messages: &[(&str, &[u8], &str)]) {
    for (topic, payload, options) in messages {
        broker
            .typed(&format!("mq-pub -r -q 1 -s -t {topic} -V 5 {options}"))
            .stdin(payload.to_vec())
            .run()
            .succeeds();
    }
}
