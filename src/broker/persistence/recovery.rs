//! Contents of the store when the broker starts.

mod contents;

use std::collections::{HashMap, HashSet};

use bytes::Bytes;
use foldhash::fast::RandomState;

use super::key::Key;
use super::record::{
    BadRecord, DeliveryRecord, MessageRecord, SessionRecord, Stage, StoredPresence,
    SubscriptionRecord, WillRecord,
};
use crate::broker::ground::{Clock, SessionNumber};
use crate::protocol::{PacketId, QoS};

/// Everything that a store has.
#[derive(Default)]
pub(in crate::broker) struct Recovery {
    pub(in crate::broker) sessions: HashMap<SessionNumber, RecoveredSession, RandomState>,
    pub(in crate::broker) messages: HashMap<u64, MessageRecord, RandomState>,
    pub(in crate::broker) retained: Vec<(u64, MessageRecord)>,
    /// Records of sessions that are not there, which an ended session may leave behind.
    pub(in crate::broker) orphans: Vec<Key>,
    pub(in crate::broker) last_number: u64,
    /// The wills of sessions that ended with the broker.
    pub(in crate::broker) wills: Vec<(SessionNumber, WillRecord)>,
    /// Messages that were accepted and that nobody was given.
    pub(in crate::broker) unpublished: Vec<(u64, MessageRecord)>,
}

/// A session with everything that belongs to it.
pub(in crate::broker) struct RecoveredSession {
    pub(in crate::broker) session: SessionRecord,
    pub(in crate::broker) subscriptions: Vec<(u64, SubscriptionRecord)>,
    pub(in crate::broker) incoming: Vec<PacketId>,
    pub(in crate::broker) will: Option<WillRecord>,
    /// In the order of their numbers.
    pub(in crate::broker) deliveries: Vec<(u64, DeliveryRecord)>,
}

impl Recovery {
    /// Returns whether there is nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.sessions.is_empty()
            && self.retained.is_empty()
            && self.wills.is_empty()
            && self.unpublished.is_empty()
    }

    /// The greatest number that was given to anything in the store.
    pub(super) fn last_number(&self) -> u64 {
        self.last_number
    }

    /// Takes one record; to be called in the order of the keys.
    pub(super) fn take(&mut self, key: Key, value: Bytes, clock: Clock) -> Result<(), BadRecord> {
        self.last_number = self.last_number.max(key.greatest_number());
        match key {
            Key::Session(number) => {
                let session = RecoveredSession {
                    session: SessionRecord::decode(value, clock)?,
                    subscriptions: Vec::new(),
                    incoming: Vec::new(),
                    will: None,
                    deliveries: Vec::new(),
                };
                self.sessions.insert(number, session);
            }
            Key::Message(number) => {
                let message = MessageRecord::decode(value, clock)?;
                self.messages.insert(number, message);
            }
            Key::Retained(number) => {
                let message = MessageRecord::decode(value, clock)?;
                self.retained.push((number, message));
            }
            Key::Unpublished(number) => {
                let message = MessageRecord::decode(value, clock)?;
                self.unpublished.push((number, message));
            }
            Key::Subscription(session, _)
            | Key::Incoming(session, _)
            | Key::Will(session)
            | Key::Delivery(session, _) => match self.sessions.get_mut(&session) {
                Some(session) => session.take(key, value, clock)?,
                None => match key {
                    Key::Will(session) => {
                        let will = WillRecord::decode(value, clock)?;
                        self.wills.push((session, will));
                    }
                    _ => self.orphans.push(key),
                },
            },
        }
        Ok(())
    }
}

/// Returns whether a record is as a broker writes it.
pub(super) fn is_readable(key: Key, value: &[u8], clock: Clock) -> bool {
    let value = Bytes::copy_from_slice(value);
    match key {
        Key::Session(_) => SessionRecord::decode(value, clock).is_ok(),
        Key::Subscription(..) => SubscriptionRecord::decode(value).is_ok(),
        Key::Incoming(..) => true,
        Key::Will(_) => WillRecord::decode(value, clock).is_ok(),
        Key::Delivery(..) => DeliveryRecord::decode(value).is_ok(),
        Key::Message(_) | Key::Retained(_) | Key::Unpublished(_) => {
            MessageRecord::decode(value, clock).is_ok()
        }
    }
}

impl RecoveredSession {
    fn take(&mut self, key: Key, value: Bytes, clock: Clock) -> Result<(), BadRecord> {
        match key {
            Key::Subscription(_, number) => {
                let subscription = SubscriptionRecord::decode(value)?;
                self.subscriptions.push((number, subscription));
            }
            Key::Incoming(_, packet_id) => self.incoming.push(packet_id),
            Key::Will(_) => self.will = Some(WillRecord::decode(value, clock)?),
            Key::Delivery(_, number) => {
                self.deliveries
                    .push((number, DeliveryRecord::decode(value)?));
            }
            Key::Session(_) | Key::Message(_) | Key::Retained(_) | Key::Unpublished(_) => {}
        }
        Ok(())
    }

    /// The packet identifiers that the deliveries have, and those that they get: what may
    /// have been sent before a crash is sent again as a repetition.
    pub(in crate::broker) fn packet_ids(&self) -> Vec<Option<PacketId>> {
        let deliveries = || self.deliveries.iter().map(|(_, delivery)| delivery);
        let mut used: HashSet<PacketId> = deliveries()
            .filter_map(|delivery| match delivery.stage {
                Stage::Released(packet_id) => Some(packet_id),
                Stage::Sent(_) | Stage::Waiting => None,
            })
            .collect();
        let known: Vec<_> = deliveries()
            .map(|delivery| match delivery.stage {
                // A file that was imported or recovered can have an identifier twice.
                Stage::Sent(packet_id) => used.insert(packet_id).then_some(packet_id),
                Stage::Released(packet_id) => Some(packet_id),
                Stage::Waiting => None,
            })
            .collect();
        let was_online = self.session.presence == StoredPresence::Online;
        let window = match was_online {
            true => usize::from(self.session.receive_maximum.get()).saturating_sub(used.len()),
            false => 0,
        };
        let mut unused = std::iter::successors(Some(PacketId::FIRST), |last| Some(last.next()))
            .take(usize::from(u16::MAX))
            .filter(|packet_id| !used.contains(packet_id))
            .take(window);
        let mut may_be_sent = true;
        deliveries()
            .zip(known)
            .map(|(delivery, known)| {
                // A QoS 2 message that was sent has its identifier noted, and what comes
                // behind one that was not was not sent either.
                may_be_sent &= known.is_some() || delivery.qos != QoS::ExactlyOnce;
                match delivery.qos {
                    QoS::AtLeastOnce if may_be_sent => known.or_else(|| unused.next()),
                    _ => known,
                }
            })
            .collect()
    }
}
