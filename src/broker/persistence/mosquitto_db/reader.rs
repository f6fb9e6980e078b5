//! The fields of a chunk, each with its place in the file.

use super::snapshot::SnapshotError;
use crate::protocol::{PacketId, QoS};

/// Reads fields one after the other and knows where in the file it is.
#[derive(Clone)]
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    offset: usize,
}

impl<'a> Reader<'a> {
    /// A reader of `bytes`, which stand at `offset` in the file.
    pub(super) fn new(bytes: &'a [u8], offset: usize) -> Self {
        Self { bytes, offset }
    }

    /// Returns the offset of the next field, in bytes.
    pub(super) fn offset(&self) -> usize {
        self.offset
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// A reader of the next `length` bytes, which this one skips.
    pub(super) fn part(&mut self, length: u32, field: &'static str) -> Result<Self, SnapshotError> {
        let offset = self.offset;
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        Ok(Self::new(self.take(length, field)?, offset))
    }

    /// The next `length` bytes.
    pub(super) fn take(
        &mut self,
        length: usize,
        field: &'static str,
    ) -> Result<&'a [u8], SnapshotError> {
        let (taken, rest) =
            self.bytes
                .split_at_checked(length)
                .ok_or(SnapshotError::Truncated {
                    offset: self.offset,
                    field,
                })?;
        self.bytes = rest;
        self.offset += length;
        Ok(taken)
    }

    /// Everything that is left.
    pub(super) fn rest(&mut self) -> &'a [u8] {
        self.offset += self.bytes.len();
        std::mem::take(&mut self.bytes)
    }

    pub(super) fn u8(&mut self, field: &'static str) -> Result<u8, SnapshotError> {
        self.array(field).map(u8::from_be_bytes)
    }

    pub(super) fn u16(&mut self, field: &'static str) -> Result<u16, SnapshotError> {
        self.array(field).map(u16::from_be_bytes)
    }

    pub(super) fn u32(&mut self, field: &'static str) -> Result<u32, SnapshotError> {
        self.array(field).map(u32::from_be_bytes)
    }

    /// The identifier of a message within the file, which is only compared.
    pub(super) fn message_id(&mut self) -> Result<[u8; 8], SnapshotError> {
        self.array("a message identifier")
    }

    /// A Unix time in seconds; 0 says that there is none.
    pub(super) fn time(&mut self, field: &'static str) -> Result<Option<u64>, SnapshotError> {
        let seconds = i64::from_le_bytes(self.array(field)?);
        // What ended before 1970 has ended.
        Ok((seconds != 0).then(|| u64::try_from(seconds).unwrap_or(0)))
    }

    pub(super) fn qos(&mut self) -> Result<QoS, SnapshotError> {
        let offset = self.offset;
        let number = self.u8("a QoS")?;
        QoS::from_u8(number).ok_or_else(|| invalid(offset, "a QoS", number))
    }

    pub(super) fn packet_id(&mut self) -> Result<Option<PacketId>, SnapshotError> {
        self.u16("a packet identifier").map(PacketId::new)
    }

    fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], SnapshotError> {
        let taken = self.take(N, field)?;
        Ok(taken.try_into().expect("as many bytes as were taken"))
    }
}

/// A field at `offset` that is not what it must be.
pub(super) fn invalid(offset: usize, field: &'static str, problem: impl ToString) -> SnapshotError {
    SnapshotError::Invalid {
        offset,
        field,
        problem: problem.to_string(),
    }
}
