//! PUBLISH, the most frequent packet.

use bytes::{BufMut, BytesMut};

use super::super::property::PropertyScope;
use super::super::{
    DecodeError, Delivery, EncodeError, Properties, Property, ProtocolVersion, Publish, QoS,
};
use super::reader::{Reader, qos};
use super::{MAX_REMAINING_LENGTH, properties, varint, writer};

const DUP: u8 = 0b1000;
const RETAIN: u8 = 0b0001;

/// A PUBLISH packet without its payload, for a sender that writes the payload itself.
#[derive(Clone, Copy, Debug)]
pub struct PublishHead<'a> {
    /// True if this may be a repetition of an earlier PUBLISH.
    pub dup: bool,
    /// The QoS and the packet identifier.
    pub delivery: Delivery,
    /// The retain flag.
    pub retain: bool,
    /// The topic; empty if a topic alias alone stands for it.
    pub topic: &'a [u8],
    /// The properties.
    pub properties: &'a Properties,
    /// Further properties, such as those for this receiver alone.
    pub more_properties: &'a [Property],
    /// The number of bytes in the payload.
    pub payload_length: usize,
}

impl PublishHead<'_> {
    fn remaining_length(&self, version: ProtocolVersion) -> usize {
        let packet_id = if self.delivery.qos() == QoS::AtMostOnce {
            0
        } else {
            2
        };
        let properties = if version.is_v5() {
            properties::size(self.properties, self.more_properties)
        } else {
            0
        };
        writer::binary_size(self.topic) + packet_id + properties + self.payload_length
    }
}

/// Returns the size of the whole packet in bytes.
pub fn publish_size(head: &PublishHead<'_>, version: ProtocolVersion) -> usize {
    let length = head.remaining_length(version);
    1 + varint::size(u32::try_from(length).unwrap_or(u32::MAX)) + length
}

/// Writes everything except the payload.
///
/// Returns the position of the packet identifier in `out`, if there is one.
pub fn encode_publish_head(
    head: &PublishHead<'_>,
    version: ProtocolVersion,
    out: &mut BytesMut,
) -> Result<Option<usize>, EncodeError> {
    properties::check(head.properties)?;
    writer::check_binary(head.topic, "topic")?;
    let length = u32::try_from(head.remaining_length(version))
        .ok()
        .filter(|&length| length <= MAX_REMAINING_LENGTH)
        .ok_or(EncodeError::PacketTooLarge)?;
    let dup = if head.dup { DUP } else { 0 };
    let retain = if head.retain { RETAIN } else { 0 };
    out.put_u8(3 << 4 | dup | u8::from(head.delivery.qos()) << 1 | retain);
    varint::write(length, out);
    writer::binary(head.topic, out);
    let packet_id_at = head.delivery.packet_id().map(|packet_id| {
        let at = out.len();
        out.put_u16(packet_id.get());
        at
    });
    if version.is_v5() {
        properties::encode(head.properties, head.more_properties, out);
    }
    Ok(packet_id_at)
}

pub(super) fn encode(
    publish: &Publish,
    version: ProtocolVersion,
    out: &mut BytesMut,
) -> Result<(), EncodeError> {
    let topic = match &publish.topic {
        Some(topic) => topic.as_bytes(),
        None if version.is_v5() && publish.topic_alias().is_some() => &[],
        None => return Err(EncodeError::MissingTopic),
    };
    let head = PublishHead {
        dup: publish.dup,
        delivery: publish.delivery,
        retain: publish.retain,
        topic,
        properties: &publish.properties,
        more_properties: &[],
        payload_length: publish.payload.len(),
    };
    encode_publish_head(&head, version, out)?;
    out.put_slice(&publish.payload);
    Ok(())
}

pub(super) fn decode(
    flags: u8,
    version: ProtocolVersion,
    reader: &mut Reader<'_>,
) -> Result<Publish, DecodeError> {
    let qos = qos(flags >> 1, "PUBLISH: QoS")?;
    let dup = flags & DUP != 0;
    if dup && qos == QoS::AtMostOnce {
        // [MQTT-3.3.1-2]
        return Err(DecodeError::malformed("PUBLISH: DUP with QoS 0"));
    }
    let topic = if version.is_v5() && reader.starts_with_empty_text() {
        reader.u16("PUBLISH: topic")?;
        None
    } else {
        Some(reader.topic_name("PUBLISH: topic")?)
    };
    let delivery = match qos {
        QoS::AtMostOnce => Delivery::AtMostOnce,
        QoS::AtLeastOnce => Delivery::AtLeastOnce(reader.packet_id("PUBLISH: packet identifier")?),
        QoS::ExactlyOnce => Delivery::ExactlyOnce(reader.packet_id("PUBLISH: packet identifier")?),
    };
    let properties = if version.is_v5() {
        properties::decode(reader, PropertyScope::Publish)?
    } else {
        Properties::EMPTY
    };
    if topic.is_none() && properties.topic_alias().is_none() {
        return Err(DecodeError::protocol(
            "PUBLISH: neither topic nor topic alias",
        ));
    }
    let retain = flags & RETAIN != 0;
    Ok(Publish {
        dup,
        delivery,
        retain,
        topic,
        properties,
        payload: reader.rest(),
    })
}
