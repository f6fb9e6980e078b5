//! The MQTT clients that a classroom uses besides ours: `mqtt` of Node.js, over TCP and
//! WebSocket, and `paho-mqtt` of Python.

use crate::support::peers::{require_node, require_python};
use crate::support::{Broker, Program};

const GUIDE: &str = include_str!("guide.js");

/// A broker that knows the guide's user.
fn broker_with_a_login() -> Broker {
    let builder = Broker::builder().config("allow_anonymous false\npassword_file passwd");
    Program::typed("mq-passwd -c -b passwd snir passsnir")
        .in_folder(builder.folder())
        .run()
        .exits_with(0);
    builder.start()
}

#[test]
fn the_guides_javascript_reads_the_weather_station() {
    let Some(folder) = require_node() else { return };
    let broker = broker_with_a_login();
    let mark = broker.log_mark();
    let mut script = Program::typed("node -")
        .in_folder(&folder)
        .stdin(GUIDE.replace("10.0.10.77:1883", &format!("127.0.0.1:{}", broker.port())))
        .start();
    script.expect_line("Connected to MQTT broker");
    broker.wait_for_log_after(mark, "Sending SUBACK to bouhenic");
    broker
        .typed("mq-pub -u snir -P passsnir -t ha/_temperature2 -m 21.5")
        .run()
        .succeeds();
    script.expect_line("ha/_temperature2 21.5");
}

#[test]
fn the_guides_javascript_is_told_of_a_wrong_password() {
    let Some(folder) = require_node() else { return };
    let broker = broker_with_a_login();
    let outcome = Program::typed("node -")
        .in_folder(&folder)
        .stdin(
            GUIDE
                .replace("10.0.10.77:1883", &format!("127.0.0.1:{}", broker.port()))
                .replace("passsnir", "faux"),
        )
        .run()
        .exits_with(0)
        .prints("");
    let message = "Connection error: ErrorWithReasonCode: Connection refused: Not authorized";
    assert!(outcome.stderr().starts_with(message), "{outcome}");
}

#[test]
fn node_talks_every_version_at_every_level_over_tcp_and_websocket() {
    let Some(folder) = require_node() else { return };
    let broker = Broker::builder().websockets().start();
    let urls = [
        format!("mqtt://127.0.0.1:{}", broker.port()),
        format!("ws://127.0.0.1:{}/mqtt", broker.websocket_port()),
    ];
    for url in &urls {
        for version in [3, 4, 5] {
            for qos in 0..3 {
                Program::typed(&format!("node round-trip.js {url} {version} {qos}"))
                    .in_folder(&folder)
                    .run()
                    .succeeds()
                    .prints(round_trip("node/été", qos));
            }
        }
    }
}

#[test]
fn node_publishes_any_number_of_messages_at_once() {
    let Some(folder) = require_node() else { return };
    let broker = Broker::local();
    let url = format!("mqtt://127.0.0.1:{}", broker.port());
    for (version, qos, count) in [(4, 2, 200), (5, 1, 200), (5, 2, 200), (5, 2, 20_000)] {
        Program::typed(&format!("node burst.js {url} {version} {qos} {count}"))
            .in_folder(&folder)
            .run()
            .succeeds()
            .prints(format!("0 failed, {count} arrived once\n"));
    }
}

#[test]
fn python_talks_every_version_at_every_level_over_tcp_and_websocket() {
    let Some(python) = require_python() else {
        return;
    };
    let broker = Broker::builder().websockets().start();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/peers/round_trip.py");
    let transports = [
        ("tcp", broker.port()),
        ("websockets", broker.websocket_port()),
    ];
    for (transport, port) in transports {
        for version in [3, 4, 5] {
            for qos in 0..3 {
                Program::at(&python, "")
                    .arg(script)
                    .args_of(&format!("{transport} {port} {version} {qos}"))
                    .env("PYTHONIOENCODING", "utf-8")
                    .run()
                    .succeeds()
                    .prints(round_trip("python/été", qos));
            }
        }
    }
}

/// What both scripts print.
fn round_trip(topic: &str, qos: u8) -> String {
    format!("granted {qos}\n{topic} {qos} un\n{topic} {qos} deux\n{topic} {qos} trois\n")
}
