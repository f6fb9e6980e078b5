//! The fifteen control packets as values.

use std::num::NonZeroU16;

use bytes::Bytes;

use super::{
    ConnectReturnCode, PacketId, Properties, ProtocolVersion, QoS, ReasonCode, Text, TopicFilter,
    TopicName,
};

/// A control packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packet {
    /// A client's request to connect.
    Connect(Box<Connect>),
    /// The server's answer to a CONNECT.
    ConnAck(ConnAck),
    /// A message.
    Publish(Publish),
    /// The answer to a QoS 1 PUBLISH.
    PubAck(Acknowledgement),
    /// The first answer to a QoS 2 PUBLISH.
    PubRec(Acknowledgement),
    /// The sender's answer to a PUBREC.
    PubRel(Acknowledgement),
    /// The end of a QoS 2 delivery.
    PubComp(Acknowledgement),
    /// A client's request for messages.
    Subscribe(Subscribe),
    /// The answer to a SUBSCRIBE.
    SubAck(SubAck),
    /// A client's request for no more messages.
    Unsubscribe(Unsubscribe),
    /// The answer to an UNSUBSCRIBE.
    UnsubAck(UnsubAck),
    /// A sign of life from a client.
    PingReq,
    /// The answer to a PINGREQ.
    PingResp,
    /// A clean end of the connection.
    Disconnect(Disconnect),
    /// A step of an enhanced authentication (MQTT 5.0).
    Auth(Auth),
}

/// The type of a control packet: the high four bits of its first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
#[allow(
    missing_docs,
    reason = "each is named after the variant of Packet that says it"
)]
pub enum PacketType {
    Connect = 1,
    ConnAck = 2,
    Publish = 3,
    PubAck = 4,
    PubRec = 5,
    PubRel = 6,
    PubComp = 7,
    Subscribe = 8,
    SubAck = 9,
    Unsubscribe = 10,
    UnsubAck = 11,
    PingReq = 12,
    PingResp = 13,
    Disconnect = 14,
    Auth = 15,
}

impl Packet {
    /// Returns the packet's type.
    pub fn packet_type(&self) -> PacketType {
        match self {
            Self::Connect(_) => PacketType::Connect,
            Self::ConnAck(_) => PacketType::ConnAck,
            Self::Publish(_) => PacketType::Publish,
            Self::PubAck(_) => PacketType::PubAck,
            Self::PubRec(_) => PacketType::PubRec,
            Self::PubRel(_) => PacketType::PubRel,
            Self::PubComp(_) => PacketType::PubComp,
            Self::Subscribe(_) => PacketType::Subscribe,
            Self::SubAck(_) => PacketType::SubAck,
            Self::Unsubscribe(_) => PacketType::Unsubscribe,
            Self::UnsubAck(_) => PacketType::UnsubAck,
            Self::PingReq => PacketType::PingReq,
            Self::PingResp => PacketType::PingResp,
            Self::Disconnect(_) => PacketType::Disconnect,
            Self::Auth(_) => PacketType::Auth,
        }
    }
}

impl PacketType {
    pub(super) fn from_u8(number: u8) -> Option<Self> {
        Some(match number {
            1 => Self::Connect,
            2 => Self::ConnAck,
            3 => Self::Publish,
            4 => Self::PubAck,
            5 => Self::PubRec,
            6 => Self::PubRel,
            7 => Self::PubComp,
            8 => Self::Subscribe,
            9 => Self::SubAck,
            10 => Self::Unsubscribe,
            11 => Self::UnsubAck,
            12 => Self::PingReq,
            13 => Self::PingResp,
            14 => Self::Disconnect,
            15 => Self::Auth,
            _ => return None,
        })
    }
}

/// A CONNECT packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connect {
    /// The version of the client.
    pub version: ProtocolVersion,
    /// True if the client is a bridge.
    ///
    /// Bridges set the high bit of the protocol level: Mosquitto's private extension of 3.1
    /// and 3.1.1.
    pub bridge: bool,
    /// True if the server must discard an earlier session; "clean session" before MQTT 5.0.
    pub clean_start: bool,
    /// The keep alive in seconds; 0 turns it off.
    pub keep_alive: u16,
    /// The client identifier; an empty one asks the server to choose.
    pub client_id: Text,
    /// The message that the server publishes unless the connection ends cleanly.
    pub will: Option<Will>,
    /// The user name.
    pub username: Option<Text>,
    /// The password.
    pub password: Option<Bytes>,
    /// The properties; none before MQTT 5.0.
    pub properties: Properties,
}

/// The will of a CONNECT packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Will {
    /// The topic of the will.
    pub topic: TopicName,
    /// The payload.
    pub payload: Bytes,
    /// The QoS.
    pub qos: QoS,
    /// The retain flag.
    pub retain: bool,
    /// The properties, the delay among them.
    pub properties: Properties,
}

/// A CONNACK packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnAck {
    /// True if the server continues an earlier session.
    pub session_present: bool,
    /// The answer.
    pub code: ConnAckCode,
    /// The properties; none before MQTT 5.0.
    pub properties: Properties,
}

/// The answer in a CONNACK.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnAckCode {
    /// The return code of MQTT 3.1 and 3.1.1.
    V3(ConnectReturnCode),
    /// The reason code of MQTT 5.0.
    V5(ReasonCode),
}

