//! Blocks of changes in a database of an earlier version.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};

use bytes::Bytes;
use redb::{ReadableDatabase, ReadableTable, TableDefinition};

use crate::broker::persistence::commit_log::Entries;
use crate::broker::persistence::key::KeyBytes;

/// The version of the store.
const ABOUT: TableDefinition<'_, &str, u32> = TableDefinition::new("about");
/// Blocks of changes by their numbers.
const LOG: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("log");
pub(super) const FORMAT: u32 = 1;
/// At the end of a block: the checksum of the block and its number.
const CHECKSUM: usize = 4;

/// The records of a store.
pub(in crate::broker::persistence) type Records = BTreeMap<KeyBytes, Bytes>;

/// Applies the changes in the log of a database. Returns the first block that is not what was
/// written, or the format if it is another one.
pub(super) fn replay_database(
    database: &impl ReadableDatabase,
    records: &mut Records,
) -> Result<Result<Option<u64>, u32>, redb::Error> {
    let transaction = database.begin_read()?;
    let format = transaction.open_table(ABOUT)?.get("format")?;
    if let Some(format) = format
        .map(|format| format.value())
        .filter(|&found| found != FORMAT)
    {
        return Ok(Err(format));
    }
    let mut damaged = None;
    for block in transaction.open_table(LOG)?.iter()? {
        let (number, block) = block?;
        match entries(number.value(), block.value()) {
            Some(entries) => apply(entries, records),
            None => damaged = damaged.or(Some(number.value())),
        }
    }
    Ok(Ok(damaged))
}

pub(super) fn apply(entries: Entries<'_>, records: &mut Records) {
    for entry in entries {
        match entry.value {
            Some(value) => records.insert(entry.key, Bytes::copy_from_slice(value)),
            None => records.remove(&entry.key),
        };
    }
}

/// Returns the changes in a block, if it is what was written under this number.
pub(super) fn entries(number: u64, block: &[u8]) -> Option<Entries<'_>> {
    let (body, sum) = block.split_last_chunk::<CHECKSUM>()?;
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&number.to_be_bytes());
    hasher.update(body);
    (hasher.finalize() == u32::from_be_bytes(*sum)).then(|| Entries::unchecked(body))
}

/// Works with a file that may be damaged; some damage makes the library panic, and its message
/// would mean nothing to the reader of the log.
pub(super) fn without_panic_message<T>(work: impl FnOnce() -> T) -> Option<T> {
    let hook = take_hook();
    set_hook(Box::new(|_| {}));
    let result = catch_unwind(AssertUnwindSafe(work));
    set_hook(hook);
    result.ok()
}
