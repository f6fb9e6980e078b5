use std::num::{NonZeroU16, NonZeroU32};

use super::{Accepted, Connection};
use crate::broker::Broker;
use crate::broker::connection::permit::ConnectionPermit;
use crate::broker::listener::ListenerContext;
use crate::broker::statistics::Counter;
use crate::protocol::{
    ConnAck, ConnAckCode, ConnectReturnCode, Packet, Property, ProtocolVersion, QoS, ReasonCode,
    Text, encode,
};

impl Connection {
    /// Answers the CONNECT with success.
    pub(super) fn acknowledge(&mut self, accepted: &Accepted, present: bool) {
        let ConnectionPermit {
            listener, broker, ..
        } = &self.permit;
        let mut properties = Vec::new();
        if self.version.is_v5() {
            if accepted.keep_alive != accepted.connect.keep_alive {
                properties.push(Property::ServerKeepAlive(accepted.keep_alive));
            }
            let assigned = accepted.assigned.then(|| self.session.client_id());
            properties.extend(limits(broker, listener, assigned));
        }
        let connack = ConnAck {
            session_present: present && self.version != ProtocolVersion::V31,
            code: success(self.version),
            properties: properties.into(),
        };
        broker.env.statistics.add(Counter::Connections, 1);
        broker.env.statistics.add(Counter::MessagesReceived, 1);
        broker.log().debug(format_args!(
            "Sending CONNACK to {} ({}, 0)",
            self.session.client_id(),
            u8::from(present)
        ));
        let traffic = self.buffers.get();
        traffic.reply_count = 1;
        // A CONNACK has no field that could be too long.
        let _ = encode(
            &Packet::ConnAck(connack),
            self.version,
            &mut traffic.replies,
        );
    }
}

/// Success in the words of the version.
fn success(version: ProtocolVersion) -> ConnAckCode {
    match version {
        ProtocolVersion::V5 => ConnAckCode::V5(ReasonCode::Success),
        ProtocolVersion::V31 | ProtocolVersion::V311 => {
            ConnAckCode::V3(ConnectReturnCode::ACCEPTED)
        }
    }
}

/// The properties by which an MQTT 5.0 client learns what it may do, in Mosquitto's
/// order.
fn limits(broker: &Broker, listener: &ListenerContext, assigned: Option<&Text>) -> Vec<Property> {
    let limits = &listener.config().limits;
    let mut properties = Vec::new();
    if listener.max_topic_alias() > 0 {
        properties.push(Property::TopicAliasMaximum(listener.max_topic_alias()));
    }
    properties.extend(assigned.cloned().map(Property::AssignedClientIdentifier));
    if !broker.live_options().retain_available() {
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
