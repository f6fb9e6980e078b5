//! The life of sessions: opening, taking over, closing, expiring, ending.

mod bridge;
mod open;
mod remains;

use std::sync::Arc;

use tokio::task::yield_now;

pub(super) use self::open::{OpenedSession, Opening};
use super::Broker;
use super::ground::{ConnectionNumber, Expiry, Millis};
use super::session::{Ending, Presence, Remains, Session, StoredWill};
use super::statistics::Counter;
use crate::protocol::Text;

/// Sessions that a worker looks at before others have their turn.
const SESSIONS_PER_TURN: usize = 1024;

/// End of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// By a DISCONNECT that takes the will away [MQTT-3.14.4-3].
    Graceful,
    /// In any other way.
    Lost,
}

impl Broker {
    /// Returns whether there is no room for the session of one more client.
    pub(super) fn is_full_for(&self, client_id: &Text) -> bool {
        let is_full = |limit| self.sessions.len() >= limit as usize;
        let limit = self.config().limits.global_max_clients;
        (self.env.memory.is_short() || limit.is_some_and(is_full))
            && !self.sessions.contains(client_id)
    }

    /// Closes a connection's part in its session, unless another connection has taken
    /// it over meanwhile.
    ///
    /// Returns what is left to be cleared away of a session that ended and was large.
    #[must_use]
    pub(super) fn close_session(
        &self,
        session: &Arc<Session>,
        connection: ConnectionNumber,
        end: End,
    ) -> Option<Remains> {
        let now = self.env.clock.now();
        let mut shard = self.sessions.shard(session.client_id());
        let mut state = session.state();
        state.active_connection(connection)?;
        session.set_connected(false);
        if end == End::Graceful {
            state.registration.will = None;
        }
        let (mut remains, mut will) = (None, None);
        if state.registration.expiry == Expiry::AtDisconnect {
            drop(state);
            shard.sessions.remove(session.client_id());
            remains = Some(self.end_session(session));
        } else {
            let expires_at = state.registration.expiry.deadline(now);
            if let Some(persistence) = self.persistence() {
                state.store_in_flight(persistence);
            }
            state.detach(Presence::Offline { expires_at });
            session.store(&state, None);
            will = state.registration.take_will_at(now, expires_at);
            drop(state);
        }
        let next = shard.waiting.first(session.client_id());
        drop(shard);
        let left = remains.and_then(|remains| self.begin_clearing(remains));
        if let Some(will) = will {
            self.publish_will(&will);
        }
        // The will goes out before the next client is answered.
        if let Some(next) = next {
            next.notify_one();
        }
        left
    }

    /// Deletes a session. A client that is connected is disconnected first, and its session
    /// ends with the connection.
    pub(super) async fn delete_session(&self, session: &Arc<Session>) {
        if let Some(remains) = self.take_session(session)
            && let Some(left) = self.begin_clearing(remains)
        {
            self.clear_away(left).await;
        }
    }

    /// Ends a session without a client; tells a client to go.
    fn take_session(&self, session: &Arc<Session>) -> Option<Remains> {
        let mut shard = self.sessions.shard(session.client_id());
        if !shard.holds(session) {
            return None;
        }
        let mut state = session.state();
        if matches!(state.presence, Presence::Online(_)) {
            state.registration.expiry = Expiry::AtDisconnect;
            state.end_connection(Ending::Administrative);
            return None;
        }
        drop(state);
        shard.sessions.remove(session.client_id());
        Some(self.end_session(session))
    }

    /// Publishes wills that are due and ends sessions whose time is over.
    pub(super) async fn expire_sessions(self: &Arc<Self>) {
        for shard in 0..self.sessions.shards() {
            let sessions = self.sessions.of_shard(shard);
            for sessions in sessions.chunks(SESSIONS_PER_TURN) {
                let now = self.env.clock.now();
                for session in sessions {
                    self.expire_session(session, now);
                }
                yield_now().await;
            }
        }
    }

    /// Publishes the session's will if it is due, and ends the session if its time is over.
    fn expire_session(self: &Arc<Self>, session: &Arc<Session>, now: Millis) {
        let mut state = session.state();
        let Presence::Offline { expires_at } = state.presence else {
            return;
        };
        if expires_at.is_some_and(|at| at <= now) {
            drop(state);
            return self.end_expired(session, now);
        }
        let is_due = |will: &StoredWill| will.due.is_some_and(|due| due <= now);
        if state.registration.will.as_deref().is_some_and(is_due) {
            let will = state.registration.will.take();
            drop(state);
            will.iter().for_each(|will| self.publish_will(will));
        }
    }

    /// Ends a session whose time is over, unless its client has come back meanwhile, with this
    /// session or a new one.
    fn end_expired(self: &Arc<Self>, session: &Arc<Session>, now: Millis) {
        let client_id = session.client_id();
        let mut shard = self.sessions.shard(client_id);
        if !shard.holds(session) || session.can_be_resumed(now) || session.is_connected() {
            return;
        }
        self.env
            .log
            .notice(format_args!("Expiring client {client_id} due to timeout."));
        self.env.statistics.add(Counter::Expired, 1);
        shard.sessions.remove(client_id);
        let remains = self.end_session(session);
        drop(shard);
        if let Some(remains) = self.begin_clearing(remains) {
            let broker = Arc::clone(self);
            tokio::spawn(async move { broker.clear_away(remains).await });
        }
    }

    /// Publishes all wills, as the broker's end does.
    ///
    /// A stored will with a delay waits for its time; the next start knows of it.
    pub(super) fn publish_all_wills(&self) {
        let waits = |will: &StoredWill| will.delay > 0 && will.record.is_some();
        self.sessions.for_each(|session| {
            let mut state = session.state();
            let will = state.registration.will.take_if(|will| !waits(will));
            drop(state);
            will.iter().for_each(|will| self.publish_will(will));
        });
    }

    /// Publishes a will, as far as the one who left it may.
    pub(super) fn publish_will(&self, will: &StoredWill) {
        if self
            .env
            .access
            .may_write(&will.identity, &will.message.topic)
        {
            let source = self.live_options().check_retain_source();
            let source = source.then(|| Arc::clone(&will.identity));
            self.publish_for(will.to_message(self.env.clock.now()), source);
        }
    }
}

impl Session {
    /// Returns whether a client may resume the session.
    fn can_be_resumed(&self, now: Millis) -> bool {
        let state = self.state();
        match state.presence {
            // A session that would end with its connection ends when that is taken over.
            Presence::Online(_) => state.registration.is_persistent(),
            Presence::Offline { expires_at } => expires_at.is_none_or(|at| at > now),
            Presence::Ended => false,
        }
    }
}
