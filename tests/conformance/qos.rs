//! 4.3: the exchange of each QoS, also when it is cut.

use crate::client::Client;
use crate::support::Broker;
use crate::wire::*;

// 5.0 [MQTT-4.3.2-4] [MQTT-4.3.2-5] · 3.1.1 [MQTT-4.3.2-2]
#[test]
fn an_acknowledged_identifier_of_qos_1_means_a_new_message() {
    let broker = Broker::local();
    for version in BOTH {
        let mut witness = Client::new(&broker, version, "witness");
        witness.subscribe("a", 1);
        let mut client = Client::new(&broker, version, "publisher");
        for (flags, payload) in [(2, "first"), (0x0a, "second")] {
            client.send(publish_with(
                version,
                flags,
                "a",
                7,
                &[],
                payload.as_bytes(),
            ));
            client.expect_ack(0x40, 7);
            witness.receive(payload);
        }
    }
}

// 5.0 [MQTT-4.3.3-8] [MQTT-4.3.3-10] [MQTT-4.3.3-11] [MQTT-4.3.3-12] · 3.1.1 [MQTT-4.3.3-2]
#[test]
fn a_message_of_qos_2_goes_on_once_however_often_it_comes() {
    let broker = Broker::local();
    for version in BOTH {
        let mut witness = Client::new(&broker, version, "witness");
        witness.subscribe("a", 2);
        let mut client = Client::new(&broker, version, "publisher");
        for payload in ["first", "second"] {
            for flags in [4, 0x0c, 0x0c, 4] {
                client.send(publish_with(
                    version,
                    flags,
                    "a",
                    7,
                    &[],
                    payload.as_bytes(),
                ));
                client.expect(ack(0x50, 7));
            }
            for _ in 0..3 {
                client.send(ack(0x62, 7));
                client.expect(ack(0x70, 7));
            }
            witness.receive(payload);
            witness.expect_nothing();
        }
    }
}

// 5.0 [MQTT-4.3.3-10] [MQTT-4.4.0-1] [MQTT-4.1.0-1] · 3.1.1 [MQTT-4.3.3-2] [MQTT-4.1.0-1]
#[test]
fn a_publisher_that_is_cut_after_any_byte_delivers_exactly_once() {
    let broker = Broker::with_config("log_type error\nlog_type notice\nlog_type information");
    for version in BOTH {
        let mut witness = Client::new(&broker, version, "witness");
        witness.subscribe("a", 2);
        let publish = publish_with(version, 4, "a", 7, &[], b"once");
        let exchange = [&publish[..], &ack(0x62, 7)].concat();
        for cut in 0..=exchange.len() {
            let mut client = Client::open(&broker, &version.persistent("publisher"));
            client.send(&exchange[..cut]);
            client.cut(&broker);
            // A client that has seen no PUBCOMP goes on where it must: it may have seen
            // the PUBREC only if the PUBLISH was whole.
            let mut client = Client::open(&broker, &version.persistent("publisher"));
            assert!(client.session_present);
            if cut < exchange.len() {
                let mut again = publish.clone();
                again[0] |= 8;
                client.send(again);
                client.expect(ack(0x50, 7));
            }
            client.send(ack(0x62, 7));
            client.expect(ack(0x70, 7));
            client.leave();
            witness.receive("once");
            witness.expect_nothing();
        }
        Client::new(&broker, version, "publisher").leave();
        witness.leave();
    }
}

// 5.0 [MQTT-4.3.2-3] [MQTT-4.3.3-3] [MQTT-4.3.3-5] [MQTT-4.3.3-6] [MQTT-3.3.1-1] ·
// 3.1.1 [MQTT-4.3.2-1] [MQTT-4.3.3-1] [MQTT-3.3.1-1]
#[test]
fn a_subscriber_that_is_cut_after_any_of_its_answers_gets_exactly_the_rest() {
    let broker = Broker::with_config("log_type error\nlog_type notice\nlog_type information");
    for version in BOTH {
        let mut publisher = Client::new(&broker, version, "publisher");
        let connect = version.persistent("subscriber");
        Client::open(&broker, &connect).subscribe("a", 2);
        // How many bytes of PUBREC and PUBCOMP arrive before the line is cut.
        for cut in 0..=8 {
            let mut client = Client::open(&broker, &connect);
            publisher.publish("a", 2, false, "exactly");
            let first = client.message();
            let pubrec = ack(0x50, first.id);
            client.send(&pubrec[..cut.min(4)]);
            if cut >= 4 {
                client.expect(ack(0x62, first.id));
                client.send(&ack(0x70, first.id)[..cut - 4]);
            }
            client.cut(&broker);

            let mut client = Client::open(&broker, &connect);
            match cut {
                0..4 => {
                    let again = client.message();
                    assert_eq!(
                        again,
                        Publish {
                            dup: true,
                            ..first.clone()
                        }
                    );
                    client.send(pubrec);
                    client.expect(ack(0x62, first.id));
                    client.send(ack(0x70, first.id));
                }
                4..8 => {
                    client.expect(ack(0x62, first.id));
                    client.send(ack(0x70, first.id));
                }
                _ => {}
            }
            client.expect_nothing();
            client.cut(&broker);
        }
        Client::new(&broker, version, "subscriber").leave();
    }
}

// 5.0 [MQTT-3.8.4-8] · 3.1.1 [MQTT-3.8.4-6]
#[test]
fn a_message_arrives_at_the_lower_of_both_qos() {
    let broker = Broker::local();
    for version in BOTH {
        let mut publisher = Client::new(&broker, version, "publisher");
        for granted in 0..3 {
            let mut client = Client::new(&broker, version, "subscriber");
            client.subscribe("a", granted);
            for published in 0..3 {
                publisher.publish("a", published, false, "x");
                assert_eq!(client.receive("x").qos, granted.min(published));
            }
        }
    }
}
