use std::fmt;

use super::{PacketId, Publish, QoS};

/// The summary of a PUBLISH in the logs of Mosquitto's programs.
#[derive(Clone, Copy, Debug)]
pub struct PublishSummary<'a> {
    /// The DUP flag.
    pub dup: bool,
    /// The QoS.
    pub qos: QoS,
    /// The retain flag.
    pub retain: bool,
    /// The packet identifier, logged as 0 if there is none.
    pub packet_id: Option<PacketId>,
    /// The topic.
    pub topic: &'a str,
    /// The number of bytes in the payload.
    pub payload_length: usize,
}

impl Publish {
    /// Summarises the packet; a topic alias may stand for `topic` in it.
    pub fn summary<'a>(&self, topic: &'a str) -> PublishSummary<'a> {
        PublishSummary {
            dup: self.dup,
            qos: self.delivery.qos(),
            retain: self.retain,
            packet_id: self.delivery.packet_id(),
            topic,
            payload_length: self.payload.len(),
        }
    }
}

impl fmt::Display for PublishSummary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "(d{}, q{}, r{}, m{}, '{}', ... ({} bytes))",
            u8::from(self.dup),
            u8::from(self.qos),
            u8::from(self.retain),
            self.packet_id.map_or(0, PacketId::get),
            self.topic,
            self.payload_length
        )
    }
}