impl ConnAckCode {
    /// Returns whether the connection is accepted.
    pub fn is_accepted(self) -> bool {
        matches!(
            self,
            Self::V3(ConnectReturnCode::ACCEPTED) | Self::V5(ReasonCode::Success)
        )
    }
}

/// A PUBLISH packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publish {
    /// True if this may be a repetition of an earlier PUBLISH.
    pub dup: bool,
    /// The QoS, with the packet identifier that QoS 1 and 2 need.
    pub delivery: Delivery,
    /// The retain flag.
    pub retain: bool,
    /// The topic; `None` if a topic alias alone stands for it.
    pub topic: Option<TopicName>,
    /// The properties; none before MQTT 5.0.
    pub properties: Properties,
    /// The payload.
    pub payload: Bytes,
}

/// A QoS with its packet identifier: none at QoS 0 [MQTT-2.2.1-2].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Delivery {
    /// QoS 0.
    AtMostOnce,
    /// QoS 1.
    AtLeastOnce(PacketId),
    /// QoS 2.
    ExactlyOnce(PacketId),
}

impl Delivery {
    /// Returns the QoS.
    pub fn qos(self) -> QoS {
        match self {
            Self::AtMostOnce => QoS::AtMostOnce,
            Self::AtLeastOnce(_) => QoS::AtLeastOnce,
            Self::ExactlyOnce(_) => QoS::ExactlyOnce,
        }
    }

    /// Returns the packet identifier of QoS 1 and 2.
    pub fn packet_id(self) -> Option<PacketId> {
        match self {
            Self::AtMostOnce => None,
            Self::AtLeastOnce(packet_id) | Self::ExactlyOnce(packet_id) => Some(packet_id),
        }
    }
}

/// A PUBACK, PUBREC, PUBREL or PUBCOMP packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acknowledgement {
    /// The identifier of the PUBLISH.
    pub packet_id: PacketId,
    /// The outcome; always success before MQTT 5.0.
    pub reason: ReasonCode,
    /// The properties; none before MQTT 5.0.
    pub properties: Properties,
}

impl Acknowledgement {
    /// Creates an acknowledgement of success without properties.
    pub fn success(packet_id: PacketId) -> Self {
        Self::new(packet_id, ReasonCode::Success)
    }

    /// Creates an acknowledgement without properties.
    pub fn new(packet_id: PacketId, reason: ReasonCode) -> Self {
        Self {
            packet_id,
            reason,
            properties: Properties::EMPTY,
        }
    }
}

/// A SUBSCRIBE packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscribe {
    /// The identifier that the SUBACK repeats.
    pub packet_id: PacketId,
    /// The properties; none before MQTT 5.0.
    pub properties: Properties,
    /// The subscriptions; only MQTT 3.1 allows an empty list.
    pub subscriptions: Vec<Subscription>,
}

/// One subscription of a SUBSCRIBE packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// The topic filter.
    pub filter: TopicFilter,
    /// The options of delivery.
    pub options: SubscriptionOptions,
}

/// The options of a subscription (MQTT 5.0, section 3.8.3.1).
///
/// Before MQTT 5.0 there is only the QoS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SubscriptionOptions {
    /// The maximum QoS of delivery.
    pub qos: QoS,
    /// True if the client's own messages are left out.
    pub no_local: bool,
    /// True if messages keep the retain flag that they were published with.
    pub retain_as_published: bool,
    /// The condition for sending retained messages.
    pub retain_handling: RetainHandling,
}

/// The condition for sending retained messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum RetainHandling {
    /// At every SUBSCRIBE.
    #[default]
    Always = 0,
    /// Only if the subscription is new.
    New = 1,
    /// Never.
    Never = 2,
}

/// A SUBACK packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubAck {
    /// The identifier of the SUBSCRIBE.
    pub packet_id: PacketId,
    /// The properties; none before MQTT 5.0.
    pub properties: Properties,
    /// The outcome of each subscription, in order [MQTT-3.9.3-1].
    pub reasons: Vec<ReasonCode>,
}

/// An UNSUBSCRIBE packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsubscribe {
    /// The identifier that the UNSUBACK repeats.
    pub packet_id: PacketId,
    /// The properties; none before MQTT 5.0.
    pub properties: Properties,
    /// The topic filters; only MQTT 3.1 allows an empty list.
    pub filters: Vec<TopicFilter>,
}

/// An UNSUBACK packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnsubAck {
    /// The identifier of the UNSUBSCRIBE.
    pub packet_id: PacketId,
    /// The properties; none before MQTT 5.0.
    pub properties: Properties,
    /// The outcome for each filter, in order; empty before MQTT 5.0.
    pub reasons: Vec<ReasonCode>,
}

/// A DISCONNECT packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disconnect {
    /// The reason for the end; always success before MQTT 5.0.
    pub reason: ReasonCode,
    /// The properties; none before MQTT 5.0.
    pub properties: Properties,
}

impl Disconnect {
    /// Creates a DISCONNECT without properties.
    pub fn new(reason: ReasonCode) -> Self {
        Self {
            reason,
            properties: Properties::EMPTY,
        }
    }
}

/// An AUTH packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Auth {
    /// Success, continue or re-authenticate.
    pub reason: ReasonCode,
    /// The properties, the method among them.
    pub properties: Properties,
}

impl Publish {
    /// Returns the topic alias, if there is one.
    pub fn topic_alias(&self) -> Option<NonZeroU16> {
        self.properties.topic_alias()
    }
}
