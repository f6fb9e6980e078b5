//! The MQTT protocol: packets, their encodings, properties, reason codes, topic names and
//! filters.
//!
//! It covers MQTT 3.1, 3.1.1 and 5.0. There is no I/O and no clock.
//!
//! A [`Decoder`] turns bytes into [`Packet`]s whose topics and payloads are slices of
//! the input; [`encode`] writes a packet in its shortest form.

mod codec;
mod error;
mod packet;
mod packet_id;
mod property;
mod qos;
mod reason_code;
mod summary;
mod text;
mod topic;
mod version;

pub(crate) use codec::decode_publish_properties;
pub use codec::{
    Decoder, MAX_REMAINING_LENGTH, MaxCounts, PacketBytes, PublishHead, encode,
    encode_publish_head, publish_size,
};
pub use error::{DecodeError, EncodeError};
pub use packet::{
    Acknowledgement, Auth, ConnAck, ConnAckCode, Connect, Delivery, Disconnect, Packet, PacketType,
    Publish, RetainHandling, SubAck, Subscribe, Subscription, SubscriptionOptions, UnsubAck,
    Unsubscribe, Will,
};
pub use packet_id::PacketId;
pub use property::{Properties, Property, PropertyId, PropertyKind, SubscriptionId};
pub use qos::QoS;
pub use reason_code::{ConnectReturnCode, ReasonCode};
pub use summary::PublishSummary;
pub(crate) use text::is_plain;
pub use text::{Text, TextError};
pub use topic::{
    InvalidTopic, MAX_TOPIC_LEVELS, SharedFilter, TopicFilter, TopicName, levels, levels_match,
    topic_matches,
};
pub use version::ProtocolVersion;
