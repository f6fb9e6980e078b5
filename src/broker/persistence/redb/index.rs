//! Where each record is in the log, and which blocks of the log are still needed.
//!
//! A block is needed while one of its records is the last put under its key. A removal in
//! it is needed while an older block may have a put of the same key; for simplicity, that
//! is while there is any older block.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use foldhash::fast::RandomState;

use super::block::Entry;
use crate::broker::persistence::key::KeyBytes;

/// As much of the log may be useless before it is worth to move anything, in bytes.
const SPARE: u64 = 4 * 1024 * 1024;
/// In a quiet moment, so much may stay useless.
const QUIET_SPARE: u64 = 64 * 1024;

/// What the log has.
#[derive(Debug, Default)]
pub(super) struct Index {
    records: HashMap<KeyBytes, Place, RandomState>,
    blocks: BTreeMap<u64, Block>,
    /// Blocks without records and removals.
    empty: BTreeSet<u64>,
    size: Size,
    /// The number of the last block that there ever was.
    last_number: u64,
}

/// Where a record is. There are many of them, so that they are small.
#[derive(Clone, Copy, Debug)]
#[repr(Rust, packed)]
struct Place {
    block: u64,
    /// What the record takes in the block, in bytes.
    length: u32,
}

#[derive(Debug, Default)]
struct Block {
    bytes: u64,
    entries: usize,
    live: usize,
    has_removals: bool,
}

/// How long the log is, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) total: u64,
    /// What records take that were neither removed nor replaced.
    pub(super) live: u64,
}

impl Size {
    pub(super) fn useless(self) -> u64 {
        self.total - self.live
    }
}

/// How much of the log may be useless.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tolerance {
    /// One half, as what is moved has to be written again.
    Busy,
    /// A quarter.
    Quiet,
}

/// Blocks that go with the next transaction.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Retired {
    /// Their records are moved to the end of the log. No needed block is older.
    pub(super) moved: Vec<u64>,
    /// They have no records.
    pub(super) useless: Vec<u64>,
}

impl Retired {
    pub(super) fn is_empty(&self) -> bool {
        self.moved.is_empty() && self.useless.is_empty()
    }

    /// All of them.
    pub(super) fn numbers(&self) -> impl Iterator<Item = u64> + '_ {
        self.moved.iter().chain(&self.useless).copied()
    }
}

impl Index {
    pub(super) fn size(&self) -> Size {
        self.size
    }

    pub(super) fn last_number(&self) -> u64 {
        self.last_number
    }

    pub(super) fn contains(&self, key: &KeyBytes) -> bool {
        self.records.contains_key(key)
    }

    /// Whether the last put of this key is in this block.
    pub(super) fn is_in(&self, key: &KeyBytes, number: u64) -> bool {
        self.records
            .get(key)
            .is_some_and(|place| place.block == number)
    }

    /// Whether everything in this block is the last under its key.
    pub(super) fn is_whole(&self, number: u64) -> bool {
        let block = self.blocks.get(&number);
        block.is_some_and(|block| block.live == block.entries)
    }

    /// The blocks in which there are records, by the first byte of their keys.
    pub(super) fn blocks_by_kind(&self) -> BTreeMap<Option<u8>, BTreeSet<u64>> {
        let records = self.records.iter();
        let kinds: HashSet<_, RandomState> = records
            .map(|(key, place)| (key.as_ref().first().copied(), place.block))
            .collect();
        let mut blocks = BTreeMap::<_, BTreeSet<_>>::new();
        for (kind, number) in kinds {
            blocks.entry(kind).or_default().insert(number);
        }
        blocks
    }

    /// Adds a block under the next number.
    pub(super) fn add_block(&mut self, entries: &[Entry<'_>]) {
        self.restore_block(self.last_number + 1, entries.iter().copied());
    }

    /// Adds a block that the log has, behind all others.
    pub(super) fn restore_block<'a>(
        &mut self,
        number: u64,
        entries: impl Iterator<Item = Entry<'a>>,
    ) {
        self.last_number = number;
        self.blocks.insert(number, Block::default());
        entries.for_each(|entry| self.apply(number, &entry));
    }

    fn apply(&mut self, number: u64, entry: &Entry<'_>) {
        let block = self.blocks.entry(number).or_default();
        let length = u32::try_from(entry.length()).expect("a record fits into a packet");
        block.bytes += u64::from(length);
        block.entries += 1;
        self.size.total += u64::from(length);
        let replaced = match entry.value {
            Some(_) => {
                block.live += 1;
                self.size.live += u64::from(length);
                let place = Place {
                    block: number,
                    length,
                };
                self.records.insert(entry.key, place)
            }
            None => {
                block.has_removals = true;
                self.records.remove(&entry.key)
            }
        };
        let Some(replaced) = replaced else {
            return;
        };
        self.size.live -= u64::from(replaced.length);
        let number = replaced.block;
        if let Some(block) = self.blocks.get_mut(&number) {
            block.live -= 1;
            if block.live == 0 && !block.has_removals {
                self.empty.insert(number);
            }
        }
    }

