//! Variable byte integers (MQTT 5.0, section 1.5.5).

use bytes::{BufMut, BytesMut};

/// The maximum remaining length and variable byte integer.
pub const MAX_REMAINING_LENGTH: u32 = 268_435_455;

/// The integer at the front of some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::protocol) enum Varint {
    /// A whole integer and its size in bytes.
    Whole { value: u32, length: usize },
    /// The beginning of an integer.
    Incomplete,
    /// Five bytes or more [MQTT-1.5.5-1].
    TooLong,
}

pub(in crate::protocol) fn read(bytes: &[u8]) -> Varint {
    let mut value = 0;
    for (index, &byte) in bytes.iter().take(4).enumerate() {
        value |= u32::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Varint::Whole {
                value,
                length: index + 1,
            };
        }
    }
    if bytes.len() < 4 {
        Varint::Incomplete
    } else {
        Varint::TooLong
    }
}

/// Writes the shortest form of a value of at most [`MAX_REMAINING_LENGTH`].
pub(in crate::protocol) fn write(mut value: u32, out: &mut BytesMut) {
    debug_assert!(value <= MAX_REMAINING_LENGTH);
    while value >= 0x80 {
        out.put_u8(value as u8 | 0x80);
        value >>= 7;
    }
    out.put_u8(value as u8);
}

pub(in crate::protocol) fn size(value: u32) -> usize {
    match value {
        0..=0x7f => 1,
        0x80..=0x3fff => 2,
        0x4000..=0x1f_ffff => 3,
        _ => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_edges_of_each_length_round_trip() {
        for value in [
            0,
            127,
            128,
            16_383,
            16_384,
            2_097_151,
            2_097_152,
            MAX_REMAINING_LENGTH,
        ] {
            let mut out = BytesMut::new();
            write(value, &mut out);
            assert_eq!(out.len(), size(value));
            assert_eq!(
                read(&out),
                Varint::Whole {
                    value,
                    length: out.len()
                }
            );
            assert_eq!(read(&out[..out.len() - 1]), Varint::Incomplete);
        }
    }

    #[test]
    fn a_fifth_byte_is_too_long() {
        assert_eq!(read(&[0x80, 0x80, 0x80, 0x80]), Varint::TooLong);
    }
}
