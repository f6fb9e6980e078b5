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
    /// A client asks for a connection.
    Connect(Box<Connect>),
    /// The server answers a CONNECT.
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
    /// A client asks for messages.
    Subscribe(Subscribe),
    /// The answer to a SUBSCRIBE.
    SubAck(SubAck),
    /// A client asks for no more messages.
    Unsubscribe(Unsubscribe),
    /// The answer to an UNSUBSCRIBE.
    UnsubAck(UnsubAck),
    /// A client shows that it is there.
    PingReq,
    /// The answer to a PINGREQ.
    PingResp,
    /// The connection ends in order.
    Disconnect(Disconnect),
    /// A step of an enhanced authentication; only in MQTT 5.0.
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
    /// The packet's type.
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
    /// The version that the client speaks.
    pub version: ProtocolVersion,
    /// Whether the client says, by the high bit of the protocol level, that it is a
    /// bridge: Mosquitto's private extension of 3.1 and 3.1.1.
    pub bridge: bool,
    /// Whether an earlier session is forgotten; "clean session" before MQTT 5.0.
    pub clean_start: bool,
    /// Seconds; 0 turns the keep alive off.
    pub keep_alive: u16,
    /// The client identifier; empty asks the server to choose one.
    pub client_id: Text,
    /// What the server publishes when the connection ends without order.
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
    /// Where the will is published.
    pub topic: TopicName,
    /// The message.
    pub payload: Bytes,
    /// Its QoS.
    pub qos: QoS,
    /// Whether it is retained.
    pub retain: bool,
    /// Its properties, the delay among them.
    pub properties: Properties,
}

/// A CONNACK packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnAck {
    /// Whether the server goes on with an earlier session.
    pub session_present: bool,
    /// The answer.
    pub code: ConnAckCode,
    /// The properties; none before MQTT 5.0.
    pub properties: Properties,
}

/// What a CONNACK says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnAckCode {
    /// In MQTT 3.1 and 3.1.1.
    V3(ConnectReturnCode),
    /// In MQTT 5.0.
    V5(ReasonCode),
}

impl ConnAckCode {
    /// Whether the connection is accepted.
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
    /// Whether this may be a repetition of an earlier PUBLISH.
    pub dup: bool,
    /// The QoS, with the packet identifier that QoS 1 and 2 need.
    pub delivery: Delivery,
    /// Whether the message is to be retained, or was.
    pub retain: bool,
    /// The topic; `None` when a topic alias alone stands for it.
    pub topic: Option<TopicName>,
    /// The properties; none before MQTT 5.0.
    pub properties: Properties,
    /// The message.
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
    /// The QoS.
    pub fn qos(self) -> QoS {
        match self {
            Self::AtMostOnce => QoS::AtMostOnce,
            Self::AtLeastOnce(_) => QoS::AtLeastOnce,
            Self::ExactlyOnce(_) => QoS::ExactlyOnce,
        }
    }

    /// The packet identifier of QoS 1 and 2.
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
    /// The PUBLISH that it belongs to.
    pub packet_id: PacketId,
    /// The outcome; always success before MQTT 5.0.
    pub reason: ReasonCode,
    /// The properties; none before MQTT 5.0.
    pub properties: Properties,
}

impl Acknowledgement {
    /// Success without properties.
    pub fn success(packet_id: PacketId) -> Self {
        Self::new(packet_id, ReasonCode::Success)
    }

    /// An outcome without properties.
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
    /// The subscriptions asked for; only MQTT 3.1 lets them be none.
    pub subscriptions: Vec<Subscription>,
}

/// One subscription of a SUBSCRIBE packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// What is asked for.
    pub filter: TopicFilter,
    /// How it is to be delivered.
    pub options: SubscriptionOptions,
}

/// The options of a subscription (MQTT 5.0, section 3.8.3.1); before it only the QoS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SubscriptionOptions {
    /// The highest QoS of delivery.
    pub qos: QoS,
    /// Whether the client's own messages are left out.
    pub no_local: bool,
    /// Whether the retain flag is delivered as it was published.
    pub retain_as_published: bool,
    /// When retained messages are sent.
    pub retain_handling: RetainHandling,
}

/// When a subscription brings retained messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum RetainHandling {
    /// At every SUBSCRIBE.
    #[default]
    Always = 0,
    /// Only when the subscription is new.
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
    /// One for each subscription, in order [MQTT-3.9.3-1].
    pub reasons: Vec<ReasonCode>,
}

/// An UNSUBSCRIBE packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsubscribe {
    /// The identifier that the UNSUBACK repeats.
    pub packet_id: PacketId,
    /// The properties; none before MQTT 5.0.
    pub properties: Properties,
    /// The filters; only MQTT 3.1 lets them be none.
    pub filters: Vec<TopicFilter>,
}

/// An UNSUBACK packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnsubAck {
    /// The identifier of the UNSUBSCRIBE.
    pub packet_id: PacketId,
    /// The properties; none before MQTT 5.0.
    pub properties: Properties,
    /// One for each filter in MQTT 5.0; none before it.
    pub reasons: Vec<ReasonCode>,
}

/// A DISCONNECT packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disconnect {
    /// Why the connection ends; always success before MQTT 5.0.
    pub reason: ReasonCode,
    /// The properties; none before MQTT 5.0.
    pub properties: Properties,
}

impl Disconnect {
    /// A reason without properties.
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
    /// The topic alias, if there is one.
    pub fn topic_alias(&self) -> Option<NonZeroU16> {
        self.properties.topic_alias()
    }
}
