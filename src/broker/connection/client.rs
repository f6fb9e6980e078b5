//! The state of one client's connection.

use std::sync::Arc;

use super::buffers::Buffers;
use super::closed::Closed;
use super::pause::Pause;
use super::pending_replies::PendingReplies;
use super::permit::ConnectionPermit;
use super::rate::Rate;
use super::topics::Topics;
use crate::broker::ground::ConnectionNumber;
use crate::broker::listener::Peer;
use crate::broker::log::LogType;
use crate::broker::session::{Presence, Session};
use crate::protocol::{Decoder, Packet, ProtocolVersion, ReasonCode, encode};
use crate::transport::Stream;

/// A client that is connected.
pub(in crate::broker) struct Connection {
    /// The listener and the broker; it is one of their connections as long.
    pub(super) permit: ConnectionPermit,
    pub(super) session: Arc<Session>,
    pub(super) number: ConnectionNumber,
    pub(super) peer: Peer,
    pub(super) stream: Stream,
    pub(super) version: ProtocolVersion,
    /// The largest packet that the client takes.
    pub(super) maximum_packet_size: u32,
    pub(super) decoder: Decoder,
    pub(super) buffers: Buffers,
    /// Answers that wait for something to be stored.
    pub(super) pending_replies: Option<Box<PendingReplies>>,
    /// Memory of the topics that the client publishes on, if there is any.
    pub(super) topics: Option<Box<Topics>>,
    /// Set while there is room for retained messages that a subscription is still to bring.
    ///
    /// The client is not read meanwhile, so that it cannot ask for more than is being done.
    pub(super) is_handing_out: bool,
    /// Whom the client has to wait for before it is read again.
    pub(super) pause: Option<Box<Pause>>,
    /// The amount that the client has sent lately, where that is limited.
    pub(super) rate: Option<Box<Rate>>,
}

impl Connection {
    /// Encodes an answer, to be sent with those of the same turn.
    pub(super) fn reply(&mut self, packet: &Packet) -> Result<(), Closed> {
        /// Room for the acknowledgements of a few messages.
        const FEW: usize = 128;
        let traffic = self.buffers.get();
        traffic.reply_count += 1;
        if traffic.replies.capacity() == 0 {
            traffic.replies.reserve(FEW);
        }
        let before = traffic.replies.len();
        // What the broker answers is small and within every limit of the format.
        encode(packet, self.version, &mut traffic.replies)
            .map_err(|_| Closed::protocol_error("an answer that cannot be written"))?;
        if traffic.replies.len() - before > self.maximum_packet_size as usize {
            // [MQTT-3.1.2-24]
            traffic.replies.truncate(before);
            traffic.reply_count -= 1;
            return Err(Closed::Refused(
                ReasonCode::PacketTooLarge,
                "an answer larger than the client takes",
            ));
        }
        Ok(())
    }

    pub(super) fn debug(&self, text: std::fmt::Arguments<'_>) {
        if self.permit.broker.log().enabled(LogType::Debug) {
            self.permit.broker.log().debug(text);
        }
    }
}

impl Drop for Connection {
    /// However the task ends, also by a panic, the session is not left behind with a
    /// connection that is gone.
    fn drop(&mut self) {
        let mut state = self.session.state();
        let attached = state.active_connection(self.number).is_some();
        if attached {
            let expires_at = state
                .registration
                .expiry
                .deadline(self.permit.broker.clock().now());
            state.detach(Presence::Offline { expires_at });
            drop(state);
            self.session.set_connected(false);
        }
    }
}
