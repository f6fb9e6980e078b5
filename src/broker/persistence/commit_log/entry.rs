//! Changes of records, one after another in the body of a block.
//!
//! Each ends with a checksum of its own, so that damage to a block costs only the changes that it
//! touches.

use super::log_id::LogId;
use crate::broker::persistence::backend::Write;
use crate::broker::persistence::key::{Key, KeyBytes};

/// Marks a removed record in the byte with the length of its key.
const REMOVED: u8 = 0x80;
/// The byte with the length of a key.
const HEAD: usize = 1;
/// The length of a value.
const VALUE_LENGTH: usize = 4;
/// The checksum behind a change.
const CHECKSUM: usize = 4;
/// In damaged bytes, anything can look like a long change. Beyond this length they are tried only
/// while all of them together are shorter than so many times the bytes.
const LONG: usize = 64 * 1024;
const LONG_TRIES: usize = 8;

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
        HEAD + self.key.as_ref().len() + value + CHECKSUM
    }

    /// Appends the change to a block.
    pub(super) fn write(&self, log: LogId, block: &mut Vec<u8>) {
        let start = block.len();
        let key = self.key.as_ref();
        let flag = if self.value.is_some() { 0 } else { REMOVED };
        block.push(u8::try_from(key.len()).expect("a key is short") | flag);
        block.extend_from_slice(key);
        if let Some(value) = self.value {
            let length = u32::try_from(value.len()).expect("a record fits into a packet");
            block.extend_from_slice(&length.to_be_bytes());
            block.extend_from_slice(value);
        }
        let checksum = log.checksum(&block[start..]);
        block.extend_from_slice(&checksum.to_be_bytes());
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
pub(in crate::broker::persistence) struct Entries<'a> {
    bytes: &'a [u8],
    /// The length of what stands behind each.
    trailer: usize,
}

impl<'a> Entries<'a> {
    /// Reads the changes in the body of a block.
    pub(super) fn new(body: &'a [u8]) -> Self {
        Self {
            bytes: body,
            trailer: CHECKSUM,
        }
    }

    /// Reads changes without checksums of their own, as earlier versions wrote them.
    pub(in crate::broker::persistence) fn unchecked(body: &'a [u8]) -> Self {
        Self {
            bytes: body,
            trailer: 0,
        }
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let entry = take(&mut self.bytes)?;
        self.bytes = self.bytes.get(self.trailer..)?;
        Some(entry)
    }
}

/// Finds the changes in bytes of which some were overwritten or are missing.
pub(super) fn search(bytes: &[u8], log: LogId) -> impl Iterator<Item = Entry<'_>> {
    let mut rest = bytes;
    let mut long_tries = bytes.len().saturating_mul(LONG_TRIES);
    std::iter::from_fn(move || {
        while !rest.is_empty() {
            if let Some(entry) = take_checked(&mut rest, log, &mut long_tries) {
                return Some(entry);
            }
            rest = &rest[1..];
        }
        None
    })
}

/// Takes a change from the front with its checksum, if it is as it was written.
fn take_checked<'a>(bytes: &mut &'a [u8], log: LogId, long_tries: &mut usize) -> Option<Entry<'a>> {
    let mut rest = *bytes;
    let entry = take(&mut rest)?;
    Key::from_bytes(entry.key.as_ref())?;
    let (written, _) = bytes.split_at(bytes.len() - rest.len());
    if written.len() > LONG {
        *long_tries = long_tries.checked_sub(written.len())?;
    }
    let (checksum, rest) = rest.split_first_chunk::<CHECKSUM>()?;
    (u32::from_be_bytes(*checksum) == log.checksum(written)).then(|| {
        *bytes = rest;
        entry
    })
}

/// Takes a change from the front, without its checksum.
fn take<'a>(bytes: &mut &'a [u8]) -> Option<Entry<'a>> {
    let (&head, rest) = bytes.split_first()?;
    let (key, rest) = rest.split_at_checked(usize::from(head & !REMOVED))?;
    let key = KeyBytes::from_slice(key)?;
    let (value, rest) = match head & REMOVED {
        0 => {
            let (length, rest) = rest.split_first_chunk::<VALUE_LENGTH>()?;
            let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
            let (value, rest) = rest.split_at_checked(length)?;
            (Some(value), rest)
        }
        _ => (None, rest),
    };
    *bytes = rest;
    Some(Entry { key, value })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: LogId = LogId(*b"this log");

    fn entry(number: u64, value: Option<&[u8]>) -> Entry<'_> {
        Entry {
            key: Key::Message(number).to_bytes(),
            value,
        }
    }

    fn written(entries: &[Entry<'_>]) -> Vec<u8> {
        let mut body = Vec::new();
        for entry in entries {
            let before = body.len();
            entry.write(LOG, &mut body);
            assert_eq!(body.len() - before, entry.length());
        }
        body
    }

    #[test]
    fn changes_are_read_in_the_order_they_were_written() {
        let entries = [
            entry(3, Some(b"three")),
            entry(1, None),
            entry(2, Some(b"")),
        ];
        let body = written(&entries);
        assert!(Entries::new(&body).eq(entries));
        assert!(search(&body, LOG).eq(entries));
        assert_eq!(search(&body, LogId(*b"that log")).count(), 0);
    }

    #[test]
    fn a_changed_byte_costs_one_change() {
        let values: Vec<_> = (0..9).map(|number| vec![number; 50]).collect();
        let entries: Vec<_> = (0..)
            .zip(&values)
            .map(|(number, value)| entry(number, Some(value)))
            .collect();
        let body = written(&entries);
        for at in 0..body.len() {
            let mut changed = body.clone();
            changed[at] ^= 1;
            let mut expected = entries.clone();
            expected.remove(at / entries[0].length());
            assert!(search(&changed, LOG).eq(expected), "byte {at}");
        }
    }

    #[test]
    fn bytes_full_of_what_looks_like_long_changes_are_searched_in_bounded_time() {
        let head = [&[9][..], entry(7, None).key.as_ref()].concat();
        let mut bytes = Vec::new();
        while bytes.len() < 1 << 20 {
            bytes.extend(&head);
            bytes.extend((1_u32 << 19).to_be_bytes());
        }
        assert_eq!(search(&bytes, LOG).count(), 0);
    }
}
