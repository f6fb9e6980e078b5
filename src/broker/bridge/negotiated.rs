use crate::broker::config::Bridge;
use crate::protocol::{ConnAckCode, ConnectReturnCode, ProtocolVersion, QoS, ReasonCode};

/// Settings that earlier answers of the remote broker decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Negotiated {
    pub(super) version: ProtocolVersion,
    /// True if the remote broker is told that its client is a bridge.
    pub(super) is_private: bool,
    /// True if the remote broker retains messages.
    pub(super) retains: bool,
    /// The highest QoS that it takes.
    pub(super) maximum_qos: QoS,
}

/// Change after an answer, so that the next attempt may succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fallback {
    /// From MQTT 5.0 to 3.1.1.
    Version,
    /// From a bridge to a client like any other.
    Private,
    /// To a will that is not retained.
    Retain,
    /// To a lower QoS.
    QoS,
}

impl Negotiated {
    pub(super) fn new(bridge: &Bridge) -> Self {
        Self {
            version: bridge.protocol_version,
            is_private: bridge.try_private && !bridge.protocol_version.is_v5(),
            retains: true,
            maximum_qos: QoS::ExactlyOnce,
        }
    }

    /// Changes what the remote broker refuses; `None` if there is nothing to change.
    pub(super) fn fall_back(&mut self, code: ConnAckCode, bridge: &Bridge) -> Option<Fallback> {
        match code {
            ConnAckCode::V5(ReasonCode::UnsupportedProtocolVersion) if self.version.is_v5() => {
                self.version = ProtocolVersion::V311;
                self.is_private = bridge.try_private;
                Some(Fallback::Version)
            }
            ConnAckCode::V3(ConnectReturnCode::UNACCEPTABLE_PROTOCOL_VERSION)
                if self.is_private =>
            {
                self.is_private = false;
                Some(Fallback::Private)
            }
            ConnAckCode::V5(ReasonCode::RetainNotSupported) if self.retains => {
                self.retains = false;
                Some(Fallback::Retain)
            }
            ConnAckCode::V5(ReasonCode::QosNotSupported) => {
                self.maximum_qos = match self.maximum_qos {
                    QoS::ExactlyOnce => QoS::AtLeastOnce,
                    QoS::AtLeastOnce => QoS::AtMostOnce,
                    QoS::AtMostOnce => return None,
                };
                Some(Fallback::QoS)
            }
            _ => None,
        }
    }
}
