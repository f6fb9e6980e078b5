//! Records in a file of `redb`: a tree of pages that are never overwritten while they
//! are needed, so that a commit is whole or was not.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use redb::backends::FileBackend;
use redb::{
    Builder, Database, DatabaseError, Durability, ReadableTable, ReadableTableMetadata,
    StorageBackend, StorageError, TableDefinition,
};

use super::backend::{Backend, StoreError, Write};

/// The records: each value is followed by its checksum.
const RECORDS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("records");
/// What the store says of itself.
const ABOUT: TableDefinition<'_, &str, u32> = TableDefinition::new("about");
/// The version of keys and values.
const FORMAT: u32 = 1;
/// Memory for pages that are read or changed, in bytes.
const CACHE: usize = 8 * 1024 * 1024;
const CHECKSUM: usize = 4;
/// From so many removed records on it may be worth to give their room back.
const WORTH_TIDYING: u64 = 10_000;
/// So many records are moved together in no time.
const QUICKLY_TIDIED: u64 = 20_000;

/// A store in one file.
pub(super) struct Store {
    path: PathBuf,
    sync: bool,
    /// `None` after a failure, until the file is opened again.
    database: Option<Database>,
    /// Records that were removed since room was last given back.
    removed: u64,
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

    fn read(&self, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        self.0.read(offset, length)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.0.set_len(length)
    }

    fn sync_data(&self, _eventual: bool) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.write(offset, data)
    }
}

impl Store {
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
        let (database, was_repaired) = open_database(path, file, sync)?;
        let store = Self {
            path: path.to_owned(),
            sync,
            database: Some(database),
            removed: 0,
            was_repaired,
        };
        store.check_format()?;
        Ok(store)
    }

    /// Makes a store beside its place and moves it there when it is whole, so that an
    /// empty file is never taken for a new store.
    fn create(path: &Path, sync: bool) -> Result<Self, StoreError> {
        /// What users have queued is not for everybody to read.
        const MODE: u32 = 0o600;
        if let Some(folder) = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
        {
            fs::create_dir_all(folder).map_err(|cause| open_error(folder, cause))?;
        }
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
        let store = Self {
            path: path.to_owned(),
            sync,
            database: Some(database),
            removed: 0,
            was_repaired: false,
        };
        store.check_format()?;
        fs::rename(&new, path).map_err(|cause| open_error(path, cause))?;
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
            let store = Self {
                path: copy.to_owned(),
                sync: false,
                database: Some(database),
                removed: 0,
                was_repaired: true,
            };
            // What was found before the damage counts.
            let _ = store.for_each(&mut |key, value| {
                found.extend(value.map(|value| (key.to_owned(), value)));
            });
            break;
        }
        Ok(found)
    }

    fn check_format(&self) -> Result<(), StoreError> {
        let found = self.guarded(|database| {
            let transaction = database.begin_write().map_err(Failure::from)?;
            let found = {
                let mut about = transaction.open_table(ABOUT).map_err(Failure::from)?;
                transaction.open_table(RECORDS).map_err(Failure::from)?;
                let found = about.get("format").map_err(Failure::from)?;
                match found.map(|found| found.value()) {
                    Some(found) => found,
                    None => {
                        about.insert("format", FORMAT).map_err(Failure::from)?;
                        FORMAT
                    }
                }
            };
            transaction.commit().map_err(Failure::from)?;
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

    fn write(&mut self, writes: &[Write<'_>]) -> Result<(), String> {
        let text = |error: &dyn std::fmt::Display| error.to_string();
        let database = match &self.database {
            Some(database) => database,
            None => {
                let file = OpenOptions::new().read(true).write(true).open(&self.path);
                let file = file.map_err(|error| text(&error))?;
                let opened = open_database(&self.path, file, self.sync);
                let (database, _) = opened.map_err(|error| text(&error))?;
                self.database.insert(database)
            }
        };
        let mut transaction = database.begin_write().map_err(|error| text(&error))?;
        transaction.set_durability(Durability::Immediate);
        {
            let mut records = transaction
                .open_table(RECORDS)
                .map_err(|error| text(&error))?;
            let mut value = Vec::new();
            for write in writes {
                let key = write.key.as_ref();
                match write.value {
                    Some(bytes) => {
                        value.clear();
                        value.extend_from_slice(bytes);
                        value.extend_from_slice(&checksum(key, bytes).to_be_bytes());
                        records.insert(key, &*value).map_err(|error| text(&error))?;
                    }
                    None => {
                        records.remove(key).map_err(|error| text(&error))?;
                        self.removed += 1;
                    }
                }
            }
        }
        transaction.commit().map_err(|error| text(&error))
    }

    fn live_records(&self) -> Result<u64, StoreError> {
        self.guarded(|database| {
            let transaction = database.begin_read().map_err(Failure::from)?;
            let records = transaction.open_table(RECORDS).map_err(Failure::from)?;
            records.len().map_err(Failure::from)
        })
    }
}

impl Backend for Store {
    fn commit(&mut self, writes: &[Write<'_>]) -> Result<(), StoreError> {
        let written = catch_unwind(AssertUnwindSafe(|| self.write(writes)));
        let result = written.unwrap_or_else(|_| Err("it is damaged".to_owned()));
        result.map_err(|cause| {
            // After an error the library wants the file to be opened again.
            self.database = None;
            StoreError::Commit {
                path: self.path.clone(),
                cause,
            }
        })
    }

    fn sync(&mut self) -> Result<(), StoreError> {
        let file = File::open(&self.path);
        file.and_then(|file| file.sync_all())
            .map_err(|cause| StoreError::Commit {
                path: self.path.clone(),
                cause: cause.to_string(),
            })
    }

    fn tidy(&mut self, is_quiet: bool) -> Result<(), StoreError> {
        if self.removed < WORTH_TIDYING {
            return Ok(());
        }
        let live = self.live_records()?;
        if live > self.removed || (live > QUICKLY_TIDIED && !is_quiet) {
            return Ok(());
        }
        self.removed = 0;
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

    fn for_each(&self, visit: &mut dyn FnMut(&[u8], Option<Bytes>)) -> Result<(), StoreError> {
        self.guarded(|database| {
            let transaction = database.begin_read().map_err(Failure::from)?;
            let records = transaction.open_table(RECORDS).map_err(Failure::from)?;
            for record in records.iter().map_err(Failure::from)? {
                let (key, value) = record.map_err(Failure::from)?;
                visit(key.value(), checked(key.value(), value.value()));
            }
            Ok(())
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
        .create_with_file_format_v3(true)
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

fn checksum(key: &[u8], value: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(key);
    hasher.update(value);
    hasher.finalize()
}

/// The value without its checksum, if that is right.
fn checked(key: &[u8], stored: &[u8]) -> Option<Bytes> {
    let (value, sum) = stored.split_at(stored.len().checked_sub(CHECKSUM)?);
    let sum = u32::from_be_bytes(sum.try_into().ok()?);
    (sum == checksum(key, value)).then(|| Bytes::copy_from_slice(value))
}
