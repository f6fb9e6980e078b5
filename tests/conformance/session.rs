//! 4.1: how long a session lives.

use std::thread::sleep;
use std::time::Duration;

use crate::client::Client;
use crate::support::Broker;
use crate::wire::*;

// 5.0 [MQTT-4.1.0-2] [MQTT-3.1.2-23] · 3.1.1 [MQTT-4.1.0-1]
#[test]
fn a_session_ends_when_its_time_is_over() {
    let broker = Broker::local();
    let expiring = |id: &str, seconds| {
        let connect = V5.connect(id).flags(0);
        connect.property(&four(SESSION_EXPIRY, seconds))
    };
    for (id, seconds) in [("short", 1), ("long", 60), ("endless", u32::MAX)] {
        let mut client = Client::open(&broker, &expiring(id, seconds));
        client.subscribe("a", 1);
        client.leave();
    }
    Client::open(&broker, &V5.connect("unsaid").flags(0)).leave();
    Client::open(&broker, &V311.persistent("older")).leave();
    sleep(Duration::from_millis(2_100));
    for (id, present) in [
        ("short", false),
        ("long", true),
        ("endless", true),
        ("unsaid", false),
    ] {
        let client = Client::open(&broker, &expiring(id, 60));
        assert_eq!(client.session_present, present, "{id}");
    }
    assert!(Client::open(&broker, &V311.persistent("older")).session_present);
}

// 5.0 [MQTT-4.1.0-1] [MQTT-4.2-1] · 3.1.1 [MQTT-4.1.0-2] [MQTT-7.1.1-1]
#[test]
fn a_session_lives_as_long_as_its_connection() {
    let broker = Broker::local();
    for version in BOTH {
        let mut client = Client::new(&broker, version, "living");
        client.subscribe("a", 2);
        let mut publisher = Client::new(&broker, version, "publisher");
        publisher.publish("a", 2, false, "x");
        let held = client.message();
        // Only time can end what should not end.
        sleep(Duration::from_millis(1_100));
        client.send(ack(0x50, held.id));
        client.expect(ack(0x62, held.id));
        client.send(ack(0x70, held.id));
        publisher.publish("a", 1, false, "y");
        client.receive("y");
    }
}

// 5.0 [MQTT-3.1.2-5] [MQTT-3.1.4-3] · 3.1.1 [MQTT-3.1.2-4] [MQTT-3.1.2-5]
#[test]
fn a_session_goes_on_with_the_connection_that_takes_it_over() {
    let broker = Broker::local();
    for version in BOTH {
        let mut first = Client::open(&broker, &version.persistent("moving"));
        first.subscribe("a", 1);
        Client::new(&broker, version, "publisher").publish("a", 1, false, "x");
        let sent = first.message();
        let mut second = Client::open(&broker, &version.persistent("moving"));
        first.expect_end(0x8e);
        assert!(second.session_present);
        assert_eq!(second.receive("x"), Publish { dup: true, ..sent });
        second.leave();
        Client::new(&broker, version, "moving").leave();
    }
}

// 5.0 [MQTT-3.1.2-4] · 3.1.1 [MQTT-3.1.2-6]
#[test]
fn a_session_crosses_from_one_version_to_the_other() {
    let broker = Broker::local();
    for [before, after] in [[V311, V5], [V5, V311]] {
        let mut client = Client::open(&broker, &before.persistent("crossing"));
        client.subscribe("a", 1);
        client.leave();
        Client::new(&broker, V5, "publisher").publish("a", 1, false, "x");
        let mut client = Client::open(&broker, &after.persistent("crossing"));
        assert!(client.session_present);
        client.receive("x");
        client.leave();
        Client::new(&broker, after, "crossing").leave();
    }
}
