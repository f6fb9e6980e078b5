//! Damaged logs against what was stored in them.

use std::convert::Infallible;

use proptest::prelude::*;

use super::*;
use crate::broker::persistence::commit_log::{Findings, Salvaged};

/// Records by their keys.
type Found = BTreeMap<KeyBytes, Vec<u8>>;

impl Kept {
    /// Closes the store and reads it as a damaged one.
    fn salvage(&mut self) -> (Found, Findings) {
        self.store = None;
        let salvaged = Salvaged::read(&path(&self.directory)).expect("it can be read");
        let mut found = Found::new();
        let visited = salvaged.for_each(|key, value| {
            let earlier = found.insert(key, value.to_vec());
            assert!(earlier.is_none(), "a record is given once");
            Ok::<_, Infallible>(())
        });
        visited.expect("it can be read again");
        (found, *salvaged.findings())
    }

    /// Changes the bytes of a segment, counted from the oldest.
    fn change(&mut self, segment: usize, change: impl FnOnce(&mut Vec<u8>)) {
        let (path, _) = self.segments().swap_remove(segment);
        let mut bytes = fs::read(&path).expect("it is there");
        change(&mut bytes);
        fs::write(&path, bytes).expect("the directory is writable");
    }

    /// Returns the range of the block with this number in its segment.
    fn place(&mut self, number: u64) -> std::ops::Range<usize> {
        let mut segments = self.store().segments.iter();
        let (start, length) = segments
            .find_map(|segment| segment.place(number))
            .expect("it is in the log");
        let start = usize::try_from(start).expect("a short file");
        start..start + length
    }

    fn last_block(&mut self) -> u64 {
        self.store().index.last_number()
    }
}

fn without(model: &Model, numbers: impl IntoIterator<Item = u64>) -> Found {
    let mut expected = model.clone();
    for number in numbers {
        expected.remove(&key(number)).expect("it was there");
    }
    expected
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_log_without_the_headers_of_its_segments_is_found_as_it_was(steps in steps()) {
        let mut kept = Kept::new();
        for (at, step) in steps.into_iter().enumerate() {
            kept.take(at, step);
        }
        for segment in 0..kept.segments().len() {
            kept.change(segment, |bytes| bytes[..32].fill(0));
        }
        let (found, findings) = kept.salvage();
        prop_assert_eq!(found, kept.model);
        prop_assert_eq!(findings, Findings { whole: findings.whole, ..Findings::default() });
    }

    #[test]
    fn damage_brings_no_record_that_was_never_stored(
        steps in steps(),
        places in prop::collection::vec((any::<prop::sample::Index>(), 1_usize..5_000), 1..4),
    ) {
        let mut kept = Kept::new();
        let mut ever = Vec::new();
        for (at, step) in steps.into_iter().enumerate() {
            kept.take(at, step);
            ever.push(kept.model.clone());
        }
        let segments = kept.segments().len();
        for (at, length) in places {
            let segment = at.index(segments);
            kept.change(segment, |bytes| {
                let start = at.index(bytes.len());
                let end = bytes.len().min(start + length);
                bytes[start..end].fill(0);
            });
        }
        let (found, _) = kept.salvage();
        for (key, value) in found {
            prop_assert!(ever.iter().any(|model| model.get(&key) == Some(&value)));
        }
    }
}

#[test]
fn a_torn_sector_costs_only_the_records_in_it() {
    let mut kept = Kept::new();
    let records = (0..100).map(|number| (number, Some(vec![7; 500])));
    kept.commit(&records.collect::<Changes>());
    let block = kept.last_block();
    kept.put(1_000, 10);
    let torn = kept.place(block);
    // In the middle, at the beginning with the header of the block, and both.
    for starts in [
        vec![torn.start + 20_000],
        vec![torn.start],
        vec![torn.start, torn.end - 600],
    ] {
        let sectors = starts.len();
        let (path, _) = kept.segments().swap_remove(0);
        let before = fs::read(&path).expect("it is there");
        kept.change(0, |bytes| {
            starts.iter().for_each(|&at| bytes[at..at + 512].fill(0))
        });
        let (found, findings) = kept.salvage();
        let lost = kept.model.len() - found.len();
        assert!((sectors..=2 * sectors).contains(&lost), "{lost}");
        assert!(
            found
                .iter()
                .all(|(key, value)| kept.model.get(key) == Some(value))
        );
        assert_eq!(
            (findings.lost, findings.saved_changes),
            (1, 100 - lost as u64)
        );
        fs::write(&path, before).expect("the directory is writable");
    }
}

