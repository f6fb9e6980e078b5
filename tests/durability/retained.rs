//! Retained messages.

use std::collections::HashSet;

use crate::client::Client;
use crate::scene::{durable_broker, pull_the_plug, resume};
use crate::support::Broker;
use crate::support::raw_client::PINGREQ;
use crate::wire::*;

/// What somebody new gets from `filter`.
#[track_caller]
fn retained(broker: &Broker, filter: &str) -> Vec<(String, String)> {
    let mut client = Client::new(broker, V311, "newcomer");
    client.subscribe(filter, 0);
    let mut found = Vec::new();
    // An answer may overtake a message once.
    for _ in 0..2 {
        client.send([0xc0, 0]);
        while let (first @ 0x30..0x40, body) = client.raw.packet() {
            let message = Publish::parse(V311, first, &body);
            assert!(message.retain);
            let string = |bytes| String::from_utf8(bytes).expect("a text");
            found.push((string(message.topic), string(message.payload)));
        }
    }
    client.leave();
    found.sort();
    found
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs
        .iter()
        .map(|(topic, payload)| ((*topic).to_owned(), (*payload).to_owned()))
        .collect()
}

#[test]
fn a_retained_message_is_set_replaced_and_cleared_for_good() {
    for version in BOTH {
        for qos in [1, 2] {
            let mut broker = durable_broker("");
            let mut publish = |payload: &str| {
                let mut client = Client::new(&broker, version, "publisher");
                client.publish("maison/été", qos, true, payload);
                pull_the_plug(&mut broker);
                retained(&broker, "maison/#")
            };
            assert_eq!(publish("first"), pairs(&[("maison/été", "first")]));
            assert_eq!(publish("second"), pairs(&[("maison/été", "second")]));
            assert_eq!(publish(""), []);
        }
    }
}

#[test]
fn many_retained_messages_are_all_there() {
    let mut broker = durable_broker("");
    let mut client = Client::new(&broker, V5, "publisher");
    let mut expected = Vec::new();
    for number in 0..100 {
        let (topic, payload) = (format!("t/{number:03}"), number.to_string());
        client.publish(&topic, 1, true, &payload);
        if number % 3 == 0 {
            client.publish(&topic, 1, true, "");
        } else {
            expected.push((topic, payload));
        }
    }
    for _ in 0..2 {
        pull_the_plug(&mut broker);
        assert_eq!(retained(&broker, "t/+"), expected);
    }
}

#[test]
fn a_retained_message_keeps_its_qos_and_its_properties() {
    let mut broker = durable_broker("");
    let properties = [text(0x03, "text/plain"), user("n", "v")].concat();
    let mut client = Client::new(&broker, V5, "publisher");
    client.publish_with("a", 4 | 1, &properties, "kept");
    pull_the_plug(&mut broker);
    let mut client = Client::new(&broker, V5, "newcomer");
    client.subscribe("a", 2);
    let message = client.receive("kept");
    assert_eq!((message.qos, message.retain), (2, true));
    assert_eq!(message.properties, properties);
}

#[test]
fn retained_messages_of_a_new_subscription_survive_before_they_are_sent() {
    const MESSAGES: usize = 200;
    let mut broker = durable_broker("");
    let mut publisher = Client::new(&broker, V311, "publisher");
    for number in 0..MESSAGES {
        publisher.publish(&format!("kept/{number:03}"), 1, true, "kept");
    }
    let connect = V5.persistent("subscriber");
    let connect = connect.property(&two(RECEIVE_MAXIMUM, 5));
    let mut subscriber = Client::open(&broker, &connect);
    subscriber.send(subscribe(V5, 7, &[], &[("kept/#", 1)]));
    // Messages do not wait until the subscription is stored.
    while subscriber.packet() != (0x90, vec![0, 7, 0, 1]) {}
    pull_the_plug(&mut broker);
    let mut subscriber = resume(&broker, V5, "subscriber");
    let mut topics = HashSet::new();
    while topics.len() < MESSAGES {
        let message = subscriber.receive("kept");
        assert!(message.retain);
        topics.insert(message.topic);
    }
    // Those that were acknowledged may come twice; then it is over for good.
    for _ in 0..2 {
        subscriber.send(PINGREQ);
        while let (first @ 0x30..0x40, body) = subscriber.packet() {
            let id = Publish::parse(V5, first, &body).id;
            subscriber.send(ack(0x40, id));
        }
    }
    subscriber.leave();
    pull_the_plug(&mut broker);
    resume(&broker, V5, "subscriber").expect_nothing();
}
