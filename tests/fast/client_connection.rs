//! How `mq-pub` and `mq-sub` end when the broker is not there, refuses, or goes away.

use std::time::{Duration, Instant};

use crate::support::broker::free_port;
use crate::support::cutting_proxy::CuttingProxy;
use crate::support::scripted_broker::ScriptedBroker;
use crate::support::{Broker, Program};

/// CONNACK codes of MQTT 3.1 and 3.1.1, and their texts.
const REFUSALS: [(&[u8], i32, &str); 5] = [
    (b"\x20\x02\x00\x01", 1, "unacceptable protocol version"),
    (b"\x20\x02\x00\x02", 2, "identifier rejected"),
    (b"\x20\x02\x00\x03", 3, "broker unavailable"),
    (b"\x20\x02\x00\x04", 4, "bad user name or password"),
    (b"\x20\x02\x00\x05", 5, "not authorised"),
];

/// Some reason codes of an MQTT 5 CONNACK, and their texts.
const REFUSALS_V5: [(&[u8], i32, &str); 4] = [
    (b"\x20\x03\x00\x86\x00", 134, "Bad User Name or Password"),
    (b"\x20\x03\x00\x87\x00", 135, "Not authorized"),
    (b"\x20\x03\x00\x88\x00", 136, "Server unavailable"),
    (b"\x20\x03\x00\x8a\x00", 138, "Banned"),
];

#[test]
fn a_refused_login_gives_its_code_as_exit_code() {
    for (connack, code, text) in REFUSALS {
        let broker = ScriptedBroker::with_connack(connack);
        let text = format!("Connection error: Connection Refused: {text}\n");
        Program::typed("mq-sub -t a")
            .port(broker.port())
            .run()
            .exits_with(code)
            .prints("")
            .complains(&text);
        Program::typed("mq-pub -t a -m x")
            .port(broker.port())
            .run()
            .exits_with(code)
            .prints("")
            .complains(&format!("{text}Error: The connection was refused\n"));
    }
}

#[test]
fn a_refused_login_gives_its_reason_code_as_exit_code_in_mqtt_5() {
    for (connack, code, text) in REFUSALS_V5 {
        let broker = ScriptedBroker::with_connack(connack);
        let text = format!("Connection error: {text}\n");
        Program::typed("mq-sub -V 5 -t a")
            .port(broker.port())
            .run()
            .exits_with(code)
            .complains(&text);
        Program::typed("mq-pub -V 5 -t a -m x")
            .port(broker.port())
            .run()
            .exits_with(code)
            .complains(&format!(
                "{text}Error: A network protocol error occurred when communicating with the \
                 broker\n"
            ));
    }
}

#[test]
fn an_answer_that_makes_no_sense_gives_its_code() {
    const PROTOCOL: &str =
        "Error: A network protocol error occurred when communicating with the broker\n";
    const MQTT_3_ONLY: &str = "Connection error: Unsupported Protocol Version. \
        Try connecting to an MQTT v5 broker, or use MQTT v3.x mode.\n";
    const UNKNOWN: &str = "Connection error: Connection Refused: unknown reason\n";
    // The last two come before the error that only the publisher prints.
    let cases: [(&str, &[u8], i32, &str); 5] = [
        ("", b"\x20\x02\x01\x00", 2, ""),
        ("-i a -V 5", b"\x20\x07\x00\x00\x04\x12\x00\x01b", 2, ""),
        ("", b"\xd0\x00", 2, ""),
        ("-V 5", b"\x20\x02\x00\x01", 132, MQTT_3_ONLY),
        ("", b"\x20\x02\x00\x06", 6, UNKNOWN),
    ];
    for (options, connack, code, refusal) in cases {
        let broker = ScriptedBroker::with_connack(connack);
        Program::typed(&format!("mq-pub -t a -m x {options}"))
            .port(broker.port())
            .run()
            .exits_with(code)
            .complains(&format!("{refusal}{PROTOCOL}"));
        let text = if refusal.is_empty() {
            PROTOCOL
        } else {
            refusal
        };
        Program::typed(&format!("mq-sub -t a {options}"))
            .port(broker.port())
            .run()
            .exits_with(code)
            .complains(text);
    }
}

