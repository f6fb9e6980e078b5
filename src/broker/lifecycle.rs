//! The life of sessions: opening, taking over, closing, expiring, ending.

use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::Broker;
use super::ground::{ConnectionNumber, Expiry, Identity, Millis, SessionNumber, after_seconds};
use super::persistence::{Key, Ticket, TicketNumber};
use super::session::registry::{ByClientId, PlaceInLine};
use super::session::{
    ActiveConnection, Ending, OrphanedSharedMessage, Presence, Session, SessionState, StoredWill,
    Unreadable,
};
use super::statistics::Counter;
use crate::protocol::{Text, TopicFilter, Will};

/// The longest that a CONNECT waits for earlier connections of its client identifier, which
/// take less unless their tasks get no turn.
const TAKEOVER_WITHIN: Duration = Duration::from_secs(1);

/// What a CONNECT asks for.
pub(super) struct Opening {
    pub(super) identity: Arc<Identity>,
    pub(super) clean_start: bool,
    pub(super) expiry: Expiry,
    pub(super) will: Option<Will>,
    pub(super) active_connection: ActiveConnection,
    /// How many messages the client takes at once.
    pub(super) receive_maximum: NonZeroU16,
    /// How many topic aliases the broker may give to the client.
    pub(super) topic_alias_maximum: u16,
    /// How many QoS 2 messages the broker takes at once.
    pub(super) own_receive_maximum: NonZeroU16,
}

/// The session that a connection has now.
pub(super) struct OpenedSession {
    pub(super) session: Arc<Session>,
    /// Set when it continues an earlier one.
    pub(super) present: bool,
    /// Done when it is in the store.
    pub(super) stored: Option<TicketNumber>,
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// By a DISCONNECT that takes the will away [MQTT-3.14.4-3].
    Graceful,
    /// In any other way.
    Lost,
}

/// What is left to do when sessions have changed: it takes other locks.
#[derive(Default)]
struct Deferred {
    wills: Vec<StoredWill>,
    ended: Vec<(Arc<Session>, Vec<TopicFilter>)>,
    /// What a group's member did not get before its session ended.
    shared: Vec<OrphanedSharedMessage>,
    /// What a session's new user may not read.
    unreadable: Option<(Arc<Session>, Unreadable)>,
}

impl Broker {
    /// Whether there is no room for the session of one more client.
    pub(super) fn is_full_for(&self, client_id: &Text) -> bool {
        let is_full = |limit| self.sessions.len() >= limit as usize;
        let limit = self.config().limits.global_max_clients;
        (self.env.memory.is_short() || limit.is_some_and(is_full))
            && !self.sessions.contains(client_id)
    }

    /// Opens the session of a client: goes on with an earlier one where the client wants
    /// that.
    ///
    /// While the client identifier belongs to a connection, that is told to end
    /// [MQTT-3.1.4-3], and the CONNECT given back: [`Broker::take_over`] waits for it.
    pub(super) fn open_session(&self, opening: Opening) -> Result<OpenedSession, Box<Opening>> {
        self.try_open(opening, false)
    }

    /// Opens the session of a client once the earlier connection of its client identifier
    /// has handled what its client had sent, or after a while without waiting for that.
    ///
    /// CONNECTs that wait for one client identifier go on in the order they came.
    pub(super) async fn take_over(&self, mut opening: Box<Opening>) -> OpenedSession {
        let deadline = Instant::now() + TAKEOVER_WITHIN;
        let client_id = &opening.identity.client_id;
        let place = PlaceInLine::last(
            &self.sessions,
            client_id,
            opening.active_connection.connection,
        );
        let mut is_late = false;
        loop {
            opening = match self.try_open(*opening, is_late) {
                Ok(opened) => return opened,
                Err(opening) => opening,
            };
            is_late = timeout_at(deadline, place.turn.notified()).await.is_err();
        }
    }

