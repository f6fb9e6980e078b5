use bytes::{BufMut, BytesMut};

use super::super::EncodeError;
use super::varint::{self, MAX_REMAINING_LENGTH};

/// Writes the first byte and the remaining length.
pub(in crate::protocol) fn header(
    first: u8,
    length: usize,
    out: &mut BytesMut,
) -> Result<(), EncodeError> {
    let length = u32::try_from(length)
        .ok()
        .filter(|&length| length <= MAX_REMAINING_LENGTH)
        .ok_or(EncodeError::PacketTooLarge)?;
    out.put_u8(first);
    varint::write(length, out);
    Ok(())
}

/// Writes binary data or a string with its length, which was checked.
pub(in crate::protocol) fn binary(bytes: &[u8], out: &mut BytesMut) {
    debug_assert!(bytes.len() <= usize::from(u16::MAX));
    out.put_u16(bytes.len() as u16);
    out.put_slice(bytes);
}

/// Returns the size of binary data or a string with its length.
pub(in crate::protocol) fn binary_size(bytes: &[u8]) -> usize {
    2 + bytes.len()
}

pub(in crate::protocol) fn check_binary(
    bytes: &[u8],
    what: &'static str,
) -> Result<(), EncodeError> {
    if bytes.len() > usize::from(u16::MAX) {
        return Err(EncodeError::FieldTooLong(what));
    }
    Ok(())
}
