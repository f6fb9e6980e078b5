//! What `mq-pub` sends: messages, files, lines, repeats; and when it has delivered them.

use std::fs;
use std::os::unix::fs::symlink;
use std::time::{Duration, Instant};

use crate::support::broker::FEW_LOG_LINES;
use crate::support::program::program_path;
use crate::support::scripted_broker::ScriptedBroker;
use crate::support::{Broker, Program};

/// Shows each message on a line, also an empty one, with what would end a line in it.
const SHOW: &str = "-F '<%x>'";

#[test]
fn each_kind_of_message_arrives_as_it_is() {
    let broker = Broker::local();
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("payload"), b"\x00\xff\r\n").unwrap();
    fs::write(folder.path().join("empty"), b"").unwrap();
    for (options, stdin, expected) in [
        ("-m hello", "", "<68656c6c6f>"),
        ("-m ''", "", "<>"),
        ("-m -5", "", "<2d35>"),
        ("-n", "", "<>"),
        ("-f payload", "", "<00ff0d0a>"),
        ("-f empty", "", "<>"),
        ("-s", "a\nb\n", "<610a620a>"),
    ] {
        let mut subscriber = broker.subscriber(&format!("mq-sub -t a {SHOW}"));
        broker
            .typed(&format!("mq-pub -t a {options}"))
            .in_folder(folder.path())
            .stdin(stdin)
            .run()
            .succeeds()
            .prints("");
        subscriber.expect_line(expected);
    }
}

#[test]
fn each_line_is_a_message() {
    let broker = Broker::local();
    for qos in 0..3 {
        let mut subscriber = broker.subscriber(&format!("mq-sub -t a -q {qos} {SHOW}"));
        broker
            .typed(&format!("mq-pub -l -t a -q {qos}"))
            .stdin("a\n\nb\r\n\x00c\nlast")
            .run()
            .succeeds();
        for expected in ["<61>", "<>", "<620d>", "<0063>", "<6c617374>"] {
            subscriber.expect_line(expected);
        }
    }
}

#[test]
fn no_lines_are_no_messages_and_no_error() {
    let broker = Broker::local();
    broker.typed("mq-pub -l -t a").run().succeeds();
    broker.wait_for_log("Received DISCONNECT from ");
    assert!(!broker.log().contains("PUBLISH"), "{}", broker.log());
}

#[test]
fn a_line_is_sent_before_the_next_one_is_written() {
    // A pipe from a running program: `sensor | mq-pub -l`.
    let broker = Broker::local();
    let mut subscriber = broker.subscriber("mq-sub -t a");
    let mut publisher = broker.typed("mq-pub -l -t a").keep_stdin_open().start();
    for line in ["one", "two"] {
        publisher.write_line(line);
        subscriber.expect_line(line);
    }
    publisher.close_stdin();
    publisher.ends().succeeds();
}

#[test]
fn more_lines_than_packet_ids_arrive_complete_and_in_order() {
    let limit = Duration::from_secs(120);
    let broker = Broker::with_config(FEW_LOG_LINES);
    broker
        .typed("mq-pub -t ready -r -q 1 -m ready")
        .run()
        .succeeds();
    let mut subscriber = broker
        .typed("mq-sub -t data -t ready -q 2 -C 70001")
        .within(limit)
        .start();
    subscriber.expect_line("ready");
    let lines: String = (0..70_000).map(|number| format!("{number}\n")).collect();
    broker
        .typed("mq-pub -l -q 2 -t data")
        .stdin(lines.as_str())
        .within(limit)
        .run()
        .succeeds();
    subscriber
        .ends()
        .succeeds()
        .prints(format!("ready\n{lines}"));
}

#[test]
fn a_message_is_repeated_with_its_delay() {
    let broker = Broker::local();
    for qos in 0..3 {
        let mut subscriber = broker.subscriber(&format!("mq-sub -t a -q {qos}"));
        let start = Instant::now();
        broker
            .typed(&format!(
                "mq-pub -t a -q {qos} -m again --repeat 3 --repeat-delay 0.2"
            ))
            .run()
            .succeeds();
        assert!(start.elapsed() >= Duration::from_millis(400));
        broker
            .typed(&format!("mq-pub -t a -q {qos} -m end"))
            .run()
            .succeeds();
        for expected in ["again", "again", "again", "end"] {
            subscriber.expect_line(expected);
        }
    }
}

#[test]
fn a_retained_message_waits_for_its_subscriber() {
    let broker = Broker::local();
    broker.typed("mq-pub -t a -r -q 1 -m kept").run().succeeds();
    broker
        .typed("mq-sub -t a -C 1 -F '%r %p'")
        .run()
        .succeeds()
        .prints("1 kept\n");
}

/// A broker of MQTT 5 that refuses every QoS 1 publish with 0x97, quota exceeded.
fn refusing_broker() -> ScriptedBroker {
    ScriptedBroker::answering(|first, body| match first {
        0x10 => b"\x20\x03\x00\x00\x00".to_vec(),
        0x32 => {
            // The topic is `a`, so the packet id follows three bytes.
            vec![0x40, 3, body[3], body[4], 0x97]
        }
        _ => Vec::new(),
    })
}

