use std::num::{NonZeroU16, NonZeroU32};

use bytes::BytesMut;

use super::login::Login;
use crate::broker::Broker;
use crate::broker::connection::client::Connection;
use crate::broker::connection::permit::ConnectionPermit;
use crate::broker::listener::ListenerContext;
use crate::broker::statistics::Counter;
use crate::protocol::{
    ConnAck, ConnAckCode, ConnectReturnCode, Packet, Property, ProtocolVersion, QoS, ReasonCode,
    Text, encode,
};

/// The form in which a CONNECT is answered.
#[derive(Clone, Copy)]
pub(super) struct AnswerFormat {
    /// The version of the client, if its CONNECT named one.
    pub(super) version: Option<ProtocolVersion>,
    /// The largest packet that the client takes.
    maximum_packet_size: Option<NonZeroU32>,
}

impl AnswerFormat {
    pub(super) fn new(
        version: Option<ProtocolVersion>,
        maximum_packet_size: Option<NonZeroU32>,
    ) -> Self {
        Self {
            version,
            maximum_packet_size,
        }
    }

    /// Returns whether the client takes an answer of this size [MQTT-3.1.2-24].
    pub(super) fn fits(self, connack: &ConnAck) -> bool {
        let (Some(version), Some(maximum)) = (self.version, self.maximum_packet_size) else {
            return true;
        };
        let mut out = BytesMut::new();
        let packet = Packet::ConnAck(connack.clone());
        encode(&packet, version, &mut out).is_ok() && out.len() <= maximum.get() as usize
    }
}

/// Makes the answer to a CONNECT that is accepted, for a session that is not present.
pub(super) fn acceptance(login: &Login, permit: &ConnectionPermit) -> ConnAck {
    let ConnectionPermit {
        listener, broker, ..
    } = permit;
    let version = login.connect.version;
    let mut properties = Vec::new();
    if version.is_v5() {
        if login.keep_alive != login.connect.keep_alive {
            properties.push(Property::ServerKeepAlive(login.keep_alive));
        }
        let assigned = login.assigned.then_some(&login.client_id);
        properties.extend(limits(broker, listener, assigned));
    }
    ConnAck {
        session_present: false,
        code: success(version),
        properties: properties.into(),
    }
}

impl Connection {
    /// Answers the CONNECT with success.
    pub(super) fn acknowledge(&mut self, connack: ConnAck, present: bool) {
        let ConnectionPermit { broker, .. } = &self.permit;
        let connack = ConnAck {
            session_present: present && self.version != ProtocolVersion::V31,
            ..connack
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
