//! Opens a log, or makes one.

use std::collections::VecDeque;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::block::LogId;
use super::index::Index;
use super::replay::{ReplayError, Replayed, replay};
use super::segment::Segment;
use super::store::{Durability, Failure, Store};
use super::syncer::Syncer;
use crate::broker::persistence::backend::{Backend, StoreError, Write};
use crate::files;

/// The version of the format.
const FORMAT: u32 = 2;

/// Opens the store, or makes an empty one where there is none.
pub(in crate::broker::persistence) fn open(
    directory: &Path,
    sync: bool,
) -> Result<Store, StoreError> {
    let fail = |cause| open_error(directory, cause);
    if !directory.try_exists().map_err(fail)? {
        create(directory, &[])?;
    }
    let lock = lock(directory)?;
    let found = replay(directory).map_err(|error| replay_error(directory, error))?;
    let last = found.segments.back();
    let last = last.ok_or_else(|| replay_error(directory, ReplayError::Empty))?;
    let file = last.open().map_err(fail)?;
    cut_off(directory, &file, &found).map_err(fail)?;
    let synced = found.index.last_number();
    let durability = match sync {
        true => Durability::Immediate(synced),
        false => Durability::Delayed(Syncer::start(directory, synced).map_err(fail)?),
    };
    Ok(Store::new(directory, lock, found, file, durability))
}

/// Makes a store with these records beside its place, and moves it there when it is whole
/// and on the disk.
pub(in crate::broker::persistence) fn create(
    directory: &Path,
    records: &[Write<'_>],
) -> Result<(), StoreError> {
    /// So many records are stored at once.
    const AT_ONCE: usize = 10_000;
    let mut new = directory.as_os_str().to_owned();
    new.push(".new");
    let new = PathBuf::from(new);
    let mut store = begin(&new).map_err(|cause| open_error(&new, cause))?;
    for records in records.chunks(AT_ONCE) {
        store.commit(records)?;
    }
    store.close()?;
    drop(store);
    files::sync_directory(&new)
        .and_then(|()| files::rename(&new, directory))
        .map_err(|cause| open_error(directory, cause))
}

/// Makes an empty store in a new directory.
fn begin(directory: &Path) -> io::Result<Store> {
    // What an earlier attempt has left.
    match fs::symlink_metadata(directory) {
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(directory)?,
        Ok(_) => fs::remove_file(directory)?,
        Err(_) => {}
    }
    files::create_directories(&files::directory_of(directory))?;
    DirBuilder::new().mode(0o700).create(directory)?;
    let mut log = LogId([0; 8]);
    getrandom::fill(&mut log.0)?;
    let lock = lock_file(directory)?;
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

/// Takes the store for this process.
fn lock(directory: &Path) -> Result<File, StoreError> {
    lock_file(directory).map_err(|cause| match cause.kind() {
        io::ErrorKind::WouldBlock => StoreError::InUse {
            path: directory.to_owned(),
        },
        _ => open_error(directory, cause),
    })
}

fn lock_file(directory: &Path) -> io::Result<File> {
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(directory.join("lock"))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(io::ErrorKind::WouldBlock.into()),
        // A file system without locks is none to refuse.
        Err(TryLockError::Error(cause)) if cause.kind() == io::ErrorKind::Unsupported => Ok(file),
        Err(TryLockError::Error(cause)) => Err(cause),
    }
}

/// Cuts off what is no part of the log, so that it can never be taken for one, and brings the
/// rest to the disk: an earlier broker may have been killed before it had done so.
fn cut_off(directory: &Path, last: &File, found: &Replayed) -> io::Result<()> {
    let length = found.segments.back().map_or(0, Segment::length);
    if last.metadata()?.len() != length {
        last.set_len(length)?;
    }
    for segment in &found.segments {
        if segment.end() > found.synced {
            segment.open()?.sync_all()?;
        }
    }
    for path in &found.superfluous {
        fs::remove_file(path)?;
    }
    files::sync_directory(directory)
}

fn open_error(path: &Path, cause: io::Error) -> StoreError {
    StoreError::Open {
        path: path.to_owned(),
        cause,
    }
}

fn replay_error(directory: &Path, error: ReplayError) -> StoreError {
    let path = directory.to_owned();
    match error {
        ReplayError::Io(cause) => StoreError::Open { path, cause },
        ReplayError::Version(found) => StoreError::Version {
            path,
            found,
            known: FORMAT,
        },
        _ => StoreError::Damaged {
            path,
            cause: error.to_string(),
        },
    }
}
