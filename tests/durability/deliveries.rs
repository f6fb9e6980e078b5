//! What was sent to a client and not acknowledged.

use crate::client::Client;
use crate::scene::{absent, durable_broker, pull_the_plug, resume};
use crate::wire::*;

#[test]
fn an_unacknowledged_message_comes_again_as_a_repetition() {
    for version in BOTH {
        for qos in [1, 2] {
            let mut broker = durable_broker("");
            let mut client = Client::open(&broker, &version.persistent("client"));
            client.subscribe("a", qos);
            Client::new(&broker, version, "publisher").publish("a", qos, false, "kept");
            let first = client.message();
            assert!(!first.dup);
            pull_the_plug(&mut broker);
            let mut client = resume(&broker, version, "client");
            let again = client.receive("kept");
            assert_eq!(again, Publish { dup: true, ..first });
            client.expect_nothing();
        }
    }
}

#[test]
fn a_message_whose_pubrec_was_answered_is_not_published_again() {
    for version in BOTH {
        let mut broker = durable_broker("");
        let mut client = Client::open(&broker, &version.persistent("client"));
        client.subscribe("a", 2);
        Client::new(&broker, version, "publisher").publish("a", 2, false, "once");
        let message = client.message();
        client.send(ack(0x50, message.id));
        client.expect(ack(0x62, message.id));
        // From here on the client may have forgotten that it had the message.
        for _ in 0..2 {
            pull_the_plug(&mut broker);
            client = resume(&broker, version, "client");
            client.expect_ack(0x62, message.id);
            client.expect_nothing();
        }
        client.send(ack(0x70, message.id));
        client.expect_nothing();
        pull_the_plug(&mut broker);
        let mut client = resume(&broker, version, "client");
        client.send([0xc0, 0]);
        // That the delivery is over may have been forgotten, not that the client has it.
        let mut next = client.raw.packet();
        if next == (0x62, message.id.to_be_bytes().to_vec()) {
            client.send(ack(0x70, message.id));
            next = client.raw.packet();
        }
        assert_eq!(next, (0xd0, Vec::new()));
    }
}

#[test]
fn what_was_in_flight_comes_first_and_then_what_waited() {
    for version in BOTH {
        let mut broker = durable_broker("max_inflight_messages 3");
        let mut client = Client::open(&broker, &version.persistent("client"));
        client.subscribe("a", 2);
        let mut publisher = Client::new(&broker, version, "publisher");
        for (number, qos) in [1, 2, 1, 2, 1].into_iter().enumerate() {
            publisher.publish("a", qos, false, &number.to_string());
        }
        let sent = [0; 3].map(|_| client.message());
        pull_the_plug(&mut broker);
        Client::new(&broker, version, "publisher").publish("a", 1, false, "5");
        let mut client = resume(&broker, version, "client");
        for first in sent {
            let payload = String::from_utf8_lossy(&first.payload).into_owned();
            assert_eq!(client.receive(&payload), Publish { dup: true, ..first });
        }
        for number in 3..6 {
            assert!(!client.receive(&number.to_string()).dup);
        }
        client.expect_nothing();
    }
}

#[test]
fn a_new_message_does_not_get_the_packet_identifier_of_one_in_flight() {
    for version in BOTH {
        let mut broker = durable_broker("");
        absent(&broker, version, "client", "a", 2);
        let mut publisher = Client::new(&broker, version, "publisher");
        let mut client = resume(&broker, version, "client");
        for payload in ["taken", "in flight"] {
            publisher.publish("a", 2, false, payload);
        }
        client.receive("taken");
        let in_flight = client.message();
        client.send(ack(0x50, in_flight.id));
        client.expect(ack(0x62, in_flight.id));
        pull_the_plug(&mut broker);
        let mut client = resume(&broker, version, "client");
        client.expect_ack(0x62, in_flight.id);
        Client::new(&broker, version, "publisher").publish("a", 2, false, "new");
        assert_ne!(client.message().id, in_flight.id);
    }
}
