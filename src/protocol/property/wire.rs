//! One property on the wire.

use std::num::{NonZeroU16, NonZeroU32};

use bytes::{BufMut, BytesMut};

use super::table::PropertyId;
use super::value::{Property, SubscriptionId};
use crate::protocol::codec::reader::Reader;
use crate::protocol::codec::varint;
use crate::protocol::codec::writer::{binary, binary_size};
use crate::protocol::{DecodeError, QoS, Text};

const VALUE: &str = "property value";

/// Reads the value of a property, which follows its identifier.
pub(in crate::protocol) fn decode_one(
    id: PropertyId,
    reader: &mut Reader<'_>,
) -> Result<Property, DecodeError> {
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
fn response_topic(reader: &mut Reader<'_>) -> Result<Text, DecodeError> {
    let topic = reader.text(VALUE)?;
    if topic.is_empty() || memchr::memchr2(b'+', b'#', topic.as_bytes()).is_some() {
        return Err(DecodeError::protocol("response topic"));
    }
    Ok(topic)
}

/// Returns the size of a property in bytes.
pub(in crate::protocol) fn size_of_one(property: &Property) -> usize {
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

/// Writes a property, whose binary data is short enough.
pub(in crate::protocol) fn encode_one(property: &Property, out: &mut BytesMut) {
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
