//! How the broker starts, or says why it does not.

use std::fs;
use std::net::TcpListener;

use crate::support::{Broker, Program};
use nix::sys::signal::Signal;

/// Lines that keep a broker from starting, what it says, and its exit code.
const REFUSED: &[(&str, &[&str], i32)] = &[
    (
        "listenre 1883",
        &[
            "Error: Unknown configuration variable 'listenre'.",
            "mosquitto.conf:",
            "listener",
        ],
        3,
    ),
    (
        "max_keepalive often",
        &["Error: 'max_keepalive' value not a number."],
        3,
    ),
    (
        "max_keepalive 70000",
        &["Error: Invalid 'max_keepalive' value (70000)."],
        3,
    ),
    (
        "queue_qos0_messages yes",
        &["Error: Invalid 'queue_qos0_messages' value (yes)."],
        3,
    ),
    (
        "max_packet_size 19",
        &["Error: 'max_packet_size' must be >= 20."],
        3,
    ),
    (
        "include_dir nowhere",
        &["Error: Unable to open include_dir 'nowhere'."],
        3,
    ),
    // What restricts access or encrypts is not passed over.
    (
        "acl_file nowhere",
        &["Error: Unable to open acl_file \"nowhere\"."],
        13,
    ),
    (
        "acl_file plain",
        &[
            "Error: Invalid line in acl_file \"plain\": snir:passsnir.",
            "Error found at plain:1.",
        ],
        3,
    ),
    ("plugin /usr/lib/plugin.so", &["plugin"], 3),
    (
        "password_file nowhere",
        &["Error: Unable to open pwfile \"nowhere\"."],
        13,
    ),
    (
        "password_file plain",
        &["Error: Unable to decode line in password file 'plain'."],
        3,
    ),
];

#[test]
fn a_configuration_that_cannot_be_used_is_refused_with_a_text_and_a_code() {
    for (lines, texts, code) in REFUSED {
        let outcome = Broker::builder()
            .file("plain", "snir:passsnir\n")
            .config(lines)
            .run()
            .exits_with(*code);
        for text in *texts {
            assert!(outcome.stderr().contains(text), "{text:?} in {outcome}");
        }
    }
}

#[test]
fn a_wrong_command_line_is_refused_with_code_3() {
    for (line, text) in [
        ("mq-broker -x", "Error: Unknown option '-x'."),
        (
            "mq-broker -c",
            "Error: -c argument given, but no config file specified.",
        ),
        (
            "mq-broker -c nowhere.conf",
            "Error: Unable to open config file 'nowhere.conf'.",
        ),
        (
            "mq-broker -p",
            "Error: -p argument given, but no port specified.",
        ),
        (
            "mq-broker -p 70000",
            "Error: Invalid port specified (70000).",
        ),
        (
            "mq-broker --test-config",
            "Please provide a configuration file to test.",
        ),
    ] {
        let outcome = Program::typed(line).run().exits_with(3);
        assert!(outcome.stderr().contains(text), "{outcome}");
    }
}

#[test]
fn help_goes_to_standard_output_with_code_0() {
    let outcome = Program::typed("mq-broker -h").run().exits_with(0);
    assert!(outcome.stdout().contains("mq-broker"), "{outcome}");
    assert!(outcome.stdout().contains("--test-config"), "{outcome}");
}

#[test]
fn a_configuration_is_tested_without_a_start() {
    let folder = tempfile::tempdir().unwrap();
    let test = |config: &str| {
        fs::write(folder.path().join("mosquitto.conf"), config).unwrap();
        Program::typed("mq-broker --test-config -c mosquitto.conf")
            .in_folder(folder.path())
            .run()
    };
    let outcome = test("listener 1883\nallow_anonymous true\n").exits_with(0);
    assert!(
        outcome.stderr().contains("Configuration file is OK."),
        "{outcome}"
    );
    let outcome = test("listener 1883\nallow_anonymos true\n").exits_with(3);
    for text in ["'allow_anonymos'", "mosquitto.conf:2", "allow_anonymous"] {
        assert!(outcome.stderr().contains(text), "{text} in {outcome}");
    }
}

#[test]
fn a_comment_behind_the_port_of_a_listener_is_no_address() {
    let folder = tempfile::tempdir().unwrap();
    for line in ["listener 1883 # any address", "listener 1883 #any"] {
        fs::write(folder.path().join("mosquitto.conf"), line).unwrap();
        Program::typed("mq-broker --test-config -c mosquitto.conf")
            .in_folder(folder.path())
            .run()
            .exits_with(0);
    }
}

