use std::num::{NonZeroU16, NonZeroU32};

use bytes::{BufMut, Bytes, BytesMut};

use super::super::property::PropertyScope;
use super::super::{
    DecodeError, EncodeError, Properties, Property, PropertyId, QoS, ReasonCode, SubscriptionId,
};
use super::reader::Reader;
use super::varint;
use super::writer::{binary, binary_size, check_binary};

const VALUE: &str = "property value";

/// Reads the properties of a PUBLISH outside a packet, with their length in front.
///
/// Mosquitto stores them so in its files.
pub(crate) fn decode_publish_properties(bytes: &Bytes) -> Result<Properties, DecodeError> {
    let mut reader = Reader::new(bytes, 0, bytes.len());
    let properties = decode(&mut reader, PropertyScope::Publish)?;
    reader.finish("property length")?;
    Ok(properties)
}

/// Reads a property length and the properties, each allowed in `scope`.
pub(super) fn decode(
    reader: &mut Reader<'_>,
    scope: PropertyScope,
) -> Result<Properties, DecodeError> {
    let length = reader.varint("property length")?;
    if length == 0 {
        return Ok(Properties::EMPTY);
    }
    let mut reader = reader.part(length as usize, "property length")?;
    let mut properties = Properties::EMPTY;
    let mut seen = 0_u64;
    while !reader.is_empty() {
        let id = PropertyId::from_u8(reader.u8("property identifier")?)
            .ok_or(DecodeError::malformed("property identifier"))?;
        if !id.may_stand_in(scope) {
            return Err(foreign(id, scope, &mut reader));
        }
        let bit = 1 << id as u8;
        if seen & bit != 0 && !id.may_repeat_in(scope) {
            return Err(DecodeError::protocol("repeated property"));
        }
        seen |= bit;
        properties.push(decode_one(id, &mut reader)?);
    }
    Ok(properties)
}

/// Returns the error for a property that may not stand in `scope`.
///
/// A property that is cut short is malformed in any place. In SUBSCRIBE and UNSUBSCRIBE,
/// Mosquitto calls every such property malformed.
fn foreign(id: PropertyId, scope: PropertyScope, reader: &mut Reader<'_>) -> DecodeError {
    const PLACE: &str = "property in the wrong packet";
    match (decode_one(id, reader), scope) {
        (Err(error), _) if error.reason() == ReasonCode::MalformedPacket => error,
        (_, PropertyScope::Subscribe | PropertyScope::Unsubscribe) => DecodeError::malformed(PLACE),
        _ => DecodeError::protocol(PLACE),
    }
}

fn decode_one(id: PropertyId, reader: &mut Reader<'_>) -> Result<Property, DecodeError> {
    use PropertyId as Id;
    Ok(match id {
        Id::PayloadFormatIndicator => Property::PayloadFormatIndicator(flag(reader)?),
        Id::MessageExpiryInterval => Property::MessageExpiryInterval(reader.u32(VALUE)?),
        Id::ContentType => Property::ContentType(reader.text(VALUE)?),
        Id::ResponseTopic => Property::ResponseTopic(response_topic(reader)?),
        Id::CorrelationData => Property::CorrelationData(reader.binary(VALUE)?),
        Id::SubscriptionIdentifier => {
            let id = SubscriptionId::new(reader.varint(VALUE)?);
            Property::SubscriptionIdentifier(id.ok_or(DecodeError::protocol(VALUE))?)
        }
        Id::SessionExpiryInterval => Property::SessionExpiryInterval(reader.u32(VALUE)?),
        Id::AssignedClientIdentifier => Property::AssignedClientIdentifier(reader.text(VALUE)?),
        Id::ServerKeepAlive => Property::ServerKeepAlive(reader.u16(VALUE)?),
        Id::AuthenticationMethod => Property::AuthenticationMethod(reader.text(VALUE)?),
        Id::AuthenticationData => Property::AuthenticationData(reader.binary(VALUE)?),
        Id::RequestProblemInformation => Property::RequestProblemInformation(flag(reader)?),
        Id::WillDelayInterval => Property::WillDelayInterval(reader.u32(VALUE)?),
        Id::RequestResponseInformation => Property::RequestResponseInformation(flag(reader)?),
        Id::ResponseInformation => Property::ResponseInformation(reader.text(VALUE)?),
        Id::ServerReference => Property::ServerReference(reader.text(VALUE)?),
        Id::ReasonString => Property::ReasonString(reader.text(VALUE)?),
        Id::ReceiveMaximum => Property::ReceiveMaximum(non_zero_u16(reader)?),
        Id::TopicAliasMaximum => Property::TopicAliasMaximum(reader.u16(VALUE)?),
        Id::TopicAlias => Property::TopicAlias(non_zero_u16(reader)?),
        Id::MaximumQoS => Property::MaximumQoS(match flag(reader)? {
            false => QoS::AtMostOnce,
            true => QoS::AtLeastOnce,
        }),
        Id::RetainAvailable => Property::RetainAvailable(flag(reader)?),
        Id::UserProperty => Property::UserProperty(reader.text(VALUE)?, reader.text(VALUE)?),
        Id::MaximumPacketSize => {
            let size = NonZeroU32::new(reader.u32(VALUE)?);
            Property::MaximumPacketSize(size.ok_or(DecodeError::protocol(VALUE))?)
        }
        Id::WildcardSubscriptionAvailable => Property::WildcardSubscriptionAvailable(flag(reader)?),
        Id::SubscriptionIdentifierAvailable => {
            Property::SubscriptionIdentifierAvailable(flag(reader)?)
        }
        Id::SharedSubscriptionAvailable => Property::SharedSubscriptionAvailable(flag(reader)?),
    })
}

