//! The store against a model of it.

use std::collections::BTreeMap;
use std::path::Path;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::broker::persistence::key::{Key, KeyBytes};

type Model = BTreeMap<KeyBytes, Vec<u8>>;

/// A store and what has to be in it.
struct Kept {
    folder: TempDir,
    store: Option<Store>,
    model: Model,
}

impl Kept {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(&path(&folder), false).expect("a new store");
        Self {
            folder,
            store: Some(store),
            model: Model::new(),
        }
    }

    fn store(&mut self) -> &mut Store {
        self.store.as_mut().expect("it is open")
    }

    fn commit(&mut self, changes: &[(u64, Option<Vec<u8>>)]) {
        let writes: Vec<_> = changes
            .iter()
            .map(|(number, value)| Write {
                key: key(*number),
                value: value.as_deref(),
            })
            .collect();
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

    fn reopen(&mut self) {
        self.store = None;
        self.store = Some(Store::open(&path(&self.folder), false).expect("it is whole"));
    }

    fn file_length(&self) -> u64 {
        let file = fs::metadata(path(&self.folder)).expect("it is there");
        file.len()
    }

    #[track_caller]
    fn check(&mut self) {
        let found = contents(self.store());
        let expected = self.model.iter();
        let expected = expected.map(|(key, value)| (key.as_ref().to_vec(), value.clone()));
        assert!(found.into_iter().eq(expected), "other records than stored");
    }
}

fn path(folder: &TempDir) -> PathBuf {
    folder.path().join("store")
}

fn key(number: u64) -> KeyBytes {
    match number % 2 {
        0 => Key::Message(number),
        _ => Key::Retained(number),
    }
    .to_bytes()
}

fn contents(store: &Store) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut found = Vec::new();
    store
        .for_each(&mut |key, value| found.push((key.to_vec(), value.to_vec())))
        .expect("it can be read");
    found
}

/// Changes one block in the file, as a bad disk may.
fn damage(path: &Path) {
    let mut bytes = fs::read(path).expect("it is there");
    let pattern = [0xab; 100];
    let at = memchr::memmem::find(&bytes, &pattern).expect("the value is in the file");
    bytes[at] = 0;
    fs::write(path, bytes).expect("the folder is writable");
}

#[derive(Clone, Debug)]
enum Step {
    /// Numbers, and lengths of what is put under them.
    Commit(BTreeMap<u64, Option<usize>>),
    Tidy {
        is_quiet: bool,
    },
    Reopen,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let length = prop_oneof![
        4 => Just(None),
        4 => (0_usize..300).prop_map(Some),
        1 => (0_usize..150_000).prop_map(Some),
    ];
    let changes = prop::collection::btree_map(0_u64..60, length, 0..30);
    let step = prop_oneof![
        12 => changes.prop_map(Step::Commit),
        1 => any::<bool>().prop_map(|is_quiet| Step::Tidy { is_quiet }),
        1 => Just(Step::Reopen),
    ];
    prop::collection::vec(step, 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_store_has_what_was_put_last_and_not_removed(steps in steps()) {
        let mut kept = Kept::new();
        for (at, step) in steps.into_iter().enumerate() {
            match step {
                Step::Commit(lengths) => {
                    let value = |length| vec![at as u8; length];
                    let changes = lengths.into_iter();
                    let changes = changes.map(|(number, length)| (number, length.map(value)));
                    kept.commit(&changes.collect::<Vec<_>>());
                }
                Step::Tidy { is_quiet } => kept.store().tidy(is_quiet).expect("there is room"),
                Step::Reopen => kept.reopen(),
            }
            kept.check();
            let size = kept.store().index.size();
            let live: u64 = kept.model.iter().map(|(&key, value)| {
                Entry { key, value: Some(value) }.length() as u64
            }).sum();
            prop_assert_eq!(size.live, live);
        }
        kept.reopen();
        kept.check();
    }
}

#[test]
fn a_log_stays_short_beside_records_that_stay() {
    let mut kept = Kept::new();
    let (mut longest, mut last) = (0, 0);
    for round in 0..300_u64 {
        // One of many stays for good.
        kept.put(1_000_000 + round, 1_000);
        for number in 0..4 {
            kept.put(4 * round + number, 50_000);
            last = 4 * round + number;
        }
        for number in 4 * round..=last {
            kept.remove(number);
        }
        longest = longest.max(kept.store().index.size().total);
    }
    assert!(longest < 6_000_000, "{longest}");
    assert!(kept.file_length() < 20_000_000, "{}", kept.file_length());
    kept.check();
    kept.reopen();
    kept.check();
}

#[test]
fn a_queue_that_drained_leaves_a_small_file() {
    let mut kept = Kept::new();
    kept.put(0, 100);
    for number in 1..2_000 {
        kept.put(number, 10_000);
    }
    let full = kept.file_length();
    for number in 1..2_000 {
        kept.remove(number);
    }
    kept.store().tidy(true).expect("there is room");
    assert!(full > 20_000_000, "{full}");
    assert!(kept.file_length() < 2_000_000, "{}", kept.file_length());
    kept.reopen();
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
    kept.reopen();
    kept.remove(2);
    kept.check();
}

#[test]
fn a_failed_commit_can_be_made_again() {
    let mut kept = Kept::new();
    kept.put(1, 10);
    // As after an error.
    kept.store().database = None;
    kept.put(2, 10);
    kept.remove(1);
    kept.check();
}

#[test]
fn a_commit_that_was_stored_all_the_same_is_found() {
    let mut kept = Kept::new();
    kept.put(1, 10);
    let before = std::mem::take(&mut kept.store().index);
    kept.reopen();
    kept.put(2, 10);
    let store = kept.store();
    (store.index, store.database) = (before, None);
    kept.put(3, 10);
    kept.check();
    kept.reopen();
    kept.check();
}

#[test]
fn a_damaged_block_is_noticed_and_the_others_can_be_kept() {
    let mut kept = Kept::new();
    kept.put(1, 70_000);
    kept.commit(&[(2, Some(vec![0xab; 70_000]))]);
    kept.put(3, 70_000);
    kept.store = None;
    let path = path(&kept.folder);
    damage(&path);
    let Err(error) = Store::open(&path, false) else {
        panic!("it is not noticed");
    };
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
    let found = Store::salvage(&path).expect("it can be read");
    let found: Vec<_> = found.into_iter().map(|(key, _)| key).collect();
    assert_eq!(found, [key(1).as_ref(), key(3).as_ref()]);
}
