use std::num::NonZeroU16;

use super::outbound::Outbound;
use super::presence::{ActiveConnection, Ending, Presence};
use super::registration::Registration;
use crate::broker::ground::{ConnectionNumber, Expiry};
use crate::broker::wire::TopicAliases;

/// The part of a session that changes.
pub(in crate::broker) struct SessionState {
    pub(in crate::broker) presence: Presence,
    pub(in crate::broker) registration: Registration,
    pub(in crate::broker) outbound: Outbound,
}

impl SessionState {
    /// A new session without a client.
    pub(in crate::broker) fn new(
        expiry: Expiry,
        receive_maximum: NonZeroU16,
        own_receive_maximum: NonZeroU16,
    ) -> Self {
        Self {
            presence: Presence::Offline { expires_at: None },
            registration: Registration::new(expiry, own_receive_maximum),
            outbound: Outbound::new(receive_maximum),
        }
    }

    /// Begins or resumes the session's deliveries on a new connection.
    pub(in crate::broker) fn attach(
        &mut self,
        active_connection: ActiveConnection,
        receive_maximum: NonZeroU16,
        topic_alias_maximum: u16,
    ) {
        self.clear_output();
        self.outbound.topic_aliases = TopicAliases::new(topic_alias_maximum);
        self.outbound.window.resume(receive_maximum);
        self.presence = Presence::Online(active_connection);
    }

    /// Ends the connection's part; what it had not written is sent again later, except QoS 0.
    pub(in crate::broker) fn detach(&mut self, presence: Presence) {
        self.clear_output();
        self.outbound.topic_aliases = None;
        self.outbound.window.pause();
        self.presence = presence;
        self.outbound.wake_paused_publishers();
    }

    /// The connection that serves the session, if it is this one.
    pub(in crate::broker) fn active_connection(
        &mut self,
        connection: ConnectionNumber,
    ) -> Option<&mut ActiveConnection> {
        match &mut self.presence {
            Presence::Online(active_connection) if active_connection.connection == connection => {
                Some(active_connection)
            }
            _ => None,
        }
    }

    /// Tells the connection, if there is one, to end, and wakes it.
    pub(in crate::broker) fn end_connection(&mut self, ending: Ending) {
        if let Presence::Online(active_connection) = &mut self.presence {
            active_connection.ending.get_or_insert(ending);
            active_connection.wake();
        }
    }

    /// Has the connection, if there is one, handle what its socket holds; returns whether there
    /// is one.
    pub(in crate::broker) fn read_last_input(&mut self) -> bool {
        let Presence::Online(active_connection) = &mut self.presence else {
            return false;
        };
        active_connection.reads_last_input = true;
        active_connection.wake();
        true
    }

    /// Returns whether the connection has not yet handled what its socket holds.
    pub(in crate::broker) fn reads_last_input(&self) -> bool {
        matches!(&self.presence, Presence::Online(active_connection) if active_connection.reads_last_input)
    }

    /// Forgets what the connection has not written.
    fn clear_output(&mut self) {
        self.shut_down_after_rest();
        self.outbound.outbox.clear();
    }

    /// Shuts the socket down if a packet was written in part, as nothing can follow it.
    pub(super) fn shut_down_after_rest(&self) {
        if let Presence::Online(active_connection) = &self.presence
            && let Some(socket) = active_connection
                .socket
                .as_ref()
                .filter(|_| self.outbound.outbox.has_rest())
        {
            let _ = socket.shut_down();
        }
    }
}
