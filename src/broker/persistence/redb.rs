//! Stores of earlier versions, which kept their log in a table of `redb`.
//!
//! They are read, and replaced by a store of the present kind.

mod blocks;
mod salvage;

use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use redb::Builder;
use redb::backends::FileBackend;

use self::blocks::{FORMAT, Records, replay_database, without_panic_message};
pub(super) use self::salvage::salvage;
use super::backend::StoreError;
use super::commit_log::{Existing, NewStore};
use crate::broker::log::Log;
use crate::files;

/// Replaces an earlier store at `path`, if there is one, by one of the present kind.
///
/// It is moved aside first and removed last, so that a start that is interrupted can be repeated.
pub(super) fn convert(path: &Path, log: &Log) -> Result<(), StoreError> {
    let mut aside = path.as_os_str().to_owned();
    aside.push(".redb");
    let aside = PathBuf::from(aside);
    let fail = |cause| StoreError::Open {
        path: path.to_owned(),
        cause,
    };
    let is_there = path.try_exists().map_err(fail)?;
    if !is_there && aside.is_file() {
        files::rename(&aside, path).map_err(fail)?;
    }
    if path.is_file() {
        let records = read(path)?;
        files::rename(path, &aside).map_err(fail)?;
        create(path, &records)?;
    } else if !aside.is_file() {
        return Ok(());
    }
    fs::remove_file(&aside)
        .and_then(|()| files::sync_directory(&files::directory_of(path)))
        .map_err(fail)?;
    log.notice(format_args!(
        "The store {} was converted to the format of this version.",
        path.display()
    ));
    Ok(())
}

fn create(path: &Path, records: &Records) -> Result<(), StoreError> {
    let mut new = NewStore::create(path)?;
    for (&key, value) in records {
        new.put(key, value)?;
    }
    new.finish(Existing::None)
}

/// Reads all records of a store.
fn read(path: &Path) -> Result<Records, StoreError> {
    let mut records = Records::new();
    match replay(path, &mut records)? {
        None => Ok(records),
        Some(number) => Err(damaged(
            path,
            &format!("block {number} of its log is not what was stored"),
        )),
    }
}

/// Applies the changes in the log of a store. Returns the first block that is not what was
/// written; it is left out.
fn replay(path: &Path, records: &mut Records) -> Result<Option<u64>, StoreError> {
    let replayed = without_panic_message(|| {
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        // The library would take it for a new store.
        if file.metadata()?.len() == 0 {
            return Err(redb::Error::Corrupted(
                "it is empty, 0 bytes long".to_owned(),
            ));
        }
        let database = Builder::new().create_with_backend(FileBackend::new(file)?)?;
        replay_database(&database, records)
    });
    match replayed {
        Some(Ok(Ok(damaged))) => Ok(damaged),
        Some(Ok(Err(found))) => Err(StoreError::Version {
            path: path.to_owned(),
            found,
            known: FORMAT,
        }),
        Some(Err(error)) => Err(explain(path, error)),
        None => Err(damaged(
            path,
            "it is cut off, or parts of it were overwritten",
        )),
    }
}

fn explain(path: &Path, error: redb::Error) -> StoreError {
    let path_of_error = path.to_owned();
    match error {
        redb::Error::DatabaseAlreadyOpen => StoreError::InUse {
            path: path_of_error,
        },
        redb::Error::Io(cause)
            if cause.kind() != io::ErrorKind::InvalidData
                && cause.kind() != io::ErrorKind::UnexpectedEof =>
        {
            StoreError::Open {
                path: path_of_error,
                cause,
            }
        }
        error => damaged(path, &error.to_string()),
    }
}

fn damaged(path: &Path, cause: &str) -> StoreError {
    StoreError::Damaged {
        path: path.to_owned(),
        cause: cause.to_owned(),
    }
}
