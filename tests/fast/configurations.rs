//! Configurations as people have them, in `tests/configurations/`: each is tested by
//! `--test-config` and then started, and real clients do what it allows and what it forbids.

use std::fs;
use std::io::{self, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::thread;

use crate::support::Program;
use crate::support::peers::require_programs;
use crate::support::raw_client::{CONNACK_ACCEPTED, CONNECT_V311, RawClient, packet, string};
use crate::support::site::{MOSQUITTOS, OURS, Site};
use crate::support::tls::TlsClient;

#[test]
fn every_configuration_is_found_in_order() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/configurations");
    let mut count = 0;
    for entry in fs::read_dir(folder).unwrap() {
        Site::new(entry.unwrap().file_name().to_str().unwrap());
        count += 1;
    }
    assert!(count >= 10, "{count}");
}

#[test]
fn debians_files_let_in_who_has_a_password() {
    let site = Site::start("debian");
    site.talk(
        1883,
        "-u alice -P ecila -t house/#",
        "-u bob -P bob -t house/door -m open",
        "house/door open",
    );
    site.publisher(1883, "-t a").run().exits_with(5);
    site.publisher(1883, "-t a -u alice -P wrong")
        .run()
        .exits_with(5);
    let log = fs::read_to_string(site.folder().join("mosquitto.log")).unwrap();
    assert!(log.contains(" running\n"), "{log}");
    assert!(site.folder().join("mosquitto.pid").exists());
}

#[test]
fn home_assistant_and_its_web_page_speak_to_each_other() {
    let site = Site::start("home-assistant");
    let page = site
        .client("mq-sub --ws", "-u bob -P bob -t home/#")
        .port(site.port(8884));
    let mut page = site.subscriber(page);
    site.publisher(1883, "-u alice -P ecila -t home/lamp -q 1")
        .run()
        .succeeds();
    page.expect_line("home/lamp x");
    site.talk(
        1883,
        "-u alice -P ecila -t home/+ -q 1",
        "-u bob -P bob -t home/lamp -m on -q 2",
        "home/lamp on",
    );
    let anonymous = site.client("mq-sub --ws", "-t home/#");
    anonymous.port(site.port(8884)).run().exits_with(5);
}

#[test]
fn certificates_say_who_may_speak_for_which_sensor() {
    let site = Site::start("client-certificates");
    let with =
        |name: &str| format!("-h localhost --cafile ca.crt --cert {name}.crt --key {name}.key");
    site.talk(
        8883,
        &format!("{} -t sensors/#", with("alice")),
        &format!("{} -t sensors/thermometer/t -m 20", with("thermometer")),
        "sensors/thermometer/t 20",
    );
    // Nobody speaks for another, and who was taken back does not speak at all.
    let reader = site.client("mq-sub", &format!("{} -t sensors/#", with("alice")));
    let mut reader = site.subscriber(reader.port(site.port(8883)));
    for topic in ["sensors/alice/forged", "sensors/thermometer/own"] {
        site.publisher(8883, &format!("{} -t {topic}", with("thermometer")))
            .run()
            .succeeds();
    }
    reader.expect_line("sensors/thermometer/own x");
    for arguments in [
        format!("{} -t sensors/lost/t", with("lost")),
        "-h localhost --cafile ca.crt -t sensors/x/t".to_owned(),
        "-h localhost -t sensors/x/t".to_owned(),
    ] {
        let outcome = site.publisher(8883, &arguments).run();
        assert_ne!(outcome.code(), 0, "{arguments}: {outcome}");
    }
}

#[test]
fn a_class_uses_programs_and_web_pages_of_the_school() {
    let site = Site::start("school");
    let page = site.client("mq-sub --ws", "-t class/#");
    let mut page = site.subscriber(page.port(site.port(9001)));
    site.publisher(1883, "-t class/été").run().succeeds();
    page.expect_line("class/été x");
    site.talk(1883, "-t class/#", "-t class/a -m b", "class/a b");
    for (origin, answer) in [
        ("http://school.example", " 101 "),
        ("http://elsewhere.example", " 403 "),
    ] {
        let mut browser = RawClient::connect(site.port(9001));
        browser.send(upgrade(origin));
        let head = browser.http_head();
        assert!(head.contains(answer), "{origin}: {head}");
    }
    let large = "y".repeat(70_000);
    let outcome = site
        .client("mq-pub -q 1 -t class/a -s", "")
        .stdin(large)
        .port(site.port(1883))
        .run();
    assert_ne!(outcome.code(), 0, "{outcome}");
}

