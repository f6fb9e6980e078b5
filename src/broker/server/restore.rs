//! Restoring the state of an earlier broker, before anybody connects.

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
    Key, MessageRecord, Persistence, RecoveredSession, Recovery, Stage, StoredPresence,
    StoredRecord, SubscriptionRecord, WillRecord,
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
    /// Restores the state of an earlier broker, before anybody connects.
    ///
    /// Changes of the store, such as by wills that are published now, are made in one transaction.
    pub(super) fn restore(&self, recovery: Recovery, persistence: &Persistence) -> Restored {
        persistence.together(|| self.restore_all(recovery, persistence))
    }

    fn restore_all(&self, recovery: Recovery, persistence: &Persistence) -> Restored {
        let now = self.clock().now();
        let records = recovery.messages;
        let messages: HashMap<u64, Arc<Message>, RandomState> = records
            .into_iter()
            .map(|(number, record)| {
                let message = Message::from(record);
                // If no delivery of it is restored, it is deleted again.
                let stored = persistence.restored(Key::Message(number));
                let _ = message.stored.set(stored);
                (number, Arc::new(message))
            })
            .collect();
        let mut restoration = Restoration {
            broker: self,
            persistence,
            messages,
            now,
            restored: Restored::default(),
        };
        for (number, record) in recovery.retained {
            restoration.restore_retained(number, record);
        }
        let mut sessions: Vec<_> = recovery.sessions.into_iter().collect();
        sessions.sort_unstable_by_key(|(number, _)| *number);
        let superseded: Vec<_> = sessions
            .into_iter()
            .filter_map(|(number, session)| restoration.restore_session(number, session))
            .collect();
        // The broker ended while it was clearing them away.
        superseded
            .iter()
            .for_each(|session| self.end_superseded(session));
        let mut restored = restoration.restored;
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
}

/// State of an earlier broker on its way into this one.
struct Restoration<'a> {
    broker: &'a Broker,
    persistence: &'a Persistence,
    messages: HashMap<u64, Arc<Message>, RandomState>,
    now: Millis,
    restored: Restored,
}

impl Restoration<'_> {
    fn restore_retained(&mut self, number: u64, record: MessageRecord) {
        let stored = self.persistence.restored(Key::Retained(number));
        let source = record.source.clone().map(Arc::new);
        let message = Arc::new(Message::from(record));
        if !message.is_expired(self.now) {
            let retained = Retained { message, source };
            self.broker.retained.restore(retained, stored);
            self.restored.retained += 1;
        }
    }

    /// Restores a session; returns an earlier one of its client, which must end.
    fn restore_session(
        &mut self,
        number: SessionNumber,
        mut recovered: RecoveredSession,
    ) -> Option<Arc<Session>> {
        let record = &recovered.session;
        let expires_at = match record.presence {
            StoredPresence::Online => record.expiry.deadline(self.now),
            StoredPresence::Offline { expires_at } => expires_at,
        };
        let (identity, v5) = (Arc::new(record.identity.clone()), record.v5);
        let mut state = SessionState::new(record.expiry, record.receive_maximum, NonZeroU16::MAX);
        state.presence = Presence::Offline {
            // The next look at the clock ends a session that ended with the broker.
            expires_at: match record.expiry {
                Expiry::AtDisconnect => Some(self.now),
                _ => expires_at,
            },
        };
        state.registration.record = Some(self.persistence.restored(Key::Session(number)));
        state.registration.will = self.restore_will(number, &mut recovered, expires_at);
        for packet_id in std::mem::take(&mut recovered.incoming) {
            self.persistence.restore_incoming(number, packet_id);
            state.registration.incoming.publish(packet_id, ());
        }
        self.restore_deliveries(number, &mut recovered, &mut state);
        let session = Arc::new(Session::new(number, identity, state));
        session.set_v5(v5);
        self.restore_subscriptions(&session, recovered.subscriptions);
        self.restored.sessions += 1;
        self.broker.sessions.restore(session)
    }

    fn restore_will(
        &self,
        number: SessionNumber,
        recovered: &mut RecoveredSession,
        expires_at: Option<Millis>,
    ) -> Option<Box<StoredWill>> {
        let will = recovered.will.take()?;
        // The broker's end was the connection's.
        let due = match recovered.session.presence {
            StoredPresence::Online => Some(after_seconds(self.now, will.delay)),
            StoredPresence::Offline { .. } => will.due,
        };
        let due = due.map(|due| expires_at.map_or(due, |end| due.min(end)));
        let stored = self.persistence.restored(Key::Will(number));
        Some(Box::new(StoredWill {
            due,
            ..stored_will(will, stored)
        }))
    }

    fn restore_deliveries(
        &mut self,
        session: SessionNumber,
        recovered: &mut RecoveredSession,
        state: &mut SessionState,
    ) {
        let packet_ids = recovered.packet_ids();
        let deliveries = std::mem::take(&mut recovered.deliveries);
        for ((number, delivery), packet_id) in deliveries.into_iter().zip(packet_ids) {
            let stored = self.persistence.restored(Key::Delivery(session, number));
            match (delivery.stage, self.messages.get(&delivery.message)) {
                (Stage::Released(packet_id), _) => state.restore_released(packet_id, stored),
                (_, Some(message)) => {
                    state.restore(Arc::clone(message), &delivery, packet_id, stored);
                    self.restored.deliveries += 1;
                }
                // Its message was never accepted.
                (_, None) => {}
            }
        }
    }

    fn restore_subscriptions(
        &mut self,
        session: &Arc<Session>,
        subscriptions: Vec<(u64, SubscriptionRecord)>,
    ) {
        let Broker {
            router,
            retained,
            env,
            ..
        } = self.broker;
        let mut state = session.state();
        for (number, subscription) in subscriptions {
            let key = Key::Subscription(session.number(), number);
            let granted = GrantedOptions {
                qos: subscription.qos,
                no_local: subscription.options.no_local,
                retain_as_published: subscription.options.retain_as_published,
                subscription_id: subscription.subscription_id,
                share: ShareId::from_stored(subscription.share),
            };
            router.subscribe(&subscription.filter, session, granted);
            let stored = StoredSubscription {
                options: subscription.options,
                granted,
                record: Some(self.persistence.restored(key)),
            };
            if subscription.hands_out {
                let cursor = RetainedCursor::new(retained, &subscription.filter);
                session.begin_hand_out(&mut state, HandOut::new(cursor, granted), env);
            }
            let subscriptions = &mut state.registration.subscriptions;
            subscriptions.insert(subscription.filter, stored);
            self.restored.subscriptions += 1;
        }
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