    /// Opens a session unless there is something to wait for and it is not yet `is_late`.
    fn try_open(&self, opening: Opening, is_late: bool) -> Result<OpenedSession, Box<Opening>> {
        let now = self.env.clock.now();
        let mut shard = self.sessions.shard(&opening.identity.client_id);
        let earlier = shard.sessions.get(&opening.identity.client_id);
        let earlier = earlier.map(|known| Arc::clone(&known.0));
        if !is_late {
            let (client_id, connection) = (
                &opening.identity.client_id,
                opening.active_connection.connection,
            );
            let is_busy = |earlier: &Arc<Session>| earlier.end_connection(Ending::TakenOver);
            if earlier.as_ref().is_some_and(is_busy)
                || !shard.waiting.is_first(client_id, connection)
            {
                return Err(Box::new(opening));
            }
        }
        let ticket = Ticket::new(self.persistence());
        let mut deferred = Deferred::default();
        let resumed = match earlier {
            Some(earlier) if !opening.clean_start && earlier.can_be_resumed(now) => Some(earlier),
            Some(earlier) => {
                shard.sessions.remove(&opening.identity.client_id);
                earlier.end(self, &mut deferred);
                if earlier.is_stored() {
                    ticket.wait_for_all();
                }
                None
            }
            None => None,
        };
        let present = resumed.is_some();
        let session = resumed.unwrap_or_else(|| {
            let session = self.new_session(&opening);
            shard.sessions.insert(ByClientId(Arc::clone(&session)));
            session
        });
        session.attach(opening, self, &ticket, now, &mut deferred);
        drop(shard);
        self.follow_up(deferred);
        Ok(OpenedSession {
            session,
            present,
            stored: ticket.number(),
        })
    }

    fn new_session(&self, opening: &Opening) -> Arc<Session> {
        let (window, own) = (opening.receive_maximum, opening.own_receive_maximum);
        let mut state = SessionState::new(opening.expiry, window, own);
        let number = SessionNumber::unused();
        if let (Some(persistence), true) = (self.persistence(), state.is_persistent()) {
            state.record = Some(persistence.record(Key::Session(number)));
        }
        Arc::new(Session::new(number, Arc::clone(&opening.identity), state))
    }

    /// Closes a connection's part in its session, unless another connection has taken
    /// it over meanwhile.
    pub(super) fn close_session(
        &self,
        session: &Arc<Session>,
        connection: ConnectionNumber,
        end: End,
    ) {
        let now = self.env.clock.now();
        let mut deferred = Deferred::default();
        let mut shard = self.sessions.shard(session.client_id());
        let mut state = session.state();
        if state.active_connection(connection).is_none() {
            return;
        }
        session.set_connected(false);
        if end == End::Graceful {
            state.will = None;
        }
        if state.expiry == Expiry::AtDisconnect {
            drop(state);
            shard.sessions.remove(session.client_id());
            session.end(self, &mut deferred);
        } else {
            let expires_at = state.expiry.deadline(now);
            if let Some(persistence) = self.persistence() {
                state.store_in_flight(persistence);
            }
            state.detach(Presence::Offline { expires_at });
            session.store(&state, None);
            match &mut state.will {
                Some(will) if will.delay > 0 => {
                    let due = after_seconds(now, will.delay);
                    // The end of the session brings the will too [MQTT-3.1.3-9].
                    will.due = Some(expires_at.map_or(due, |end| due.min(end)));
                    will.store(None);
                }
                _ => deferred.wills.extend(state.will.take().map(|will| *will)),
            }
            drop(state);
        }
        let next = shard.waiting.first(session.client_id());
        drop(shard);
        self.follow_up(deferred);
        // The will goes out before the next client is answered.
        if let Some(next) = next {
            next.notify_one();
        }
    }

    /// Publishes wills that are due and ends sessions whose time is over.
    pub(super) fn expire_sessions(&self) {
        let now = self.env.clock.now();
        let mut expired = Vec::new();
        let mut deferred = Deferred::default();
        self.sessions.for_each(|session| {
            let mut state = session.state();
            let Presence::Offline { expires_at } = state.presence else {
                return;
            };
            if expires_at.is_some_and(|at| at <= now) {
                expired.push(Arc::clone(session));
                return;
            }
            let is_due = |will: &StoredWill| will.due.is_some_and(|due| due <= now);
            if state.will.as_deref().is_some_and(is_due) {
                deferred.wills.extend(state.will.take().map(|will| *will));
            }
        });
        for session in expired {
            let mut shard = self.sessions.shard(session.client_id());
            let client_id = session.client_id();
            // A client may have come back meanwhile, with this session or a new one.
            let known = shard
                .sessions
                .get(client_id)
                .is_some_and(|known| Arc::ptr_eq(&known.0, &session));
            if known && !session.can_be_resumed(now) && !session.is_connected() {
                self.env
                    .log
                    .notice(format_args!("Expiring client {client_id} due to timeout."));
                self.env.statistics.add(Counter::Expired, 1);
                shard.sessions.remove(client_id);
                session.end(self, &mut deferred);
            }
        }
        self.follow_up(deferred);
    }

