//! `examples/javascript`, with the packages that `npm ci` put into `tests/peers`.

mod support;

use std::os::unix::fs::symlink;

use support::peers::require_node;
use support::{Broker, Program};

const SCRIPT: &str = include_str!("../examples/javascript/weather.js");

/// A broker with a login, and the example in its folder. None without Node.js.
fn broker_and_example() -> Option<Broker> {
    let packages = require_node()?;
    let builder = Broker::builder()
        .websockets()
        .config("allow_anonymous false\npassword_file passwd")
        .file("weather.js", SCRIPT);
    symlink(
        packages.join("node_modules"),
        builder.folder().join("node_modules"),
    )
    .expect("the folder is writable");
    Program::typed("mq-passwd -c -b passwd snir passsnir")
        .in_folder(builder.folder())
        .run()
        .exits_with(0);
    Some(builder.start())
}

fn example(url: &str, password: &str, broker: &Broker) -> Program {
    Program::typed("node weather.js")
        .arg(url)
        .env("MQTT_USERNAME", "snir")
        .env("MQTT_PASSWORD", password)
        .in_folder(broker.folder())
}

#[test]
fn it_prints_the_temperature_over_tcp_and_websocket() {
    let Some(broker) = broker_and_example() else {
        return;
    };
    for url in [
        format!("mqtt://127.0.0.1:{}", broker.port()),
        format!("ws://127.0.0.1:{}", broker.websocket_port()),
    ] {
        let mark = broker.log_mark();
        let mut script = example(&url, "passsnir", &broker).start();
        script.expect_line("Connected to MQTT broker");
        broker.wait_for_log_after(mark, "Sending SUBACK to weather-example");
        broker
            .typed("mq-pub -u snir -P passsnir -t ha/_temperature2 -m 21.5")
            .run()
            .succeeds();
        script.expect_line("ha/_temperature2 21.5");
    }
}

#[test]
fn it_ends_with_an_error_when_the_password_is_wrong() {
    let Some(broker) = broker_and_example() else {
        return;
    };
    let url = format!("mqtt://127.0.0.1:{}", broker.port());
    let _ = example(&url, "wrong", &broker)
        .run()
        .exits_with(1)
        .prints("")
        .complains("Connection error: Connection refused: Not authorized\n");
}

#[test]
fn its_packages_are_those_it_is_tested_with() {
    let packages = |lock: &str| {
        let lock: serde_json::Value = serde_json::from_str(lock).expect("a lock file is JSON");
        let mut packages = lock["packages"].clone();
        packages
            .as_object_mut()
            .expect("a lock file has packages")
            .remove("");
        packages
    };
    let example = packages(include_str!("../examples/javascript/package-lock.json"));
    let tested = packages(include_str!("peers/package-lock.json"));
    assert_eq!(example, tested);
}
