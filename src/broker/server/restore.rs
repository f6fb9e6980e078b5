//! The state of an earlier broker, taken up before anybody connects.

use std::collections::HashMap;
use std::fmt;
use std::num::NonZeroU16;
use std::sync::Arc;

use foldhash::fast::RandomState;

use crate::broker::Broker;
use crate::broker::ground::{
    Expiry, GrantedOptions, Millis, SessionNumber, ShareId, after_seconds,
};
use crate::broker::message::Message;
use crate::broker::persistence::{
    Key, Persistence, RecoveredSession, Recovery, Stage, StoredPresence, StoredRecord, WillRecord,
};
use crate::broker::retained::{Retained, RetainedCursor};
use crate::broker::session::{
    HandOut, Presence, Session, SessionState, StoredSubscription, StoredWill,
};

/// Counts of what was restored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Restored {
    pub(super) sessions: usize,
    pub(super) subscriptions: usize,
    pub(super) deliveries: usize,
    pub(super) retained: usize,
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

impl Broker {
    /// Takes up what an earlier broker left, before anybody connects. What that changes in
    /// the store, such as wills that are published now, it changes at once.
    pub(super) fn restore(&self, recovery: Recovery, persistence: &Persistence) -> Restored {
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
        let mut sessions: Vec<_> = recovery.sessions.into_iter().collect();
        sessions.sort_unstable_by_key(|(number, _)| *number);
        let mut superseded = Vec::new();
        for (number, session) in sessions {
            let earlier =
                self.restore_session(number, session, &messages, persistence, now, &mut restored);
            superseded.extend(earlier);
        }
        // The broker ended while it was clearing them away.
        superseded
            .iter()
            .for_each(|session| self.end_superseded(session));
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
    ) -> Option<Arc<Session>> {
        let packet_ids = recovered.packet_ids();
        let RecoveredSession {
            session: record,
            subscriptions,
            incoming,
            will,
            deliveries,
        } = recovered;
        let identity = Arc::new(record.identity);
        let was_online = record.presence == StoredPresence::Online;
        let expires_at = match record.presence {
            StoredPresence::Online => record.expiry.deadline(now),
            StoredPresence::Offline { expires_at } => expires_at,
        };
        let mut state = SessionState::new(record.expiry, record.receive_maximum, NonZeroU16::MAX);
        state.presence = Presence::Offline { expires_at };
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
                true => Some(after_seconds(now, will.delay)),
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
            let granted = GrantedOptions {
                qos: subscription.qos,
                no_local: subscription.options.no_local,
                retain_as_published: subscription.options.retain_as_published,
                subscription_id: subscription.subscription_id,
                share: ShareId::from_stored(subscription.share),
            };
            self.router
                .subscribe(&subscription.filter, &session, granted);
            let stored = StoredSubscription {
                options: subscription.options,
                granted,
                record: Some(persistence.restored(key)),
            };
            if subscription.hands_out {
                let cursor = RetainedCursor::new(&self.retained, &subscription.filter);
                let hand_out = HandOut::new(cursor, granted);
                session.begin_hand_out(&mut state, hand_out, &self.env);
            }
            state.subscriptions.insert(subscription.filter, stored);
            restored.subscriptions += 1;
        }
        drop(state);
        restored.sessions += 1;
        if record.expiry == Expiry::AtDisconnect {
            // It ended with the broker; the next look at the clock ends it here too.
            session.state().presence = Presence::Offline {
                expires_at: Some(now),
            };
        }
        self.sessions.restore(session)
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
