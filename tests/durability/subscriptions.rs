//! Subscriptions with all that belongs to them.

use crate::client::Client;
use crate::scene::{absent, durable_broker, pull_the_plug, resume};
use crate::wire::*;

const NO_LOCAL: u8 = 0x04;
const RETAIN_AS_PUBLISHED: u8 = 0x08;

#[test]
fn a_subscription_survives_its_suback() {
    for version in BOTH {
        for qos in 0..3 {
            let mut broker = durable_broker("");
            let mut client = Client::open(&broker, &version.persistent("client"));
            client.subscribe("a/+", qos);
            pull_the_plug(&mut broker);
            let mut client = resume(&broker, version, "client");
            Client::new(&broker, version, "publisher").publish("a/b", 2, false, "heard");
            assert_eq!(client.receive("heard").qos, qos);
        }
    }
}

#[test]
fn a_subscription_keeps_its_options_and_its_identifier() {
    let mut broker = durable_broker("");
    let mut client = Client::open(&broker, &V5.persistent("client"));
    let identifier = [SUBSCRIPTION_ID, 0xff, 0x7f];
    client.subscribe("plain", 1);
    client.subscribe_with("own", 1 | NO_LOCAL, &identifier);
    client.subscribe_with("flag", 1 | RETAIN_AS_PUBLISHED, &identifier);
    pull_the_plug(&mut broker);

    let mut client = resume(&broker, V5, "client");
    client.publish("own", 1, false, "not to me");
    client.expect_nothing();
    let mut publisher = Client::new(&broker, V5, "publisher");
    publisher.publish("own", 1, false, "to you");
    assert_eq!(client.receive("to you").properties, identifier);
    publisher.publish("flag", 1, true, "kept");
    let message = client.receive("kept");
    assert_eq!(
        (message.retain, &message.properties[..]),
        (true, &identifier[..])
    );
    publisher.publish("plain", 1, true, "kept");
    let message = client.receive("kept");
    assert_eq!((message.retain, &message.properties[..]), (false, &[][..]));
}

#[test]
fn a_subscription_that_was_changed_stays_changed() {
    let mut broker = durable_broker("");
    let mut client = Client::open(&broker, &V5.persistent("client"));
    client.subscribe_with("a", 2, &[SUBSCRIPTION_ID, 1]);
    client.subscribe_with("a", 1, &[SUBSCRIPTION_ID, 2]);
    pull_the_plug(&mut broker);
    let mut client = resume(&broker, V5, "client");
    Client::new(&broker, V5, "publisher").publish("a", 2, false, "heard");
    let message = client.receive("heard");
    assert_eq!(
        (message.qos, &message.properties[..]),
        (1, &[SUBSCRIPTION_ID, 2][..])
    );
    client.expect_nothing();
}

#[test]
fn a_shared_subscription_survives() {
    // Mosquitto forgets it.
    let mut broker = durable_broker("");
    let members = ["one", "two"];
    for member in members {
        absent(&broker, V5, member, "$share/group/a", 1);
    }
    pull_the_plug(&mut broker);
    let mut publisher = Client::new(&broker, V5, "publisher");
    let mut clients = members.map(|member| resume(&broker, V5, member));
    for number in 0..10 {
        publisher.publish("a", 1, false, &number.to_string());
    }
    // Each message goes to one of them.
    let mut heard = Vec::new();
    for client in &mut clients {
        // An answer may overtake a message once.
        for _ in 0..2 {
            client.send([0xc0, 0]);
            while let (first @ 0x30..0x40, body) = client.raw.packet() {
                heard.push(Publish::parse(V5, first, &body).payload);
            }
        }
    }
    heard.sort();
    let expected: Vec<_> = (0..10_u8).map(|number| vec![b'0' + number]).collect();
    assert_eq!(heard, expected);
}

#[test]
fn the_end_of_a_subscription_survives_its_unsuback() {
    for version in BOTH {
        let mut broker = durable_broker("");
        let mut client = Client::open(&broker, &version.persistent("client"));
        client.subscribe("a", 1);
        client.subscribe("b", 1);
        client.unsubscribe("a");
        pull_the_plug(&mut broker);
        let mut client = resume(&broker, version, "client");
        let mut publisher = Client::new(&broker, version, "publisher");
        publisher.publish("a", 1, false, "unheard");
        publisher.publish("b", 1, false, "heard");
        client.receive("heard");
        client.expect_nothing();
    }
}
