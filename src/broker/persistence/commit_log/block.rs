//! Blocks: a header, a checksum and changes.

use super::entry::{Entries, Entry};
use super::log_id::LogId;

/// Begins every block.
const MAGIC: [u8; 4] = *b"\xb5mqB";
/// The length of a block's header, in bytes.
pub(super) const HEADER: usize = 48;
/// The checksum covers everything behind it.
const CHECKED_FROM: usize = 8;
/// The longest body of a block with more than one change, in bytes.
const MOST: usize = 64 * 1024 - HEADER;

/// Another block of the same commit follows.
const CONTINUED: u8 = 1;
/// The log was closed behind this block.
const CLOSED: u8 = 2;

/// The header of a block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Header {
    /// Counts all blocks there ever were, from 1.
    pub(super) number: u64,
    /// The last block that was certain to be on the disk when this one was written.
    pub(super) synced: u64,
    /// The oldest block that is still needed.
    pub(super) oldest: u64,
    /// Set when another block of the same commit follows.
    pub(super) is_continued: bool,
    /// Set when the log was closed behind this block.
    pub(super) is_closing: bool,
}

/// A block that is what was written.
pub(super) struct Block<'a> {
    pub(super) header: Header,
    pub(super) entries: Entries<'a>,
    /// Its length with the header, in bytes.
    pub(super) length: usize,
}

/// Divides changes among blocks.
pub(super) fn divide<'a, 'b>(
    mut entries: &'a [Entry<'b>],
) -> impl Iterator<Item = &'a [Entry<'b>]> {
    std::iter::from_fn(move || {
        let mut length = 0;
        let fitting = entries.iter().take_while(|entry| {
            length += entry.length();
            length <= MOST
        });
        // One that is longer has a block of its own.
        let count = fitting.count().max(1).min(entries.len());
        let (block, rest) = entries.split_at(count);
        entries = rest;
        (count > 0).then_some(block)
    })
}

/// Replaces the contents of `bytes` by a block.
///
/// Returns `None` if it would be longer than a length can say.
pub(super) fn write(
    header: &Header,
    entries: &[Entry<'_>],
    log: LogId,
    bytes: &mut Vec<u8>,
) -> Option<()> {
    let length = entries.iter().map(Entry::length).sum::<usize>();
    let length = u32::try_from(length).ok()?;
    bytes.clear();
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(&[0; 4]);
    bytes.extend_from_slice(&length.to_be_bytes());
    let continued = if header.is_continued { CONTINUED } else { 0 };
    let closed = if header.is_closing { CLOSED } else { 0 };
    bytes.extend_from_slice(&[continued | closed, 0, 0, 0]);
    for number in [header.number, header.synced, header.oldest] {
        bytes.extend_from_slice(&number.to_be_bytes());
    }
    bytes.extend_from_slice(&log.0);
    entries.iter().for_each(|entry| entry.write(log, bytes));
    let checksum = log.checksum(&bytes[CHECKED_FROM..]);
    bytes[MAGIC.len()..CHECKED_FROM].copy_from_slice(&checksum.to_be_bytes());
    Some(())
}

/// Reads the block at the beginning of `bytes`, if there is one.
pub(super) fn read(bytes: &[u8], log: LogId) -> Option<Block<'_>> {
    let header = bytes.get(..HEADER)?;
    let number = |at: usize| Some(u64::from_be_bytes(header.get(at..at + 8)?.try_into().ok()?));
    let half = |at: usize| Some(u32::from_be_bytes(header.get(at..at + 4)?.try_into().ok()?));
    let length = HEADER.checked_add(usize::try_from(half(8)?).ok()?)?;
    let bytes = bytes.get(..length)?;
    let is_whole = bytes.starts_with(&MAGIC) && half(4)? == log.checksum(&bytes[CHECKED_FROM..]);
    is_whole.then_some(Block {
        header: Header {
            number: number(16)?,
            synced: number(24)?,
            oldest: number(32)?,
            is_continued: header[12] & CONTINUED != 0,
            is_closing: header[12] & CLOSED != 0,
        },
        entries: entries(bytes),
        length,
    })
}

