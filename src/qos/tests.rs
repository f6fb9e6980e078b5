use std::num::NonZeroU16;

use proptest::prelude::*;

use super::*;
use crate::protocol::{Delivery, PacketId, QoS};

fn window(size: u16) -> NonZeroU16 {
    NonZeroU16::new(size).unwrap()
}

fn id(number: u16) -> PacketId {
    PacketId::new(number).unwrap()
}

fn resends(outgoing: &mut Outgoing<u32>) -> Vec<String> {
    let mut sent = Vec::new();
    while let Some(resend) = outgoing.next_resend() {
        sent.push(match resend {
            Resend::Publish(delivery, message) => {
                format!("PUBLISH {message} as {}", delivery.packet_id().unwrap())
            }
            Resend::PubRel(packet_id) => format!("PUBREL {packet_id}"),
        });
    }
    sent
}

#[test]
fn the_window_is_the_receive_maximum() {
    let mut outgoing = Outgoing::new(window(2));
    outgoing.send(QoS::AtLeastOnce, 1);
    assert_eq!(outgoing.room(), 1);
    outgoing.send(QoS::ExactlyOnce, 2);
    assert!(!outgoing.has_room());
    assert_eq!(outgoing.puback(id(1)), PubAckOutcome::Delivered(1));
    assert!(outgoing.has_room());
}

#[test]
fn a_pubrec_leaves_the_window_as_it_is_and_a_pubcomp_makes_room() {
    let mut outgoing = Outgoing::new(window(1));
    outgoing.send(QoS::ExactlyOnce, 7);
    assert_eq!(outgoing.pubrec(id(1), false), PubRecOutcome::Received(7));
    assert!(!outgoing.has_room());
    assert_eq!(outgoing.pubrec(id(1), false), PubRecOutcome::Repeated);
    assert_eq!(outgoing.pubcomp(id(1)), PubCompOutcome::Complete);
    assert!(outgoing.has_room());
}

#[test]
fn a_refusing_pubrec_ends_the_delivery() {
    let mut outgoing = Outgoing::new(window(1));
    outgoing.send(QoS::ExactlyOnce, 7);
    assert_eq!(outgoing.pubrec(id(1), true), PubRecOutcome::Refused(7));
    assert!(outgoing.has_room());
}

#[test]
fn unknown_and_crossed_acknowledgements_change_nothing() {
    let mut outgoing = Outgoing::new(window(5));
    outgoing.send(QoS::AtLeastOnce, 1);
    outgoing.send(QoS::ExactlyOnce, 2);
    assert_eq!(outgoing.puback(id(9)), PubAckOutcome::Unknown);
    assert_eq!(outgoing.puback(id(2)), PubAckOutcome::Unexpected);
    assert_eq!(outgoing.pubrec(id(9), false), PubRecOutcome::Unknown);
    assert_eq!(outgoing.pubrec(id(1), false), PubRecOutcome::Unexpected);
    assert_eq!(outgoing.pubcomp(id(9)), PubCompOutcome::Unknown);
    assert_eq!(outgoing.pubcomp(id(2)), PubCompOutcome::Unexpected);
    assert_eq!(outgoing.in_flight(), 2);
    assert_eq!(outgoing.room(), 3);
}

#[test]
fn packet_identifiers_in_use_are_not_given_out_again() {
    let mut outgoing = Outgoing::new(window(65_535));
    outgoing.send(QoS::AtLeastOnce, 0);
    for message in 1..65_535_u32 {
        outgoing.send(QoS::AtLeastOnce, message);
    }
    assert!(!outgoing.has_room());
    assert_eq!(outgoing.puback(id(300)), PubAckOutcome::Delivered(299));
    assert_eq!(
        outgoing.send(QoS::AtLeastOnce, 1),
        Delivery::AtLeastOnce(id(300))
    );
}

#[test]
fn a_message_that_is_never_acknowledged_does_not_stop_the_others() {
    let mut outgoing = Outgoing::new(window(2));
    outgoing.send(QoS::AtLeastOnce, 0);
    for message in 1..200_000_u32 {
        let packet_id = outgoing
            .send(QoS::AtLeastOnce, message)
            .packet_id()
            .unwrap();
        assert_ne!(packet_id, id(1));
        assert_eq!(
            outgoing.puback(packet_id),
            PubAckOutcome::Delivered(message)
        );
    }
}

