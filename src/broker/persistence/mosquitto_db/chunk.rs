//! Contents of each type of chunk.

use std::num::NonZeroU16;

use bytes::Bytes;

use super::reader::{Reader, invalid};
use super::snapshot::SnapshotError;
use super::snapshot::{SnapshotMessage, SnapshotSource};
use crate::broker::ground::forwarded_properties;
use crate::protocol::{
    PacketId, Properties, QoS, SubscriptionId, SubscriptionOptions, Text, TopicFilter, TopicName,
    decode_publish_properties,
};

const CLIENT_ID: &str = "a client identifier";

/// Identifier by which other chunks name a message.
pub(super) type MessageId = [u8; 8];

/// Chunk type 2: a message, whoever it is for.
pub(super) struct Message {
    pub(super) id: MessageId,
    pub(super) message: SnapshotMessage,
}

/// Chunk type 3: a message of one client, in one direction.
pub(super) struct ClientMessage {
    pub(super) id: MessageId,
    pub(super) client_id: Text,
    /// `None` for one of QoS 0.
    pub(super) packet_id: Option<PacketId>,
    pub(super) qos: QoS,
    pub(super) state: u8,
    pub(super) retain: bool,
    pub(super) direction: Direction,
    pub(super) subscription_ids: Vec<SubscriptionId>,
}

/// Direction of a client's message.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    /// From the client.
    Incoming,
    /// To the client.
    Outgoing,
}

/// Chunk type 5: a subscription.
pub(super) struct Subscription {
    pub(super) client_id: Text,
    pub(super) filter: TopicFilter,
    pub(super) options: SubscriptionOptions,
    pub(super) identifier: Option<SubscriptionId>,
}

/// Chunk type 6: a session.
pub(super) struct Client {
    pub(super) client_id: Text,
    pub(super) username: Username,
    pub(super) port: Option<NonZeroU16>,
    pub(super) session_expiry: u32,
    pub(super) expires_at: Option<u64>,
    pub(super) last_packet_id: Option<PacketId>,
}

/// The name a client had logged in with.
pub(super) enum Username {
    None,
    Name(Text),
    /// Bytes that are no text: Mosquitto 2.0.11 writes some of its memory for a client
    /// without a name that follows one with a name.
    Unreadable,
}

impl Message {
    pub(super) fn read(mut reader: Reader<'_>) -> Result<Self, SnapshotError> {
        let id = reader.message_id()?;
        let expires_at = reader.time("an expiry time")?;
        let payload_length = reader.u32("a payload length")?;
        reader.u16("the publisher's packet identifier")?;
        let publisher_length = reader.u16("the length of the publisher's name")?;
        let username_length = reader.u16("the length of the publisher's user name")?;
        let topic_length = reader.u16("a topic length")?;
        let port = NonZeroU16::new(reader.u16("the publisher's port")?);
        let qos = reader.qos()?;
        let retain = reader.u8("a retain flag")? != 0;
        let client_id = reader.take(publisher_length.into(), "the publisher's name")?;
        let username = reader.take(username_length.into(), "the publisher's user name")?;
        let source = name(client_id).map(|client_id| SnapshotSource {
            client_id,
            username: name(username),
            port,
        });
        let offset = reader.offset();
        let topic = reader.take(topic_length.into(), "a topic")?;
        let payload = reader.part(payload_length, "a payload")?.rest();
        // One allocation for both.
        let mut topic = Bytes::from([topic, payload].concat());
        let payload = topic.split_off(topic_length.into());
        let topic =
            TopicName::from_bytes(topic).map_err(|error| invalid(offset, "a topic", error))?;
        let message = SnapshotMessage {
            topic,
            payload,
            qos,
            retain,
            properties: forwarded_properties(properties(reader)?),
            expires_at,
            source,
        };
        Ok(Self { id, message })
    }
}