#[test]
fn a_test_tells_all_that_is_wrong_with_its_place_and_the_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write(
        "mosquitto.conf",
        "listener 1883\nmax_keepalive often\npassword_file users\nacl_file rules\n\
         listener 1883 127.0.0.1\ncertfile missing.crt\nkeyfile missing.key\n\
         listener 8883\nkeyfile lonely.key\ninclude_dir more\n",
    );
    fs::create_dir(folder.path().join("more")).unwrap();
    write("more/a.conf", "log_timestamp true\nmax_topic_alias 3\n");
    write("users", "alice:plain\n:x\n");
    write("rules", "topic see a\ntopic ok\nusr bob\n");
    let outcome = Program::typed("mq-broker --test-config -c mosquitto.conf")
        .in_folder(folder.path())
        .run()
        .exits_with(3);
    let told = outcome.stderr();
    for texts in [
        &[
            "Error: 'max_keepalive' value not a number.",
            "Error found at mosquitto.conf:2.",
            "'often' is not a whole number.",
        ][..],
        &[
            "Error: The 'max_topic_alias' option requires a listener to be defined first.",
            "Error found at 'more/a.conf:2'.",
            "Error found at mosquitto.conf:10.",
            "Put it below a 'listener' line, in the same file.",
        ],
        &[
            "Error: Address already in use.",
            "Error found at mosquitto.conf:5.",
            "The listener at mosquitto.conf:1 has it, too.",
        ],
        &[
            "Error: Both certfile and keyfile must be provided to enable a TLS listener.",
            "Error found at mosquitto.conf:9.",
            "Add the key's certificate to this listener by a 'certfile' line.",
        ],
        &[
            "Error: Unable to decode line in password file 'users'.",
            "Error found at users:1.",
            "mq-passwd -U users",
        ],
        &[
            "Error: Invalid line in password file 'users': :x",
            "Error found at users:2.",
        ],
        &[
            "Error: Invalid topic access type \"see\" in acl_file \"rules\".",
            "Error found at rules:1.",
            "read, write, readwrite, deny",
        ],
        &[
            "Error: Invalid line in acl_file \"rules\": usr.",
            "Error found at rules:3.",
        ],
        &[
            "Error: Unable to load server certificate \"missing.crt\". Check certfile.",
            "Error found at mosquitto.conf:6.",
            "No such file",
        ],
        &[
            "Error: Unable to load server key file \"missing.key\". Check keyfile.",
            "Error found at mosquitto.conf:7.",
        ],
    ] {
        let mut rest = told;
        for text in texts {
            rest = rest
                .split_once(text)
                .unwrap_or_else(|| panic!("{text:?} in {outcome}"))
                .1;
        }
    }
}

#[test]
fn a_restriction_that_cannot_be_enforced_stops_the_start() {
    let folder = tempfile::tempdir().unwrap();
    for (lines, error, line) in [
        (
            "listener 1883\nallow_anonymous true\nrequire_certificate true\n",
            "Error: The 'require_certificate' option cannot be enforced without certfile and keyfile \
             (or `enable_proxy_protocol 2`).",
            3,
        ),
        (
            "listener 1883\nallow_anonymous false\nlistener 1884\nallow_anonymous true\n",
            "Error: The 'allow_anonymous' option counts for all listeners, and lifts the one at \
             mosquitto.conf:2.",
            4,
        ),
    ] {
        fs::write(folder.path().join("mosquitto.conf"), lines).unwrap();
        for options in ["--test-config -c mosquitto.conf", "-c mosquitto.conf"] {
            let outcome = Program::typed(&format!("mq-broker {options}"))
                .in_folder(folder.path())
                .run()
                .exits_with(3);
            let place = format!("Error found at mosquitto.conf:{line}.");
            assert!(outcome.stderr().contains(error), "{outcome}");
            assert!(outcome.stderr().contains(&place), "{outcome}");
        }
    }
}

#[test]
fn what_protects_nobody_is_said() {
    let acl = "user alice\ntopic readwrite #\n";
    for (lines, warning) in [
        (
            "listener 1883\nallow_anonymous false\n",
            "Warning: Nobody can log in on port 1883: there is no password_file, and \
             allow_anonymous is false.",
        ),
        (
            "listener 1883\nallow_anonymous true\nacl_file acl\n",
            "Warning: The acl_file gives rights to users, and on port 1883 anybody can claim to be \
             one: there is no password_file.",
        ),
        (
            "listener 1883\nenable_proxy_protocol 2\nuse_identity_as_username true\n\
             password_file passwd\n",
            "Warning: The password_file passwd is not used: certificates give the user names.",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("mosquitto.conf"), lines).unwrap();
        fs::write(folder.path().join("acl"), acl).unwrap();
        fs::write(folder.path().join("passwd"), "").unwrap();
        let outcome = Program::typed("mq-broker --test-config -c mosquitto.conf")
            .in_folder(folder.path())
            .run()
            .exits_with(0);
        assert!(outcome.stderr().contains(warning), "{warning} in {outcome}");
    }
}

