//! What `mq-pub` and `mq-sub` say and do about their options: texts and exit codes are those
//! of `mosquitto_pub` and `mosquitto_sub`, because scripts depend on them.

use std::os::unix::fs::symlink;

use crate::support::program::program_path;
use crate::support::scripted_broker::ScriptedBroker;
use crate::support::tls_server::Identity;
use crate::support::{Broker, Program};

/// Command lines that are refused before anything is sent: what is said on standard error,
/// in front of the hint at `--help`.
const REFUSED: &[(&str, &str)] = &[
    (
        "mq-pub -t a -m x --nonsense",
        "Error: Unknown option '--nonsense'.\n",
    ),
    ("mq-pub -t a -m x -C 1", "Error: Unknown option '-C'.\n"),
    ("mq-sub -t a -m x", "Error: Unknown option '-m'.\n"),
    (
        "mq-pub -m x -t",
        "Error: -t argument given but no topic specified.\n\n",
    ),
    ("mq-pub -t a -m x -q 3", "Error: Invalid QoS given: 3\n"),
    ("mq-pub -t a -m x -q abc", "Error: Invalid QoS given: abc\n"),
    ("mq-sub -t a -q -1", "Error: Invalid QoS given: -1\n"),
    (
        "mq-pub -t a -m x -p 70000",
        "Error: Invalid port given: 70000\n",
    ),
    ("mq-sub -t a -p x", "Error: Invalid port given: x\n"),
    (
        "mq-pub -t a -m x -k 4",
        "Error: Invalid keepalive given, it must be between 5 and 65535 inclusive.\n\n",
    ),
    (
        "mq-pub -t a -m x -V 4",
        "Error: Invalid protocol version argument given.\n\n",
    ),
    (
        "mq-pub -t a -m x -n",
        "Error: Only one type of message can be sent at once.\n\n",
    ),
    (
        "mq-pub -t a -l -s",
        "Error: Only one type of message can be sent at once.\n\n",
    ),
    (
        "mq-pub -t a -m x -i one -I two",
        "Error: -i and -I argument cannot be used together.\n\n",
    ),
    (
        "mq-sub -t a -c",
        "Error: You must provide a client id if you are using the -c option.\n",
    ),
    (
        "mq-sub -t a -c -V 5",
        "Error: You must provide a client id if you are using an infinite session expiry \
         interval.\n",
    ),
    (
        "mq-pub -t a -m x --will-payload bye",
        "Error: Will payload given, but no will topic given.\n",
    ),
    (
        "mq-pub -t a -m x --will-retain",
        "Error: Will retain given, but no will topic given.\n",
    ),
    (
        "mq-pub -t a -m x --will-topic w --will-qos 3",
        "Error: Invalid will QoS 3.\n\n",
    ),
    (
        "mq-pub -t a -m x --will-topic w/+",
        "Error: Invalid will topic 'w/+', does it contain '+' or '#'?\n",
    ),
    (
        "mq-pub -t a/# -m x",
        "Error: Invalid publish topic 'a/#', does it contain '+' or '#'?\n",
    ),
    (
        "mq-pub -t '' -m x",
        "Error: Invalid publish topic '', does it contain '+' or '#'?\n",
    ),
    (
        "mq-sub -t a#",
        "Error: Invalid subscription topic 'a#', are all '+' and '#' wildcards correct?\n",
    ),
    (
        "mq-sub -t a -T b+",
        "Error: Invalid filter topic 'b+', are all '+' and '#' wildcards correct?\n",
    ),
    (
        "mq-pub -t a -m x --repeat 0",
        "Error: --repeat argument must be >0.\n\n",
    ),
    (
        "mq-pub -t a -m x --repeat-delay -1",
        "Error: --repeat-delay argument must be >=0.0.\n\n",
    ),
    (
        "mq-pub -L http://localhost/a -m x",
        "Error: Unsupported URL scheme.\n\n",
    ),
    (
        "mq-pub -L mqtt://localhost -m x",
        "Error: Invalid URL for -L argument specified - topic missing.\n",
    ),
    (
        "mq-sub",
        "Error: You must specify a topic to subscribe to (-t) or unsubscribe from (-U).\n",
    ),
    (
        "mq-sub -t a -C 0",
        "Error: Invalid message count \"0\".\n\n",
    ),
    ("mq-sub -t a -W 0", "Error: Invalid timeout \"0\".\n\n"),
    (
        "mq-sub -t a -F %z",
        "Error: Invalid format specifier 'z'.\n",
    ),
    ("mq-sub -t a -F %", "Error: Incomplete format specifier.\n"),
    (
        r"mq-sub -t a -F \q",
        "Error: Invalid escape specifier 'q'.\n",
    ),
    (r"mq-sub -t a -F \", "Error: Incomplete escape specifier.\n"),
];

#[test]
fn a_wrong_command_line_is_refused_with_code_1_and_a_text() {
    for (line, text) in REFUSED {
        let program = line.split(' ').next().unwrap();
        Program::typed(line)
            .run()
            .exits_with(1)
            .prints("")
            .complains(&format!("{text}\nUse '{program} --help' to see usage.\n"));
    }
}

#[test]
fn quiet_does_not_hide_a_wrong_command_line() {
    Program::typed("mq-pub --quiet -t a -m x -q 3")
        .run()
        .exits_with(1)
        .complains("Error: Invalid QoS given: 3\n\nUse 'mq-pub --help' to see usage.\n");
}

#[test]
fn a_publisher_needs_a_topic_and_a_message() {
    for line in ["mq-pub", "mq-pub -t a", "mq-pub -m x"] {
        Program::typed(line)
            .run()
            .exits_with(1)
            .prints("")
            .complains(
                "Error: Both topic and message must be supplied.\n\n\
             Use 'mq-pub --help' to see usage.\n",
            );
    }
}

#[test]
fn a_message_that_cannot_be_read_is_named() {
    Program::typed("mq-pub -t a -f /nonexistent/file")
        .run()
        .exits_with(1)
        .complains(
            "Error: Unable to read file \"/nonexistent/file\": No such file or directory.\n\
             Error loading input file \"/nonexistent/file\".\n",
        );
    Program::typed("mq-pub -t a -s")
        .run()
        .exits_with(1)
        .complains("Error: Zero length input.\nError loading input from stdin.\n");
}

#[test]
fn help_and_version_go_to_standard_output_with_code_0() {
    for name in ["mq-pub", "mq-sub"] {
        let outcome = Program::typed(&format!("{name} --help")).run().succeeds();
        assert!(
            outcome.stdout().contains(&format!("Usage: {name}")),
            "{outcome}"
        );
        let outcome = Program::typed(&format!("{name} --version"))
            .run()
            .succeeds();
        let version = format!("{name} version {}", env!("CARGO_PKG_VERSION"));
        assert!(outcome.stdout().starts_with(&version), "{outcome}");
    }
}

#[test]
fn under_the_name_of_mosquitto_pub_the_program_speaks_and_exits_as_that() {
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("mosquitto_pub");
    symlink(program_path("mq-pub"), &link).unwrap();
    let outcome = Program::at(&link, "--help").run().exits_with(1);
    assert!(
        outcome.stdout().contains("Usage: mosquitto_pub"),
        "{outcome}"
    );
    let outcome = Program::at(&link, "--version").run().exits_with(1);
    assert!(
        outcome.stdout().starts_with("mosquitto_pub version "),
        "{outcome}"
    );
    Program::at(&link, "-q 3")
        .run()
        .exits_with(1)
        .complains("Error: Invalid QoS given: 3\n\nUse 'mosquitto_pub --help' to see usage.\n");
}

#[test]
fn long_options_take_their_value_with_an_equals_sign_too() {
    let broker = Broker::local();
    let mut subscriber = broker.subscriber("mq-sub --topic=a --verbose");
    broker
        .typed("mq-pub --topic=a --message=x=y")
        .run()
        .succeeds();
    subscriber.expect_line("a x=y");
}

#[test]
fn every_name_of_a_protocol_version_is_known() {
    for (names, level) in [
        (["31", "mqttv31"], 3),
        (["311", "mqttv311"], 4),
        (["5", "mqttv5"], 5),
    ] {
        for name in names {
            let broker = ScriptedBroker::with_connack(if level == 5 {
                b"\x20\x03\x00\x00\x00"
            } else {
                b"\x20\x02\x00\x00"
            });
            Program::typed(&format!("mq-pub -V {name} -t a -m x"))
                .port(broker.port())
                .run()
                .succeeds();
            let (first, body) = broker.received().remove(0);
            assert_eq!(first, 0x10);
            let protocol: &[u8] = if level == 3 {
                b"\x00\x06MQIsdp\x03"
            } else if level == 4 {
                b"\x00\x04MQTT\x04"
            } else {
                b"\x00\x04MQTT\x05"
            };
            assert!(body.starts_with(protocol), "-V {name}: {body:02x?}");
        }
    }
}

#[test]
fn what_goes_over_the_wire_is_what_mosquitto_pub_sends() {
    let cases: [(&str, &'static [u8], &[u8]); 4] = [
        (
            "-V 311",
            b"\x20\x02\x00\x00",
            b"\x00\x04MQTT\x04\x02\x00\x3c\x00\x00",
        ),
        (
            "-V 5",
            b"\x20\x03\x00\x00\x00",
            b"\x00\x04MQTT\x05\x02\x00\x3c\x03\x21\x00\x14\x00\x00",
        ),
        (
            "-i me -u snir -P passsnir -k 30",
            b"\x20\x02\x00\x00",
            b"\x00\x04MQTT\x04\xc2\x00\x1e\x00\x02me\x00\x04snir\x00\x08passsnir",
        ),
        (
            "-c -i me --will-topic w --will-payload bye --will-qos 1 --will-retain",
            b"\x20\x02\x00\x00",
            b"\x00\x04MQTT\x04\x2c\x00\x3c\x00\x02me\x00\x01w\x00\x03bye",
        ),
    ];
    for (options, connack, connect) in cases {
        let broker = ScriptedBroker::with_connack(connack);
        Program::typed(&format!("mq-pub -t a -m x {options}"))
            .port(broker.port())
            .run()
            .succeeds();
        let received = broker.received();
        assert_eq!(received[0], (0x10, connect.to_vec()), "{options}");
        let publish: &[u8] = if options == "-V 5" {
            b"\x00\x01a\x00x"
        } else {
            b"\x00\x01ax"
        };
        assert_eq!(received[1], (0x30, publish.to_vec()), "{options}");
        assert_eq!(received[2], (0xe0, Vec::new()), "{options}");
        assert_eq!(received.len(), 3, "{options}");
    }
}

#[test]
fn an_id_prefix_is_completed_with_the_process_id() {
    let broker = Broker::local();
    let subscriber = broker.subscriber("mq-sub -I lab- -t a");
    broker.wait_for_log(&format!(" as lab-{} (p", subscriber.id()));
}

#[test]
fn a_url_gives_host_port_login_and_topic() {
    let broker = ScriptedBroker::with_connack(b"\x20\x02\x00\x00");
    Program::typed("mq-pub -m x")
        .arg("-L")
        .arg(format!(
            "mqtt://snir:passsnir@127.0.0.1:{}/ha/_temperature2",
            broker.port()
        ))
        .run()
        .succeeds();
    let received = broker.received();
    assert_eq!(
        received[0].1,
        b"\x00\x04MQTT\x04\xc2\x00\x3c\x00\x00\x00\x04snir\x00\x08passsnir"
    );
    assert_eq!(received[1].1, b"\x00\x10ha/_temperature2x");
}

#[test]
fn what_people_type_for_a_host_letters_or_a_time_is_what_they_mean() {
    let broker = Broker::local();
    broker.typed("mq-pub -t a -r -m x").run().succeeds();
    let port = broker.port();
    for line in [
        format!("mq-sub -h localhost:{port} -vt a -C 1"),
        format!("mq-sub -h mqtt://localhost:{port} -v -t a -C 1"),
        format!("mq-sub -L mqtt://localhost:{port} -v -t a -C 1"),
        format!("mq-sub -h mqtt://localhost:{port}/a -dvC 1 --quiet"),
    ] {
        let outcome = Program::typed(&line).run().succeeds();
        assert!(outcome.stdout().contains("a x\n"), "{outcome}");
    }
    broker
        .typed("mq-sub -t nothing -W 0.2")
        .run()
        .exits_with(27)
        .complains("Timed out\n");
    for line in ["mq-sub -t a -vtopic b", "mq-sub -t a -qv"] {
        let outcome = broker.typed(line).run().exits_with(1);
        assert!(
            outcome.stderr().starts_with("Error: Unknown option"),
            "{outcome}"
        );
    }
}

#[test]
fn a_publisher_that_waits_longer_than_its_timeout_exits_with_code_27() {
    let silent = ScriptedBroker::with_connack(b"\x20\x02\x00\x00");
    Program::typed("mq-pub -t a -q 1 -m x -W 0.3")
        .port(silent.port())
        .run()
        .exits_with(27)
        .complains("Timed out\n");
}

#[test]
fn a_handshake_that_never_ends_is_given_up() {
    // It accepts connections and says nothing.
    let silent = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = silent.local_addr().unwrap().port();
    let folder = tempfile::tempdir().unwrap();
    Identity::authority(&["localhost"]).write(folder.path(), "ca");
    for way in [
        "--ws",
        "--cafile ca.pem",
        "--proxy socks5h://127.0.0.1:PORT",
    ] {
        let way = way.replace("PORT", &port.to_string());
        let outcome = Program::typed(&format!(
            "mq-pub -t a -m x -h 127.0.0.1 -p {port} {way} --connect-timeout 0.2"
        ))
        .in_folder(folder.path())
        .run()
        .exits_with(1);
        assert!(
            outcome.stderr().contains("Connection timed out"),
            "{outcome}"
        );
    }
}
