//! The store against a model of it.

mod salvage;

use std::collections::BTreeMap;
use std::fs::OpenOptions;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::broker::persistence::commit_log::open;
use crate::broker::persistence::key::{Key, KeyBytes};

type Model = BTreeMap<KeyBytes, Vec<u8>>;
type Changes = Vec<(u64, Option<Vec<u8>>)>;

/// A store and what has to be in it.
struct Kept {
    directory: TempDir,
    store: Option<Store>,
    model: Model,
}

impl Kept {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let store = open(&path(&directory), false).expect("a new store");
        Self {
            directory,
            store: Some(store),
            model: Model::new(),
        }
    }

    fn store(&mut self) -> &mut Store {
        self.store.as_mut().expect("it is open")
    }

    fn commit(&mut self, changes: &[(u64, Option<Vec<u8>>)]) {
        let writes = writes(changes);
        self.store().commit(&writes).expect("there is room");
        for (number, value) in changes {
            match value {
                Some(value) => self.model.insert(key(*number), value.clone()),
                None => self.model.remove(&key(*number)),
            };
        }
    }

    fn put(&mut self, number: u64, length: usize) {
        self.commit(&[(number, Some(vec![number as u8; length]))]);
    }

    fn remove(&mut self, number: u64) {
        self.commit(&[(number, None)]);
    }

    fn tidy(&mut self) {
        let mut steps = 0;
        while self.store().tidy().expect("there is room") {
            steps += 1;
            assert!(steps < 1_000, "it comes to an end");
        }
    }

    fn reopen(&mut self, sync: bool) {
        self.store = None;
        self.store = Some(open(&path(&self.directory), sync).expect("it is whole"));
    }

    fn take(&mut self, at: usize, step: Step) {
        match step {
            Step::Commit(lengths) => {
                let value = |length| vec![at as u8; length];
                let changes = lengths.into_iter();
                let changes = changes.map(|(number, length)| (number, length.map(value)));
                self.commit(&changes.collect::<Changes>());
            }
            Step::Tidy => self.tidy(),
            Step::Segment => self.store().begin_segment().expect("there is room"),
            Step::Reopen { sync } => self.reopen(sync),
        }
    }

    /// The segments, the oldest first, with their lengths.
    fn segments(&self) -> Vec<(PathBuf, u64)> {
        let files = fs::read_dir(path(&self.directory)).expect("it is there");
        let files = files.map(|file| file.expect("it can be read").path());
        let mut segments: Vec<_> = files
            .filter(|path| path.extension().is_some())
            .map(|path| (path.clone(), fs::metadata(path).expect("it is there").len()))
            .collect();
        segments.sort();
        segments
    }

    /// The bytes of all segments.
    fn size(&self) -> u64 {
        self.segments().iter().map(|(_, length)| length).sum()
    }

    #[track_caller]
    fn check(&mut self) {
        let expected = self.model.iter();
        let expected = expected.map(|(key, value)| (key.as_ref().to_vec(), value.clone()));
        let expected: Vec<_> = expected.collect();
        assert!(
            contents(self.store()) == expected,
            "other records than stored"
        );
    }
}

fn path(directory: &TempDir) -> PathBuf {
    directory.path().join("store")
}

fn key(number: u64) -> KeyBytes {
    match number % 2 {
        0 => Key::Message(number),
        _ => Key::Retained(number),
    }
    .to_bytes()
}

fn writes(changes: &[(u64, Option<Vec<u8>>)]) -> Vec<Write<'_>> {
    let write = |(number, value): &'_ (u64, Option<Vec<u8>>)| (key(*number), value.is_some());
    let keys = changes.iter().map(write);
    keys.zip(changes)
        .map(|((key, _), (_, value))| Write {
            key,
            value: value.as_deref(),
        })
        .collect()
}

fn contents(store: &Store) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut found = Vec::new();
    store
        .for_each(&mut |key, value| found.push((key.to_vec(), value.to_vec())))
        .expect("it can be read");
    found
}

/// Changes the file at the first place of the pattern.
fn damage(path: &Path, pattern: &[u8]) {
    let mut bytes = fs::read(path).expect("it is there");
    let at = memchr::memmem::find(&bytes, pattern).expect("the pattern is in the file");
    bytes[at] ^= 1;
    fs::write(path, bytes).expect("the directory is writable");
}

