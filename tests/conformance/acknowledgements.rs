//! 3.4 to 3.7: PUBACK, PUBREC, PUBREL and PUBCOMP, also those that nobody waits for.

use crate::client::Client;
use crate::support::Broker;
use crate::wire::*;

// 5.0 [MQTT-3.6.2-1] [MQTT-3.7.2-1] [MQTT-4.3.3-11] · 3.1.1 [MQTT-3.3.4-1]
#[test]
fn acknowledgements_that_nobody_waits_for_are_tolerated() {
    let broker = Broker::local();
    for version in BOTH {
        let mut client = Client::new(&broker, version, "unknown");
        for id in [1, 0xffff] {
            client.send(ack(0x40, id));
            client.send(ack(0x70, id));
            client.send(ack(0x50, id));
            match version {
                V311 => client.expect(ack(0x62, id)),
                V5 => client.expect(packet(0x62, &[&id.to_be_bytes()[..], &[0x92]].concat())),
            }
            client.send(ack(0x62, id));
            client.expect(ack(0x70, id));
        }
        client.expect_nothing();
    }
}

// 5.0 [MQTT-4.3.3-4] [MQTT-4.3.3-6] · 3.1.1 [MQTT-4.3.3-1]
#[test]
fn repeated_and_reversed_acknowledgements_are_tolerated() {
    let broker = Broker::local();
    for version in BOTH {
        let mut client = Client::new(&broker, version, "sloppy");
        client.subscribe("a", 2);
        let mut publisher = Client::new(&broker, version, "publisher");
        for qos in [1, 1, 2, 2] {
            publisher.publish("a", qos, false, "x");
        }
        let ids = [0; 4].map(|_| client.message().id);
        // The acknowledgements come in another order than the messages, and twice.
        for id in [ids[1], ids[0], ids[0], ids[1]] {
            client.send(ack(0x40, id));
        }
        for id in [ids[3], ids[3], ids[2], ids[2]] {
            client.send(ack(0x50, id));
            client.expect(ack(0x62, id));
        }
        for id in [ids[3], ids[2], ids[2], ids[3]] {
            client.send(ack(0x70, id));
        }
        client.expect_nothing();
        publisher.publish("a", 2, false, "y");
        client.receive("y");
    }
}

// 5.0 [MQTT-4.4.0-2] [MQTT-4.3.3-4]
#[test]
fn a_message_that_the_client_refuses_is_settled() {
    let broker = Broker::local();
    let mut client = Client::open(
        &broker,
        &V5.persistent("refuser").property(&two(RECEIVE_MAXIMUM, 1)),
    );
    client.subscribe("a", 2);
    let mut publisher = Client::new(&broker, V5, "publisher");
    for (qos, first) in [(1, 0x40), (2, 0x50)] {
        publisher.publish("a", qos, false, "refused");
        let id = client.message().id;
        client.send(packet(first, &[&id.to_be_bytes()[..], &[0x80]].concat()));
        // The window has room again, and no PUBREL comes.
        publisher.publish("a", qos, false, "next");
        client.receive("next");
    }
    client.cut(&broker);
    let mut client = Client::open(&broker, &V5.persistent("refuser"));
    client.expect_nothing();
}

// 5.0 [MQTT-3.6.2-1] [MQTT-3.7.2-1]
#[test]
fn every_length_of_an_acknowledgement_is_understood() {
    let broker = Broker::local();
    let mut client = Client::new(&broker, V5, "lengths");
    client.subscribe("a", 2);
    let reason_string = [&[0, 4][..], &text(0x1f, "x")].concat();
    let mut publisher = Client::new(&broker, V5, "publisher");
    for tail in [&[][..], &[0], &[0, 0], &reason_string] {
        let with = |first: u8, id: u16| packet(first, &[&id.to_be_bytes()[..], tail].concat());
        publisher.publish("a", 1, false, "x");
        let id = client.message().id;
        client.send(with(0x40, id));
        publisher.publish("a", 2, false, "x");
        let id = client.message().id;
        client.send(with(0x50, id));
        client.expect(ack(0x62, id));
        client.send(with(0x70, id));
        client.send(publish_with(V5, 4, "b", 9, &[], b""));
        client.expect_ack(0x50, 9);
        client.send(with(0x62, 9));
        client.expect(ack(0x70, 9));
    }
    client.expect_nothing();
}

// 5.0 [MQTT-4.13.1-1] · 3.1.1 [MQTT-4.8.0-1]
#[test]
fn an_acknowledgement_of_the_wrong_kind_ends_the_connection() {
    let broker = Broker::local();
    let wrong: [(u8, &[u8]); 6] = [
        (1, &[0x50]),
        (1, &[0x70]),
        (2, &[0x40]),
        (2, &[0x70]),
        (2, &[0x50, 0x40]),
        (2, &[0x50, 0x50, 0x40]),
    ];
    for version in BOTH {
        for (qos, packets) in wrong {
            let mut client = Client::open(&broker, &version.persistent("wrong"));
            client.subscribe("a", 2);
            let mut publisher = Client::new(&broker, version, "publisher");
            publisher.publish("a", qos, false, "x");
            let id = client.message().id;
            let (last, right) = packets.split_last().expect("one at least");
            for &first in right {
                client.send(ack(first, id));
                client.expect(ack(0x62, id));
            }
            client.send(ack(*last, id));
            client.expect_end(0x82);
            // The message is still in flight, and reaches the client after all.
            let mut client = Client::open(&broker, &version.persistent("wrong"));
            match right.is_empty() {
                true => assert_eq!(client.receive("x").id, id),
                false => {
                    client.expect(ack(0x62, id));
                    client.send(ack(0x70, id));
                    client.expect_nothing();
                }
            }
            Client::new(&broker, version, "wrong").leave();
        }
    }
}