    /// Which blocks can go. Records are moved only where too much of the log is useless,
    /// and only from about so many bytes of it.
    pub(super) fn retire(&self, tolerance: Tolerance, limit: u64) -> Retired {
        let mut retired = Retired::default();
        let mut left = match self.is_wasteful(tolerance) {
            true => limit,
            false => 0,
        };
        let mut first_needed = self.last_number + 1;
        for (&number, block) in &self.blocks {
            if block.live == 0 {
                retired.useless.push(number);
            } else if left > 0 {
                left = left.saturating_sub(block.bytes);
                retired.moved.push(number);
            } else {
                first_needed = number;
                break;
            }
        }
        let behind = self.empty.range(first_needed..);
        retired.useless.extend(behind);
        retired
    }

    /// Whether more of the log is useless than may be.
    pub(super) fn is_wasteful(&self, tolerance: Tolerance) -> bool {
        let Size { live, .. } = self.size;
        let tolerated = match tolerance {
            Tolerance::Busy => SPARE.max(live),
            Tolerance::Quiet => QUIET_SPARE.max(live / 3),
        };
        self.size.useless() > tolerated
    }

    /// Forgets blocks that are gone, whose records were moved; says how many bytes went.
    pub(super) fn forget(&mut self, retired: &Retired) -> u64 {
        let mut gone = 0;
        for number in retired.numbers() {
            self.empty.remove(&number);
            gone += self.blocks.remove(&number).map_or(0, |block| block.bytes);
        }
        self.size.total -= gone;
        gone
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::persistence::key::Key;

    const EVERYTHING: u64 = u64::MAX;

    fn put(number: u64) -> Entry<'static> {
        let key = Key::Message(number).to_bytes();
        Entry {
            key,
            value: Some(b"value"),
        }
    }

    fn removal(number: u64) -> Entry<'static> {
        Entry {
            value: None,
            ..put(number)
        }
    }

    fn index(blocks: &[&[Entry<'_>]]) -> Index {
        let mut index = Index::default();
        blocks.iter().for_each(|entries| index.add_block(entries));
        index
    }

    fn useless(index: &Index) -> Vec<u64> {
        index.retire(Tolerance::Busy, EVERYTHING).useless
    }

    #[test]
    fn a_block_is_useless_when_its_records_were_replaced_or_removed() {
        let kept = [put(1)];
        let log = index(&[&kept, &[put(2), put(3)], &[put(2), removal(3)], &kept]);
        assert_eq!(useless(&log), [1, 2]);
        assert!(log.is_in(&put(2).key, 3));
        assert!(!log.contains(&put(3).key));
    }

    #[test]
    fn a_removal_is_kept_while_there_is_an_older_block() {
        let mut log = index(&[&[put(1), put(2)], &[removal(2)], &[put(3)]]);
        assert_eq!(useless(&log), []);
        log.add_block(&[removal(1)]);
        let retired = log.retire(Tolerance::Busy, EVERYTHING);
        assert_eq!(retired.useless, [1, 2]);
        log.forget(&retired);
        assert_eq!(useless(&log), []);
        let size = log.size();
        assert_eq!(size.live, put(3).length() as u64);
        assert_eq!(size.useless(), removal(1).length() as u64);
    }

    #[test]
    fn the_oldest_records_are_moved_when_too_much_is_useless() {
        let large = vec![0; SPARE as usize];
        let large = Entry {
            value: Some(&large),
            ..put(4)
        };
        let mut log = index(&[&[put(1), put(2)], &[put(3)], &[removal(2)], &[large]]);
        assert_eq!(log.retire(Tolerance::Busy, EVERYTHING).moved, []);
        log.add_block(&[removal(4)]);
        let first = 2 * put(1).length() as u64;
        assert_eq!(log.retire(Tolerance::Busy, 0).moved, []);
        assert_eq!(log.retire(Tolerance::Busy, 1).moved, [1]);
        assert_eq!(log.retire(Tolerance::Busy, first).moved, [1]);
        let retired = log.retire(Tolerance::Busy, first + 1);
        assert_eq!(retired.moved, [1, 2]);
        assert_eq!(retired.useless, [3, 4, 5]);
    }

    #[test]
    fn in_a_quiet_moment_less_may_be_useless() {
        let value = vec![0; QUIET_SPARE as usize];
        let large = Entry {
            value: Some(&value),
            ..put(1)
        };
        let log = index(&[&[large, put(2)], &[removal(1)]]);
        assert!(!log.is_wasteful(Tolerance::Busy));
        assert!(log.is_wasteful(Tolerance::Quiet));
    }
}
