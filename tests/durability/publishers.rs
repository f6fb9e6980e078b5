//! The sender's side of QoS 2: what the broker must remember of its publishers.

use crate::client::Client;
use crate::scene::{absent, durable_broker, pull_the_plug, resume};
use crate::wire::*;

#[test]
fn a_qos_2_message_that_is_sent_again_after_the_kill_is_not_doubled() {
    for version in BOTH {
        let mut broker = durable_broker("");
        absent(&broker, version, "absent", "a", 2);
        let mut publisher = Client::open(&broker, &version.persistent("publisher"));
        publisher.send(publish_with(version, 4, "a", 5, &[], b"once"));
        publisher.expect_ack(0x50, 5);
        pull_the_plug(&mut broker);
        // The PUBREC may have been lost on its way, for all that the publisher knows.
        let mut publisher = resume(&broker, version, "publisher");
        publisher.send(publish_with(version, 4 | 8, "a", 5, &[], b"once"));
        publisher.expect_ack(0x50, 5);
        publisher.send(ack(0x62, 5));
        publisher.expect_ack(0x70, 5);
        let mut client = resume(&broker, version, "absent");
        client.receive("once");
        client.expect_nothing();
    }
}

#[test]
fn a_pubrel_is_answered_after_the_kill_and_frees_the_packet_identifier() {
    for version in BOTH {
        let mut broker = durable_broker("");
        absent(&broker, version, "absent", "a", 2);
        let mut publisher = Client::open(&broker, &version.persistent("publisher"));
        publisher.send(publish_with(version, 4, "a", 5, &[], b"first"));
        publisher.expect_ack(0x50, 5);
        pull_the_plug(&mut broker);
        let mut publisher = resume(&broker, version, "publisher");
        publisher.send(ack(0x62, 5));
        publisher.expect_ack(0x70, 5);
        pull_the_plug(&mut broker);
        // Released for good: the same identifier is now another message's.
        let mut publisher = resume(&broker, version, "publisher");
        publisher.send(publish_with(version, 4, "a", 5, &[], b"second"));
        publisher.expect_ack(0x50, 5);
        publisher.send(ack(0x62, 5));
        publisher.expect_ack(0x70, 5);
        let mut client = resume(&broker, version, "absent");
        client.receive("first");
        client.receive("second");
        client.expect_nothing();
    }
}
