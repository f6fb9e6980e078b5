use bytes::{BufMut, Bytes, BytesMut};

use super::super::property::{PropertyScope, decode_one, encode_one, size_of_one};
use super::super::{DecodeError, EncodeError, Properties, Property, PropertyId, ReasonCode};
use super::reader::Reader;
use super::varint;

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
    let bytes = reader.unread();
    let mut seen = 0_u64;
    let mut user_properties = 0;
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
        user_properties += usize::from(id == PropertyId::UserProperty);
        reader.check_user_properties(user_properties)?;
        decode_one(id, &mut reader)?;
    }
    Ok(Properties::from_wire(bytes))
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

/// Returns the size of the property length and the properties in bytes.
pub(super) fn size(properties: &Properties, more: &[Property]) -> usize {
    let length = length(properties, more);
    // A length that is too large is refused with the packet that has it.
    varint::size(u32::try_from(length).unwrap_or(u32::MAX)) + length
}

fn length(properties: &Properties, more: &[Property]) -> usize {
    properties.as_wire().len() + more.iter().map(size_of_one).sum::<usize>()
}

pub(super) fn check(properties: &Properties) -> Result<(), EncodeError> {
    match properties.too_long() {
        Some(id) => Err(EncodeError::FieldTooLong(id.name())),
        None => Ok(()),
    }
}

/// Writes the property length and the properties, which have passed [`check`].
pub(super) fn encode(properties: &Properties, more: &[Property], out: &mut BytesMut) {
    varint::write(length(properties, more) as u32, out);
    out.put_slice(properties.as_wire());
    for property in more {
        encode_one(property, out);
    }
}
