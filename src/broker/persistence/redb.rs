//! Records in a file of `redb`: a tree of pages that are never overwritten while they
//! are needed, so that a commit is whole or was not. What is in the tree is a log of
//! changes, and an index in memory knows where in it each record is.

mod block;
mod index;
mod log;
#[cfg(test)]
mod tests;

use std::fs::{self, File, OpenOptions};
use std::io;
use std::ops::Bound;
use std::os::unix::fs::OpenOptionsExt;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use redb::backends::FileBackend;
use redb::{
    BackendError, Builder, Database, DatabaseError, Durability, ReadableDatabase, ReadableTable,
    StorageBackend, StorageError, TableDefinition,
};

use self::block::Entry;
use self::index::{Index, Tolerance};
use self::log::LOG;
use super::backend::{Backend, StoreError, Write};
use crate::files;

/// What the store says of itself.
const ABOUT: TableDefinition<'_, &str, u32> = TableDefinition::new("about");
/// The version of keys, values and the log.
const FORMAT: u32 = 1;
/// Memory for pages that are read or changed, in bytes.
const CACHE: usize = 8 * 1024 * 1024;
/// From so many freed bytes on it may be worth to give their room back.
const WORTH_TIDYING: u64 = 1024 * 1024;
/// A log of so many bytes is moved together in no time.
const QUICKLY_TIDIED: u64 = 4 * 1024 * 1024;
/// For each byte that is added, so many are moved if any are. One would do if useless ones
/// were spread evenly.
const MOVED_PER_BYTE: u64 = 4;
/// So many bytes are moved with the smallest commit, if any are.
const MOVED_AT_LEAST: u64 = 256 * 1024;
/// In a quiet moment, so many bytes of the log are moved in one transaction.
const MOVED_AT_ONCE: u64 = 4 * 1024 * 1024;

/// A store in one file.
pub(super) struct Store {
    path: PathBuf,
    sync: bool,
    /// `None` after a failure, until the file is opened again.
    database: Option<Database>,
    index: Index,
    /// Bytes of the log that went since room was last given back.
    freed: u64,
    /// Whether the file was not closed in order and had to be checked.
    was_repaired: bool,
}

/// A file whose changes are in the operating system's hands when they are written. What
/// the system writes to the disk, and when, is its own affair: a process that is killed
/// loses nothing, a power cut may.
#[derive(Debug)]
struct UnsyncedFile(FileBackend);

impl StorageBackend for UnsyncedFile {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read(offset, out)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.0.set_len(length)
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.0.close()
    }

    // Another broker must be noticed here, too.

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.0.try_lock_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.0.lock_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.0.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.0.query_lock_range(start, end)
    }
}

impl Store {
    fn new(path: &Path, database: Database, sync: bool) -> Self {
        Self {
            path: path.to_owned(),
            sync,
            database: Some(database),
            index: Index::default(),
            freed: 0,
            was_repaired: false,
        }
    }

    /// Opens the store, or makes an empty one where there is none.
    pub(super) fn open(path: &Path, sync: bool) -> Result<Self, StoreError> {
        match path.try_exists() {
            Ok(true) => Self::open_file(path, sync),
            Ok(false) => Self::create(path, sync),
            Err(cause) => Err(open_error(path, cause)),
        }
    }

    fn open_file(path: &Path, sync: bool) -> Result<Self, StoreError> {
        let file = OpenOptions::new().read(true).write(true).open(path);
        let file = file.map_err(|cause| open_error(path, cause))?;
        let metadata = file.metadata().map_err(|cause| open_error(path, cause))?;
        // The library would take it for a new store.
        if metadata.len() == 0 {
            return Err(StoreError::Damaged {
                path: path.to_owned(),
                cause: "it is empty, 0 bytes long".to_owned(),
            });
        }
        let (database, was_repaired) = open_database(path, file, sync)?;
        let mut store = Self::new(path, database, sync);
        store.was_repaired = was_repaired;
        store.check_format()?;
        store.read_log()?;
        Ok(store)
    }

    /// Makes a store beside its place and moves it there when it is whole, so that an
    /// empty file is never taken for a new store.
    fn create(path: &Path, sync: bool) -> Result<Self, StoreError> {
        /// What users have queued is not for everybody to read.
        const MODE: u32 = 0o600;
        let directory = files::directory_of(path);
        files::create_directories(&directory).map_err(|cause| open_error(&directory, cause))?;
        let mut new = path.as_os_str().to_owned();
        new.push(".new");
        let new = PathBuf::from(new);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .mode(MODE)
            .open(&new);
        let file = file.map_err(|cause| open_error(&new, cause))?;
        let (database, _) = open_database(&new, file, sync)?;
        let store = Self::new(path, database, sync);
        store.check_format()?;
        sync_file(&new).map_err(|cause| open_error(&new, cause))?;
        files::rename(&new, path).map_err(|cause| open_error(path, cause))?;
        Ok(store)
    }

