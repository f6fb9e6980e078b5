use crate::protocol::{PacketId, Publish, ReasonCode, SubAck, Text};

/// An action of the broker.
#[derive(Debug)]
pub enum Event {
    /// A message arrived; at QoS 2 it is reported at its PUBREL, once.
    Message(Publish),
    /// A QoS 1 or 2 message was delivered or refused.
    Published {
        /// The message's identifier.
        packet_id: PacketId,
        /// The broker's reason code.
        reason: ReasonCode,
        /// The broker's reason string.
        reason_string: Option<Text>,
    },
    /// A SUBSCRIBE was answered.
    Subscribed(SubAck),
    /// The UNSUBSCRIBE with this identifier was answered.
    Unsubscribed(PacketId),
    /// The broker closes the connection.
    Disconnected(ReasonCode),
}