fn upgrade(origin: &str) -> String {
    format!(
        "GET /mqtt HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nOrigin: {origin}\r\n\
         Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Protocol: mqtt\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
}

#[test]
fn the_listener_for_guests_has_rules_of_its_own() {
    let site = Site::start("per-listener-rules");
    site.talk(1883, "-t #", "-t weather/in -m warm", "weather/in warm");
    let inside = site.client("mq-sub", "-t #").port(site.port(1883));
    let mut inside = site.subscriber(inside);
    let guest = "-i guest -u guest -P tseug";
    for topic in ["weather/in", "bell"] {
        site.publisher(1884, &format!("{guest} -t {topic}"))
            .run()
            .succeeds();
    }
    inside.expect_line("bell x");
    let outside = site.client("mq-sub", &format!("{guest} -t #"));
    let mut outside = site.subscriber(outside.port(site.port(1884)));
    for topic in ["secret", "weather/out"] {
        site.publisher(1883, &format!("-t {topic}"))
            .run()
            .succeeds();
    }
    outside.expect_line("weather/out x");
    site.publisher(1884, "-i guest -t bell").run().exits_with(5);
    // Who does not say its name is refused here, and only here.
    let nameless = packet(0x10, b"\x00\x04MQTT\x04\x02\x00\x3c\x00\x00");
    let mut client = RawClient::connect(site.port(1884));
    client.send(&nameless);
    client.expect(b"\x20\x02\x00\x02");
    let mut client = RawClient::connect(site.port(1883));
    client.send(&nameless);
    client.expect(CONNACK_ACCEPTED);
}

#[test]
fn a_broker_without_a_port_is_reached_by_its_socket() {
    let site = Site::start("unix-socket");
    for (publish, subscribe) in [OURS, MOSQUITTOS] {
        if !publish.starts_with("mq-") && !require_programs(&[publish, subscribe]) {
            continue;
        }
        let reader = site.client(subscribe, "--unix mosquitto.sock -t a");
        let mut reader = site.subscriber(reader);
        site.client(publish, "--unix mosquitto.sock -t a -m x")
            .run()
            .succeeds();
        reader.expect_line("a x");
    }
    site.wait_for_log("Opening unix listen socket on path");
    let text = site.log().text();
    assert!(!text.contains("listen socket on port"), "{text}");
}

/// A proxy that says with each connection that it comes from 203.0.113.7:4711; ends with
/// the process.
fn proxy_to(port: u16) -> u16 {
    /// TCP over IPv4 in version 2 of the protocol.
    const HEADER: &[u8] =
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c\xcb\x00\x71\x07\x7f\x00\x00\x01\x12\x67\x07\x5b";
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free loopback port");
    let own = listener.local_addr().expect("a bound socket").port();
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            // Where that fails the client loses its connection, and the test fails.
            let _ = pass_on(client, port, HEADER);
        }
    });
    own
}

fn pass_on(client: TcpStream, port: u16, header: &[u8]) -> io::Result<()> {
    let mut broker = TcpStream::connect(("127.0.0.1", port))?;
    broker.write_all(header)?;
    for (mut from, mut to) in [(client.try_clone()?, broker.try_clone()?), (broker, client)] {
        thread::spawn(move || {
            let _ = io::copy(&mut from, &mut to);
            let _ = to.shutdown(Shutdown::Write);
        });
    }
    Ok(())
}

#[test]
fn behind_a_proxy_clients_keep_their_address() {
    let site = Site::start("behind-haproxy");
    let proxy = proxy_to(site.port(1883));
    let reader = site.client("mq-sub", "-u alice -P ecila -t a").port(proxy);
    let mut reader = site.subscriber(reader);
    site.client("mq-pub", "-u bob -P bob -t a -m x")
        .port(proxy)
        .run()
        .succeeds();
    reader.expect_line("a x");
    site.wait_for_log("New client connected from 203.0.113.7:4711 as ");
    site.client("mq-pub", "-t a -m x")
        .port(proxy)
        .run()
        .exits_with(5);
    // Who goes around the proxy is cut.
    let mut client = RawClient::connect(site.port(1883));
    client.send([CONNECT_V311, CONNECT_V311].concat());
    client.expect_closed();
}

#[test]
fn a_web_application_and_programs_share_a_certificate() {
    let site = Site::start("secure-websockets");
    let secure = "-h localhost --cafile ca.crt";
    let page = site.client(
        "mq-sub --ws",
        &format!("{secure} -u alice -P ecila -t app/#"),
    );
    let mut page = site.subscriber(page.port(site.port(8081)));
    site.publisher(8883, &format!("{secure} -u bob -P bob -t app/a"))
        .run()
        .succeeds();
    page.expect_line("app/a x");
    site.talk(
        8883,
        &format!("{secure} -u alice -P ecila -t app/#"),
        &format!("{secure} -u bob -P bob -t app/b -m y"),
        "app/b y",
    );
    site.publisher(8883, &format!("{secure} -t app/a"))
        .run()
        .exits_with(5);
    let mut browser = TlsClient::connect(site.port(8081), site.folder(), None);
    let answer = browser.exchange(upgrade("https://any.example").as_bytes(), 12);
    assert_eq!(answer.unwrap(), b"HTTP/1.1 101");
    if !require_programs(&["openssl"]) {
        return;
    }
    // TLS 1.2 is spoken on one port, with the one suite for our kind of key, and not on the other.
    let handshake = |port: u16| {
        let line = format!(
            "openssl s_client -connect 127.0.0.1:{} -CAfile ca.crt -verify_return_error -tls1_2",
            site.port(port)
        );
        Program::typed(&line).in_folder(site.folder()).run()
    };
    let outcome = handshake(8883).exits_with(0);
    let suite = "ECDHE-ECDSA-AES256-GCM-SHA384";
    assert!(outcome.stdout().contains(suite), "{outcome}");
    handshake(8081).exits_with(1);
}