#[test]
fn a_refused_publish_is_the_exit_code() {
    for (options, stdin) in [("-m x", ""), ("-l", "x\n")] {
        let broker = refusing_broker();
        Program::typed(&format!("mq-pub -V 5 -t a -q 1 {options}"))
            .port(broker.port())
            .stdin(stdin)
            .run()
            .exits_with(0x97)
            .complains("Warning: Publish 1 failed: Quota exceeded.\n");
        assert_eq!(broker.received().last(), Some(&(0xe0, Vec::new())));
    }
}

#[test]
fn a_refused_publish_is_a_warning_under_the_name_of_mosquitto_pub() {
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("mosquitto_pub");
    symlink(program_path("mq-pub"), &link).unwrap();
    let broker = refusing_broker();
    Program::at(&link, "-V 5 -t a -q 1 -m x")
        .port(broker.port())
        .run()
        .exits_with(0)
        .complains("Warning: Publish 1 failed: Quota exceeded.\n");
}

#[test]
fn a_message_that_the_broker_cannot_take_is_not_sent() {
    const LOST: &str = "Error: The connection was lost\n";
    // Maximum QoS 0; a maximum packet size of 20.
    let no_qos: &[u8] = b"\x20\x05\x00\x00\x02\x24\x00";
    let small: &[u8] = b"\x20\x08\x00\x00\x05\x27\x00\x00\x00\x14";
    let large = "x".repeat(20);
    let too_large =
        "Error: Packet larger than supported by the server (26 bytes, 20 allowed)\n".to_owned();
    let cases = [
        (
            no_qos,
            "-q 1 -m x".to_owned(),
            7,
            format!("Error: Message QoS not supported on broker, try a lower QoS.\n{LOST}"),
        ),
        (small, format!("-m {large}"), 25, too_large.clone()),
        (small, "-l".to_owned(), 25, too_large),
    ];
    for (connack, options, code, text) in cases {
        let broker = ScriptedBroker::with_connack(connack);
        Program::typed(&format!("mq-pub -V 5 -t a {options}"))
            .stdin(format!("{large}\n"))
            .port(broker.port())
            .run()
            .exits_with(code)
            .complains(&text);
        let received = broker.received();
        assert_eq!(received[1..], [(0xe0, Vec::new())], "{options}");
    }
    let no_retain: &[u8] = b"\x20\x05\x00\x00\x02\x25\x00";
    let broker = ScriptedBroker::with_connack(no_retain);
    Program::typed("mq-pub -V 5 -t a -r -m x")
        .port(broker.port())
        .run()
        .succeeds();
    assert_eq!(broker.received()[1].0, 0x30);
}

#[test]
fn a_will_does_not_fire_after_a_success() {
    let broker = Broker::local();
    let mut listener = broker.subscriber("mq-sub -t will -t end -q 1");
    for qos in 0..3 {
        broker
            .typed(&format!(
                "mq-pub -t a -q {qos} -m x --will-topic will --will-payload gone"
            ))
            .run()
            .succeeds();
    }
    broker.typed("mq-pub -t end -q 1 -m end").run().succeeds();
    listener.expect_line("end");
}

#[test]
fn debug_shows_the_packets() {
    let broker = Broker::local();
    broker
        .typed("mq-pub -d -i me -t a -q 1 -m x")
        .run()
        .succeeds()
        .prints(
            "Client me sending CONNECT\n\
             Client me received CONNACK (0)\n\
             Client me sending PUBLISH (d0, q1, r0, m1, 'a', ... (1 bytes))\n\
             Client me received PUBACK (Mid: 1, RC:0)\n\
             Client me sending DISCONNECT\n",
        );
}

#[test]
fn a_pipe_is_a_file_to_send() {
    let broker = Broker::local();
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let mut subscriber = broker.subscriber("mq-sub -t a");
    let publisher = broker
        .typed("mq-pub -t a -f pipe")
        .in_folder(folder.path())
        .start();
    fs::write(&pipe, "from a program").unwrap();
    publisher.ends().succeeds();
    subscriber.expect_line("from a program");
}

#[test]
fn a_message_over_the_brokers_limit_is_never_a_success() {
    let broker = Broker::with_config("max_packet_size 5000\n");
    let folder = tempfile::tempdir().unwrap();
    for (name, size) in [("large", 3_000_000), ("small", 5_001)] {
        fs::write(folder.path().join(name), vec![b'x'; size]).unwrap();
        for (version, code, text) in [
            ("mqttv311", 7, "Error: The connection was lost\n".to_owned()),
            (
                "mqttv5",
                25,
                format!(
                    "Error: Packet larger than supported by the server ({} bytes, 5000 allowed)\n",
                    size + if size > 2_097_151 { 9 } else { 7 }
                ),
            ),
        ] {
            broker
                .typed(&format!("mq-pub -V {version} -t a -f {name}"))
                .in_folder(folder.path())
                .run()
                .exits_with(code)
                .complains(&text);
        }
    }
}

#[test]
fn a_line_over_the_brokers_limit_fails_and_the_others_arrive() {
    let broker = Broker::with_config("max_packet_size 5000\n");
    let mut subscriber = broker.subscriber("mq-sub -t a");
    let lines = format!("one\n{}\n", "x".repeat(100_000));
    broker
        .typed("mq-pub -l -V mqttv311 -t a")
        .stdin(lines.as_str())
        .run()
        .exits_with(7)
        .complains("Error: The connection was lost\n");
    subscriber.expect_line("one");
}
