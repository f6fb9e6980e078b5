use thiserror::Error;

use super::ReasonCode;

/// A fault in the bytes of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// A field has a value that the standard does not allow.
    #[error("{place}: {}", reason.text())]
    Invalid {
        /// The reason code for an MQTT 5.0 peer.
        reason: ReasonCode,
        /// The packet and field at fault.
        place: &'static str,
    },
    /// The protocol level of a CONNECT does not go with its protocol name [MQTT-3.1.2-2].
    #[error("CONNECT: {name} with protocol level {level}")]
    UnsupportedVersion {
        /// `MQTT` or `MQIsdp`.
        name: &'static str,
        /// The level, without the bit that marks bridges.
        level: u8,
    },
}

impl DecodeError {
    /// Returns the reason code for an MQTT 5.0 peer.
    pub fn reason(self) -> ReasonCode {
        match self {
            Self::Invalid { reason, .. } => reason,
            Self::UnsupportedVersion { .. } => ReasonCode::UnsupportedProtocolVersion,
        }
    }

    pub(super) fn new(reason: ReasonCode, place: &'static str) -> Self {
        Self::Invalid { reason, place }
    }

    pub(super) fn malformed(place: &'static str) -> Self {
        Self::new(ReasonCode::MalformedPacket, place)
    }

    pub(super) fn protocol(place: &'static str) -> Self {
        Self::new(ReasonCode::ProtocolError, place)
    }
}

/// A reason that a packet cannot be encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum EncodeError {
    /// The remaining length would exceed 268,435,455 bytes.
    #[error("the packet would exceed 268,435,455 bytes")]
    PacketTooLarge,
    /// Binary data is longer than 65,535 bytes.
    #[error("{0} is longer than 65,535 bytes")]
    FieldTooLong(&'static str),
    /// A PUBLISH has no topic, which only MQTT 5.0 with a topic alias allows.
    #[error("a PUBLISH needs a topic or a topic alias")]
    MissingTopic,
}
