//! 3.2 CONNACK.

use crate::client::Client;
use crate::support::Broker;
use crate::wire::*;

// 5.0 [MQTT-3.2.0-1] [MQTT-3.2.0-2] [MQTT-3.2.2-1] [MQTT-3.2.2-8] [MQTT-2.2.2-1]
//     [MQTT-4.12.0-6] · 3.1.1 [MQTT-3.2.0-1]
#[test]
fn the_first_packet_of_the_broker_is_its_only_connack() {
    let broker = Broker::local();
    for version in BOTH {
        let mut resumed = Client::open(&broker, &version.persistent("queued"));
        resumed.subscribe("a", 1);
        resumed.leave();
        Client::new(&broker, version, "publisher").publish("a", 1, false, "queued");
        // The CONNACK comes before what waits.
        let mut resumed = Client::open(&broker, &version.persistent("queued"));
        resumed.receive("queued");
        resumed.expect_nothing();
    }
    let mut client = broker.raw_client();
    client.send(V5.connect("properties").bytes());
    let expected = [two(0x22, 10), four(0x27, 2_000_000), two(0x21, 20)].concat();
    client.expect(packet(0x20, &[&[0, 0][..], &sized(&expected)].concat()));
}

// 5.0 [MQTT-3.2.2-9] [MQTT-3.2.2-10] [MQTT-3.2.2-11] [MQTT-3.2.2-12]
#[test]
fn a_broker_of_lower_qos_says_so_and_grants_it() {
    for (maximum, connack_property) in [(0, [0x24, 0]), (1, [0x24, 1])] {
        let broker = Broker::with_config(&format!("max_qos {maximum}"));
        let mut client = Client::new(&broker, V5, "low");
        assert!(contains(&client.properties, &connack_property));
        client.send(subscribe(V5, 1, &[], &[("a", 0), ("b", 1), ("c", 2)]));
        let granted = [0, 1.min(maximum), 2.min(maximum)];
        client.expect(client.suback(1, &granted));
        client.publish("c", maximum, false, "allowed");
        client.receive("allowed");
        client.send(publish_with(
            V5,
            (maximum + 1) << 1,
            "c",
            1,
            &[],
            b"too high",
        ));
        client.expect_end(0x9b);
        let mut client = Client::new(&broker, V311, "low");
        client.send(publish_with(
            V311,
            (maximum + 1) << 1,
            "c",
            1,
            &[],
            b"too high",
        ));
        client.expect_end(0);
        let will = |version: Version| version.connect("low").will(maximum + 1, false, &[]).bytes();
        assert_eq!(refused(&broker, &will(V311)), b"");
        let said = refused(&broker, &will(V5));
        assert_eq!((said[0], said[2], said[3]), (0x20, 0, 0x9b));
    }
    let broker = Broker::local();
    let client = Client::new(&broker, V5, "high");
    assert!(!client.properties.contains(&0x24));
}

// 5.0 [MQTT-3.2.2-13] [MQTT-3.2.2-14]
#[test]
fn a_broker_that_keeps_no_messages_says_so_and_refuses_them() {
    let broker = Broker::with_config("retain_available false");
    let mut client = Client::new(&broker, V5, "keeper");
    assert!(contains(&client.properties, &[0x25, 0]));
    client.send(publish_with(V5, 1, "a", 0, &[], b"kept"));
    client.expect_end(0x9a);
    let mut client = Client::new(&broker, V311, "keeper");
    client.send(publish_with(V311, 1, "a", 0, &[], b"kept"));
    client.expect_end(0);
    let will = |version: Version| version.connect("keeper").will(0, true, &[]).bytes();
    assert_eq!(refused(&broker, &will(V311)), b"");
    assert_eq!(refused(&broker, &will(V5))[..4], [0x20, 3, 0, 0x9a]);
}

// 5.0 [MQTT-3.2.2-15] · 3.1.1 [MQTT-4.8.0-2]
#[test]
fn a_packet_larger_than_the_broker_takes_ends_its_connection_alone() {
    let broker = Broker::with_config("max_packet_size 1000");
    let mut bystander = Client::new(&broker, V311, "bystander");
    for version in BOTH {
        let mut client = Client::new(&broker, version, "large");
        if version == V5 {
            assert!(contains(&client.properties, &four(0x27, 1000)));
        }
        let overhead = 1 + 2 + 3 + version.no_properties().len();
        client.publish("a", 0, false, &"x".repeat(1000 - overhead));
        let payload = vec![b'x'; 1001 - overhead];
        client.send(publish_with(version, 0, "a", 0, &[], &payload));
        client.expect_end(0x95);
    }
    bystander.expect_nothing();
}

// 5.0 [MQTT-3.2.2-17] [MQTT-3.2.2-18] [MQTT-3.3.2-12]
#[test]
fn topic_aliases_of_clients_are_taken_up_to_the_limit_the_broker_told() {
    for (maximum, config) in [(10, ""), (3, "max_topic_alias 3"), (0, "max_topic_alias 0")] {
        let broker = Broker::with_config(config);
        let mut client = Client::new(&broker, V5, "aliases");
        assert_eq!(
            contains(&client.properties, &two(TOPIC_ALIAS_MAXIMUM, maximum)),
            maximum > 0
        );
        client.subscribe("+", 0);
        for alias in 1..=maximum {
            let topic = format!("t{alias}");
            let property = two(TOPIC_ALIAS, alias);
            for topic_sent in [&topic[..], ""] {
                client.send(publish_with(V5, 0, topic_sent, 0, &property, b"x"));
                assert_eq!(client.receive("x").topic, topic.as_bytes());
            }
            // An alias may be given to another topic.
            client.send(publish_with(V5, 0, "other", 0, &property, b"y"));
            assert_eq!(client.receive("y").topic, b"other");
        }
        client.send(publish_with(
            V5,
            0,
            "t",
            0,
            &two(TOPIC_ALIAS, maximum + 1),
            b"x",
        ));
        client.expect_end(0x94);
    }
}