#[test]
fn in_a_laboratory_anybody_may_try_within_limits() {
    let site = Site::start("laboratory");
    site.talk(1883, "-t lab/#", "-t lab/a -m b", "lab/a b");
    let reader = site.client("mq-sub", "-t lab/#").port(site.port(1883));
    let mut reader = site.subscriber(reader);
    let publish = |arguments: &str, payload: usize| {
        site.client("mq-pub -q 1 -t lab/a -s", arguments)
            .stdin("y".repeat(payload))
            .port(site.port(1883))
            .run()
    };
    publish("", 1025).succeeds();
    let outcome = publish("", 3000);
    assert_ne!(outcome.code(), 0, "{outcome}");
    let outcome = publish("-r", 10);
    assert_ne!(outcome.code(), 0, "{outcome}");
    publish("", 1024).succeeds();
    assert_eq!(reader.next_line().len(), "lab/a ".len() + 1024);
    site.wait_for_log("Received PUBLISH from ");
    let text = site.log().text();
    assert!(!text.contains("New client connected"), "{text}");
}

#[test]
fn tenants_see_nothing_of_each_other() {
    let site = Site::start("tenants");
    site.talk(
        1883,
        "-u alice -P ecila -t tenants/alice/#",
        "-u alice -P ecila -t tenants/alice/a -m mine",
        "tenants/alice/a mine",
    );
    let reader = |user: &str, password: &str| {
        let arguments = format!("-u {user} -P {password} -t tenants/#");
        site.subscriber(site.client("mq-sub", &arguments).port(site.port(1883)))
    };
    let mut admin = reader("admin", "nimda");
    let mut bob = reader("bob", "bob");
    for (user, topic) in [
        ("alice -P ecila", "tenants/bob/forged"),
        ("alice -P ecila", "tenants/alice/secret"),
        ("alice -P ecila", "tenants/alice/open"),
        ("bob -P bob", "tenants/bob/own"),
    ] {
        site.publisher(1883, &format!("-u {user} -t {topic}"))
            .run()
            .succeeds();
    }
    bob.expect_line("tenants/bob/own x");
    admin.expect_line("tenants/alice/open x");
    admin.expect_line("tenants/bob/own x");
}

#[test]
fn each_of_many_listeners_has_its_limits() {
    let site = Site::start("many-listeners");
    site.talk(
        1883,
        "-u alice -P ecila -t a -q 1",
        "-u bob -P bob -t a -m x -q 1",
        "a x",
    );
    let outcome = site.publisher(1883, "-u bob -P bob -t a -q 2").run();
    assert_ne!(outcome.code(), 0, "{outcome}");

    // The name of the user becomes that of the client, and only MQTT 5 is spoken.
    site.publisher(1884, "-V 5 -u alice -P ecila -t a")
        .run()
        .succeeds();
    site.wait_for_log(" as alice (p5, ");
    site.publisher(1884, "-V 311 -u alice -P ecila -t a")
        .run()
        .exits_with(1);

    let mut guest = RawClient::connect(site.port(1885));
    guest.send(packet(0x10, b"\x00\x04MQTT\x04\x02\x00\x3c\x00\x00"));
    guest.expect(CONNACK_ACCEPTED);
    site.wait_for_log(" as guest-");

    let page = site.client("mq-sub --ws", "-u alice -P ecila -t web");
    let mut page = site.subscriber(page.port(site.port(1886)));
    site.publisher(1885, "-t web").run().succeeds();
    page.expect_line("web x");

    let mut named = string("MQTT");
    named.extend(b"\x04\xc2\x00\x3c");
    named.extend(["one", "bob", "bob"].map(string).concat());
    let mut first = RawClient::connect(site.port(1887));
    first.send(packet(0x10, &named));
    first.expect(CONNACK_ACCEPTED);
    // There is one place, whether the second says a word or not.
    let mut second = RawClient::connect(site.port(1887));
    second.expect_closed();
    site.wait_for_log("Client connection from 127.0.0.1 denied: max_connections exceeded.");
    first.expect_alive();
}

#[test]
fn a_file_of_version_1_works_and_hears_what_is_out_of_date() {
    let site = Site::start("from-version-1");
    site.talk(1883, "-t a", "-t a -m x", "a x");
    for text in [
        "The 'port' option is now deprecated and will be removed in version 3.0. Please use 'listener' instead.",
        "Warning: The 'retry_interval' option is no longer available.",
        "The 'allow_duplicate_messages' option is now deprecated",
    ] {
        site.wait_for_log(text);
        assert!(site.tested().stderr().contains(text));
    }
}
