use bytes::Bytes;

use super::super::{DecodeError, PacketId, ReasonCode, Text, TextError, TopicFilter, TopicName};
use super::super::{InvalidTopic, QoS};
use super::varint::{self, Varint};

/// A reader of the fields of one packet; strings and data are slices of the input.
pub(in crate::protocol) struct Reader<'a> {
    bytes: &'a Bytes,
    position: usize,
    end: usize,
    counts: MaxCounts,
}

/// The number of parts that a packet may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaxCounts {
    /// Topic filters in a SUBSCRIBE or UNSUBSCRIBE.
    pub filters: u32,
    /// User properties.
    pub user_properties: u32,
}

impl MaxCounts {
    /// Any number of parts.
    pub const NONE: Self = Self {
        filters: u32::MAX,
        user_properties: u32::MAX,
    };
}

impl<'a> Reader<'a> {
    pub(in crate::protocol) fn new(bytes: &'a Bytes, position: usize, end: usize) -> Self {
        Self {
            bytes,
            position,
            end,
            counts: MaxCounts::NONE,
        }
    }

    /// Sets the number of parts that the packet may have.
    pub(in crate::protocol) fn with_counts(self, counts: MaxCounts) -> Self {
        Self { counts, ..self }
    }

    /// Fails if the packet has more topic filters than it may.
    pub(in crate::protocol) fn check_filters(&self, count: usize) -> Result<(), DecodeError> {
        check_count(
            count,
            self.counts.filters,
            "more topic filters in a packet than allowed",
        )
    }

    /// Fails if the packet has more user properties than it may.
    pub(in crate::protocol) fn check_user_properties(
        &self,
        count: usize,
    ) -> Result<(), DecodeError> {
        check_count(
            count,
            self.counts.user_properties,
            "more user properties in a packet than allowed",
        )
    }

    pub(in crate::protocol) fn remaining(&self) -> usize {
        self.end - self.position
    }

    pub(in crate::protocol) fn is_empty(&self) -> bool {
        self.position == self.end
    }

    /// Splits off a reader of the next `length` bytes.
    pub(in crate::protocol) fn part(
        &mut self,
        length: usize,
        place: &'static str,
    ) -> Result<Self, DecodeError> {
        let start = self.advance(length, place)?;
        Ok(Self::new(self.bytes, start, self.position).with_counts(self.counts))
    }

    pub(in crate::protocol) fn u8(&mut self, place: &'static str) -> Result<u8, DecodeError> {
        let at = self.advance(1, place)?;
        Ok(self.bytes[at])
    }

    pub(in crate::protocol) fn u16(&mut self, place: &'static str) -> Result<u16, DecodeError> {
        let at = self.advance(2, place)?;
        Ok(u16::from_be_bytes([self.bytes[at], self.bytes[at + 1]]))
    }

    pub(in crate::protocol) fn u32(&mut self, place: &'static str) -> Result<u32, DecodeError> {
        let high = self.u16(place)?;
        let low = self.u16(place)?;
        Ok(u32::from(high) << 16 | u32::from(low))
    }

    pub(in crate::protocol) fn varint(&mut self, place: &'static str) -> Result<u32, DecodeError> {
        match varint::read(&self.bytes[self.position..self.end]) {
            Varint::Whole { value, length } => {
                self.position += length;
                Ok(value)
            }
            Varint::Incomplete | Varint::TooLong => Err(DecodeError::malformed(place)),
        }
    }

    /// Reads binary data: a length of two bytes and as many bytes.
    pub(in crate::protocol) fn binary(
        &mut self,
        place: &'static str,
    ) -> Result<Bytes, DecodeError> {
        let length = self.u16(place)?;
        let start = self.advance(usize::from(length), place)?;
        Ok(self.bytes.slice(start..self.position))
    }

    /// Passes over binary data or a string.
    pub(in crate::protocol) fn skip_binary(
        &mut self,
        place: &'static str,
    ) -> Result<(), DecodeError> {
        let length = self.u16(place)?;
        self.advance(usize::from(length), place).map(drop)
    }

    pub(in crate::protocol) fn text(&mut self, place: &'static str) -> Result<Text, DecodeError> {
        Text::from_bytes(self.binary(place)?).map_err(|error| match error {
            TextError::TooLong | TextError::Malformed => DecodeError::malformed(place),
        })
    }

    pub(in crate::protocol) fn topic_name(
        &mut self,
        place: &'static str,
    ) -> Result<TopicName, DecodeError> {
        TopicName::from_bytes(self.binary(place)?).map_err(|_| DecodeError::malformed(place))
    }

    pub(in crate::protocol) fn topic_filter(
        &mut self,
        place: &'static str,
    ) -> Result<TopicFilter, DecodeError> {
        TopicFilter::from_bytes(self.binary(place)?).map_err(|error| match error {
            InvalidTopic::Shared => DecodeError::protocol(place),
            _ => DecodeError::malformed(place),
        })
    }

    pub(in crate::protocol) fn packet_id(
        &mut self,
        place: &'static str,
    ) -> Result<PacketId, DecodeError> {
        PacketId::new(self.u16(place)?).ok_or(DecodeError::protocol(place))
    }

    pub(in crate::protocol) fn reason(
        &mut self,
        place: &'static str,
    ) -> Result<ReasonCode, DecodeError> {
        ReasonCode::from_u8(self.u8(place)?).ok_or(DecodeError::protocol(place))
    }

    /// Returns the bytes that remain, and does not take them.
    pub(in crate::protocol) fn unread(&self) -> Bytes {
        self.bytes.slice(self.position..self.end)
    }

    /// Returns whether the next field is an empty string.
    pub(in crate::protocol) fn starts_with_empty_text(&self) -> bool {
        self.bytes[self.position..self.end].starts_with(&[0, 0])
    }

    /// Takes all remaining bytes.
    pub(in crate::protocol) fn rest(&mut self) -> Bytes {
        let start = self.position;
        self.position = self.end;
        self.bytes.slice(start..self.end)
    }

    /// Fails if bytes remain.
    pub(in crate::protocol) fn finish(&self, place: &'static str) -> Result<(), DecodeError> {
        if self.is_empty() {
            Ok(())
        } else {
            Err(DecodeError::malformed(place))
        }
    }

    fn advance(&mut self, length: usize, place: &'static str) -> Result<usize, DecodeError> {
        if self.remaining() < length {
            return Err(DecodeError::malformed(place));
        }
        let start = self.position;
        self.position += length;
        Ok(start)
    }
}

fn check_count(count: usize, most: u32, place: &'static str) -> Result<(), DecodeError> {
    match count > most as usize {
        true => Err(DecodeError::new(ReasonCode::QuotaExceeded, place)),
        false => Ok(()),
    }
}

pub(in crate::protocol) fn qos(bits: u8, place: &'static str) -> Result<QoS, DecodeError> {
    QoS::from_u8(bits & 0b11).ok_or(DecodeError::malformed(place))
}
