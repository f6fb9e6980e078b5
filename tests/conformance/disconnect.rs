//! 3.12 PINGREQ and 3.14 DISCONNECT.

use nix::sys::signal::Signal;

use crate::client::Client;
use crate::support::Broker;
use crate::wire::*;

// 5.0 [MQTT-3.12.4-1] · 3.1.1 [MQTT-3.12.4-1]
#[test]
fn each_ping_is_answered() {
    let broker = Broker::local();
    for version in BOTH {
        let mut client = Client::new(&broker, version, "pinging");
        client.send([0xc0, 0].repeat(100));
        client.expect([0xd0, 0].repeat(100));
        client.expect_nothing();
    }
}

// 5.0 [MQTT-3.14.4-1] [MQTT-3.14.4-2] [MQTT-3.14.2-1] [MQTT-3.14.2-2] [MQTT-4.13.2-1]
#[test]
fn the_broker_says_why_and_closes_and_says_nothing_more() {
    let broker = Broker::local();
    let mut client = Client::new(&broker, V5, "chatty");
    client.subscribe("a", 0);
    // What follows the mistake is not heard, what went before is.
    let before = publish_with(V5, 0, "a", 0, &[], b"before");
    let after = publish_with(V5, 0, "a", 0, &[], b"after");
    client.send([&before[..], &[0x00, 0x00], &after].concat());
    let said = client.raw.expect_closed();
    assert!(said.ends_with(&[0xe0, 1, 0x82]), "{said:02x?}");
    assert!(!contains(&said, b"after"));
}

// 5.0 [MQTT-3.14.4-2] · 3.1.1 [MQTT-3.14.4-1]
#[test]
fn a_disconnect_of_the_client_ends_the_connection_and_what_follows_is_not_heard() {
    let broker = Broker::local();
    let mut witness = Client::new(&broker, V5, "witness");
    witness.subscribe("a", 0);
    for version in BOTH {
        let mut client = Client::new(&broker, version, "leaving");
        let after = publish_with(version, 0, "a", 0, &[], b"after");
        client.send([&[0xe0, 0][..], &after].concat());
        client.expect_end(0);
    }
    for body in [&[0][..], &[0, 0], &[4, 0], &[0x8e]] {
        let mut client = Client::new(&broker, V5, "leaving");
        client.send(packet(0xe0, body));
        client.expect_end(0);
    }
    witness.expect_nothing();
}

// 5.0 [MQTT-3.1.2-23] [MQTT-4.1.0-2]
#[test]
fn a_disconnect_may_change_how_long_the_session_lives_on() {
    let broker = Broker::local();
    let leave = |mut client: Client, seconds: u32| {
        let properties = sized(&four(SESSION_EXPIRY, seconds));
        client.send(packet(0xe0, &[&[0][..], &properties].concat()));
        client.expect_end(0);
    };
    let open = || Client::open(&broker, &V5.persistent("changing"));
    leave(open(), u32::MAX);
    let client = open();
    assert!(client.session_present);
    leave(client, 0);
    assert!(!open().session_present);
}

// 5.0 [MQTT-4.13.2-1] · 3.1.1 [MQTT-3.1.2-8]
#[test]
fn the_end_of_the_broker_closes_every_connection() {
    let broker = Broker::local();
    let mut clients = BOTH.map(|version| Client::new(&broker, version, &format!("{version:?}")));
    broker.signal(Signal::SIGTERM);
    for client in &mut clients {
        let said = client.raw.expect_closed();
        assert!(matches!(said[..], [] | [0xe0, 1, 0x8b]), "{said:02x?}");
    }
}
