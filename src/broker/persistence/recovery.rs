//! What the store says when the broker starts.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::num::NonZeroU16;
use std::sync::Arc;

use bytes::Bytes;
use foldhash::fast::RandomState;

use super::key::Key;
use super::record::{
    BadRecord, DeliveryRecord, MessageRecord, Presence, SessionRecord, Stage, SubscriptionRecord,
    WillRecord,
};
use super::{Persistence, StoredRecord};
use crate::broker::Broker;
use crate::broker::ground::{Clock, Expiry, Millis, SessionNumber, ShareId, Terms};
use crate::broker::message::Message;
use crate::broker::session::{Link, Session, SessionState, StoredSubscription, StoredWill};
use crate::broker::topics::Retained;
use crate::protocol::{PacketId, QoS};

/// Everything that a store has.
#[derive(Default)]
pub(in crate::broker) struct Recovery {
    sessions: HashMap<SessionNumber, RecoveredSession, RandomState>,
    messages: HashMap<u64, MessageRecord, RandomState>,
    retained: Vec<(u64, MessageRecord)>,
    /// Records of sessions that are not there, which an ended session may leave behind.
    orphans: Vec<Key>,
    last_number: u64,
    /// The wills of sessions that ended with the broker.
    wills: Vec<(SessionNumber, WillRecord)>,
    /// Messages that were accepted and that nobody was given.
    unpublished: Vec<(u64, MessageRecord)>,
}

struct RecoveredSession {
    session: SessionRecord,
    subscriptions: Vec<(u64, SubscriptionRecord)>,
    incoming: Vec<PacketId>,
    will: Option<WillRecord>,
    /// In the order of their numbers.
    deliveries: Vec<(u64, DeliveryRecord)>,
}

/// How much was restored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::broker) struct Restored {
    pub(in crate::broker) sessions: usize,
    pub(in crate::broker) subscriptions: usize,
    pub(in crate::broker) deliveries: usize,
    pub(in crate::broker) retained: usize,
}

impl fmt::Display for Restored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            sessions,
            subscriptions,
            deliveries,
            retained,
        } = self;
        write!(
            f,
            "Restored {sessions} sessions with {subscriptions} subscriptions and {deliveries} \
             messages, and {retained} retained messages."
        )
    }
}