/// Reads a byte that is 0 or 1; anything else is a protocol error.
fn flag(reader: &mut Reader<'_>) -> Result<bool, DecodeError> {
    match reader.u8(VALUE)? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(DecodeError::protocol(VALUE)),
    }
}

fn non_zero_u16(reader: &mut Reader<'_>) -> Result<NonZeroU16, DecodeError> {
    NonZeroU16::new(reader.u16(VALUE)?).ok_or(DecodeError::protocol(VALUE))
}

/// Reads a response topic, which is a topic name without wildcards [MQTT-3.3.2-14]
/// [MQTT-4.7.3-1].
fn response_topic(reader: &mut Reader<'_>) -> Result<super::super::Text, DecodeError> {
    let topic = reader.text(VALUE)?;
    if topic.is_empty() || memchr::memchr2(b'+', b'#', topic.as_bytes()).is_some() {
        return Err(DecodeError::protocol("response topic"));
    }
    Ok(topic)
}

/// Returns the size of the property length and the properties in bytes.
pub(super) fn size<'a>(properties: impl Iterator<Item = &'a Property>) -> usize {
    let length = properties.map(size_of_one).sum::<usize>();
    // A length that is too large is refused with the packet that has it.
    varint::size(u32::try_from(length).unwrap_or(u32::MAX)) + length
}

pub(super) fn check(properties: &Properties) -> Result<(), EncodeError> {
    for property in properties {
        if let Property::CorrelationData(data) | Property::AuthenticationData(data) = property {
            check_binary(data, property.id().name())?;
        }
    }
    Ok(())
}

/// Writes the property length and the properties, which have passed [`check`].
pub(super) fn encode<'a>(
    properties: impl Iterator<Item = &'a Property> + Clone,
    out: &mut BytesMut,
) {
    let length = properties.clone().map(size_of_one).sum::<usize>();
    varint::write(length as u32, out);
    for property in properties {
        encode_one(property, out);
    }
}

fn size_of_one(property: &Property) -> usize {
    1 + match property {
        Property::PayloadFormatIndicator(_)
        | Property::RequestProblemInformation(_)
        | Property::RequestResponseInformation(_)
        | Property::MaximumQoS(_)
        | Property::RetainAvailable(_)
        | Property::WildcardSubscriptionAvailable(_)
        | Property::SubscriptionIdentifierAvailable(_)
        | Property::SharedSubscriptionAvailable(_) => 1,
        Property::ServerKeepAlive(_)
        | Property::ReceiveMaximum(_)
        | Property::TopicAliasMaximum(_)
        | Property::TopicAlias(_) => 2,
        Property::MessageExpiryInterval(_)
        | Property::SessionExpiryInterval(_)
        | Property::WillDelayInterval(_)
        | Property::MaximumPacketSize(_) => 4,
        Property::SubscriptionIdentifier(id) => varint::size(id.get()),
        Property::CorrelationData(data) | Property::AuthenticationData(data) => binary_size(data),
        Property::ContentType(text)
        | Property::ResponseTopic(text)
        | Property::AssignedClientIdentifier(text)
        | Property::AuthenticationMethod(text)
        | Property::ResponseInformation(text)
        | Property::ServerReference(text)
        | Property::ReasonString(text) => binary_size(text.as_bytes()),
        Property::UserProperty(name, value) => {
            binary_size(name.as_bytes()) + binary_size(value.as_bytes())
        }
    }
}

fn encode_one(property: &Property, out: &mut BytesMut) {
    out.put_u8(property.id() as u8);
    match property {
        Property::PayloadFormatIndicator(flag)
        | Property::RequestProblemInformation(flag)
        | Property::RequestResponseInformation(flag)
        | Property::RetainAvailable(flag)
        | Property::WildcardSubscriptionAvailable(flag)
        | Property::SubscriptionIdentifierAvailable(flag)
        | Property::SharedSubscriptionAvailable(flag) => out.put_u8(u8::from(*flag)),
        Property::MaximumQoS(qos) => out.put_u8(u8::from(*qos)),
        Property::ServerKeepAlive(number) | Property::TopicAliasMaximum(number) => {
            out.put_u16(*number);
        }
        Property::ReceiveMaximum(number) | Property::TopicAlias(number) => {
            out.put_u16(number.get());
        }
        Property::MessageExpiryInterval(number)
        | Property::SessionExpiryInterval(number)
        | Property::WillDelayInterval(number) => out.put_u32(*number),
        Property::MaximumPacketSize(size) => out.put_u32(size.get()),
        Property::SubscriptionIdentifier(id) => varint::write(id.get(), out),
        Property::CorrelationData(data) | Property::AuthenticationData(data) => binary(data, out),
        Property::ContentType(text)
        | Property::ResponseTopic(text)
        | Property::AssignedClientIdentifier(text)
        | Property::AuthenticationMethod(text)
        | Property::ResponseInformation(text)
        | Property::ServerReference(text)
        | Property::ReasonString(text) => binary(text.as_bytes(), out),
        Property::UserProperty(name, value) => {
            binary(name.as_bytes(), out);
            binary(value.as_bytes(), out);
        }
    }
}
