//! Changes of records, one after another in the body of a block.

use crate::broker::persistence::backend::Write;
use crate::broker::persistence::key::KeyBytes;

/// Marks a removed record in the byte with the length of its key.
const REMOVED: u8 = 0x80;
/// The byte with the length of a key.
const HEAD: usize = 1;
/// The length of a value.
const VALUE_LENGTH: usize = 4;

/// One change in a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::broker::persistence) struct Entry<'a> {
    pub(in crate::broker::persistence) key: KeyBytes,
    /// `None` if the record is removed.
    pub(in crate::broker::persistence) value: Option<&'a [u8]>,
}

impl Entry<'_> {
    /// Returns the length of the change in a block, in bytes.
    pub(super) fn length(&self) -> usize {
        let value = self.value.map_or(0, |value| VALUE_LENGTH + value.len());
        HEAD + self.key.as_ref().len() + value
    }

    /// Appends the change to a block.
    pub(super) fn write(&self, block: &mut Vec<u8>) {
        let key = self.key.as_ref();
        let flag = if self.value.is_some() { 0 } else { REMOVED };
        block.push(u8::try_from(key.len()).expect("a key is short") | flag);
        block.extend_from_slice(key);
        if let Some(value) = self.value {
            let length = u32::try_from(value.len()).expect("a record fits into a packet");
            block.extend_from_slice(&length.to_be_bytes());
            block.extend_from_slice(value);
        }
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

/// The changes in a block, in the order in which they were written.
#[derive(Clone, Debug)]
pub(in crate::broker::persistence) struct Entries<'a>(&'a [u8]);

impl<'a> Entries<'a> {
    /// Reads the changes in the body of a block.
    pub(in crate::broker::persistence) fn new(body: &'a [u8]) -> Self {
        Self(body)
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::persistence::key::Key;

    #[test]
    fn changes_are_read_in_the_order_they_were_written() {
        let entry = |number, value| Entry {
            key: Key::Message(number).to_bytes(),
            value,
        };
        let entries = [
            entry(3, Some(&b"three"[..])),
            entry(1, None),
            entry(2, Some(b"")),
        ];
        let mut block = Vec::new();
        for entry in &entries {
            let before = block.len();
            entry.write(&mut block);
            assert_eq!(block.len() - before, entry.length());
        }
        assert!(Entries::new(&block).eq(entries));
    }
}
