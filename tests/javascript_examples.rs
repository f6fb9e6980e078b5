//! `examples/javascript` and `examples/browser`, with the packages that `npm ci` put into
//! `tests/peers`.

mod support;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use support::peers::{require_node, require_programs};
use support::program::Running;
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

/// A broker with a login that serves the page of `examples/browser` on its other port. None
/// without Node.js and Chromium.
fn broker_and_page() -> Option<Broker> {
    let packages = require_node()?;
    if !require_programs(&["chromium"]) {
        return None;
    }
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

/// A browser that shows the page of a broker.
struct Browser(Running);

impl Browser {
    fn open(broker: &Broker) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/browser.js");
        let browser = Program::typed("node")
            .arg(script)
            .arg(format!("http://127.0.0.1:{}/", broker.other_port()))
            .keep_stdin_open()
            .start();
        Self(browser)
    }

    fn command(&mut self, command: &str) {
        self.0.write_line(command);
        self.0.wait_for_line(|line| line == "done");
    }

    fn log_in(&mut self, password: &str) {
        self.command("type #username snir");
        self.command(&format!("type #password {password}"));
        self.0.write_line("click button");
    }

    /// An element of the page gets this text.
    fn shows(&mut self, name: &str, text: &str) {
        let start = format!("{name}: ");
        self.0.wait_for_line(|line| {
            line.strip_prefix(&start)
                .is_some_and(|shown| shown.contains(text))
        });
    }
}

#[test]
fn the_page_shows_three_readings_live() {
    let Some(broker) = broker_and_page() else {
        return;
    };
    let mut browser = Browser::open(&broker);
    browser.log_in("passsnir");
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
    browser.command(&format!("screenshot {}", picture.display()));
    assert!(fs::metadata(picture).unwrap().len() > 10_000);
    browser.0.close_stdin();
    assert_eq!(browser.0.ends().code(), 0);
}

#[test]
fn the_page_says_when_the_password_is_wrong() {
    let Some(broker) = broker_and_page() else {
        return;
    };
    let mut browser = Browser::open(&broker);
    browser.log_in("wrong");
    browser.shows("state", "Refused: Connection refused: Not authorized");
}
