//! A store that is made beside its place and takes it when it is complete and on the disk, so
//! that a full disk or the end of the program leaves what was there before.
//!
//! A directory cannot take the place of another in one step. So a complete store is renamed
//! first, by which the next start knows that it may have been on its way.

use std::collections::VecDeque;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use super::index::Index;
use super::lock::lock;
use super::log_id::LogId;
use super::replay::Replayed;
use super::segment::Segment;
use super::store::{Durability, Failure, Store};
use crate::broker::persistence::backend::{Backend, StoreError, Write};
use crate::broker::persistence::key::KeyBytes;
use crate::files;

/// Bytes of records that are stored in one commit.
const AT_ONCE: usize = 4 * 1024 * 1024;

/// A store while it is made.
const NEW: &str = ".new";
/// One that is complete and may be on its way to its place.
const COMPLETE: &str = ".complete";
/// One whose place another takes, and which is not kept.
const REPLACED: &str = ".replaced";

/// Fate of the store that a new one replaces.
#[derive(Clone, Copy, Debug)]
pub(in crate::broker::persistence) enum Existing<'a> {
    /// There is none.
    None,
    /// It is deleted.
    Empty,
    /// It gets another name, which nothing has.
    Damaged(&'a Path),
}

/// A store on its way to its place. Without [`NewStore::finish`] nothing of it stays.
pub(in crate::broker::persistence) struct NewStore {
    store: Store,
    leftover: Leftover,
    /// Values that are not stored yet, one behind the other.
    values: Vec<u8>,
    /// Their keys and ends.
    records: Vec<(KeyBytes, usize)>,
}

impl NewStore {
    /// Makes an empty store for this place.
    pub(in crate::broker::persistence) fn create(path: &Path) -> Result<Self, StoreError> {
        let leftover = Leftover(path.to_owned());
        Ok(Self {
            store: begin(&beside(path, NEW)).map_err(|cause| failed(path, &cause))?,
            leftover,
            values: Vec::new(),
            records: Vec::new(),
        })
    }

    /// Adds a record.
    pub(in crate::broker::persistence) fn put(
        &mut self,
        key: KeyBytes,
        value: &[u8],
    ) -> Result<(), StoreError> {
        self.values.extend_from_slice(value);
        self.records.push((key, self.values.len()));
        match self.values.len() {
            AT_ONCE.. => self.store_records(),
            _ => Ok(()),
        }
    }

    fn store_records(&mut self) -> Result<(), StoreError> {
        let mut start = 0;
        let writes: Vec<_> = self
            .records
            .iter()
            .map(|&(key, end)| {
                let value = Some(&self.values[start..end]);
                start = end;
                Write { key, value }
            })
            .collect();
        let stored = self.store.commit(&writes);
        stored.map_err(|error| failed(&self.leftover.0, &cause_of(error)))?;
        self.records.clear();
        self.values.clear();
        Ok(())
    }

    /// Moves the store to its place.
    pub(in crate::broker::persistence) fn finish(
        mut self,
        existing: Existing<'_>,
    ) -> Result<(), StoreError> {
        self.store_records()?;
        let Self {
            mut store,
            leftover: Leftover(ref path),
            ..
        } = self;
        let closed = store.close();
        closed.map_err(|error| failed(path, &cause_of(error)))?;
        drop(store);
        take_place(path, existing).map_err(|cause| failed(path, &cause))
    }
}

/// Makes an empty store in a new directory.
fn begin(directory: &Path) -> io::Result<Store> {
    remove(directory)?;
    files::create_directories(&files::directory_of(directory))?;
    DirBuilder::new().mode(0o700).create(directory)?;
    let log = LogId::random()?;
    let lock = lock(directory)?;
    let (segment, file) = Segment::create(directory, 1, log)?;
    let found = Replayed {
        log,
        index: Index::default(),
        oldest: 1,
        synced: 0,
        segments: VecDeque::from([segment]),
        was_closed: true,
        superfluous: Vec::new(),
    };
    let mut store = Store::new(directory, lock, found, file, Durability::Immediate(0));
    // A log has a block at least, so that an empty file is never taken for one.
    let begun = store.append(&[], 1, false);
    begun.map_err(|Failure(cause)| io::Error::other(cause))?;
    Ok(store)
}

/// Gives a complete store its place.
fn take_place(path: &Path, existing: Existing<'_>) -> io::Result<()> {
    let [new, complete, replaced] = [NEW, COMPLETE, REPLACED].map(|name| beside(path, name));
    files::sync_directory(&new)?;
    let aside = match existing {
        Existing::None => return files::rename(&new, path),
        Existing::Empty => &replaced,
        Existing::Damaged(aside) => aside,
    };
    remove(&complete)?;
    remove(&replaced)?;
    files::rename(&new, &complete)?;
    files::rename(path, aside)?;
    files::rename(&complete, path)?;
    // At worst the next start removes it.
    let _ = remove(&replaced);
    Ok(())
}

/// Clears up what a program that has ended had begun beside the place of a store. Returns whether a
/// store that was complete has taken the place.
pub(in crate::broker::persistence) fn settle(path: &Path) -> io::Result<bool> {
    let complete = beside(path, COMPLETE);
    let is_on_its_way = !path.try_exists()? && complete.try_exists()?;
    if is_on_its_way {
        files::rename(&complete, path)?;
    }
    for name in [NEW, COMPLETE, REPLACED] {
        remove(&beside(path, name))?;
    }
    Ok(is_on_its_way)
}

/// Removes what is left beside the place of a store that was never finished.
struct Leftover(PathBuf);

impl Drop for Leftover {
    fn drop(&mut self) {
        // As a rule there is none.
        let _ = remove(&beside(&self.0, NEW));
    }
}

fn beside(path: &Path, name: &str) -> PathBuf {
    let mut beside = path.as_os_str().to_owned();
    beside.push(name);
    beside.into()
}

/// Removes a store or a file, if it is there.
fn remove(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

fn cause_of(error: StoreError) -> io::Error {
    match error {
        StoreError::Open { cause, .. } => cause,
        StoreError::Commit { cause, .. } => io::Error::other(cause),
        error => io::Error::other(error.to_string()),
    }
}

fn failed(path: &Path, cause: &io::Error) -> StoreError {
    StoreError::Build {
        path: path.to_owned(),
        cause: cause.to_string(),
    }
}