#[test]
fn a_removal_in_a_damaged_block_counts_if_it_can_be_read() {
    let mut kept = Kept::new();
    kept.put(0, 10);
    kept.put(1, 10);
    kept.commit(&[(1, None), (2, Some(vec![2; 100]))]);
    let block = kept.last_block();
    kept.put(4, 10);
    let place = kept.place(block);
    kept.change(0, |bytes| bytes[place.end - 50] ^= 1);
    let (found, findings) = kept.salvage();
    let back = found.contains_key(&key(1)) && !found.contains_key(&key(2));
    let gone = !found.contains_key(&key(1)) && found.contains_key(&key(2));
    assert!(back || gone, "{found:?}");
    assert_eq!((findings.lost, findings.saved_changes), (1, 1));
}

#[test]
fn a_segment_that_was_deleted_and_came_back_brings_nothing_back() {
    let mut kept = Kept::new();
    kept.put(1, 1_000);
    kept.store().begin_segment().expect("there is room");
    let (deleted, _) = kept.segments().swap_remove(0);
    let bytes = fs::read(&deleted).expect("it is there");
    kept.put(2, 1_000);
    kept.remove(1);
    kept.reopen(true);
    kept.put(3, 1_000);
    kept.tidy();
    assert!(!deleted.exists(), "its records are gone");
    fs::write(&deleted, bytes).expect("the directory is writable");
    let (found, findings) = kept.salvage();
    assert_eq!(found, kept.model);
    assert_eq!(findings.lost, 0);
}

#[test]
fn a_commit_that_was_not_finished_adds_records_and_removes_none() {
    let mut kept = Kept::new();
    kept.put(1, 100);
    kept.put(2, 100);
    let (log, number) = (kept.store().log, kept.last_block() + 1);
    let header = Header {
        number,
        synced: 0,
        oldest: number,
        is_continued: true,
        is_closing: false,
    };
    let entries = [(1, None), (3, Some(&b"new"[..]))];
    let entries = entries.map(|(number, value)| Entry {
        key: key(number),
        value,
    });
    let mut block = Vec::new();
    block::write(&header, &entries, log, &mut block).expect("it is short");
    kept.change(0, |bytes| bytes.extend(&block));
    let (found, findings) = kept.salvage();
    let mut expected = kept.model.clone();
    expected.insert(key(3), b"new".to_vec());
    assert_eq!(found, expected);
    assert_eq!((findings.unfinished, findings.lost), (1, 0));
}

#[test]
fn a_lost_segment_is_counted_and_costs_its_records() {
    let mut kept = Kept::new();
    for number in 0..4 {
        kept.put(number, 1_000);
        kept.store().begin_segment().expect("there is room");
    }
    kept.put(4, 1_000);
    let (lost, _) = kept.segments().swap_remove(1);
    kept.store = None;
    fs::remove_file(lost).expect("it is ours");
    let (found, findings) = kept.salvage();
    assert_eq!(found, without(&kept.model, [1]));
    assert_eq!(findings.lost, 1);
}

#[test]
fn a_block_of_another_log_is_not_taken_for_one_of_this() {
    let mut other = Kept::new();
    for number in 10..20 {
        other.put(number, 100);
    }
    other.store = None;
    let (path, _) = other.segments().swap_remove(0);
    let smuggled = fs::read(path).expect("it is there");
    let mut kept = Kept::new();
    kept.put(1, 100);
    kept.commit(&[(2, Some(smuggled))]);
    let block = kept.last_block();
    for number in 3..9 {
        kept.put(number, 100);
    }
    let place = kept.place(block);
    kept.change(0, |bytes| bytes[place.start] ^= 1);
    kept.change(0, |bytes| bytes[place.end - 1] ^= 1);
    let (found, findings) = kept.salvage();
    assert_eq!(found, without(&kept.model, [2]));
    assert_eq!(findings.lost, 1);
}

#[test]
fn a_log_cut_anywhere_is_read_as_far_as_it_goes() {
    let mut kept = Kept::new();
    for number in 0..20 {
        kept.put(number, 300);
    }
    kept.store = None;
    let (_, length) = kept.segments().swap_remove(0);
    let mut most = usize::MAX;
    for cut in (0..=20).rev() {
        let length = usize::try_from(length * cut / 20).expect("a short file");
        kept.change(0, |bytes| bytes.truncate(length));
        let (found, _) = kept.salvage();
        assert!(found.len() <= most);
        assert!(
            found
                .iter()
                .all(|(key, value)| kept.model.get(key) == Some(value))
        );
        most = found.len();
    }
    assert_eq!(most, 0);
}
