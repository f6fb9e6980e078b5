//! The log of changes. Each transaction adds blocks to its end and takes away those that
//! are no longer needed, which changes few pages of the tree; a tree of single records
//! would be changed in as many places as there are records.

use bytes::Bytes;
use redb::{ReadableTable, StorageError, Table, TableDefinition};

use super::block::{self, Entry};
use super::index::Index;
use crate::broker::persistence::key::KeyBytes;

/// The blocks by their numbers, which only grow.
pub(super) const LOG: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("log");
/// How long a block of more than one change may be, in bytes: with what the tree adds, it
/// fills a run of pages, whose lengths are powers of two.
const BLOCK: usize = 64 * 1024 - 64;

/// A block that is read.
type Block = (u64, Vec<u8>);

/// Why the log cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum LogError {
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// A block is not what was written.
    #[error("block {0} of its log is not what was stored")]
    Block(u64),
}

/// Changes divided into blocks.
pub(super) fn blocks<'a, 'b>(
    mut entries: &'a [Entry<'b>],
) -> impl Iterator<Item = &'a [Entry<'b>]> {
    std::iter::from_fn(move || {
        let mut length = 0;
        let fitting = entries.iter().take_while(|entry| {
            length += entry.length();
            length <= BLOCK
        });
        // One that is longer has a block of its own.
        let count = fitting.count().max(1).min(entries.len());
        let (block, rest) = entries.split_at(count);
        entries = rest;
        (count > 0).then_some(block)
    })
}

/// Adds a block.
pub(super) fn add(
    log: &mut Table<'_, u64, &'static [u8]>,
    number: u64,
    entries: &[Entry<'_>],
) -> Result<(), StorageError> {
    let mut place = log.insert_reserve(number, block::length(entries))?;
    block::write(number, entries, place.as_mut());
    Ok(())
}

/// Takes blocks out of the log; those that are already gone may be among them.
pub(super) fn remove(
    log: &mut Table<'_, u64, &'static [u8]>,
    numbers: impl Iterator<Item = u64>,
) -> Result<(), StorageError> {
    for number in numbers {
        log.remove(number)?;
    }
    Ok(())
}

/// Reads some of the blocks.
pub(super) fn read(
    log: &impl ReadableTable<u64, &'static [u8]>,
    numbers: &[u64],
) -> Result<Vec<Block>, LogError> {
    let block = |&number: &u64| {
        let block = log.get(number)?.ok_or(LogError::Block(number))?;
        Ok((number, block.value().to_vec()))
    };
    numbers.iter().map(block).collect()
}

/// The records that some of the blocks have.
pub(super) fn records<'a>(blocks: &'a [Block], index: &Index) -> Result<Vec<Entry<'a>>, LogError> {
    let mut records = Vec::new();
    for (number, block) in blocks {
        let entries = block::read(*number, block).ok_or(LogError::Block(*number))?;
        records.extend(entries.filter(|entry| is_record(entry, *number, index)));
    }
    Ok(records)
}

/// The number of the last block; 0 if there is none.
pub(super) fn last_number(
    log: &impl ReadableTable<u64, &'static [u8]>,
) -> Result<u64, StorageError> {
    Ok(log.last()?.map_or(0, |(number, _)| number.value()))
}

/// Notes in the index what the log has. Blocks that are not what was written are left out;
/// the first of them is the error.
pub(super) fn replay(
    log: &impl ReadableTable<u64, &'static [u8]>,
    index: &mut Index,
) -> Result<(), LogError> {
    let mut damage = None;
    for block in log.iter()? {
        let (number, block) = block?;
        let number = number.value();
        match block::read(number, block.value()) {
            Some(entries) => index.restore_block(number, entries),
            None => {
                damage.get_or_insert(LogError::Block(number));
            }
        }
    }
    damage.map_or(Ok(()), Err)
}

/// Gives every record to `visit`, in the order of the keys.
pub(super) fn for_each(
    log: &impl ReadableTable<u64, &'static [u8]>,
    index: &Index,
    visit: &mut dyn FnMut(&[u8], Bytes),
) -> Result<(), LogError> {
    // Kind by kind, so that not all values are in memory twice.
    for (kind, numbers) in index.blocks_by_kind() {
        let mut records: Vec<(KeyBytes, Bytes)> = Vec::new();
        for number in numbers {
            let block = log.get(number)?.ok_or(LogError::Block(number))?;
            let entries = block::read(number, block.value()).ok_or(LogError::Block(number))?;
            let is_whole = index.is_whole(number);
            let records_of_kind = entries
                .filter(|entry| entry.key.as_ref().first().copied() == kind)
                .filter(|entry| is_whole || is_record(entry, number, index))
                // In bytes of its own, as it may outlive the others by far.
                .filter_map(|entry| Some((entry.key, Bytes::copy_from_slice(entry.value?))));
            records.extend(records_of_kind);
        }
        // The blocks are sorted in themselves and mostly follow each other.
        records.sort_by_key(|(key, _)| *key);
        for (key, value) in records {
            visit(key.as_ref(), value);
        }
    }
    Ok(())
}

/// Whether the entry is the last put under its key.
fn is_record(entry: &Entry<'_>, number: u64, index: &Index) -> bool {
    entry.value.is_some() && index.is_in(&entry.key, number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::persistence::key::Key;

    fn lengths(values: &[usize]) -> Vec<usize> {
        let bytes = vec![0; values.iter().copied().max().unwrap_or(0)];
        let entries: Vec<_> = values
            .iter()
            .map(|&length| Entry {
                key: Key::Message(1).to_bytes(),
                value: Some(&bytes[..length]),
            })
            .collect();
        blocks(&entries).map(<[_]>::len).collect()
    }

    #[test]
    fn changes_share_a_block_as_far_as_they_fit() {
        assert_eq!(lengths(&[]), []);
        assert_eq!(lengths(&[1, 2, 3]), [3]);
        assert_eq!(lengths(&[BLOCK / 3; 5]), [2, 2, 1]);
        assert_eq!(lengths(&[1, 5 * BLOCK, 5 * BLOCK, 1, 1]), [1, 1, 1, 2]);
    }
}
