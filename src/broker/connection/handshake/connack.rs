use std::num::{NonZeroU16, NonZeroU32};

use crate::broker::Broker;
use crate::broker::listener::ListenerContext;
use crate::protocol::{
    ConnAckCode, ConnectReturnCode, Property, ProtocolVersion, QoS, ReasonCode, Text,
};

/// Success in the words of the version.
pub(super) fn success(version: ProtocolVersion) -> ConnAckCode {
    match version {
        ProtocolVersion::V5 => ConnAckCode::V5(ReasonCode::Success),
        ProtocolVersion::V31 | ProtocolVersion::V311 => {
            ConnAckCode::V3(ConnectReturnCode::ACCEPTED)
        }
    }
}

/// The properties by which an MQTT 5.0 client learns what it may do, in Mosquitto's
/// order.
pub(super) fn accepted(
    broker: &Broker,
    listener: &ListenerContext,
    assigned: Option<&Text>,
) -> Vec<Property> {
    let limits = &listener.config().limits;
    let mut properties = Vec::new();
    if listener.max_topic_alias() > 0 {
        properties.push(Property::TopicAliasMaximum(listener.max_topic_alias()));
    }
    properties.extend(assigned.cloned().map(Property::AssignedClientIdentifier));
    if !broker.policy().retain_available() {
        properties.push(Property::RetainAvailable(false));
    }
    let size = NonZeroU32::new(limits.max_packet_size);
    properties.extend(size.map(Property::MaximumPacketSize));
    let window = NonZeroU16::new(limits.max_inflight_messages);
    properties.extend(window.map(Property::ReceiveMaximum));
    if listener.maximum_qos() < QoS::ExactlyOnce {
        properties.push(Property::MaximumQoS(listener.maximum_qos()));
    }
    properties
}
