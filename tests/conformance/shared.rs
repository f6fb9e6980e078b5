//! 4.8: shared subscriptions.

use crate::client::Client;
use crate::support::Broker;
use crate::wire::*;

// 5.0 [MQTT-4.8.2-3]
#[test]
fn each_member_gets_its_share_at_the_qos_it_was_granted() {
    let broker = Broker::local();
    for version in BOTH {
        let mut members: Vec<_> = (0..3)
            .map(|qos| {
                let mut member = Client::new(&broker, version, &format!("member{qos}"));
                member.subscribe("$share/g/a/+", qos);
                member
            })
            .collect();
        let mut alone = Client::new(&broker, version, "alone");
        alone.subscribe("a/+", 0);
        let mut other_group = Client::new(&broker, version, "other group");
        other_group.subscribe("$share/h/a/+", 0);
        let mut publisher = Client::new(&broker, version, "publisher");
        for number in 0..9 {
            publisher.publish("a/b", 2, false, &number.to_string());
            alone.receive(&number.to_string());
            other_group.receive(&number.to_string());
        }
        for (qos, member) in (0..).zip(&mut members) {
            for _ in 0..3 {
                let message = member.message();
                assert_eq!(message.qos, qos);
                if qos == 1 {
                    member.send(ack(0x40, message.id));
                }
            }
            member.expect_nothing();
        }
    }
}

// 5.0 [MQTT-4.8.2-3]
#[test]
fn members_who_are_there_come_before_those_who_are_not() {
    let broker = Broker::local();
    let mut absent = Client::open(&broker, &V5.persistent("absent"));
    absent.subscribe("$share/g/a", 1);
    absent.leave();
    let mut present = Client::open(&broker, &V5.persistent("present"));
    present.subscribe("$share/g/a", 1);
    let mut publisher = Client::new(&broker, V5, "publisher");
    for number in 0..4 {
        publisher.publish("a", 1, false, &number.to_string());
        present.receive(&number.to_string());
    }
    present.leave();
    // With nobody there the messages wait for whoever comes.
    for _ in 0..4 {
        publisher.publish("a", 1, false, "waiting");
    }
    let mut count = 0;
    for id in ["absent", "present"] {
        let mut client = Client::open(&broker, &V5.persistent(id));
        client.send([0xc0, 0, 0xc0, 0]);
        let mut pongs = 0;
        while pongs < 2 {
            let (first, body) = client.raw.packet();
            if first == 0xd0 {
                pongs += 1;
                continue;
            }
            client.send(ack(0x40, Publish::parse(V5, first, &body).id));
            count += 1;
        }
    }
    assert_eq!(count, 4);
}

// 5.0 [MQTT-4.8.2-4] [MQTT-4.8.2-5]
#[test]
fn a_message_of_qos_2_in_flight_stays_with_its_member() {
    let broker = Broker::local();
    let mut member = Client::open(&broker, &V5.persistent("member"));
    member.subscribe("$share/g/a", 2);
    Client::new(&broker, V5, "publisher").publish("a", 2, false, "x");
    let sent = member.message();
    let mut other = Client::new(&broker, V5, "other");
    other.subscribe("$share/g/a", 2);
    member.cut(&broker);
    other.expect_nothing();
    let mut member = Client::open(&broker, &V5.persistent("member"));
    assert_eq!(member.message(), Publish { dup: true, ..sent });
    member.cut(&broker);
    // Its session ends, and the message with it.
    Client::new(&broker, V5, "member").leave();
    other.expect_nothing();
}

#[test]
fn a_message_of_qos_1_moves_to_another_member_when_the_session_ends() {
    let broker = Broker::local();
    let mut member = Client::open(&broker, &V5.persistent("member"));
    member.subscribe("$share/g/a", 1);
    Client::new(&broker, V5, "publisher").publish("a", 1, false, "x");
    member.message();
    let mut other = Client::new(&broker, V5, "other");
    other.subscribe("$share/g/a", 1);
    member.cut(&broker);
    // Its member may still come back for it.
    other.expect_nothing();
    Client::new(&broker, V5, "member").leave();
    assert_eq!(other.message().payload, b"x");
}

// 5.0 [MQTT-4.8.2-6]
#[test]
fn a_message_that_its_member_refuses_goes_to_nobody_else() {
    let broker = Broker::local();
    let mut member = Client::new(&broker, V5, "member");
    member.subscribe("$share/g/a", 2);
    let mut publisher = Client::new(&broker, V5, "publisher");
    publisher.publish("a", 1, false, "x");
    publisher.publish("a", 2, false, "x");
    let mut other = Client::new(&broker, V5, "other");
    other.subscribe("$share/g/a", 2);
    for first in [0x40, 0x50] {
        let id = member.message().id.to_be_bytes();
        member.send(packet(first, &[&id[..], &[0x80]].concat()));
    }
    member.expect_nothing();
    other.expect_nothing();
}

// 5.0 [MQTT-3.10.4-1] [MQTT-3.8.4-3]
#[test]
fn a_member_that_leaves_its_group_gets_nothing_more() {
    let broker = Broker::local();
    let mut client = Client::new(&broker, V5, "member");
    client.subscribe("$share/g/a", 0);
    client.subscribe("a", 0);
    client.unsubscribe("$share/g/a");
    client.publish("a", 0, false, "x");
    client.receive("x");
    client.expect_nothing();
}
