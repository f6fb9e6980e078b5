//! Sessions of bridges, which are there before their connections.

use std::num::NonZeroU16;
use std::sync::Arc;

use super::End;
use crate::broker::Broker;
use crate::broker::ground::{
    BridgeTopics, ConnectionNumber, Expiry, GrantedOptions, Identity, SessionNumber,
};
use crate::broker::persistence::{Key, Ticket};
use crate::broker::retained::RetainedCursor;
use crate::broker::session::registry::ByClientId;
use crate::broker::session::{
    HandOut, Presence, Remains, Session, SessionState, StoredSubscription,
};
use crate::protocol::{QoS, RetainHandling, SubscriptionId, SubscriptionOptions, TopicFilter};

impl Broker {
    /// Returns the session of a bridge, which waits for its connection.
    ///
    /// An earlier session is continued unless the bridge `is_clean`. Retained messages wait in
    /// it only where a subscription is new.
    pub(in crate::broker) fn prepare_bridge_session(
        &self,
        identity: &Arc<Identity>,
        is_clean: bool,
        topics: &Arc<BridgeTopics>,
    ) -> Arc<Session> {
        let now = self.env.clock.now();
        let ticket = Ticket::new(self.persistence());
        let mut remains = None;
        let mut shard = self.sessions.shard(&identity.client_id);
        let earlier = shard.find(&identity.client_id);
        let may_continue = |earlier: &Arc<Session>| {
            let is_kept = earlier.is_stored() == self.persistence().is_some();
            !is_clean && is_kept && !earlier.is_connected() && earlier.can_be_resumed(now)
        };
        let session = match earlier {
            Some(earlier) if may_continue(&earlier) => earlier,
            earlier => {
                if let Some(earlier) = earlier {
                    shard.sessions.remove(&identity.client_id);
                    remains = Some(self.end_session(&earlier));
                }
                let session = self.new_bridge_session(identity, is_clean);
                shard.sessions.insert(ByClientId(Arc::clone(&session)));
                session
            }
        };
        session.set_identity(identity);
        let mut state = session.state();
        state.registration.expiry = bridge_expiry(is_clean);
        state.presence = Presence::Offline { expires_at: None };
        state.set_bridge(Arc::clone(topics));
        session.store(&state, Some(&ticket));
        drop(state);
        drop(shard);
        self.clear_at_once(remains);
        self.subscribe_bridge(&session, topics, &ticket);
        session
    }

    fn new_bridge_session(&self, identity: &Arc<Identity>, is_clean: bool) -> Arc<Session> {
        let any = NonZeroU16::MAX;
        let mut state = SessionState::new(bridge_expiry(is_clean), any, any);
        let number = SessionNumber::unused();
        if let (Some(persistence), false) = (self.persistence(), is_clean) {
            state.registration.record = Some(persistence.record(Key::Session(number)));
        }
        Arc::new(Session::new(number, Arc::clone(identity), state))
    }

    /// Has the session subscribe to the local topics of the bridge, and to nothing else.
    fn subscribe_bridge(&self, session: &Arc<Session>, topics: &BridgeTopics, ticket: &Ticket<'_>) {
        let mut state = session.state();
        let is_wanted =
            |filter: &TopicFilter| topics.subscriptions().any(|(own, ..)| own == filter);
        let unwanted = state
            .registration
            .subscriptions
            .keys()
            .filter(|filter| !is_wanted(filter));
        let unwanted: Vec<TopicFilter> = unwanted.cloned().collect();
        for filter in unwanted {
            state.registration.subscriptions.remove(&filter);
            state.abandon_hand_out(&filter);
            self.router.unsubscribe(&filter, session.number());
        }
        for (filter, id, qos) in topics.subscriptions() {
            self.env.log.debug(format_args!(
                "Bridge {} doing local SUBSCRIBE on topic {filter}",
                session.client_id()
            ));
            let granted = granted(id, qos);
            let known = state.registration.subscriptions.remove(filter);
            let is_new = known.is_none();
            let is_same = known.as_ref().is_some_and(|known| known.granted == granted);
            let record = known.and_then(|known| known.record);
            let stored = StoredSubscription {
                options: options(qos),
                granted,
                record: record.or_else(|| session.subscription_record(ticket.persistence())),
            };
            if !is_same {
                stored.store(filter, is_new && qos != QoS::AtMostOnce, ticket);
            }
            state
                .registration
                .subscriptions
                .insert(filter.clone(), stored);
            self.router.subscribe(filter, session, granted);
            if is_new {
                let cursor = RetainedCursor::new(&self.retained, filter);
                let hand_out = HandOut::new(cursor, granted);
                session.begin_hand_out(&mut state, hand_out, &self.env);
            }
        }
    }

    /// Ends the session of a bridge that is no longer in the configuration.
    pub(in crate::broker) fn end_bridge_session(&self, session: &Arc<Session>) {
        let mut remains = None;
        let mut shard = self.sessions.shard(session.client_id());
        if shard.holds(session) {
            shard.sessions.remove(session.client_id());
            remains = Some(self.end_session(session));
        }
        drop(shard);
        self.clear_at_once(remains);
    }

    /// Closes a bridge's connection to its session.
    pub(in crate::broker) fn close_bridge_session(
        &self,
        session: &Arc<Session>,
        connection: ConnectionNumber,
    ) {
        let remains = self.close_session(session, connection, End::Lost);
        self.clear_at_once(remains);
    }

    fn clear_at_once(&self, remains: Option<Remains>) {
        if let Some(mut remains) = remains {
            while self.clear_some(&mut remains) {}
        }
    }
}

fn bridge_expiry(is_clean: bool) -> Expiry {
    match is_clean {
        true => Expiry::AtDisconnect,
        false => Expiry::Never,
    }
}

fn granted(id: SubscriptionId, qos: QoS) -> GrantedOptions {
    GrantedOptions {
        qos,
        no_local: true,
        retain_as_published: true,
        subscription_id: Some(id),
        share: None,
    }
}

fn options(qos: QoS) -> SubscriptionOptions {
    SubscriptionOptions {
        qos,
        no_local: true,
        retain_as_published: true,
        retain_handling: RetainHandling::New,
    }
}
