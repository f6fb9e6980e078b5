//! Interface of the library that keeps the records.
//!
//! Another library takes its place by another implementation of [`Backend`].

use std::io;
use std::path::PathBuf;

use bytes::Bytes;

use super::key::KeyBytes;
use super::mosquitto_db::SnapshotError;

/// One record's change, in bytes.
pub(super) struct Write<'a> {
    pub(super) key: KeyBytes,
    /// `None` takes the record away.
    pub(super) value: Option<&'a [u8]>,
}

/// Why the store cannot be used.
#[derive(Debug, thiserror::Error)]
pub(in crate::broker) enum StoreError {
    /// The store's folder cannot be made or read.
    #[error("Error: Unable to open the store {path}: {cause}.")]
    Open { path: PathBuf, cause: io::Error },
    /// Another broker uses the store.
    #[error("Error: The store {path} is used by another broker.")]
    InUse { path: PathBuf },
    /// The store does not hold what was written.
    #[error(
        "Error: The store {path} is damaged: {cause}.\n\
         Error: Nothing was changed. To start with what can still be read, run the broker once \
         with --recover. It keeps the damaged store under another name."
    )]
    Damaged { path: PathBuf, cause: String },
    /// Another version of the broker wrote the store.
    #[error(
        "Error: The store {path} has format version {found}; this broker reads version {known}."
    )]
    Version {
        path: PathBuf,
        found: u32,
        known: u32,
    },
    /// A change was not stored.
    #[error("Error: Unable to write to the store {path}: {cause}.")]
    Commit { path: PathBuf, cause: String },
    /// A store that was to take the place of another could not be made.
    #[error(
        "Error: Unable to make the new store {path}: {cause}.\n\
         Error: Nothing was changed. Run the broker with the same options again once this is \
         solved."
    )]
    Build { path: PathBuf, cause: String },
    /// Something is to be imported into a store that has something.
    #[error(
        "Error: The store {path} is not empty, and --import-mosquitto-db needs an empty one.\n\
         Error: An import is stored completely or not at all. To continue with what is in the \
         store, run the broker without the option."
    )]
    NotEmpty { path: PathBuf },
    /// A database of Mosquitto's cannot be read.
    #[error("Error: Unable to open {path}: {cause}.")]
    OpenDatabase { path: PathBuf, cause: io::Error },
    /// A database of Mosquitto's is not understood.
    #[error("Error: {path} cannot be taken over: {cause}.\nError: Nothing was changed.")]
    Database { path: PathBuf, cause: SnapshotError },
    /// There is no store that something could be imported into.
    #[error(
        "Error: --import-mosquitto-db needs 'persistence true' in the configuration, as what is \
         imported has to be stored."
    )]
    NotOn,
}

/// A store of records.
pub(super) trait Backend: Send {
    /// Stores all changes or none.
    ///
    /// When this returns they outlive the process, and also a power cut if the store was opened so.
    fn commit(&mut self, writes: &[Write<'_>]) -> Result<(), StoreError>;

    /// Brings everything to the disk that is not there yet.
    fn sync(&mut self) -> Result<(), StoreError>;

    /// Frees some room that removed records take; returns whether to go on with that.
    fn tidy(&mut self) -> Result<bool, StoreError>;

    /// Brings everything to the disk and notes that the store was shut down cleanly.
    fn close(&mut self) -> Result<(), StoreError>;

    /// Gives every record to `visit`, in the order of the keys.
    fn for_each(&self, visit: &mut dyn FnMut(&[u8], Bytes)) -> Result<(), StoreError>;

    /// Returns whether the store was not shut down cleanly and was checked when it was opened.
    fn was_repaired(&self) -> bool;
}
