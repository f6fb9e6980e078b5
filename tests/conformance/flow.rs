//! 4.9: flow control, in both directions.

use crate::client::Client;
use crate::support::Broker;
use crate::wire::*;

// 5.0 [MQTT-3.3.4-9] [MQTT-3.3.4-10] [MQTT-4.9.0-1] [MQTT-4.9.0-2] [MQTT-4.9.0-3]
#[test]
fn the_broker_keeps_to_the_receive_maximum_of_the_client() {
    let broker = Broker::local();
    for maximum in [1, 2, 5] {
        for qos in 1..3 {
            let limit = two(RECEIVE_MAXIMUM, maximum);
            let mut client = Client::open(&broker, &V5.connect("window").property(&limit));
            client.subscribe("a", 2);
            let mut publisher = Client::new(&broker, V5, "publisher");
            for number in 0..10 {
                publisher.publish("a", qos, false, &number.to_string());
            }
            let mut in_flight: Vec<_> = (0..maximum).map(|_| client.message()).collect();
            // A full window stops nothing else: answers, and messages of QoS 0.
            client.expect_nothing();
            client.subscribe("other", 0);
            for number in 0..10 {
                let oldest = in_flight.remove(0);
                assert_eq!(oldest.payload, number.to_string().into_bytes());
                if qos == 1 {
                    client.send(ack(0x40, oldest.id));
                } else {
                    client.send(ack(0x50, oldest.id));
                    client.expect(ack(0x62, oldest.id));
                    // Only the PUBCOMP makes room.
                    client.expect_nothing();
                    client.send(ack(0x70, oldest.id));
                }
                if number + maximum < 10 {
                    in_flight.push(client.message());
                }
                client.expect_nothing();
            }
        }
    }
}

// 3.1.1 [MQTT-4.6.0-6]
#[test]
fn a_window_of_one_works_before_mqtt_5_too() {
    let broker = Broker::with_config("max_inflight_messages 1");
    let mut client = Client::new(&broker, V311, "window");
    client.subscribe("a", 2);
    let mut publisher = Client::new(&broker, V311, "publisher");
    for number in 0..10 {
        publisher.publish("a", 1 + number % 2, false, &number.to_string());
    }
    for number in 0..10 {
        client.receive(&number.to_string());
    }
    client.expect_nothing();
}

// 5.0 [MQTT-3.3.4-7] [MQTT-4.9.0-1]
#[test]
fn a_client_over_a_configured_receive_maximum_is_disconnected() {
    let broker = Broker::with_config("max_inflight_messages 2");
    let connect = V5.persistent("greedy");
    let mut client = Client::open(&broker, &connect);
    assert!(contains(&client.properties, &two(RECEIVE_MAXIMUM, 2)));
    for id in 1..=2 {
        client.send(publish_with(V5, 4, "a", id, &[], b"x"));
        client.expect(ack(0x50, id));
    }
    client.send(ack(0x62, 1));
    client.expect(ack(0x70, 1));
    client.send(publish_with(V5, 4, "a", 3, &[], b"x"));
    client.expect(ack(0x50, 3));
    // One that is sent again counts once.
    client.send(publish_with(V5, 0x0c, "a", 3, &[], b"x"));
    client.expect(ack(0x50, 3));
    client.send(publish_with(V5, 4, "a", 4, &[], b"x"));
    client.expect_end(0x93);
    // Those that wait for their PUBREL since the last connection do not count (4.9).
    let mut client = Client::open(&broker, &connect);
    for id in 4..=5 {
        client.send(publish_with(V5, 4, "a", id, &[], b"x"));
        client.expect(ack(0x50, id));
    }
    for id in 2..=3 {
        client.send(ack(0x62, id));
        client.expect(ack(0x70, id));
    }
    client.send(publish_with(V5, 4, "a", 6, &[], b"x"));
    client.expect_end(0x93);
    // Nobody told MQTT 3.1.1 of a limit: no message is lost.
    let mut old = Client::new(&broker, V311, "greedy too");
    for id in 1..=50 {
        old.send(publish_with(V311, 4, "a", id, &[], b"x"));
        old.expect(ack(0x50, id));
    }
}

// 5.0 [MQTT-3.3.4-7]
#[test]
fn a_client_over_the_default_receive_maximum_loses_nothing() {
    let broker = Broker::local();
    let mut reader = Client::open(
        &broker,
        &V5.connect("reader").property(&two(RECEIVE_MAXIMUM, 65535)),
    );
    reader.subscribe("a", 0);
    let mut client = Client::open(&broker, &V5.persistent("greedy"));
    assert!(contains(&client.properties, &two(RECEIVE_MAXIMUM, 20)));
    let packets = (1..=u16::MAX).map(|id| publish_with(V5, 4, "a", id, &[], &id.to_be_bytes()));
    for some in packets.collect::<Vec<_>>().chunks(1000) {
        client.send(some.concat());
        for sent in some {
            client.expect([&[0x50, 2], &sent[5..7]].concat());
            assert_eq!(reader.message().payload, sent[sent.len() - 2..]);
        }
    }
    client.send(
        (1..=u16::MAX)
            .flat_map(|id| ack(0x62, id))
            .collect::<Vec<_>>(),
    );
    for id in 1..=u16::MAX {
        client.expect(ack(0x70, id));
    }
    reader.expect_nothing();
}