    /// Reads what can still be read of a damaged store, from a copy of it; a file that was
    /// cut off is read as if its end were zeros.
    pub(super) fn salvage(path: &Path) -> Result<Vec<(Vec<u8>, Bytes)>, StoreError> {
        let mut copy = path.as_os_str().to_owned();
        copy.push(".copy");
        let copy = PathBuf::from(copy);
        let result = Self::salvage_copy(path, &copy);
        // It may not have come to be.
        let _ = fs::remove_file(&copy);
        result
    }

    fn salvage_copy(path: &Path, copy: &Path) -> Result<Vec<(Vec<u8>, Bytes)>, StoreError> {
        let length = fs::copy(path, copy).map_err(|cause| open_error(copy, cause))?;
        let mut found = Vec::new();
        if length == 0 {
            return Ok(found);
        }
        for length in [length, length * 2 + (1 << 20)] {
            let file = OpenOptions::new().read(true).write(true).open(copy);
            let file = file.map_err(|cause| open_error(copy, cause))?;
            file.set_len(length)
                .map_err(|cause| open_error(copy, cause))?;
            let Ok((database, _)) = open_database(copy, file, false) else {
                continue;
            };
            let mut store = Self::new(copy, database, false);
            // What was found before the damage counts.
            let _ = store.read_log();
            let _ = store.for_each(&mut |key, value| found.push((key.to_owned(), value)));
            break;
        }
        Ok(found)
    }

    fn check_format(&self) -> Result<(), StoreError> {
        let found = self.guarded(|database| {
            let transaction = database.begin_write()?;
            let found = {
                let mut about = transaction.open_table(ABOUT)?;
                transaction.open_table(LOG)?;
                let found = about.get("format")?;
                match found.map(|found| found.value()) {
                    Some(found) => found,
                    None => {
                        about.insert("format", FORMAT)?;
                        FORMAT
                    }
                }
            };
            transaction.commit()?;
            Ok(found)
        })?;
        match found {
            FORMAT => Ok(()),
            found => Err(StoreError::Version {
                path: self.path.clone(),
                found,
                known: FORMAT,
            }),
        }
    }

    /// Makes the index of what the log has, as far as that can be read.
    fn read_log(&mut self) -> Result<(), StoreError> {
        let mut index = Index::default();
        let result = self.guarded(|database| read_log(database, &mut index));
        self.index = index;
        result
    }

    /// Works on the database; what it finds damaged it may say by a panic.
    fn guarded<T>(
        &self,
        work: impl FnOnce(&Database) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        let Some(database) = &self.database else {
            return Err(self.damaged("it is not open"));
        };
        match without_panic_message(|| work(database)) {
            Ok(Ok(result)) => Ok(result),
            Ok(Err(Failure(cause))) => Err(self.damaged(&cause)),
            Err(Panicked) => Err(self.damaged("it is cut off, or parts of it were overwritten")),
        }
    }

    fn damaged(&self, cause: &str) -> StoreError {
        StoreError::Damaged {
            path: self.path.clone(),
            cause: cause.to_owned(),
        }
    }

    /// The database, which is opened again after a failure.
    fn opened(&mut self) -> Result<&Database, Failure> {
        if self.database.is_none() {
            let file = OpenOptions::new().read(true).write(true).open(&self.path)?;
            let (database, _) = open_database(&self.path, file, self.sync)?;
            // What failed may have been stored all the same.
            if last_block(&database)? != self.index.last_number() {
                let mut index = Index::default();
                read_log(&database, &mut index)?;
                self.index = index;
            }
            self.database = Some(database);
        }
        self.database
            .as_ref()
            .ok_or_else(|| Failure("it is not open".to_owned()))
    }

