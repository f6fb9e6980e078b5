//! What the clients of a listener are called, and where they are said to come from.

use std::fs;

use crate::support::Broker;
use crate::support::raw_client::{CONNACK_ACCEPTED, CONNECT_V5, CONNECT_V311, RawClient};

#[test]
fn a_client_identifier_begins_as_it_must() {
    let broker = Broker::builder()
        .config("clientid_prefixes lab-\nlistener_auto_id_prefix lab-auto-")
        .other_listener("")
        .start();
    broker.typed("mq-pub -i lab-1 -t a -m x").run().succeeds();
    broker.typed("mq-pub -i lab -t a -m x").run().exits_with(5);
    let mut client = broker.raw_client();
    client.send(CONNECT_V311);
    client.expect(b"\x20\x02\x00\x05");
    client.expect_closed();
    let mut client = broker.raw_client();
    client.send(CONNECT_V5);
    client.expect(b"\x20\x03\x00\x87\x00");
    client.expect_closed();

    // What the broker makes up is no exception.
    let empty = b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\x00\x00";
    let mut client = broker.raw_client();
    client.send(empty);
    client.expect(CONNACK_ACCEPTED);
    broker.wait_for_log(" as lab-auto-");
    let mut client = RawClient::connect(broker.other_port());
    client.send(empty);
    client.expect(b"\x20\x02\x00\x05");

    let file = broker.folder().join("mosquitto.conf");
    let config = fs::read_to_string(&file).unwrap();
    fs::write(
        &file,
        config.replace("clientid_prefixes lab-", "clientid_prefixes raw"),
    )
    .unwrap();
    broker.reload();
    let mut client = broker.raw_client();
    client.send(CONNECT_V311);
    client.expect(CONNACK_ACCEPTED);
}

#[test]
fn a_user_name_that_becomes_the_client_identifier_must_have_the_prefix() {
    let broker = Broker::builder()
        .before("allow_anonymous true\nclientid_prefixes lab-")
        .config("use_username_as_clientid true")
        .start();
    let publish = |user: &str| broker.typed(&format!("mq-pub -i lab-1 -u {user} -P x -t a -m x"));
    publish("alice").run().exits_with(5);
    publish("lab-alice").run().succeeds();
}

#[test]
fn a_generated_client_identifier_begins_with_its_prefix() {
    for (config, prefix) in [
        ("", "auto-"),
        ("auto_id_prefix all-", "all-"),
        ("auto_id_prefix all-\nlistener_auto_id_prefix one-", "one-"),
    ] {
        let broker = Broker::with_config(config);
        let mut client = broker.raw_client();
        client.send(b"\x10\x0d\x00\x04MQTT\x05\x02\x00\x3c\x00\x00\x00");
        let (_, connack) = client.packet();
        let text = String::from_utf8_lossy(&connack).into_owned();
        let (_, name) = text.split_once(prefix).expect("the prefix is there");
        let digits = name.split(|next: char| !next.is_ascii_hexdigit() && next != '-');
        let lengths: Vec<_> = digits
            .take(1)
            .flat_map(|id| id.split('-'))
            .map(str::len)
            .collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12], "{config}: {text}");
    }
}

#[test]
fn a_web_proxy_on_this_host_says_whom_it_speaks_for() {
    let broker = Broker::builder().websockets().start();
    let mut client = RawClient::connect(broker.websocket_port());
    client.send(
        "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         X-Forwarded-For: 198.51.100.1, 203.0.113.9\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n",
    );
    assert!(client.http_head().starts_with("HTTP/1.1 101 "));
    let length = u8::try_from(CONNECT_V311.len()).expect("short");
    client.send([&[0x82, 0x80 | length, 0, 0, 0, 0], CONNECT_V311].concat());
    assert_eq!(client.websocket_frame(), (0x82, CONNACK_ACCEPTED.to_vec()));
    broker.wait_for_log("New client connected from 203.0.113.9:");
}

#[test]
fn a_long_head_of_a_web_request_is_refused_at_the_configured_length() {
    let broker = Broker::builder()
        .before("allow_anonymous true\nwebsockets_headers_size 200")
        .websockets()
        .start();
    let mut client = RawClient::connect(broker.websocket_port());
    client.send(format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(200)));
    assert!(client.http_head().starts_with("HTTP/1.1 431 "));
}