/// Returns the log to which the block at the beginning of `bytes` says it belongs.
pub(super) fn claimed_log(bytes: &[u8]) -> Option<LogId> {
    let id = bytes.get(HEADER - 8..HEADER)?;
    Some(LogId(id.try_into().ok()?))
}

/// Returns the changes in a block that was read before.
pub(super) fn entries(block: &[u8]) -> Entries<'_> {
    Entries::new(block.get(HEADER..).unwrap_or_default())
}

/// Finds all blocks in bytes of which some were overwritten or are missing, and where they begin.
/// Without a log, those of any are found.
///
/// The contents of a block that was found are not searched.
pub(super) fn search(bytes: &[u8], log: Option<LogId>) -> impl Iterator<Item = (usize, Block<'_>)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            at += memchr::memmem::find(bytes.get(at..)?, &MAGIC)?;
            let rest = &bytes[at..];
            let block = log
                .or_else(|| claimed_log(rest))
                .and_then(|log| read(rest, log));
            let start = at;
            if let Some(block) = block {
                at += block.length;
                return Some((start, block));
            }
            at += 1;
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::persistence::key::Key;

    const LOG: LogId = LogId(*b"this log");
    const HEADER_OF_7: Header = Header {
        number: 7,
        synced: 5,
        oldest: 3,
        is_continued: true,
        is_closing: false,
    };

    fn entry(value: &[u8]) -> Entry<'_> {
        Entry {
            key: Key::Message(1).to_bytes(),
            value: Some(value),
        }
    }

    fn written(number: u64, value: &[u8]) -> Vec<u8> {
        let header = Header {
            number,
            ..HEADER_OF_7
        };
        let mut bytes = Vec::new();
        write(&header, &[entry(value)], LOG, &mut bytes).unwrap();
        bytes
    }

    fn lengths(values: &[usize]) -> Vec<usize> {
        let bytes = vec![0; values.iter().copied().max().unwrap_or(0)];
        let entries: Vec<_> = values
            .iter()
            .map(|&length| entry(&bytes[..length]))
            .collect();
        divide(&entries).map(<[_]>::len).collect()
    }

    #[test]
    fn changes_share_a_block_as_far_as_they_fit() {
        assert!(lengths(&[]).is_empty());
        assert_eq!(lengths(&[1, 2, 3]), [3]);
        assert_eq!(lengths(&[MOST / 3; 5]), [2, 2, 1]);
        assert_eq!(lengths(&[1, 5 * MOST, 5 * MOST, 1, 1]), [1, 1, 1, 2]);
    }

    #[test]
    fn a_block_is_read_with_its_header() {
        let bytes = written(7, b"value");
        let block = read(&bytes, LOG).unwrap();
        assert_eq!((block.header, block.length), (HEADER_OF_7, bytes.len()));
        assert!(block.entries.eq([entry(b"value")]));
    }

    #[test]
    fn a_block_with_a_changed_bit_or_of_another_log_is_none() {
        let bytes = written(7, b"value");
        assert!(read(&bytes, LogId(*b"that log")).is_none());
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 4;
            assert!(read(&changed, LOG).is_none(), "byte {at}");
            assert!(read(&bytes[..at], LOG).is_none(), "cut at {at}");
        }
    }

    #[test]
    fn a_search_finds_blocks_around_damage_and_not_those_in_a_value() {
        let inner = written(9, b"a payload that looks like a block");
        let mut bytes = written(7, b"damaged");
        bytes[50] ^= 1;
        bytes.extend(written(8, &inner));
        bytes.extend(b"garbage");
        bytes.extend(written(10, b"last"));
        bytes.extend(&written(11, b"cut")[..45]);
        for log in [Some(LOG), None] {
            let numbers = search(&bytes, log).map(|(_, block)| block.header.number);
            assert!(numbers.eq([8, 10]));
        }
        assert_eq!(search(&bytes, Some(LogId(*b"that log"))).count(), 0);
    }
}