impl ClientMessage {
    pub(super) fn read(mut reader: Reader<'_>) -> Result<Self, SnapshotError> {
        const DIRECTION: &str = "a direction";
        let id = reader.message_id()?;
        let packet_id = reader.packet_id()?;
        let client_id_length = reader.u16("the length of a client identifier")?;
        let qos = reader.qos()?;
        let state = reader.u8("the state of a delivery")?;
        // The low half says whether the next PUBLISH is a repetition, as the state does.
        let retain = reader.u8("a retain flag")? >> 4 != 0;
        let offset = reader.offset();
        let direction = match reader.u8(DIRECTION)? {
            0 => Direction::Incoming,
            1 => Direction::Outgoing,
            other => return Err(invalid(offset, DIRECTION, other)),
        };
        let client_id = text(&mut reader, client_id_length, CLIENT_ID)?;
        let properties = properties(reader)?;
        Ok(Self {
            id,
            client_id,
            packet_id,
            qos,
            state,
            retain,
            direction,
            subscription_ids: properties.subscription_identifiers().collect(),
        })
    }
}

impl Subscription {
    pub(super) fn read(mut reader: Reader<'_>) -> Result<Self, SnapshotError> {
        const NO_LOCAL: u8 = 0x04;
        const RETAIN_AS_PUBLISHED: u8 = 0x08;
        let identifier = SubscriptionId::new(reader.u32("a subscription identifier")?);
        let client_id_length = reader.u16("the length of a client identifier")?;
        let filter_length = reader.u16("the length of a topic filter")?;
        let qos = reader.qos()?;
        let flags = reader.u8("subscription options")?;
        reader.u16("padding")?;
        let client_id = text(&mut reader, client_id_length, CLIENT_ID)?;
        let offset = reader.offset();
        let filter = reader.take(filter_length.into(), "a topic filter")?;
        let filter = TopicFilter::from_bytes(Bytes::copy_from_slice(filter))
            .map_err(|error| invalid(offset, "a topic filter", error))?;
        Ok(Self {
            client_id,
            filter,
            options: SubscriptionOptions {
                qos,
                no_local: flags & NO_LOCAL != 0,
                retain_as_published: flags & RETAIN_AS_PUBLISHED != 0,
                ..SubscriptionOptions::default()
            },
            identifier,
        })
    }
}

impl Client {
    pub(super) fn read(mut reader: Reader<'_>) -> Result<Self, SnapshotError> {
        let expires_at = reader.time("the end of a session")?;
        let session_expiry = reader.u32("a session expiry interval")?;
        let last_packet_id = reader.packet_id()?;
        let client_id_length = reader.u16("the length of a client identifier")?;
        let port = NonZeroU16::new(reader.u16("a port")?);
        let username_length = reader.u16("the length of a user name")?;
        reader.u32("padding")?;
        let client_id = text(&mut reader, client_id_length, CLIENT_ID)?;
        let username = reader.take(username_length.into(), "a user name")?;
        let username = match Text::from_bytes(Bytes::copy_from_slice(username)) {
            Ok(name) if name.is_empty() => Username::None,
            Ok(name) => Username::Name(name),
            Err(_) => Username::Unreadable,
        };
        Ok(Self {
            client_id,
            username,
            port,
            session_expiry,
            expires_at,
            last_packet_id,
        })
    }
}

/// A name that is there and is text.
fn name(bytes: &[u8]) -> Option<Text> {
    let name = Text::from_bytes(Bytes::copy_from_slice(bytes)).ok()?;
    (!name.is_empty()).then_some(name)
}

fn text(reader: &mut Reader<'_>, length: u16, field: &'static str) -> Result<Text, SnapshotError> {
    let offset = reader.offset();
    let bytes = reader.take(length.into(), field)?;
    Text::from_bytes(Bytes::copy_from_slice(bytes)).map_err(|error| invalid(offset, field, error))
}

/// The properties at the end of a chunk, which are left out when there are none. They are
/// written as in a packet, behind their length.
fn properties(mut reader: Reader<'_>) -> Result<Properties, SnapshotError> {
    if reader.is_empty() {
        return Ok(Properties::EMPTY);
    }
    let offset = reader.offset();
    decode_publish_properties(&Bytes::copy_from_slice(reader.rest()))
        .map(|properties| properties.to_owned_properties())
        .map_err(|error| invalid(offset, "properties", error))
}