impl Recovery {
    /// Whether there is nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.sessions.is_empty() && self.retained.is_empty()
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
    fn packet_ids(&self) -> Vec<Option<PacketId>> {
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
        let was_online = self.session.presence == Presence::Online;
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

impl Broker {
    /// Takes up what an earlier broker left, before anybody connects. What that changes in
    /// the store, such as wills that are published now, it changes at once.
    pub(in crate::broker) fn restore(
        &self,
        recovery: Recovery,
        persistence: &Persistence,
    ) -> Restored {
        persistence.together(|| self.restore_all(recovery, persistence))
    }

    fn restore_all(&self, recovery: Recovery, persistence: &Persistence) -> Restored {
        let now = self.clock().now();
        let mut restored = Restored::default();
        let records = recovery.messages;
        let messages: HashMap<u64, Arc<Message>, RandomState> = records
            .into_iter()
            .map(|(number, record)| {
                let message = Message::from(record);
                // Who restores no delivery of it takes it away again.
                let stored = persistence.restored(Key::Message(number));
                let _ = message.stored.set(stored);
                (number, Arc::new(message))
            })
            .collect();
        for (number, session) in recovery.sessions {
            self.restore_session(number, session, &messages, persistence, now, &mut restored);
        }
        for (number, record) in recovery.retained {
            let stored = persistence.restored(Key::Retained(number));
            let source = record.source.clone().map(Arc::new);
            let message = Arc::new(Message::from(record));
            if !message.is_expired(now) {
                let retained = Retained { message, source };
                self.retained.restore(retained, stored);
                restored.retained += 1;
            }
        }
        // The rules may have changed while no broker ran.
        restored.deliveries -= self.drop_unreadable().min(restored.deliveries);
        for (number, will) in recovery.wills {
            let will = stored_will(will, persistence.restored(Key::Will(number)));
            self.publish_will(&will);
        }
        for (number, record) in recovery.unpublished {
            // Its receivers have it in the store before it is taken away here.
            let _stored = persistence.restored(Key::Unpublished(number));
            self.publish(Arc::new(Message::from(record)));
        }
        for key in recovery.orphans {
            drop(persistence.restored(key));
        }
        restored
    }

    fn restore_session(
        &self,
        number: SessionNumber,
        recovered: RecoveredSession,
        messages: &HashMap<u64, Arc<Message>, RandomState>,
        persistence: &Persistence,
        now: Millis,
        restored: &mut Restored,
    ) {
        let packet_ids = recovered.packet_ids();
        let RecoveredSession {
            session: record,
            subscriptions,
            incoming,
            will,
            deliveries,
        } = recovered;
        let identity = Arc::new(record.identity);
        let was_online = record.presence == Presence::Online;
        let expires_at = match record.presence {
            Presence::Online => record.expiry.deadline(now),
            Presence::Offline { expires_at } => expires_at,
        };
        let mut state = SessionState::new(record.expiry, record.receive_maximum, NonZeroU16::MAX);
        state.link = Link::Offline { expires_at };
        state.record = Some(persistence.restored(Key::Session(number)));
        for packet_id in incoming {
            persistence.restore_incoming(number, packet_id);
            state.incoming.publish(packet_id, ());
        }
        for ((delivery_number, delivery), packet_id) in deliveries.into_iter().zip(packet_ids) {
            let stored = persistence.restored(Key::Delivery(number, delivery_number));
            match (delivery.stage, messages.get(&delivery.message)) {
                (Stage::Released(packet_id), _) => state.restore_released(packet_id, stored),
                (_, Some(message)) => {
                    state.restore(Arc::clone(message), &delivery, packet_id, stored);
                    restored.deliveries += 1;
                }
                // Its message was never accepted.
                (_, None) => {}
            }
        }
        state.will = will.map(|will| {
            let stored = persistence.restored(Key::Will(number));
            // The broker's end was the connection's.
            let due = match was_online {
                true => Some(crate::broker::ground::after_seconds(now, will.delay)),
                false => will.due,
            };
            let due = due.map(|due| expires_at.map_or(due, |end| due.min(end)));
            Box::new(StoredWill {
                due,
                ..stored_will(will, stored)
            })
        });
        let session = Arc::new(Session::new(number, identity, state));
        session.set_v5(record.v5);
        let mut state = session.state();
        for (subscription_number, subscription) in subscriptions {
            let key = Key::Subscription(number, subscription_number);
            let terms = Terms {
                qos: subscription.qos,
                no_local: subscription.options.no_local,
                retain_as_published: subscription.options.retain_as_published,
                subscription_id: subscription.subscription_id,
                share: ShareId::from_stored(subscription.share),
            };
            self.router.subscribe(&subscription.filter, &session, terms);
            let stored = StoredSubscription {
                options: subscription.options,
                terms,
                record: Some(persistence.restored(key)),
            };
            state.subscriptions.insert(subscription.filter, stored);
            restored.subscriptions += 1;
        }
        drop(state);
        restored.sessions += 1;
        if record.expiry == Expiry::AtDisconnect {
            // It ended with the broker; the next look at the clock ends it here too.
            session.state().link = Link::Offline {
                expires_at: Some(now),
            };
        }
        self.sessions.restore(session);
    }
}

fn stored_will(will: WillRecord, record: Box<StoredRecord>) -> StoredWill {
    StoredWill {
        message: Arc::new(Message::from(will.message)),
        identity: Arc::new(will.identity),
        delay: will.delay,
        expiry: will.expiry,
        due: will.due,
        record: Some(record),
    }
}