#[test]
fn a_resumed_session_sends_again_in_order_what_was_not_acknowledged() {
    let mut outgoing = Outgoing::new(window(10));
    for (qos, message) in [
        (QoS::AtLeastOnce, 1),
        (QoS::ExactlyOnce, 2),
        (QoS::AtLeastOnce, 3),
        (QoS::ExactlyOnce, 4),
        (QoS::ExactlyOnce, 5),
    ] {
        outgoing.send(qos, message);
    }
    outgoing.puback(id(3));
    outgoing.pubrec(id(5), false);
    outgoing.pubrec(id(2), false);
    outgoing.resume(window(10));
    assert_eq!(
        resends(&mut outgoing),
        ["PUBLISH 1 as 1", "PUBLISH 4 as 4", "PUBREL 5", "PUBREL 2"]
    );
}

#[test]
fn resends_keep_to_the_new_window_and_new_messages_wait_behind_them() {
    let mut outgoing = Outgoing::new(window(3));
    for message in 1..=3 {
        outgoing.send(QoS::AtLeastOnce, message);
    }
    outgoing.resume(window(1));
    assert_eq!(resends(&mut outgoing), ["PUBLISH 1 as 1"]);
    outgoing.puback(id(1));
    assert!(!outgoing.has_room());
    assert_eq!(resends(&mut outgoing), ["PUBLISH 2 as 2"]);
    outgoing.puback(id(2));
    assert_eq!(resends(&mut outgoing), ["PUBLISH 3 as 3"]);
    assert!(!outgoing.has_room());
    outgoing.puback(id(3));
    assert!(outgoing.has_room());
}

#[test]
fn what_is_withdrawn_is_not_sent_again_and_what_has_its_pubrec_is_finished() {
    let mut outgoing = Outgoing::new(window(4));
    for (qos, message) in [
        (QoS::AtLeastOnce, 1),
        (QoS::ExactlyOnce, 2),
        (QoS::ExactlyOnce, 3),
        (QoS::AtLeastOnce, 4),
    ] {
        outgoing.send(qos, message);
    }
    outgoing.pubrec(id(3), false);
    assert_eq!(outgoing.withdraw(|_| true), [0; 0], "the receiver has them");
    outgoing.pause();
    assert_eq!(outgoing.withdraw(|&message| message < 4), [1, 2]);
    outgoing.resume(window(4));
    assert_eq!(resends(&mut outgoing), ["PUBLISH 4 as 4", "PUBREL 3"]);
    assert_eq!(outgoing.puback(id(1)), PubAckOutcome::Unknown);
    assert_eq!(outgoing.pubrec(id(2), false), PubRecOutcome::Unknown);
    assert_eq!(outgoing.room(), 2);
    let next = outgoing.send(QoS::ExactlyOnce, 5);
    assert_eq!(
        next.packet_id(),
        Some(id(5)),
        "the receiver may still know 2"
    );
}

#[test]
fn what_waits_for_the_window_can_be_withdrawn_and_makes_way_for_new_messages() {
    let mut outgoing = Outgoing::new(window(3));
    for message in 1..=3 {
        outgoing.send(QoS::AtLeastOnce, message);
    }
    outgoing.resume(window(1));
    assert_eq!(resends(&mut outgoing), ["PUBLISH 1 as 1"]);
    assert_eq!(outgoing.withdraw(|_| true), [2, 3]);
    assert!(!outgoing.has_resends());
    assert_eq!(outgoing.puback(id(1)), PubAckOutcome::Delivered(1));
    assert!(outgoing.has_room());
    assert!(outgoing.is_empty());
}

#[test]
fn the_identifier_of_a_subscribe_is_free_after_its_suback() {
    let mut outgoing = Outgoing::<u32>::new(window(1));
    let packet_id = outgoing.reserve_packet_id().unwrap();
    assert!(outgoing.has_room());
    assert!(outgoing.reply(packet_id));
    assert!(!outgoing.reply(packet_id));
}

#[test]
fn a_qos_2_message_is_taken_once_until_it_is_released() {
    let mut incoming = Incoming::new(window(2));
    assert_eq!(incoming.publish(id(1), "a"), Received::New);
    assert_eq!(incoming.publish(id(1), "a again"), Received::Duplicate);
    assert_eq!(incoming.publish(id(2), "b"), Received::New);
    assert_eq!(incoming.publish(id(3), "c"), Received::QuotaExceeded);
    assert_eq!(incoming.release(id(1)), Some("a"));
    assert_eq!(incoming.release(id(1)), None);
    assert_eq!(incoming.publish(id(1), "d"), Received::New);
    // A new connection has a quota of its own.
    incoming.resume(window(2));
    assert_eq!(incoming.publish(id(3), "e"), Received::New);
    assert_eq!(incoming.publish(id(2), "b again"), Received::Duplicate);
    assert_eq!(incoming.publish(id(1), "d again"), Received::QuotaExceeded);
    assert_eq!(incoming.release(id(1)), Some("d"));
    assert_eq!(incoming.publish(id(4), "f"), Received::QuotaExceeded);
    assert_eq!(incoming.release(id(2)), Some("b"));
    assert_eq!(incoming.publish(id(4), "f"), Received::New);
    assert_eq!(incoming.len(), 2);
}

