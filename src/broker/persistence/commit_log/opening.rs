//! Opens a log, or makes one.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use nix::errno::Errno;

use super::building::{Existing, NewStore};
use super::lock::lock;
use super::replay::{ReplayError, Replayed, replay};
use super::segment::Segment;
use super::store::{Durability, Store};
use super::syncer::Syncer;
use crate::broker::persistence::backend::StoreError;
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
        NewStore::create(directory)?.finish(Existing::None)?;
    }
    let lock = lock(directory).map_err(|cause| match cause.kind() {
        io::ErrorKind::WouldBlock => StoreError::InUse {
            path: directory.to_owned(),
        },
        _ => fail(cause),
    })?;
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
        // A disk that cannot read a part of it has damaged it.
        ReplayError::Io(cause) if cause.raw_os_error() != Some(Errno::EIO as i32) => {
            StoreError::Open { path, cause }
        }
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
