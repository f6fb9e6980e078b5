//! Opening the session of a client, and taking it over from an earlier connection.

use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::yield_now;
use tokio::time::{Instant, timeout_at};

use crate::broker::Broker;
use crate::broker::ground::{Expiry, Identity, Millis, SessionNumber};
use crate::broker::persistence::{Key, Ticket, TicketNumber};
use crate::broker::rights::UnreadableMessages;
use crate::broker::session::registry::{ByClientId, PlaceInLine};
use crate::broker::session::{
    ActiveConnection, Ending, Presence, Remains, Session, SessionState, StoredWill,
};
use crate::protocol::{TopicFilter, Will};

/// The longest that a CONNECT waits for earlier connections of its client identifier, which
/// take less unless their tasks get no turn.
const TAKEOVER_WITHIN: Duration = Duration::from_secs(1);

/// Steps in which a CONNECT overcomes an obstacle before it lets others have their turn.
const STEPS_AT_ONCE: usize = 2;

/// The session that a CONNECT asks for.
pub(in crate::broker) struct Opening {
    pub(in crate::broker) identity: Arc<Identity>,
    pub(in crate::broker) clean_start: bool,
    pub(in crate::broker) expiry: Expiry,
    pub(in crate::broker) will: Option<Will>,
    pub(in crate::broker) active_connection: ActiveConnection,
    /// The number of messages that the client takes at once.
    pub(in crate::broker) receive_maximum: NonZeroU16,
    /// The number of topic aliases that the broker may give to the client.
    pub(in crate::broker) topic_alias_maximum: u16,
    /// The number of QoS 2 messages that the broker takes at once.
    pub(in crate::broker) own_receive_maximum: NonZeroU16,
}

/// The session that a connection has now.
pub(in crate::broker) struct OpenedSession {
    pub(in crate::broker) session: Arc<Session>,
    /// Set when it continues an earlier one.
    pub(in crate::broker) present: bool,
    /// Done when it is in the store.
    pub(in crate::broker) stored: Option<TicketNumber>,
}

/// A CONNECT that cannot have its session yet.
pub(in crate::broker) struct PendingOpening {
    opening: Opening,
    obstacle: Obstacle,
    /// The earlier session, once its messages were checked for this user.
    checked: Option<Arc<Session>>,
    /// Set when an earlier session has ended that the store had.
    has_ended_stored: bool,
}

/// A reason why a CONNECT cannot have its session yet.
enum Obstacle {
    None,
    /// A connection that has the session, or a CONNECT that came before.
    EarlierConnection,
    /// An earlier session that has ended and is still to be cleared away.
    Remains(Box<Remains>),
    /// Messages of the session that its user might not be allowed to read.
    Unreadable(UnreadableMessages),
}

impl PendingOpening {
    fn new(opening: Opening) -> Self {
        Self {
            opening,
            obstacle: Obstacle::None,
            checked: None,
            has_ended_stored: false,
        }
    }

    fn blocked_by(mut self, obstacle: Obstacle) -> Box<Self> {
        self.obstacle = obstacle;
        Box::new(self)
    }

    /// Returns whether the session's messages were checked for this user.
    fn has_checked(&self, session: &Arc<Session>) -> bool {
        let checked = self.checked.as_ref();
        checked.is_some_and(|checked| Arc::ptr_eq(checked, session))
            && *session.identity() == *self.opening.identity
    }
}

impl Broker {
    /// Opens the session of a client, or resumes an earlier one if the client wants that.
    ///
    /// While the client identifier belongs to a connection, that is told to end
    /// [MQTT-3.1.4-3], and the CONNECT given back: [`Broker::take_over`] waits for it. It also
    /// waits where an earlier session is so large that clearing it away takes a while.
    pub(in crate::broker) fn open_session(
        &self,
        opening: Opening,
    ) -> Result<OpenedSession, Box<PendingOpening>> {
        let mut pending = PendingOpening::new(opening);
        loop {
            pending = match self.try_open(pending, false) {
                Ok(opened) => return Ok(opened),
                Err(mut blocked) => {
                    let is_left = (0..STEPS_AT_ONCE).all(|_| self.reduce(&mut blocked.obstacle));
                    if is_left {
                        return Err(blocked);
                    }
                    *blocked
                }
            };
        }
    }

    /// Opens the session of a client once the earlier connection of its client identifier
    /// has handled what its client had sent, or after a while without waiting for that.
    ///
    /// CONNECTs that wait for one client identifier continue in the order they came.
    pub(in crate::broker) async fn take_over(
        &self,
        mut pending: Box<PendingOpening>,
    ) -> OpenedSession {
        let deadline = Instant::now() + TAKEOVER_WITHIN;
        let opening = &pending.opening;
        let place = PlaceInLine::last(
            &self.sessions,
            &opening.identity.client_id,
            opening.active_connection.connection,
        );
        let mut is_late = false;
        loop {
            if !matches!(pending.obstacle, Obstacle::EarlierConnection) {
                while self.reduce(&mut pending.obstacle) {
                    yield_now().await;
                }
            }
            pending = match self.try_open(*pending, is_late) {
                Ok(opened) => return opened,
                Err(pending) => pending,
            };
            if matches!(pending.obstacle, Obstacle::EarlierConnection) {
                is_late = timeout_at(deadline, place.turn.notified()).await.is_err();
            }
        }
    }

