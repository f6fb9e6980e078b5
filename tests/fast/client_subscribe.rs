//! What `mq-sub` prints, and when it ends.

use crate::support::scripted_broker::ScriptedBroker;
use crate::support::{Broker, Program};
use nix::sys::signal::Signal;

/// Formats and what they print for the message `hello` on `a/b`, QoS 1.
const FORMATS: &[(&str, &str)] = &[
    ("%t %p", "a/b hello"),
    ("%q %r %l", "1 0 5"),
    ("%%", "%"),
    (r"%t\t%p", "a/b\thello"),
    (r"\\", r"\"),
    ("%x", "68656c6c6f"),
    ("%X", "68656C6C6F"),
    ("%.2:x", "68:65:6c:6c:6f"),
    ("[%6t]", "[   a/b]"),
    ("[%-6t]", "[a/b   ]"),
    ("[%.2t]", "[a/]"),
    ("[%3l]", "[  5]"),
    ("[%03l]", "[005]"),
    ("[%7p]", "[  hello]"),
    ("[%3p]", "[hel]"),
    ("@@", "@"),
];

#[test]
fn a_format_prints_what_it_says() {
    let broker = Broker::local();
    for (format, printed) in FORMATS {
        let mut subscriber = broker.subscriber(&format!("mq-sub -t a/b -q 1 -F '{format}'"));
        broker.typed("mq-pub -t a/b -q 1 -m hello").run().succeeds();
        subscriber.expect_line(printed);
    }
}

#[test]
fn the_json_format_is_json() {
    let broker = Broker::local();
    broker
        .typed("mq-pub -t été/salon -r -q 1")
        .arg("-m")
        .arg(r#"{"temperature": 21.5}"#)
        .run()
        .succeeds();
    for (format, payload) in [
        ("%j", serde_json::json!(r#"{"temperature": 21.5}"#)),
        ("%J", serde_json::json!({"temperature": 21.5})),
    ] {
        let outcome = broker
            .typed(&format!("mq-sub -t été/salon -q 1 -C 1 -F {format}"))
            .run()
            .succeeds();
        let mut json: serde_json::Value = serde_json::from_str(&outcome.stdout()).unwrap();
        let time = json["tst"].take();
        assert_eq!(
            time.as_str().map(str::len),
            Some("2026-01-31T12:00:00.000000+0100".len())
        );
        assert_eq!(
            json,
            serde_json::json!({
                "tst": null, "topic": "été/salon", "qos": 1, "retain": true,
                "payloadlen": 21, "mid": 1, "payload": payload,
            })
        );
    }
}

#[test]
fn an_empty_message_prints_nothing_and_counts() {
    let broker = Broker::local();
    let mut plain = broker.subscriber("mq-sub -t a -C 2");
    let mut verbose = broker.subscriber("mq-sub -t a -C 2 -v");
    broker.typed("mq-pub -t a -n").run().succeeds();
    broker.typed("mq-pub -t a -m x").run().succeeds();
    verbose.expect_line("a (null)");
    verbose.expect_line("a x");
    plain.expect_line("x");
    plain.ends().succeeds();
    verbose.ends().succeeds();
}

#[test]
fn without_newlines_messages_stand_side_by_side() {
    let broker = Broker::local();
    let subscriber = broker.subscriber("mq-sub -t a -C 2 -N");
    broker.typed("mq-pub -t a -m x --repeat 2").run().succeeds();
    subscriber.ends().succeeds().prints("xx");
}

#[test]
fn a_payload_is_printed_to_the_byte() {
    let broker = Broker::local();
    let subscriber = broker.subscriber("mq-sub -t a -C 1 -N");
    broker
        .typed("mq-pub -t a -s")
        .stdin(b"\x00\xff\xfe\r\n".as_slice())
        .run()
        .succeeds();
    subscriber.ends().succeeds().prints(b"\x00\xff\xfe\r\n");
}

#[test]
fn stale_messages_are_left_out_and_do_not_count() {
    let broker = Broker::local();
    for version in ["311", "5"] {
        broker.typed("mq-pub -t a -r -m stale").run().succeeds();
        let subscriber = broker.subscriber(&format!("mq-sub -V {version} -t a -R -C 1"));
        broker.typed("mq-pub -t a -m live").run().succeeds();
        subscriber.ends().succeeds().prints("live\n");
    }
}

#[test]
fn filtered_topics_are_left_out_and_do_not_count() {
    let broker = Broker::local();
    let subscriber = broker.subscriber("mq-sub -v -t # -T private/# -T +/secret -C 1");
    for topic in ["private/a", "private", "public/secret", "public/news"] {
        broker
            .typed(&format!("mq-pub -t {topic} -m x"))
            .run()
            .succeeds();
    }
    subscriber.ends().succeeds().prints("public/news x\n");
}

#[test]
fn several_filters_go_in_one_packet() {
    let broker = ScriptedBroker::answering(|first, _| match first {
        0x10 => b"\x20\x02\x00\x00".to_vec(),
        0x82 => b"\x90\x04\x00\x01\x01\x01".to_vec(),
        _ => Vec::new(),
    });
    Program::typed("mq-sub -t a -t b/# -q 1 -E")
        .port(broker.port())
        .run()
        .succeeds()
        .prints("");
    let subscribe = b"\x00\x01\x00\x01a\x01\x00\x03b/#\x01".to_vec();
    let packets = broker.received();
    assert_eq!(packets[1..], [(0x82, subscribe), (0xe0, Vec::new())]);
}

#[test]
fn a_subscription_that_is_denied_altogether_is_said() {
    let broker = ScriptedBroker::answering(|first, _| match first {
        0x10 => b"\x20\x02\x00\x00".to_vec(),
        0x82 => b"\x90\x03\x00\x01\x80".to_vec(),
        _ => Vec::new(),
    });
    Program::typed("mq-sub -t a")
        .port(broker.port())
        .run()
        .exits_with(0)
        .prints("")
        .complains("All subscription requests were denied.\n");
}

#[test]
fn a_message_of_qos_2_is_printed_once_when_it_is_released() {
    // The PUBLISH comes twice; PUBREL is sent for the second PUBREC, and once more.
    let broker = ScriptedBroker::answering(|first, _| match first {
        0x10 => b"\x20\x02\x00\x00".to_vec(),
        0x82 => [
            b"\x90\x03\x00\x01\x02".as_slice(),
            b"\x34\x06\x00\x01a\x00\x05x",
            b"\x3c\x06\x00\x01a\x00\x05x",
            b"\x62\x02\x00\x05",
            b"\x62\x02\x00\x05",
            b"\x34\x08\x00\x01a\x00\x06end",
            b"\x62\x02\x00\x06",
        ]
        .concat(),
        _ => Vec::new(),
    });
    let mut subscriber = Program::typed("mq-sub -t a -q 2 -C 2")
        .port(broker.port())
        .start();
    subscriber.expect_line("x");
    subscriber.expect_line("end");
    subscriber.ends().succeeds();
}

#[test]
fn a_subscriber_keeps_its_connection_alive() {
    let broker = Broker::local();
    let _subscriber = broker.subscriber("mq-sub -t a -k 5");
    broker.wait_for_log("Received PINGREQ from ");
}

#[test]
fn sigterm_disconnects_cleanly_in_mqtt_3_and_fires_the_will_in_mqtt_5() {
    for (version, fires) in [("31", false), ("311", false), ("5", true)] {
        let broker = Broker::local();
        let subscriber = broker.subscriber(&format!(
            "mq-sub -V {version} -t a --will-topic will --will-payload gone"
        ));
        let mut listener = broker.subscriber("mq-sub -t will -t end");
        let mark = broker.log_mark();
        subscriber.signal(Signal::SIGTERM);
        subscriber.ends().succeeds();
        broker.wait_for_disconnect_after(mark);
        broker.typed("mq-pub -t end -m end").run().succeeds();
        if fires {
            listener.expect_line("gone");
        }
        listener.expect_line("end");
    }
}

#[test]
fn a_closed_pipe_ends_the_subscriber_quietly() {
    // As in `mq-sub ... | head -1`, after the first line.
    let broker = Broker::local();
    let mark = broker.log_mark();
    let subscriber = broker.typed("mq-sub -t a").stdout_closed().start();
    broker.wait_for_log_after(mark, "Sending SUBACK to ");
    broker.typed("mq-pub -t a -m one").run().succeeds();
    subscriber.ends().succeeds();
}

#[test]
fn a_reader_that_pauses_does_not_cost_the_connection() {
    // More than a pipe and the buffers hold, and less than the sockets do.
    const MESSAGES: usize = 3_000;
    let message = [b"\x30\x67\x00\x01a".as_slice(), &[b'x'; 100]].concat();
    let broker = ScriptedBroker::answering(move |first, _| match first {
        0x10 => b"\x20\x02\x00\x00".to_vec(),
        0x82 => [b"\x90\x03\x00\x01\x00".to_vec(), message.repeat(MESSAGES)].concat(),
        0xc0 => b"\xd0\x00".to_vec(),
        _ => Vec::new(),
    });
    let mut subscriber = Program::typed(&format!("mq-sub -t a -k 5 -C {MESSAGES}"))
        .port(broker.port())
        .stdout_unread()
        .start();
    broker.wait_for(0xc0);
    subscriber.read_stdout();
    let text = format!("{}\n", "x".repeat(100)).repeat(MESSAGES);
    subscriber.ends().succeeds().prints(text);
}

#[test]
fn ctrl_c_ends_a_subscriber_whose_reader_pauses() {
    let message = [b"\x30\x67\x00\x01a".as_slice(), &[b'x'; 100]].concat();
    let broker = ScriptedBroker::answering(move |first, _| match first {
        0x10 => b"\x20\x02\x00\x00".to_vec(),
        0x82 => [b"\x90\x03\x00\x01\x00".to_vec(), message.repeat(3_000)].concat(),
        _ => Vec::new(),
    });
    let mut subscriber = Program::typed("mq-sub -t a")
        .port(broker.port())
        .stdout_unread()
        .start();
    broker.wait_for(0x82);
    subscriber.signal(Signal::SIGINT);
    assert_eq!(broker.wait_for(0xe0), b"");
    subscriber.read_stdout();
    subscriber.ends().succeeds();
}
