//! Locations of the records in the log, and the blocks of the log that are still needed.
//!
//! A block is needed while one of its records is the last put under its key, and while an older
//! block is needed. So the log is always one run of blocks, and a removal in it is there for as
//! long as what it removes.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use foldhash::fast::RandomState;

use super::entry::Entry;
use crate::broker::persistence::key::KeyBytes;

/// The records and blocks of the log.
#[derive(Debug, Default)]
pub(super) struct Index {
    records: HashMap<KeyBytes, Location, RandomState>,
    blocks: BTreeMap<u64, Block>,
    /// Bytes of the records that were neither removed nor replaced.
    live: u64,
    /// The number of the last block there ever was.
    last_number: u64,
}

/// Location of a record. There are many of these, so they are small.
#[derive(Clone, Copy, Debug)]
#[repr(Rust, packed)]
struct Location {
    block: u64,
    /// Bytes of the record in the block.
    length: u32,
}

#[derive(Debug, Default)]
struct Block {
    bytes: u64,
    entries: usize,
    live: usize,
}

/// Blocks that the next commit makes needless.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Retired {
    /// Blocks whose records are moved to the end of the log.
    pub(super) moved: Vec<u64>,
    /// The oldest block that is still needed then.
    pub(super) oldest: u64,
}

impl Index {
    /// Returns the bytes of all records.
    pub(super) fn live(&self) -> u64 {
        self.live
    }

    pub(super) fn last_number(&self) -> u64 {
        self.last_number
    }

    pub(super) fn contains(&self, key: &KeyBytes) -> bool {
        self.records.contains_key(key)
    }

    /// Returns whether the last put of this key is in this block.
    pub(super) fn is_in(&self, key: &KeyBytes, number: u64) -> bool {
        self.records
            .get(key)
            .is_some_and(|place| place.block == number)
    }

    /// Returns whether there are records in this block.
    pub(super) fn has_records(&self, number: u64) -> bool {
        self.blocks.get(&number).is_some_and(|block| block.live > 0)
    }

    /// Returns whether everything in this block is the last under its key.
    pub(super) fn is_whole(&self, number: u64) -> bool {
        let block = self.blocks.get(&number);
        block.is_some_and(|block| block.live == block.entries)
    }

    /// Returns the blocks that have records, by the first byte of their keys.
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

    /// Adds the next block of the log.
    pub(super) fn add<'a>(&mut self, number: u64, entries: impl Iterator<Item = Entry<'a>>) {
        self.last_number = number;
        self.blocks.insert(number, Block::default());
        entries.for_each(|entry| self.apply(number, &entry));
    }

    fn apply(&mut self, number: u64, entry: &Entry<'_>) {
        let block = self.blocks.entry(number).or_default();
        let length = u32::try_from(entry.length()).expect("a record fits into a packet");
        block.bytes += u64::from(length);
        block.entries += 1;
        let replaced = match entry.value {
            Some(_) => {
                block.live += 1;
                self.live += u64::from(length);
                let place = Location {
                    block: number,
                    length,
                };
                self.records.insert(entry.key, place)
            }
            None => self.records.remove(&entry.key),
        };
        let Some(replaced) = replaced else {
            return;
        };
        self.live -= u64::from(replaced.length);
        let number = replaced.block;
        if let Some(block) = self.blocks.get_mut(&number) {
            block.live -= 1;
        }
    }

    /// Chooses the oldest blocks that can go: those without records, and so many others that
    /// about `moved` bytes of them, all older than the block `before`, have to be moved.
    pub(super) fn retire(&self, moved: u64, before: u64) -> Retired {
        let mut retired = Retired::default();
        let mut left = moved;
        for (&number, block) in &self.blocks {
            if block.live == 0 {
                continue;
            }
            if left == 0 || number >= before {
                retired.oldest = number;
                return retired;
            }
            left = left.saturating_sub(block.bytes);
            retired.moved.push(number);
        }
        retired.oldest = self.last_number + 1;
        retired
    }

    /// Forgets all blocks before this one; none of them has a record any more.
    pub(super) fn forget_before(&mut self, oldest: u64) {
        while let Some(block) = self.blocks.first_entry()
            && *block.key() < oldest
        {
            block.remove();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::persistence::key::Key;

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
        for (number, entries) in (1..).zip(blocks) {
            index.add(number, entries.iter().copied());
        }
        index
    }

    fn retired(moved: &[u64], oldest: u64) -> Retired {
        Retired {
            moved: moved.to_vec(),
            oldest,
        }
    }

    #[test]
    fn blocks_before_the_first_record_can_go() {
        let kept = [put(1)];
        let mut log = index(&[&kept, &[put(2), put(3)], &[put(2), removal(3)], &kept]);
        assert_eq!(log.retire(0, 5), retired(&[], 3));
        assert!(log.is_in(&put(2).key, 3));
        assert!(!log.contains(&put(3).key));
        log.add(5, [removal(2)].into_iter());
        log.forget_before(4);
        assert_eq!(log.retire(0, 6), retired(&[], 4));
        log.add(6, [removal(1)].into_iter());
        assert_eq!(log.retire(0, 7), retired(&[], 7));
        assert_eq!(log.live(), 0);
    }

    #[test]
    fn a_removal_stays_while_an_older_block_does() {
        let mut log = index(&[&[put(1), put(2)], &[removal(2)], &[put(3)]]);
        assert_eq!(log.retire(0, 4), retired(&[], 1));
        log.add(4, [removal(1)].into_iter());
        assert_eq!(log.retire(0, 5), retired(&[], 3));
    }

    #[test]
    fn the_oldest_records_are_moved_up_to_a_limit() {
        let log = index(&[&[put(1), put(2)], &[put(3)], &[removal(2)], &[put(4)]]);
        let first = 2 * put(1).length() as u64;
        assert_eq!(log.retire(1, 5), retired(&[1], 2));
        assert_eq!(log.retire(first, 5), retired(&[1], 2));
        assert_eq!(log.retire(first + 1, 5), retired(&[1, 2], 4));
        assert_eq!(log.retire(u64::MAX, 4), retired(&[1, 2], 4));
        assert_eq!(log.retire(u64::MAX, 5), retired(&[1, 2, 4], 5));
    }
}