    /// Makes an obstacle smaller; returns whether it is still there.
    fn reduce(&self, obstacle: &mut Obstacle) -> bool {
        let is_left = match obstacle {
            Obstacle::None => false,
            Obstacle::EarlierConnection => true,
            Obstacle::Remains(remains) => self.clear_some(remains),
            Obstacle::Unreadable(messages) => messages.drop_some(self),
        };
        if !is_left {
            *obstacle = Obstacle::None;
        }
        is_left
    }

    /// Opens a session unless there is something to wait for; earlier connections are not waited
    /// for when it `is_late`.
    fn try_open(
        &self,
        mut pending: PendingOpening,
        is_late: bool,
    ) -> Result<OpenedSession, Box<PendingOpening>> {
        let now = self.env.clock.now();
        let opening = &pending.opening;
        let mut shard = self.sessions.shard(&opening.identity.client_id);
        let earlier = shard.find(&opening.identity.client_id);
        if !is_late {
            let (client_id, connection) = (
                &opening.identity.client_id,
                opening.active_connection.connection,
            );
            let is_busy = |earlier: &Arc<Session>| earlier.end_connection(Ending::TakenOver);
            if earlier.as_ref().is_some_and(is_busy)
                || !shard.waiting.is_first(client_id, connection)
            {
                return Err(pending.blocked_by(Obstacle::EarlierConnection));
            }
        }
        let resumed = earlier.filter(|earlier| !opening.clean_start && earlier.can_be_resumed(now));
        if let Some(session) = &resumed {
            if self.env.access.is_restricted() && !pending.has_checked(session) {
                self.pass_on(session, &opening.identity);
                pending.checked = Some(Arc::clone(session));
                let messages = UnreadableMessages::of(session, self);
                return Err(pending.blocked_by(Obstacle::Unreadable(messages)));
            }
        } else if let Some(ended) = shard.sessions.take(&opening.identity.client_id) {
            // It is cleared away before the CONNECT is answered.
            pending.has_ended_stored |= ended.0.is_stored();
            let remains = self.end_session(&ended.0);
            return Err(pending.blocked_by(Obstacle::Remains(Box::new(remains))));
        }
        let ticket = Ticket::new(self.persistence());
        if pending.has_ended_stored {
            ticket.wait_for_all();
        }
        let present = resumed.is_some();
        let session = resumed.unwrap_or_else(|| {
            let session = self.new_session(&pending.opening);
            shard.sessions.insert(ByClientId(Arc::clone(&session)));
            session
        });
        let will = session.attach(pending.opening, self, &ticket, now);
        drop(shard);
        will.iter().for_each(|will| self.publish_will(will));
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
        if let (Some(persistence), true) = (self.persistence(), state.registration.is_persistent())
        {
            state.registration.record = Some(persistence.record(Key::Session(number)));
        }
        Arc::new(Session::new(number, Arc::clone(&opening.identity), state))
    }

    /// Gives the session to the user who opens it now.
    fn pass_on(&self, session: &Session, identity: &Arc<Identity>) {
        let _state = session.state();
        if session.set_identity(identity) && self.env.access.is_restricted() {
            self.forget_read_rights();
        }
    }
}

impl Session {
    /// Tells the connection, if there is one, to end; returns whether there is.
    fn end_connection(&self, ending: Ending) -> bool {
        if !self.is_connected() {
            return false;
        }
        let mut state = self.state();
        state.end_connection(ending);
        matches!(state.presence, Presence::Online(_))
    }

    /// Makes `opening`'s connection the session's. Returns the will of the last one if it is to
    /// be published.
    fn attach(
        &self,
        opening: Opening,
        broker: &Broker,
        ticket: &Ticket<'_>,
        now: Millis,
    ) -> Option<Box<StoredWill>> {
        broker.pass_on(self, &opening.identity);
        let mut state = self.state();
        state.end_connection(Ending::TakenOver);
        // A will whose delay has not passed is not published [MQTT-3.1.3-9].
        let registration = &mut state.registration;
        let earlier = registration.will.take().filter(|will| will.delay == 0);
        registration.expiry = opening.expiry;
        registration.incoming.resume(opening.own_receive_maximum);
        registration.will = opening
            .will
            .map(|will| Box::new(StoredWill::new(will, self.number(), opening.identity)));
        if let (Some(will), Some(persistence)) = (&mut registration.will, broker.persistence()) {
            // Also that of a session which is not stored: the broker's end is the loss of
            // the connection.
            will.record = Some(persistence.record(Key::Will(self.number())));
            will.store(Some(ticket));
        }
        self.set_connected(true);
        self.set_paused(false);
        self.set_v5(opening.active_connection.receiver.version.is_v5());
        self.touch(now);
        state.attach(
            opening.active_connection,
            opening.receive_maximum,
            opening.topic_alias_maximum,
        );
        for shared in state
            .registration
            .subscriptions
            .keys()
            .filter_map(TopicFilter::shared)
        {
            broker.router.bring_back(&shared, self.number());
        }
        self.store(&state, Some(ticket));
        // Nothing goes out before the CONNACK, which waits too.
        state.outbound.outbox.gate(ticket.number());
        earlier
    }
}
