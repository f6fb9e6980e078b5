//! A disk that is full.

use crate::client::Client;
use crate::scene::{absent, pull_the_plug, resume};
use crate::small_disk::broker_on_small_disk;
use crate::support::raw_client::PINGREQ;
use crate::wire::*;

#[test]
fn on_a_full_disk_publishers_wait_and_nothing_that_was_accepted_is_lost() {
    let Some((disk, mut broker)) = broker_on_small_disk() else {
        return;
    };
    absent(&broker, V311, "absent", "stored", 1);
    let mut publisher = Client::new(&broker, V311, "publisher");
    let payload = vec![b'x'; 100_000];
    let mut sent = 0_u16;
    let is_full = || broker.log().contains("Unable to write to the store");
    while !is_full() {
        sent += 1;
        assert!(sent < 200, "the disk is full by now");
        publisher.send(publish_with(V311, 2, "stored", sent, &[], &payload));
        publisher.send(PINGREQ);
        // A PINGREQ is answered also when a PUBLISH is not.
        while publisher.packet().0 != 0x40 && !is_full() {
            publisher.send(PINGREQ);
        }
    }
    // Who needs no store goes on.
    let mut other = Client::new(&broker, V311, "other");
    other.subscribe("not stored", 1);
    Client::new(&broker, V311, "third").publish("not stored", 1, false, "at once");
    other.receive("at once");

    disk.grow();
    while publisher.packet() != (0x40, sent.to_be_bytes().to_vec()) {}
    broker.wait_for_log("The store takes messages again.");
    pull_the_plug(&mut broker);
    let mut client = resume(&broker, V311, "absent");
    for _ in 0..sent {
        let message = client.message();
        assert_eq!(message.payload.len(), payload.len());
        client.send(ack(0x40, message.id));
    }
    client.expect_nothing();
    drop((client, other, publisher, broker));
}