#[derive(Clone, Debug)]
enum Step {
    /// Numbers, and lengths of what is put under them.
    Commit(BTreeMap<u64, Option<usize>>),
    Tidy,
    Segment,
    Reopen {
        sync: bool,
    },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let length = prop_oneof![
        4 => Just(None),
        4 => (0_usize..300).prop_map(Some),
        1 => (0_usize..150_000).prop_map(Some),
    ];
    let changes = prop::collection::btree_map(0_u64..60, length, 0..30);
    let step = prop_oneof![
        24 => changes.prop_map(Step::Commit),
        2 => Just(Step::Tidy),
        2 => Just(Step::Segment),
        1 => any::<bool>().prop_map(|sync| Step::Reopen { sync }),
    ];
    prop::collection::vec(step, 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_store_has_what_was_put_last_and_not_removed(steps in steps()) {
        let mut kept = Kept::new();
        for (at, step) in steps.into_iter().enumerate() {
            kept.take(at, step);
            kept.check();
            let live: u64 = kept.model.iter().map(|(&key, value)| {
                Entry { key, value: Some(value) }.length() as u64
            }).sum();
            prop_assert_eq!(kept.store().index.live(), live);
        }
        kept.reopen(true);
        kept.check();
    }

    #[test]
    fn a_torn_end_costs_no_commit_before_it(
        lengths in prop::collection::vec(0_usize..100_000, 2..8),
        torn in any::<prop::sample::Index>(),
        zeros in any::<bool>(),
    ) {
        let mut kept = Kept::new();
        for (number, &length) in (0..).zip(&lengths) {
            kept.put(number, length);
        }
        let Some((last, _)) = kept.segments().pop() else { panic!("there is one") };
        let end = kept.store().length();
        kept.commit(&[(100, Some(vec![100; 100_000])), (101, Some(vec![101; 10])), (0, None)]);
        let whole = kept.store().length();
        kept.store = None;
        let torn = end + torn.index((whole - end) as usize) as u64;
        let file = OpenOptions::new().write(true).open(&last).expect("it is there");
        file.set_len(torn).expect("it can be cut");
        if zeros {
            file.set_len(whole).expect("it can be longer");
        }
        for number in [100, 101] {
            kept.model.remove(&key(number));
        }
        kept.model.insert(key(0), vec![0; lengths[0]]);
        kept.reopen(true);
        prop_assert!(kept.store().was_repaired());
        kept.check();
        kept.put(102, 10);
        kept.reopen(true);
        kept.check();
    }
}

#[test]
fn a_log_stays_short_beside_records_that_stay() {
    let mut kept = Kept::new();
    let mut longest = 0;
    for round in 0..300_u64 {
        // One of many stays for good.
        kept.put(1_000_000 + round, 1_000);
        for number in 0..4 {
            kept.put(4 * round + number, 50_000);
        }
        for number in 0..4 {
            kept.remove(4 * round + number);
        }
        longest = longest.max(kept.store().segments.iter().map(Segment::length).sum());
    }
    assert!(longest < SEGMENT + SPARE + 1_000_000, "{longest}");
    kept.check();
    kept.reopen(true);
    kept.check();
}

#[test]
fn a_queue_that_drained_leaves_small_files() {
    let mut kept = Kept::new();
    kept.put(0, 100);
    for number in 1..2_000 {
        kept.put(number, 10_000);
    }
    let full = kept.size();
    for number in 1..2_000 {
        kept.remove(number);
    }
    kept.tidy();
    kept.store().sync().expect("a disk");
    kept.tidy();
    kept.store().sync().expect("a disk");
    kept.put(0, 101);
    assert!(full > 20_000_000, "{full}");
    assert!(kept.size() < 200_000, "{:?}", kept.segments());
    kept.reopen(false);
    kept.check();
}

#[test]
fn a_large_record_is_kept_beside_small_ones() {
    let mut kept = Kept::new();
    kept.commit(&[
        (1, Some(vec![1; 10])),
        (2, Some(vec![2; 20_000_000])),
        (3, Some(vec![3; 10])),
    ]);
    kept.check();
    kept.reopen(true);
    kept.remove(2);
    kept.put(4, 10);
    kept.check();
}

#[test]
fn a_store_in_use_is_refused() {
    let mut kept = Kept::new();
    let second = open(&path(&kept.directory), false);
    assert!(matches!(second.err(), Some(StoreError::InUse { .. })));
    kept.reopen(false);
}

#[test]
fn a_store_that_was_closed_is_clean_and_one_that_was_not_is_checked() {
    let mut kept = Kept::new();
    assert!(!kept.store().was_repaired());
    kept.put(1, 10);
    kept.reopen(true);
    assert!(kept.store().was_repaired());
    kept.store().close().expect("there is room");
    kept.reopen(false);
    assert!(!kept.store().was_repaired());
    kept.check();
}

#[test]
fn a_commit_that_failed_leaves_nothing_behind() {
    let mut kept = Kept::new();
    kept.put(1, 10);
    let end = kept.store().length();
    let read_only = File::open(kept.store().segments[0].path()).expect("it is there");
    let writable = std::mem::replace(&mut kept.store().file, Arc::new(read_only));
    let changes = [(2, Some(vec![2; 100])), (1, None)];
    kept.store()
        .commit(&writes(&changes))
        .expect_err("it cannot be written to");
    kept.store().file = writable;
    // As if a part of it had been written.
    kept.store()
        .file
        .write_all_at(&[0xb5; 50], end)
        .expect("there is room");
    kept.check();
    kept.put(3, 10);
    kept.check();
    kept.reopen(true);
    kept.check();
}

#[test]
fn segments_that_a_power_cut_brought_back_are_no_part_of_the_log() {
    let mut kept = Kept::new();
    kept.reopen(true);
    kept.put(1, 10);
    let mut saved = Vec::new();
    for round in 0..3 {
        let (path, _) = kept.segments().pop().expect("there is one");
        kept.put(2, 100 + round);
        kept.store().begin_segment().expect("there is room");
        kept.put(3, 100 + round);
        saved.push((fs::read(&path).expect("it is there"), path));
    }
    kept.remove(1);
    kept.put(2, 5);
    kept.put(2, 6);
    assert_eq!(kept.segments().len(), 1);
    kept.store = None;
    // The first and the last, without the one between.
    for at in [0, 2] {
        fs::write(&saved[at].1, &saved[at].0).expect("the directory is writable");
    }
    kept.reopen(true);
    kept.check();
    kept.put(2, 7);
    assert_eq!(kept.segments().len(), 1);
    kept.reopen(true);
    kept.check();
}

#[test]
fn a_damaged_block_is_noticed() {
    let mut kept = Kept::new();
    kept.reopen(true);
    kept.put(1, 70_000);
    kept.commit(&[(2, Some(vec![0xab; 70_000]))]);
    kept.put(3, 70_000);
    let (segment, _) = kept.segments().pop().expect("there is one");
    kept.store = None;
    damage(&segment, &[0xab; 100]);
    let path = path(&kept.directory);
    let error = open(&path, false).err().expect("it is noticed");
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
}

#[test]
fn a_lost_segment_is_noticed() {
    let mut kept = Kept::new();
    kept.reopen(true);
    for number in 0..3 {
        kept.put(number, 100);
        kept.store().begin_segment().expect("there is room");
    }
    kept.put(3, 100);
    kept.store = None;
    for (segment, _) in &kept.segments()[..3] {
        let bytes = fs::read(segment).expect("it is there");
        fs::remove_file(segment).expect("it is ours");
        let error = open(&path(&kept.directory), true).err();
        assert!(
            matches!(error, Some(StoreError::Damaged { .. })),
            "{segment:?}"
        );
        fs::write(segment, bytes).expect("the directory is writable");
    }
    kept.reopen(true);
    kept.check();
}

#[test]
fn an_empty_store_is_never_taken_for_a_new_one() {
    let kept = Kept::new();
    let path = path(&kept.directory);
    let [(segment, _)] = &kept.segments()[..] else {
        panic!("one segment");
    };
    drop(kept.store);
    fs::write(segment, "").expect("it is ours");
    let error = open(&path, true).err();
    assert!(matches!(error, Some(StoreError::Damaged { .. })));
    fs::remove_file(segment).expect("it is ours");
    let error = open(&path, true).err();
    assert!(matches!(error, Some(StoreError::Damaged { .. })));
}
