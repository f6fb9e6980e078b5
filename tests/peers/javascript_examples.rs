//! `examples/javascript` and `examples/browser`, with the packages that `npm ci` put into
//! `tests/peers`.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::support::browser::{Browser, require_browser};
use crate::support::peers::require_node;
use crate::support::{Broker, Program};

const SCRIPT: &str = include_str!("../../examples/javascript/weather.js");

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
    let example = packages(include_str!("../../examples/javascript/package-lock.json"));
    let tested = packages(include_str!("package-lock.json"));
    assert_eq!(example, tested);
}

/// A broker with a login that serves the page of `examples/browser` on its other port. None
/// without Node.js and Chromium.
fn broker_and_page() -> Option<Broker> {
    let packages = require_browser()?;
    let builder = Broker::builder()
        .config("allow_anonymous false\npassword_file passwd")
        .other_listener("protocol websockets\nhttp_dir pages");
    let pages = builder.folder().join("pages");
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/browser/index.html");
    let library = packages.join("node_modules/mqtt/dist/mqtt.min.js");
    fs::create_dir(&pages)
        .and_then(|()| fs::copy(page, pages.join("index.html")))
        .and_then(|_| fs::copy(library, pages.join("mqtt.min.js")))
        .expect("the folder is writable");
    Program::typed("mq-passwd -c -b passwd snir passsnir")
        .in_folder(builder.folder())
        .run()
        .exits_with(0);
    Some(builder.start())
}

fn log_in(browser: &mut Browser, password: &str) {
    browser.type_into("#username", "snir");
    browser.type_into("#password", password);
    browser.click("button");
}

#[test]
fn the_page_shows_three_readings_live() {
    let Some(broker) = broker_and_page() else {
        return;
    };
    let mut browser = Browser::open(broker.other_port(), "/");
    log_in(&mut browser, "passsnir");
    browser.shows("state", "Connected");
    for (topic, reading) in [
        ("ha/_temperature2", "21.5"),
        ("ha/humidity", "48"),
        ("ha/pressure", "1013"),
        ("ha/_temperature2", "21.7"),
    ] {
        broker
            .typed(&format!(
                "mq-pub -u snir -P passsnir -t {topic} -m {reading}"
            ))
            .run()
            .succeeds();
        browser.shows(topic, reading);
    }
    let picture = Path::new(env!("CARGO_TARGET_TMPDIR")).join("browser-example.png");
    browser.screenshot(&picture);
    assert!(fs::metadata(picture).unwrap().len() > 10_000);
}

#[test]
fn the_page_says_when_the_password_is_wrong() {
    let Some(broker) = broker_and_page() else {
        return;
    };
    let mut browser = Browser::open(broker.other_port(), "/");
    log_in(&mut browser, "wrong");
    browser.shows("state", "Refused: Connection refused: Not authorized");
}
