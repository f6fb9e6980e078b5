//! Changes one after another in a block of bytes, and a checksum behind them.

use crate::broker::persistence::backend::Write;
use crate::broker::persistence::key::KeyBytes;

/// In the byte with the length of a key: the record goes.
const REMOVED: u8 = 0x80;
/// The byte with the length of a key.
const HEAD: usize = 1;
/// The length of a value.
const VALUE_LENGTH: usize = 4;
const CHECKSUM: usize = 4;

/// One change in a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry<'a> {
    pub(super) key: KeyBytes,
    /// `None` where the record goes.
    pub(super) value: Option<&'a [u8]>,
}

impl Entry<'_> {
    /// What the change takes in a block, in bytes.
    pub(super) fn length(&self) -> usize {
        let value = self.value.map_or(0, |value| VALUE_LENGTH + value.len());
        HEAD + self.key.as_ref().len() + value
    }
}

impl<'a> From<&Write<'a>> for Entry<'a> {
    fn from(write: &Write<'a>) -> Self {
        Self {
            key: write.key,
            value: write.value,
        }
    }
}

/// How long a block of these changes is, in bytes.
pub(super) fn length(entries: &[Entry<'_>]) -> usize {
    entries.iter().map(Entry::length).sum::<usize>() + CHECKSUM
}

/// Writes changes into a block of their [`length`].
pub(super) fn write(number: u64, entries: &[Entry<'_>], block: &mut [u8]) {
    let (body, sum) = block.split_at_mut(block.len() - CHECKSUM);
    let mut rest = &mut *body;
    let mut put = |bytes: &[u8]| {
        let (place, behind) = std::mem::take(&mut rest).split_at_mut(bytes.len());
        place.copy_from_slice(bytes);
        rest = behind;
    };
    for Entry { key, value } in entries {
        let key = key.as_ref();
        let flag = if value.is_some() { 0 } else { REMOVED };
        put(&[u8::try_from(key.len()).expect("a key is short") | flag]);
        put(key);
        if let Some(value) = value {
            let length = u32::try_from(value.len()).expect("a record fits into a packet");
            put(&length.to_be_bytes());
            put(value);
        }
    }
    sum.copy_from_slice(&checksum(number, body).to_be_bytes());
}

/// The changes in a block, if it is what was written under this number.
pub(super) fn read(number: u64, block: &[u8]) -> Option<Entries<'_>> {
    let (body, sum) = block.split_at(block.len().checked_sub(CHECKSUM)?);
    let sum = u32::from_be_bytes(sum.try_into().ok()?);
    (sum == checksum(number, body)).then_some(Entries(body))
}

/// The changes in a block, in the order in which they were written.
#[derive(Clone, Debug)]
pub(super) struct Entries<'a>(&'a [u8]);

impl<'a> Entries<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        if length > self.0.len() {
            return None;
        }
        let (taken, rest) = self.0.split_at(length);
        self.0 = rest;
        Some(taken)
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let &[head] = self.take(HEAD)? else {
            return None;
        };
        let key = self.take(usize::from(head & !REMOVED))?;
        let key = KeyBytes::from_slice(key)?;
        let value = match head & REMOVED {
            0 => {
                let length = self.take(VALUE_LENGTH)?.try_into().ok()?;
                let length = usize::try_from(u32::from_be_bytes(length)).ok()?;
                Some(self.take(length)?)
            }
            _ => None,
        };
        Some(Entry { key, value })
    }
}

fn checksum(number: u64, body: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&number.to_be_bytes());
    hasher.update(body);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::persistence::key::Key;

    fn entry(number: u64, value: Option<&[u8]>) -> Entry<'_> {
        let key = Key::Message(number).to_bytes();
        Entry { key, value }
    }

    fn written(number: u64, entries: &[Entry<'_>]) -> Vec<u8> {
        let mut block = vec![0; length(entries)];
        write(number, entries, &mut block);
        block
    }

    #[test]
    fn changes_come_back_in_their_order() {
        let entries = [
            entry(3, Some(b"three")),
            entry(1, None),
            entry(2, Some(b"")),
        ];
        let block = written(7, &entries);
        let found: Vec<_> = read(7, &block).expect("it is whole").collect();
        assert_eq!(found, entries);
    }

    #[test]
    fn a_block_that_was_changed_or_moved_is_noticed() {
        let block = written(7, &[entry(3, Some(b"three"))]);
        assert!(read(8, &block).is_none());
        for at in 0..block.len() {
            let mut changed = block.clone();
            changed[at] ^= 4;
            assert!(read(7, &changed).is_none(), "byte {at}");
            assert!(read(7, &block[..at]).is_none(), "cut at {at}");
        }
    }
}