/// A sender and a receiver joined by a line that is cut at any packet.
mod across_cuts {
    use super::*;

    #[derive(Clone, Copy, Debug)]
    enum Packet {
        Publish(Delivery, u32),
        PubAck(PacketId),
        PubRec(PacketId),
        PubRel(PacketId),
        PubComp(PacketId),
    }

    struct Line {
        outgoing: Outgoing<u32>,
        incoming: Incoming<()>,
        to_receiver: std::collections::VecDeque<Packet>,
        to_sender: std::collections::VecDeque<Packet>,
        delivered: Vec<u32>,
    }

    impl Line {
        fn fill(&mut self, queue: &mut std::collections::VecDeque<u32>) {
            while let Some(resend) = self.outgoing.next_resend() {
                self.to_receiver.push_back(match resend {
                    Resend::Publish(delivery, &message) => Packet::Publish(delivery, message),
                    Resend::PubRel(packet_id) => Packet::PubRel(packet_id),
                });
            }
            while self.outgoing.has_room() {
                let Some(message) = queue.pop_front() else {
                    return;
                };
                let qos = if message % 2 == 0 {
                    QoS::AtLeastOnce
                } else {
                    QoS::ExactlyOnce
                };
                let delivery = self.outgoing.send(qos, message);
                self.to_receiver
                    .push_back(Packet::Publish(delivery, message));
            }
        }

        fn step(&mut self) {
            match self.to_receiver.pop_front() {
                Some(Packet::Publish(Delivery::ExactlyOnce(packet_id), message)) => {
                    if self.incoming.publish(packet_id, ()) == Received::New {
                        self.delivered.push(message);
                    }
                    self.to_sender.push_back(Packet::PubRec(packet_id));
                }
                Some(Packet::Publish(delivery, message)) => {
                    self.delivered.push(message);
                    self.to_sender
                        .push_back(Packet::PubAck(delivery.packet_id().unwrap()));
                }
                Some(Packet::PubRel(packet_id)) => {
                    self.incoming.release(packet_id);
                    self.to_sender.push_back(Packet::PubComp(packet_id));
                }
                _ => {}
            }
            match self.to_sender.pop_front() {
                Some(Packet::PubAck(packet_id)) => drop(self.outgoing.puback(packet_id)),
                Some(Packet::PubRec(packet_id)) => {
                    assert_ne!(
                        self.outgoing.pubrec(packet_id, false),
                        PubRecOutcome::Unknown
                    );
                    self.to_receiver.push_back(Packet::PubRel(packet_id));
                }
                Some(Packet::PubComp(packet_id)) => {
                    self.outgoing.pubcomp(packet_id);
                }
                _ => {}
            }
        }
    }

    proptest! {
        #[test]
        fn qos_1_arrives_at_least_once_and_qos_2_exactly_once(
            messages in 1_u32..60,
            receive_maximum in 1_u16..8,
            cuts in proptest::collection::vec(0_usize..12, 0..20),
        ) {
            let mut line = Line {
                outgoing: Outgoing::new(window(receive_maximum)),
                incoming: Incoming::new(window(receive_maximum)),
                to_receiver: Default::default(),
                to_sender: Default::default(),
                delivered: Vec::new(),
            };
            let mut queue = (0..messages).collect();
            for steps in cuts {
                line.fill(&mut queue);
                for _ in 0..steps {
                    line.step();
                    line.fill(&mut queue);
                }
                line.to_receiver.clear();
                line.to_sender.clear();
                line.outgoing.resume(window(receive_maximum));
            }
            while !(line.outgoing.is_empty() && queue.is_empty()) {
                line.fill(&mut queue);
                line.step();
            }
            for message in 0..messages {
                let times = line.delivered.iter().filter(|&&other| other == message).count();
                prop_assert!(times == 1 || (message % 2 == 0 && times > 1), "{message}: {times}");
            }
            let exactly: Vec<_> =
                line.delivered.iter().copied().filter(|message| message % 2 == 1).collect();
            prop_assert!(exactly.is_sorted());
        }
    }
}
