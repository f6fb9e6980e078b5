//! What can still be read of a damaged log.

use std::collections::BTreeMap;
use std::path::Path;

use bytes::Bytes;

use super::block;
use super::segment::Found;
use crate::broker::persistence::backend::StoreError;
use crate::broker::persistence::key::KeyBytes;

/// Reads what can still be read of a damaged store, by the checksums of its blocks.
///
/// A record whose removal is lost is there again.
pub(in crate::broker::persistence) fn salvage(
    directory: &Path,
) -> Result<Vec<(KeyBytes, Bytes)>, StoreError> {
    let path = directory.to_owned();
    let fail = |cause| StoreError::Open {
        path: path.clone(),
        cause,
    };
    let mut records = BTreeMap::new();
    let mut known = None;
    for found in Found::all(directory).map_err(fail)? {
        let found = found.map_err(fail)?;
        // Its own header may be what is damaged.
        let ids = [found.log(), known, found.claimed_log()];
        let mut ids = ids.into_iter().flatten();
        let log = ids.find(|&log| block::search(&found.bytes, log).next().is_some());
        let Some(log) = log else { continue };
        known = Some(log);
        for entry in block::search(&found.bytes, log).flat_map(|block| block.entries) {
            match entry.value {
                Some(value) => records.insert(entry.key, Bytes::copy_from_slice(value)),
                None => records.remove(&entry.key),
            };
        }
    }
    Ok(records.into_iter().collect())
}
