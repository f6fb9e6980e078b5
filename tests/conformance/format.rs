//! 1.5 data representation and 2 the format of packets.

use crate::client::Client;
use crate::support::Broker;
use crate::wire::*;

// 5.0 [MQTT-1.5.4-3] · 3.1.1 [MQTT-1.5.3-3]
#[test]
fn a_byte_order_mark_is_a_character_like_any_other() {
    let broker = Broker::local();
    for version in BOTH {
        let mut client = Client::new(&broker, version, "bom");
        client.subscribe("#", 0);
        for topic in ["\u{feff}a", "a\u{feff}", "a/\u{feff}/b"] {
            client.send(publish_with(version, 0, topic, 0, &[], b"x"));
            assert_eq!(client.receive("x").topic, topic.as_bytes());
        }
        client.leave();
        let mut client = Client::new(&broker, version, "bom");
        client.subscribe("\u{feff}a", 0);
        client.send(publish_with(version, 0, "a", 0, &[], b"without"));
        client.expect_nothing();
    }
}

// 5.0 [MQTT-1.5.5-1] · 3.1.1 [MQTT-2.3.1-5]
#[test]
fn lengths_are_written_in_their_shortest_form() {
    let broker = Broker::local();
    for version in BOTH {
        let mut client = Client::new(&broker, version, "lengths");
        client.subscribe("a", 0);
        let overhead = 3 + version.no_properties().len();
        for remaining in [127, 128, 16_383, 16_384, 65_536, 100_000] {
            let payload = vec![b'x'; remaining - overhead];
            let bytes = publish_with(version, 0, "a", 0, &[], &payload);
            client.send(&bytes);
            client.expect(&bytes);
        }
    }
}

// 5.0 [MQTT-1.5.5-1]
#[test]
fn a_length_that_is_written_too_long_is_understood() {
    let broker = Broker::local();
    for version in BOTH {
        let mut client = Client::new(&broker, version, "long");
        for ping in [&[0xc0, 0x80, 0x00][..], &[0xc0, 0x80, 0x80, 0x80, 0x00]] {
            client.send(ping);
            client.expect([0xd0, 0]);
        }
    }
}

// 5.0 [MQTT-2.2.1-2] [MQTT-2.2.2-1] [MQTT-4.3.1-1] · 3.1.1 [MQTT-2.3.1-5] [MQTT-4.3.1-1]
#[test]
fn a_publish_of_qos_0_has_no_packet_identifier() {
    let broker = Broker::local();
    for version in BOTH {
        let mut client = Client::new(&broker, version, "plain");
        client.subscribe("a", 0);
        Client::new(&broker, version, "publisher").publish("a", 2, false, "x");
        let expected: &[u8] = match version {
            V311 => b"\x30\x04\x00\x01ax",
            V5 => b"\x30\x05\x00\x01a\x00x",
        };
        client.expect(expected);
    }
}

// 5.0 [MQTT-2.2.1-4] [MQTT-4.3.2-1] [MQTT-4.3.2-2] [MQTT-4.3.3-1] [MQTT-4.3.3-2] ·
// 3.1.1 [MQTT-2.3.1-4] [MQTT-4.3.2-1] [MQTT-4.3.3-1] [MQTT-2.3.1-1]
#[test]
fn each_message_in_flight_has_a_packet_identifier_of_its_own() {
    let broker = Broker::with_config("max_inflight_messages 0");
    for version in BOTH {
        let mut client = Client::new(&broker, version, "holding");
        client.subscribe("a", 2);
        let mut publisher = Client::new(&broker, version, "publisher");
        let mut ids = Vec::new();
        for number in 0..100 {
            let qos = 1 + number % 2;
            publisher.publish("a", qos, false, "x");
            let message = client.message();
            assert_eq!((message.dup, message.qos), (false, qos));
            assert_ne!(message.id, 0);
            ids.push(message.id);
        }
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 100);
    }
}

// 5.0 [MQTT-2.2.1-5] [MQTT-2.2.1-6] [MQTT-3.8.4-2] [MQTT-3.10.4-5] ·
// 3.1.1 [MQTT-2.3.1-7] [MQTT-3.8.4-2] [MQTT-3.10.4-4] [MQTT-3.10.4-5]
#[test]
fn an_answer_carries_the_packet_identifier_of_its_question() {
    let broker = Broker::local();
    for version in BOTH {
        let mut client = Client::new(&broker, version, "asking");
        for id in [1, 4321, 65_535] {
            client.send(subscribe(version, id, &[], &[("a", 0)]));
            client.expect(client.suback(id, &[0]));
            client.send(unsubscribe(version, id, &["none"]));
            let codes: &[u8] = match version {
                V311 => &[],
                V5 => &[0, 0x11],
            };
            client.expect(packet(0xb0, &[&id.to_be_bytes()[..], codes].concat()));
        }
    }
}