    /// Adds changes to the log, and takes away blocks that are no longer needed. Of those
    /// that are hardly needed it moves about so many bytes.
    fn write(
        &mut self,
        writes: &[Write<'_>],
        tolerance: Tolerance,
        moved: u64,
    ) -> Result<(), Failure> {
        self.opened()?;
        let Some(database) = &self.database else {
            return Ok(());
        };
        let index = &mut self.index;
        let mut changes: Vec<_> = writes
            .iter()
            .filter(|write| write.value.is_some() || index.contains(&write.key))
            .map(Entry::from)
            .collect();
        // Who reads the log wants them in this order.
        changes.sort_unstable_by_key(|change| change.key);
        let retired = index.retire(tolerance, moved);
        if changes.is_empty() && retired.is_empty() {
            return Ok(());
        }
        let mut transaction = database.begin_write()?;
        transaction.set_durability(Durability::Immediate)?;
        let mut table = transaction.open_table(LOG)?;
        let old = log::read(&table, &retired.moved)?;
        let moved = log::records(&old, index)?;
        log::remove(&mut table, retired.numbers())?;
        // A change comes after what it changes, which may be among what is moved.
        let blocks = || log::blocks(&moved).chain(log::blocks(&changes));
        for (number, entries) in (index.last_number() + 1..).zip(blocks()) {
            log::add(&mut table, number, entries)?;
        }
        drop(table);
        transaction.commit()?;
        blocks().for_each(|entries| index.add_block(entries));
        self.freed += index.forget(&retired);
        Ok(())
    }

    /// Writes; a failure closes the database, as the library wants it.
    fn store(
        &mut self,
        writes: &[Write<'_>],
        tolerance: Tolerance,
        moved: u64,
    ) -> Result<(), StoreError> {
        let written = catch_unwind(AssertUnwindSafe(|| self.write(writes, tolerance, moved)));
        let result = written.unwrap_or_else(|_| Err(Failure("it is damaged".to_owned())));
        result.map_err(|Failure(cause)| {
            self.database = None;
            StoreError::Commit {
                path: self.path.clone(),
                cause,
            }
        })
    }
}

impl Backend for Store {
    fn commit(&mut self, writes: &[Write<'_>]) -> Result<(), StoreError> {
        let lengths = writes
            .iter()
            .map(|write| Entry::from(write).length() as u64);
        let moved = lengths.sum::<u64>() * MOVED_PER_BYTE + MOVED_AT_LEAST;
        self.store(writes, Tolerance::Busy, moved)
    }

    fn sync(&mut self) -> Result<(), StoreError> {
        sync_file(&self.path).map_err(|cause| StoreError::Commit {
            path: self.path.clone(),
            cause: cause.to_string(),
        })
    }

    fn tidy(&mut self, is_quiet: bool) -> Result<(), StoreError> {
        while is_quiet && self.index.is_wasteful(Tolerance::Quiet) {
            self.store(&[], Tolerance::Quiet, MOVED_AT_ONCE)?;
        }
        let total = self.index.size().total;
        let is_worth_it = self.freed >= WORTH_TIDYING.max(total);
        if !is_worth_it || (total > QUICKLY_TIDIED && !is_quiet) {
            return Ok(());
        }
        self.freed = 0;
        let Some(database) = &mut self.database else {
            return Ok(());
        };
        database
            .compact()
            .map(|_| ())
            .map_err(|error| StoreError::Commit {
                path: self.path.clone(),
                cause: error.to_string(),
            })
    }

    fn for_each(&self, visit: &mut dyn FnMut(&[u8], Bytes)) -> Result<(), StoreError> {
        self.guarded(|database| {
            let transaction = database.begin_read()?;
            let table = transaction.open_table(LOG)?;
            Ok(log::for_each(&table, &self.index, visit)?)
        })
    }

    fn was_repaired(&self) -> bool {
        self.was_repaired
    }
}

/// What went wrong, in words.
struct Failure(String);

impl<E: std::fmt::Display> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

struct Panicked;

/// Notes in the index what the log has, as far as that can be read.
fn read_log(database: &Database, index: &mut Index) -> Result<(), Failure> {
    let transaction = database.begin_read()?;
    let table = transaction.open_table(LOG)?;
    Ok(log::replay(&table, index)?)
}

fn last_block(database: &Database) -> Result<u64, Failure> {
    let transaction = database.begin_read()?;
    let table = transaction.open_table(LOG)?;
    Ok(log::last_number(&table)?)
}

/// Opens the database; says whether it had to be repaired.
fn open_database(path: &Path, file: File, sync: bool) -> Result<(Database, bool), StoreError> {
    let damaged = |cause: String| StoreError::Damaged {
        path: path.to_owned(),
        cause,
    };
    let repaired = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&repaired);
    let mut builder = Builder::new();
    builder
        .set_cache_size(CACHE)
        .set_repair_callback(move |_| told.store(true, Ordering::Relaxed));
    let opened = without_panic_message(|| {
        let file = FileBackend::new(file)?;
        match sync {
            true => builder.create_with_backend(file),
            false => builder.create_with_backend(UnsyncedFile(file)),
        }
    });
    match opened {
        Ok(Ok(database)) => Ok((database, repaired.load(Ordering::Relaxed))),
        Ok(Err(DatabaseError::DatabaseAlreadyOpen)) => Err(StoreError::InUse {
            path: path.to_owned(),
        }),
        Ok(Err(DatabaseError::Storage(StorageError::Io(cause))))
            if cause.kind() != io::ErrorKind::InvalidData
                && cause.kind() != io::ErrorKind::UnexpectedEof =>
        {
            Err(open_error(path, cause))
        }
        Ok(Err(error)) => Err(damaged(error.to_string())),
        Err(Panicked) => Err(damaged("it is cut off".to_owned())),
    }
}

/// Brings a file to the disk.
fn sync_file(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

fn open_error(path: &Path, cause: io::Error) -> StoreError {
    StoreError::Open {
        path: path.to_owned(),
        cause,
    }
}

/// A file that is shorter than it was makes the library panic. Its message would say
/// nothing to the reader of the log.
fn without_panic_message<T>(work: impl FnOnce() -> T) -> Result<T, Panicked> {
    let hook = take_hook();
    set_hook(Box::new(|_| {}));
    let result = catch_unwind(AssertUnwindSafe(work));
    set_hook(hook);
    result.map_err(|_| Panicked)
}
