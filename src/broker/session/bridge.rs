//! Additions to a session that is a bridge's: the names of its topics on the remote broker, and
//! packet identifiers for the packets of a client.

use std::sync::Arc;

use super::outbound::Outbound;
use super::state::SessionState;
use crate::broker::ground::{BridgeTopics, GrantedOptions, SessionNumber};
use crate::broker::persistence::Persistence;
use crate::protocol::{PacketId, TopicName};

impl Outbound {
    /// Returns whether a QoS 0 message waits for a bridge that is not connected.
    ///
    /// A change of a retained message always does: nothing else tells the remote broker of it.
    pub(super) fn bridge_queues_qos0(&self, is_retained: bool) -> bool {
        let bridge = self.bridge.as_ref();
        bridge.is_some_and(|bridge| is_retained || bridge.queues_qos0)
    }

    /// Calls `take` for each copy of a message that the subscription brings: one for a client,
    /// and one for each remote topic for a bridge.
    pub(super) fn for_each_copy(
        &mut self,
        topic: &TopicName,
        granted: GrantedOptions,
        mut take: impl FnMut(&mut Self, GrantedOptions),
    ) {
        match self.bridge.clone() {
            None => take(self, granted),
            Some(bridge) => bridge.for_each_copy(topic, granted, |granted| take(self, granted)),
        }
    }
}

impl SessionState {
    /// Makes this a bridge's session, or changes what the bridge carries.
    pub(in crate::broker) fn set_bridge(&mut self, topics: Arc<BridgeTopics>) {
        self.outbound.bridge = Some(topics);
    }

    /// Assigns an identifier to a packet that is not a message of the session; `None` if all
    /// are in use.
    pub(in crate::broker) fn reserve_packet_id(&mut self) -> Option<PacketId> {
        self.outbound.window.reserve_packet_id()
    }

    /// Takes the answer to such a packet; returns whether it is one.
    pub(in crate::broker) fn reply(&mut self, packet_id: PacketId) -> bool {
        self.outbound.window.reply(packet_id)
    }

    /// Forgets the QoS 2 messages whose PUBREL is due, as a sender without a session does.
    pub(in crate::broker) fn forget_incoming(
        &mut self,
        session: SessionNumber,
        persistence: Option<&Persistence>,
    ) {
        let incoming = &mut self.registration.incoming;
        if let Some(persistence) = persistence {
            for packet_id in incoming.packet_ids() {
                persistence.remove_incoming(session, packet_id);
            }
        }
        incoming.clear();
    }

    /// Returns the number of messages that wait or are not acknowledged.
    pub(in crate::broker) fn undelivered(&self) -> usize {
        self.outbound.queue.len() + self.outbound.window.messages_in_flight()
    }
}
