//! Reads blocks of the log by their numbers.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use bytes::Bytes;

use super::block;
use super::entry::Entry;
use super::index::Index;
use super::log_id::LogId;
use super::segment::Segment;
use crate::broker::persistence::key::KeyBytes;

/// Why a block cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("block {0} of its log is not what was stored")]
    Block(u64),
}

/// The segments of a log, one of which is open.
pub(super) struct Reader<'a> {
    segments: &'a VecDeque<Segment>,
    log: LogId,
    open: Option<(u64, File)>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(segments: &'a VecDeque<Segment>, log: LogId) -> Self {
        Self {
            segments,
            log,
            open: None,
        }
    }

    /// Reads some of the blocks.
    pub(super) fn read(mut self, numbers: &[u64]) -> Result<Vec<(u64, Vec<u8>)>, ReadError> {
        let blocks = numbers.iter();
        blocks
            .map(|&number| Ok((number, self.read_block(number)?)))
            .collect()
    }

    /// Gives every record to `visit`, in the order of the keys.
    pub(super) fn for_each(
        mut self,
        index: &Index,
        visit: &mut dyn FnMut(&[u8], Bytes),
    ) -> Result<(), ReadError> {
        // Kind by kind, so that not all values are in memory twice.
        for (kind, numbers) in index.blocks_by_kind() {
            let mut found: Vec<(KeyBytes, Bytes)> = Vec::new();
            for number in numbers {
                let block = self.read_block(number)?;
                let of_kind = records(number, &block, index)
                    .filter(|entry| entry.key.as_ref().first().copied() == kind)
                    // In bytes of its own, as it may outlive the others by far.
                    .filter_map(|entry| Some((entry.key, Bytes::copy_from_slice(entry.value?))));
                found.extend(of_kind);
            }
            // The blocks are sorted in themselves and mostly follow each other.
            found.sort_by_key(|(key, _)| *key);
            for (key, value) in found {
                visit(key.as_ref(), value);
            }
        }
        Ok(())
    }

    fn read_block(&mut self, number: u64) -> Result<Vec<u8>, ReadError> {
        let behind = self
            .segments
            .partition_point(|segment| segment.first() <= number);
        let segment = behind.checked_sub(1).and_then(|at| self.segments.get(at));
        let segment = segment.ok_or(ReadError::Block(number))?;
        let (at, length) = segment.place(number).ok_or(ReadError::Block(number))?;
        let file = match self.open.take() {
            Some((first, file)) if first == segment.first() => file,
            _ => File::open(segment.path())?,
        };
        let mut bytes = vec![0; length];
        file.read_exact_at(&mut bytes, at)?;
        self.open = Some((segment.first(), file));
        let is_whole =
            block::read(&bytes, self.log).is_some_and(|block| block.header.number == number);
        is_whole.then_some(bytes).ok_or(ReadError::Block(number))
    }
}

/// Returns the records in a block that was read: its puts that are the last under their keys.
pub(super) fn records<'a, 'b>(
    number: u64,
    block: &'a [u8],
    index: &'b Index,
) -> impl Iterator<Item = Entry<'a>> + use<'a, 'b> {
    let is_whole = index.is_whole(number);
    block::entries(block)
        .filter(|entry| entry.value.is_some())
        .filter(move |entry| is_whole || index.is_in(&entry.key, number))
}