    /// Publishes all wills, as the broker's end does.
    ///
    /// A stored will with a delay waits for its time; the next start knows of it.
    pub(super) fn publish_all_wills(&self) {
        let mut deferred = Deferred::default();
        self.sessions.for_each(|session| {
            let will = &mut session.state().will;
            let waits = |will: &StoredWill| will.delay > 0 && will.record.is_some();
            if !will.as_deref().is_some_and(waits) {
                deferred.wills.extend(will.take().map(|will| *will));
            }
        });
        self.follow_up(deferred);
    }

    fn follow_up(&self, deferred: Deferred) {
        for (session, filters) in deferred.ended {
            for filter in filters {
                self.router.unsubscribe(&filter, session.number());
            }
        }
        self.publish_to_groups(deferred.shared);
        if let Some((session, unreadable)) = deferred.unreadable {
            self.settle_unreadable(&session, unreadable);
        }
        // A will stays in the store until it is published.
        for will in deferred.wills {
            self.publish_will(&will);
        }
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
    /// Whether a client may go on with the session.
    fn can_be_resumed(&self, now: Millis) -> bool {
        let state = self.state();
        match state.presence {
            // A session that would end with its connection ends when that is taken over.
            Presence::Online(_) => state.is_persistent(),
            Presence::Offline { expires_at } => expires_at.is_none_or(|at| at > now),
            Presence::Ended => false,
        }
    }

    /// Tells the connection, if there is one, to end; says whether there is.
    fn end_connection(&self, ending: Ending) -> bool {
        if !self.is_connected() {
            return false;
        }
        let mut state = self.state();
        state.end_connection(ending);
        matches!(state.presence, Presence::Online(_))
    }

    /// Makes `opening`'s connection the session's.
    fn attach(
        self: &Arc<Self>,
        opening: Opening,
        broker: &Broker,
        ticket: &Ticket<'_>,
        now: Millis,
        deferred: &mut Deferred,
    ) {
        let mut state = self.state();
        state.end_connection(Ending::TakenOver);
        // A will whose delay has not passed is not published [MQTT-3.1.3-9].
        let earlier = state.will.take().filter(|will| will.delay == 0);
        deferred.wills.extend(earlier.map(|will| *will));
        if self.set_identity(&opening.identity) && broker.env.access.is_restricted() {
            broker.forget_read_rights();
        }
        state.expiry = opening.expiry;
        state.incoming.resume(opening.own_receive_maximum);
        state.will = opening
            .will
            .map(|will| Box::new(StoredWill::new(will, self.number(), opening.identity)));
        if let (Some(will), Some(persistence)) = (&mut state.will, broker.persistence()) {
            // Also that of a session which is not stored: the broker's end is the loss of
            // the connection.
            will.record = Some(persistence.record(Key::Will(self.number())));
            will.store(Some(ticket));
        }
        self.set_connected(true);
        self.set_paused(false);
        self.set_v5(opening.active_connection.version.is_v5());
        self.touch(now);
        state.attach(
            opening.active_connection,
            opening.receive_maximum,
            opening.topic_alias_maximum,
        );
        let unreadable = self.take_unreadable(&mut state, &broker.env.access);
        deferred.unreadable = unreadable.map(|unreadable| (Arc::clone(self), unreadable));
        self.store(&state, Some(ticket));
        // Nothing goes out before the CONNACK, which waits too.
        state.outbox.gate(ticket.number());
    }

    /// Ends the session; it is no longer in the store.
    fn end(self: &Arc<Self>, broker: &Broker, deferred: &mut Deferred) {
        let mut state = self.state();
        if let Some(persistence) = broker.persistence() {
            for packet_id in state.incoming.packet_ids() {
                persistence.remove_incoming(self.number(), packet_id);
            }
        }
        state.end_connection(Ending::TakenOver);
        self.set_connected(false);
        broker.env.limited_log.report_end_of(self.number());
        deferred.wills.extend(state.will.take().map(|will| *will));
        if !state.subscriptions.is_empty() {
            let filters = state.subscriptions.keys().cloned().collect();
            deferred.ended.push((Arc::clone(self), filters));
        }
        deferred.shared.extend(state.end());
    }
}
