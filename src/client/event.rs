use crate::protocol::{PacketId, Publish, ReasonCode, SubAck, Text};

/// What the broker did.
#[derive(Debug)]
pub enum Event {
    /// A message came; at QoS 2 it is told at its PUBREL, once.
    Message(Publish),
    /// A QoS 1 or 2 message is delivered, or refused.
    Published {
        /// The message's identifier.
        packet_id: PacketId,
        /// The broker's answer.
        reason: ReasonCode,
        /// The broker's reason in words.
        reason_string: Option<Text>,
    },
    /// The answer to a SUBSCRIBE.
    Subscribed(SubAck),
    /// The answer to the UNSUBSCRIBE with this identifier.
    Unsubscribed(PacketId),
    /// The broker says that it closes the connection.
    Disconnected(ReasonCode),
}
