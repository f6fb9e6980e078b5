use std::net::SocketAddr;
use std::sync::Arc;

use super::Session;
use super::presence::Presence;
use crate::broker::ground::{Expiry, Identity, Millis};
use crate::protocol::ProtocolVersion;

/// Summary of a session for people.
#[derive(Debug)]
pub(in crate::broker) struct Summary {
    pub(in crate::broker) identity: Arc<Identity>,
    pub(in crate::broker) connection: Option<ConnectionSummary>,
    /// Set if the session ends with its connection.
    pub(in crate::broker) is_clean: bool,
    pub(in crate::broker) subscriptions: usize,
    /// QoS 1 and 2 messages that were sent and not acknowledged.
    pub(in crate::broker) in_flight: usize,
    /// QoS 1 and 2 messages that wait.
    pub(in crate::broker) queued: usize,
    /// Their payload bytes.
    pub(in crate::broker) queued_bytes: usize,
    /// Bytes that the socket has not taken.
    pub(in crate::broker) unwritten_bytes: usize,
    /// The time of the last packet, in milliseconds of the broker's clock.
    pub(in crate::broker) last_activity: Millis,
}

/// Summary of a connection for people.
#[derive(Clone, Copy, Debug)]
pub(in crate::broker) struct ConnectionSummary {
    /// `None` without a network address.
    pub(in crate::broker) address: Option<SocketAddr>,
    pub(in crate::broker) version: ProtocolVersion,
    /// The keep alive in seconds; 0 for none.
    pub(in crate::broker) keep_alive: u32,
    /// The time of its CONNECT, in milliseconds of the broker's clock.
    pub(in crate::broker) since: Millis,
}

impl Session {
    /// Returns a summary of the session.
    pub(in crate::broker) fn summary(&self) -> Summary {
        let state = self.state();
        let connection = match &state.presence {
            Presence::Online(active) => Some(ConnectionSummary {
                address: active.address,
                version: active.receiver.version,
                // The broker waits one and a half times as long [MQTT-3.1.2-22].
                keep_alive: active.keep_alive.map_or(0, |longest| longest.get() / 1500),
                since: active.since,
            }),
            Presence::Offline { .. } | Presence::Ended => None,
        };
        Summary {
            identity: self.identity(),
            connection,
            is_clean: state.registration.expiry == Expiry::AtDisconnect,
            subscriptions: state.registration.subscriptions.len(),
            in_flight: state.outbound.window.in_flight(),
            queued: state.outbound.queue.messages(),
            queued_bytes: state.outbound.queue.payload_bytes(),
            unwritten_bytes: state.outbound.outbox.unwritten(),
            last_activity: self.last_activity(),
        }
    }
}