#[test]
fn quiet_hides_the_text_and_keeps_the_code() {
    let broker = ScriptedBroker::with_connack(b"\x20\x02\x00\x05");
    for line in ["mq-sub --quiet -t a", "mq-pub --quiet -t a -m x"] {
        Program::typed(line)
            .port(broker.port())
            .run()
            .exits_with(5)
            .complains("");
    }
}

#[test]
fn nobody_listening_is_said_with_code_1() {
    let port = free_port();
    for line in ["mq-sub -t a", "mq-pub -t a -m x", "mq-pub -t a -l"] {
        Program::typed(line)
            .port(port)
            .run()
            .exits_with(1)
            .complains("Error: Connection refused\n");
    }
}

#[test]
fn a_name_that_does_not_exist_is_said_with_code_1() {
    for line in ["mq-sub -t a", "mq-pub -t a -m x"] {
        Program::typed(line)
            .args_of("-h no-such-host.invalid")
            .run()
            .exits_with(1)
            .complains("Unable to connect (Lookup error).\n");
    }
}

#[test]
fn a_connection_that_ends_before_its_answer_gives_code_7() {
    let broker = Broker::local();
    // Nothing of the CONNECT reaches the broker.
    let proxy = CuttingProxy::cutting_after(broker.port(), &[0]);
    Program::typed("mq-pub -t a -m x")
        .port(proxy.port())
        .run()
        .exits_with(7)
        .complains("Error: The connection was lost\n");
}

#[test]
fn a_timeout_gives_code_27() {
    let broker = Broker::local();
    let start = Instant::now();
    broker
        .typed("mq-sub -t a -W 1")
        .run()
        .exits_with(27)
        .prints("")
        .complains("Timed out\n");
    assert!(start.elapsed() >= Duration::from_millis(900));
    broker
        .typed("mq-sub -t a -W 1 --quiet")
        .run()
        .exits_with(27)
        .complains("");
}

#[test]
fn a_subscriber_comes_back_after_a_lost_connection() {
    let broker = Broker::local();
    let proxy = CuttingProxy::to(broker.port());
    let mark = broker.log_mark();
    let mut subscriber = Program::typed("mq-sub -t a -q 1")
        .port(proxy.port())
        .start();
    broker.wait_for_log_after(mark, "Sending SUBACK to ");
    broker.typed("mq-pub -t a -q 1 -m one").run().succeeds();
    subscriber.expect_line("one");
    let mark = broker.log_mark();
    proxy.cut();
    broker.wait_for_log_after(mark, "Sending SUBACK to ");
    broker.typed("mq-pub -t a -q 1 -m two").run().succeeds();
    subscriber.expect_line("two");
    assert_eq!(proxy.connections(), 2);
}

#[test]
fn lines_survive_a_lost_connection_in_order() {
    let broker = Broker::local();
    let lines: Vec<String> = (0..5_000).map(|number| number.to_string()).collect();
    let input = lines.join("\n");
    for qos in [1, 2] {
        let mut subscriber = broker.subscriber(&format!("mq-sub -t data -q {qos}"));
        let proxy = CuttingProxy::cutting_after(broker.port(), &[10_000, 20_000, 5_000]);
        Program::typed(&format!("mq-pub -l -t data -c -i writer{qos} -q {qos}"))
            .port(proxy.port())
            .stdin(input.as_str())
            .run()
            .exits_with(0);
        assert_eq!(proxy.connections(), 4, "three were cut");
        let mut expected = lines.iter();
        let mut waiting = expected.next();
        while let Some(line) = waiting {
            let received = subscriber.next_line();
            if &received == line {
                waiting = expected.next();
                continue;
            }
            // QoS 1 may send a message again, never skip one; QoS 2 may do neither.
            let again =
                qos == 1 && received.parse::<usize>().unwrap() < line.parse::<usize>().unwrap();
            assert!(again, "{received} instead of {line} at QoS {qos}");
        }
    }
}
