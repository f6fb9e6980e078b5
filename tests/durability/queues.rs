//! What waits for somebody who is not there.

use nix::sys::signal::Signal;

use crate::client::Client;
use crate::scene::{absent, afresh, durable_broker, pull_the_plug, resume};
use crate::wire::*;

#[test]
fn a_message_for_an_absent_client_survives_its_acknowledgement() {
    for version in BOTH {
        for qos in [1, 2] {
            let mut broker = durable_broker("");
            absent(&broker, version, "absent", "a/+", qos);
            Client::new(&broker, version, "publisher").publish("a/b", qos, false, "kept");
            pull_the_plug(&mut broker);
            let mut client = resume(&broker, version, "absent");
            let message = client.receive("kept");
            assert_eq!((message.dup, message.qos), (false, qos));
            assert_eq!((message.retain, &message.topic[..]), (false, &b"a/b"[..]));
            client.expect_nothing();
        }
    }
}

#[test]
fn a_qos_2_message_survives_its_pubrec() {
    let mut broker = durable_broker("");
    absent(&broker, V311, "absent", "a", 2);
    let mut publisher = Client::open(&broker, &V311.persistent("publisher"));
    publisher.send(publish_with(V311, 4, "a", 9, &[], b"kept"));
    publisher.expect(ack(0x50, 9));
    pull_the_plug(&mut broker);
    let mut client = resume(&broker, V311, "absent");
    client.receive("kept");
    client.expect_nothing();
}

#[test]
fn a_session_that_started_afresh_gets_its_messages_too() {
    // Mosquitto forgets it.
    let mut broker = durable_broker("");
    let mut client = Client::open(&broker, &afresh("absent", 600));
    client.subscribe("a", 1);
    client.leave();
    Client::new(&broker, V5, "publisher").publish("a", 1, false, "kept");
    pull_the_plug(&mut broker);
    let mut client = resume(&broker, V5, "absent");
    client.receive("kept");
    client.expect_nothing();
}

#[test]
fn messages_come_in_the_order_in_which_they_were_published() {
    for version in BOTH {
        let mut broker = durable_broker("");
        absent(&broker, version, "absent", "a/#", 2);
        let mut publisher = Client::new(&broker, version, "publisher");
        for number in 0..40 {
            if number == 20 {
                pull_the_plug(&mut broker);
                publisher = Client::new(&broker, version, "publisher");
            }
            let (topic, qos) = [("a/one", 1), ("a/two", 2)][number % 2];
            publisher.publish(topic, qos, false, &number.to_string());
        }
        pull_the_plug(&mut broker);
        let mut client = resume(&broker, version, "absent");
        for number in 0..40 {
            client.receive(&number.to_string());
        }
        client.expect_nothing();
    }
}

#[test]
fn a_message_keeps_its_properties() {
    let mut broker = durable_broker("");
    absent(&broker, V5, "absent", "a", 1);
    let properties = [
        one(0x01, 1),
        text(0x03, "text/plain"),
        text(0x08, "re/ply"),
        [&[0x09][..], &binary(b"\x00\xff")].concat(),
        user("name", "first"),
        user("name", "second"),
        user("", "été"),
    ]
    .concat();
    Client::new(&broker, V5, "publisher").publish_with("a", 2, &properties, "kept");
    pull_the_plug(&mut broker);
    let message = resume(&broker, V5, "absent").receive("kept");
    assert_eq!(message.properties, properties);
}

#[test]
fn a_large_and_an_empty_message_come_as_they_were() {
    let mut broker = durable_broker("");
    absent(&broker, V311, "absent", "a", 1);
    let large = "x".repeat(1 << 20);
    let mut publisher = Client::new(&broker, V311, "publisher");
    publisher.publish("a", 1, false, &large);
    publisher.publish("a", 1, false, "");
    pull_the_plug(&mut broker);
    let mut client = resume(&broker, V311, "absent");
    client.receive(&large);
    client.receive("");
    client.expect_nothing();
}

#[test]
fn what_was_delivered_in_good_order_does_not_come_again() {
    for version in BOTH {
        let mut broker = durable_broker("");
        absent(&broker, version, "client", "a", 2);
        let mut publisher = Client::new(&broker, version, "publisher");
        let mut client = resume(&broker, version, "client");
        for qos in [1, 2] {
            publisher.publish("a", qos, false, "taken");
            client.receive("taken");
        }
        client.leave();
        publisher.publish("a", 1, false, "left");
        broker.restart(Signal::SIGTERM);
        let mut client = resume(&broker, version, "client");
        client.receive("left");
        client.expect_nothing();
    }
}

#[test]
fn everything_survives_a_stop_in_good_order() {
    for version in BOTH {
        let mut broker = durable_broker("");
        absent(&broker, version, "absent", "a", 2);
        let mut publisher = Client::new(&broker, version, "publisher");
        publisher.publish("a", 1, false, "one");
        publisher.publish("a", 2, true, "two");
        broker.restart(Signal::SIGTERM);
        broker.restart(Signal::SIGTERM);
        let mut client = resume(&broker, version, "absent");
        client.receive("one");
        client.receive("two");
        client.expect_nothing();
        let mut newcomer = Client::new(&broker, version, "newcomer");
        newcomer.subscribe("a", 1);
        assert!(newcomer.receive("two").retain);
    }
}
