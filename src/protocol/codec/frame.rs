//! The end of a packet, from its first byte and its remaining length.

use super::super::{DecodeError, ReasonCode};
use super::varint::{self, Varint};

/// The frame at the front of some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Frame {
    /// A whole packet: the length of its fixed header and its whole length.
    Whole { header: usize, length: usize },
    /// The beginning of a packet, which lacks at least `missing` bytes.
    Incomplete { missing: usize },
}

/// Finds the end of the packet at the front of `bytes`.
///
/// The length that the peer claims is checked against `max_packet_size` before anybody waits
/// for it.
pub(super) fn find(bytes: &[u8], max_packet_size: u32) -> Result<Frame, DecodeError> {
    let Some((_, rest)) = bytes.split_first() else {
        return Ok(Frame::Incomplete { missing: 2 });
    };
    match varint::read(rest) {
        Varint::Incomplete => Ok(Frame::Incomplete { missing: 1 }),
        Varint::TooLong => Err(DecodeError::malformed("remaining length")),
        Varint::Whole { value, length } => {
            let header = 1 + length;
            let length = header + value as usize;
            if length > max_packet_size as usize {
                return Err(DecodeError::new(
                    ReasonCode::PacketTooLarge,
                    "remaining length",
                ));
            }
            if bytes.len() < length {
                return Ok(Frame::Incomplete {
                    missing: length - bytes.len(),
                });
            }
            Ok(Frame::Whole { header, length })
        }
    }
}
