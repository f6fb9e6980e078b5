//! 3.8 to 3.11: SUBSCRIBE, SUBACK, UNSUBSCRIBE and UNSUBACK.

use crate::client::Client;
use crate::support::Broker;
use crate::wire::*;

// 5.0 [MQTT-3.8.4-1] [MQTT-3.8.4-5] [MQTT-3.8.4-6] [MQTT-3.8.4-7] [MQTT-3.9.3-1]
//     [MQTT-3.9.3-2] · 3.1.1 [MQTT-3.8.4-1] [MQTT-3.8.4-4] [MQTT-3.8.4-5] [MQTT-3.9.3-1]
//     [MQTT-3.9.3-2] [MQTT-3.8.3-2]
#[test]
fn one_suback_answers_all_filters_in_their_order() {
    let broker = Broker::local();
    for version in BOTH {
        let mut client = Client::new(&broker, version, "many");
        let filters = [("a", 0), ("b/#", 2), ("+/c", 1), ("$share/g/d", 1)];
        client.send(subscribe(version, 9, &[], &filters));
        client.expect(client.suback(9, &[0, 2, 1, 1]));
        for topic in ["a", "b/x", "x/c", "d"] {
            Client::new(&broker, version, "publisher").publish(topic, 2, false, topic);
            client.receive(topic);
        }
    }
}

// 5.0 [MQTT-3.8.3-3]
#[test]
fn with_no_local_a_client_does_not_get_its_own_messages() {
    let broker = Broker::local();
    let mut client = Client::new(&broker, V5, "self");
    client.subscribe("a", 0x04);
    client.publish("a", 1, true, "own");
    client.expect_nothing();
    Client::new(&broker, V5, "other").publish("a", 1, false, "other's");
    client.receive("other's");
    // Neither when it comes to it as a retained message.
    client.subscribe("a", 0x04);
    client.expect_nothing();
    client.subscribe("a", 0x00);
    client.receive("own");
}

// 5.0 [MQTT-3.8.4-3] [MQTT-3.8.4-4] · 3.1.1 [MQTT-3.8.4-3]
#[test]
fn the_same_filter_again_replaces_the_subscription() {
    let broker = Broker::local();
    for version in BOTH {
        let mut publisher = Client::new(&broker, version, "publisher");
        publisher.publish("a", 2, true, "kept");
        let mut client = Client::new(&broker, version, "again");
        for qos in [2, 0, 1] {
            client.subscribe("a", qos);
            assert_eq!(client.receive("kept").qos, qos);
            publisher.publish("a", 2, false, "live");
            assert_eq!(client.receive("live").qos, qos);
            client.expect_nothing();
        }
        publisher.publish("a", 0, true, "");
    }
}

// 5.0 [MQTT-3.8.4-4] · 3.1.1 [MQTT-3.8.4-3]
#[test]
fn no_message_is_lost_while_a_subscription_is_replaced() {
    let broker = Broker::with_config("log_type error\nlog_type information");
    for version in BOTH {
        let mut client = Client::new(&broker, version, "again");
        client.subscribe("a", 1);
        let mut publisher = Client::new(&broker, version, "publisher");
        let mut received = 0;
        for number in 0..200_u16 {
            let payload = number.to_string();
            publisher.send(publish_with(
                version,
                2,
                "a",
                1 + number,
                &[],
                payload.as_bytes(),
            ));
            client.send(subscribe(version, 5, &[], &[("a", 1)]));
        }
        while received < 200 {
            let (first, body) = client.raw.packet();
            if first == 0x90 {
                continue;
            }
            let message = Publish::parse(version, first, &body);
            assert_eq!(message.payload, received.to_string().as_bytes());
            client.send(ack(0x40, message.id));
            received += 1;
        }
    }
}

// 5.0 [MQTT-3.10.4-1] [MQTT-3.10.4-2] [MQTT-3.10.4-4] [MQTT-3.10.4-6] [MQTT-3.11.3-1]
//     [MQTT-3.11.3-2] · 3.1.1 [MQTT-3.10.4-1] [MQTT-3.10.4-2] [MQTT-3.10.4-4] [MQTT-3.10.4-6]
#[test]
fn an_unsubscribe_takes_away_exactly_the_filters_it_names() {
    let broker = Broker::local();
    for version in BOTH {
        let mut client = Client::new(&broker, version, "leaving");
        let filters = [("a/b", 0), ("a/+", 0), ("c", 0), ("d", 0)];
        client.send(subscribe(version, 1, &[], &filters));
        client.expect(client.suback(1, &[0; 4]));
        client.send(unsubscribe(version, 2, &["a/+", "a/#", "c", "+"]));
        let codes: &[u8] = match version {
            V311 => &[],
            V5 => &[0, 0, 0x11, 0, 0x11],
        };
        client.expect(packet(0xb0, &[&[0, 2], codes].concat()));
        let mut publisher = Client::new(&broker, version, "publisher");
        for topic in ["a/c", "c", "a/b", "d"] {
            publisher.publish(topic, 1, false, topic);
        }
        client.receive("a/b");
        client.receive("d");
        client.expect_nothing();
    }
}

// 5.0 [MQTT-3.10.4-3] · 3.1.1 [MQTT-3.10.4-3]
#[test]
fn an_unsubscribe_lets_finish_what_has_begun() {
    let broker = Broker::local();
    for version in BOTH {
        let mut client = Client::new(&broker, version, "leaving");
        client.subscribe("a", 2);
        Client::new(&broker, version, "publisher").publish("a", 2, false, "x");
        let message = client.message();
        client.unsubscribe("a");
        client.send(ack(0x50, message.id));
        client.expect(ack(0x62, message.id));
        client.send(ack(0x70, message.id));
        client.expect_nothing();
    }
}
