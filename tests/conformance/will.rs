//! 3.1.2 and 3.1.3: the will.

use std::time::{Duration, Instant};

use crate::client::Client;
use crate::support::Broker;
use crate::wire::*;

const WILL_DELAY: u8 = 0x18;

// 5.0 [MQTT-3.1.2-7] [MQTT-3.1.2-10] [MQTT-3.1.2-14] [MQTT-3.1.2-15] ·
// 3.1.1 [MQTT-3.1.2-8] [MQTT-3.1.2-9] [MQTT-3.1.2-10] [MQTT-3.1.2-16] [MQTT-3.1.2-17]
#[test]
fn a_lost_connection_publishes_the_will_once_with_its_qos_and_retain_flag() {
    let broker = Broker::local();
    for version in BOTH {
        let mut witness = Client::new(&broker, version, "witness");
        witness.subscribe("will", 2);
        for qos in 0..3 {
            for retain in [false, true] {
                let connect = version.connect("mortal").will(qos, retain, &[]);
                Client::open(&broker, &connect).cut(&broker);
                assert_eq!(witness.receive("gone").qos, qos);
                witness.expect_nothing();
                let mut later = Client::new(&broker, version, "later");
                later.subscribe("will", 0);
                if retain {
                    assert!(later.receive("gone").retain);
                    later.publish("will", 0, true, "");
                    later.receive("");
                    witness.receive("");
                }
                later.expect_nothing();
                later.leave();
            }
        }
        witness.leave();
    }
}

// 5.0 [MQTT-3.1.2-10] [MQTT-3.14.4-3] · 3.1.1 [MQTT-3.1.2-10] [MQTT-3.1.2-12] [MQTT-3.14.4-3]
#[test]
fn a_disconnect_takes_the_will_away_unless_it_asks_for_it() {
    let broker = Broker::local();
    let mut witness = Client::new(&broker, V5, "witness");
    witness.subscribe("will", 0);
    for version in BOTH {
        Client::open(&broker, &version.connect("mortal").will(0, false, &[])).leave();
        Client::new(&broker, version, "without").cut(&broker);
        // A will that is gone does not come back with its session either.
        let persistent = version.persistent("mortal");
        Client::open(&broker, &persistent.clone().will(0, false, &[])).leave();
        Client::open(&broker, &persistent).cut(&broker);
        Client::new(&broker, version, "mortal").leave();
    }
    witness.expect_nothing();
    for code in [0x04, 0x80, 0x97] {
        let mut mortal = Client::open(&broker, &V5.connect("mortal").will(0, false, &[]));
        mortal.send([0xe0, 1, code]);
        assert_eq!(mortal.raw.expect_closed(), b"");
        witness.receive("gone");
    }
    let mut mortal = Client::open(&broker, &V5.connect("mortal").will(0, false, &[]));
    mortal.send([0xc1, 0]);
    mortal.expect_end(0x81);
    witness.receive("gone");
}

// 5.0 [MQTT-3.1.2-8] [MQTT-3.1.3-9]
#[test]
fn a_will_waits_its_delay_or_for_the_end_of_the_session_whichever_is_first() {
    let broker = Broker::local();
    let mut witness = Client::new(&broker, V5, "witness");
    witness.subscribe("will", 0);
    let expiring = |seconds: u32, delay: u32| {
        let connect = V5
            .connect("mortal")
            .property(&four(SESSION_EXPIRY, seconds));
        connect.will(0, false, &four(WILL_DELAY, delay))
    };
    for (expiry, delay) in [(60, 1), (1, 60)] {
        Client::open(&broker, &expiring(expiry, delay)).cut(&broker);
        let since = Instant::now();
        witness.expect_nothing();
        witness.receive("gone");
        assert!(
            since.elapsed() > Duration::from_millis(700),
            "{:?}",
            since.elapsed()
        );
    }
    // Somebody who comes back in time has no will published.
    Client::open(&broker, &expiring(60, 1)).cut(&broker);
    let connect = V5.connect("mortal").flags(0);
    let back = Client::open(&broker, &connect.property(&four(SESSION_EXPIRY, 60)));
    assert!(back.session_present);
    // Another will with a longer delay shows that its time is over.
    let marker = [four(WILL_DELAY, 2), one(0x01, 1)].concat();
    let other = V5.connect("other").property(&four(SESSION_EXPIRY, 60));
    Client::open(&broker, &other.will(0, false, &marker)).cut(&broker);
    assert_eq!(witness.receive("gone").properties, one(0x01, 1));
    witness.expect_nothing();
}

// 5.0 [MQTT-3.1.3-10] [MQTT-3.3.2-4]
#[test]
fn the_properties_of_a_will_go_with_it_in_their_order() {
    let broker = Broker::local();
    let mut witness = Client::new(&broker, V5, "witness");
    witness.subscribe("will", 0);
    let users = [user("a", "1"), user("b", "2"), user("a", "3")].concat();
    let properties = [one(0x01, 1), text(0x03, "text/plain"), users].concat();
    let connect = V5.connect("mortal").will(0, false, &properties);
    Client::open(&broker, &connect).cut(&broker);
    assert_eq!(witness.receive("gone").properties, properties);
    let connect = V5
        .connect("mortal")
        .will(0, false, &four(MESSAGE_EXPIRY, 30));
    Client::open(&broker, &connect).cut(&broker);
    assert_eq!(witness.receive("gone").properties, four(MESSAGE_EXPIRY, 30));
}

// 5.0 [MQTT-3.1.4-3] · 3.1.1 [MQTT-3.1.2-8]
#[test]
fn a_clean_take_over_publishes_the_will_of_the_one_before() {
    let broker = Broker::local();
    for version in BOTH {
        let mut witness = Client::new(&broker, version, "witness");
        witness.subscribe("will", 0);
        let _first = Client::open(&broker, &version.connect("same").will(0, false, &[]));
        let second = Client::new(&broker, version, "same");
        witness.receive("gone");
        second.leave();
        witness.expect_nothing();
    }
}