#[test]
fn the_configuration_of_debian_starts() {
    let builder = Broker::builder();
    let folder = builder.folder().to_owned();
    fs::create_dir(folder.join("conf.d")).unwrap();
    fs::write(folder.join("conf.d/local.conf"), "max_keepalive 600\n").unwrap();
    fs::write(folder.join("conf.d/ignored.txt"), "nonsense\n").unwrap();
    let broker = builder
        .config(
            "pid_file mosquitto.pid\n\n\
             persistence true\n\
             persistence_location ./\n\n\
             log_dest stderr\nlog_dest file mosquitto.log\n\n\
             include_dir conf.d",
        )
        .start();
    broker.typed("mq-pub -t a -m x").run().succeeds();
    let pid = folder.join("mosquitto.pid");
    assert_eq!(
        fs::read_to_string(&pid).unwrap().trim(),
        broker.id().to_string()
    );
    let logged = fs::read_to_string(folder.join("mosquitto.log")).unwrap();
    assert!(logged.contains(" running\n"), "{logged}");
    // Keeps the folder while the broker ends.
    broker.signal(Signal::SIGTERM);
    broker.wait_for_log(" terminating");
    broker.wait_for_end();
    assert!(!pid.exists());
}

#[test]
fn an_address_in_use_is_said_with_code_1() {
    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let config = format!(
        "listener {} 127.0.0.1\n",
        taken.local_addr().unwrap().port()
    );
    fs::write(folder.path().join("mosquitto.conf"), config).unwrap();
    let outcome = Program::typed("mq-broker -c mosquitto.conf")
        .in_folder(folder.path())
        .run()
        .exits_with(1);
    assert!(
        outcome.stderr().contains("Error: Address already in use"),
        "{outcome}"
    );
}

#[test]
fn a_broker_without_a_configuration_says_who_can_reach_it_and_how_to_open_it() {
    let broker = Broker::local();
    for text in [
        "Starting in local only mode. Connections will only be possible from clients running on \
         this machine.",
        "listener 1883",
        "allow_anonymous true",
    ] {
        broker.wait_for_log(text);
    }
}

#[test]
fn a_listener_lets_nobody_in_unless_the_configuration_says_so() {
    let broker = Broker::with_config("allow_anonymous false");
    broker.typed("mq-pub -t a -m x").run().exits_with(5);
    broker
        .typed("mq-pub -t a -m x -u any -P body")
        .run()
        .exits_with(5);
}

#[test]
fn the_log_says_who_comes_and_goes() {
    let broker = Broker::local();
    broker
        .typed("mq-pub -i me -u snir -P passsnir -k 30 -t a -m x")
        .run()
        .succeeds();
    let line = broker.wait_for_log("New client connected from 127.0.0.1:");
    assert!(
        line.ends_with(" as me (p4, c1, k30, u'snir')."),
        "a line of the log: {line}"
    );
    let (time, _) = line.split_once(": ").unwrap();
    assert!(time.parse::<u64>().is_ok(), "seconds since 1970: {line}");
    let line = broker.wait_for_log("Client me ");
    assert!(line.ends_with("] disconnected."), "{line}");
}

#[test]
fn the_log_can_be_without_time_and_without_visitors() {
    let broker = Broker::with_config("log_timestamp false\nconnection_messages false");
    broker.typed("mq-pub -i me -t a -m x").run().succeeds();
    broker.wait_for_log("Received DISCONNECT from me");
    let log = broker.log();
    assert!(!log.contains("New client connected"), "{log}");
    assert!(
        log.lines()
            .any(|line| line == "Received DISCONNECT from me"),
        "{log}"
    );
}

#[test]
fn the_log_can_have_its_times_in_another_form() {
    let broker = Broker::with_config("log_timestamp_format %Y-%m-%dT%H:%M:%S");
    let line = broker.wait_for_log(" running");
    let (time, text) = line.split_once(": ").unwrap();
    let shape: String = time
        .chars()
        .map(|character| {
            if character.is_ascii_digit() {
                '0'
            } else {
                character
            }
        })
        .collect();
    assert_eq!(shape, "0000-00-00T00:00:00", "{line}");
    assert!(text.starts_with("mq-broker version "), "{line}");
}
