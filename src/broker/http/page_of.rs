use std::collections::BTreeMap;

use serde::Serialize;

/// The most entries of one page.
const MAX_LIMIT: usize = 1000;
/// The last entry that a page can begin with.
const MAX_OFFSET: usize = 100_000;

/// Part of a sorted list, collected without holding the whole list.
///
/// Entries come in any order. The `offset + limit` smallest are kept, which bounds the memory.
pub(super) struct Page<K, T> {
    offset: usize,
    limit: usize,
    total: usize,
    entries: BTreeMap<K, T>,
}

/// A page as JSON.
#[derive(Serialize)]
pub(super) struct Listing<T> {
    /// The number of entries on all pages.
    total: usize,
    offset: usize,
    entries: Vec<T>,
}

impl<K: Ord, T> Page<K, T> {
    /// Makes an empty page; offset and limit are cut to what is allowed.
    pub(super) fn new(offset: Option<usize>, limit: Option<usize>) -> Self {
        Self {
            offset: offset.unwrap_or(0).min(MAX_OFFSET),
            limit: limit.unwrap_or(100).clamp(1, MAX_LIMIT),
            total: 0,
            entries: BTreeMap::new(),
        }
    }

    /// Adds an entry under a key that no other has.
    pub(super) fn add(&mut self, key: K, entry: impl FnOnce() -> T) {
        self.total += 1;
        let is_full = self.entries.len() >= self.offset + self.limit;
        let last = self.entries.last_key_value().map(|(last, _)| last);
        if is_full && last.is_some_and(|last| *last < key) {
            return;
        }
        self.entries.insert(key, entry());
        if is_full {
            self.entries.pop_last();
        }
    }

    /// Returns the entries of the page.
    pub(super) fn finish(self) -> Listing<T> {
        Listing {
            total: self.total,
            offset: self.offset,
            entries: self.entries.into_values().skip(self.offset).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_its_part_of_the_sorted_list() {
        let mut page = Page::new(Some(2), Some(3));
        for number in [5, 1, 9, 7, 3, 8, 2] {
            page.add(number, || number * 10);
        }
        let listing = page.finish();
        assert_eq!(listing.total, 7);
        assert_eq!(listing.entries, [30, 50, 70]);
    }

    #[test]
    fn a_page_behind_the_end_is_empty() {
        let mut page = Page::new(Some(10), None);
        page.add(1, || 1);
        assert!(page.finish().entries.is_empty());
    }
}
