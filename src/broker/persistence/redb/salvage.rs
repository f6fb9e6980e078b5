//! Recovery of records from a damaged store of an earlier version.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use redb::Builder;

use super::blocks::{Records, apply, entries, replay_database, without_panic_message};

/// The size of a page of the library, in bytes.
const PAGE: usize = 4096;
/// No block is longer, in bytes.
const LONGEST: usize = 512 * 1024 * 1024;

/// Reads what can still be read of a damaged store, which is not changed. Returns also whether it
/// is certain that everything read still counted.
///
/// Where the library does not find its tree, blocks are found in the pages of the tree, also in
/// those that are free by now.
pub(in crate::broker::persistence) fn salvage(path: &Path) -> io::Result<(Records, bool)> {
    let opened = without_panic_message(|| {
        let mut records = Records::new();
        let database = Builder::new().open_read_only(path).ok()?;
        let is_known = replay_database(&database, &mut records).ok()?.is_ok();
        is_known.then_some(records)
    });
    if let Some(records) = opened.flatten() {
        return Ok((records, true));
    }
    let file = File::open(path)?;
    let mut records = Records::new();
    let mut bytes = Vec::new();
    for (number, (offset, length)) in find_blocks(&file)? {
        read(&file, offset, length, &mut bytes);
        if let Some(entries) = entries(number, &bytes) {
            apply(entries, &mut records);
        }
    }
    Ok((records, false))
}

/// Returns where in the file the blocks with these numbers are, and their lengths.
fn find_blocks(file: &File) -> io::Result<BTreeMap<u64, (u64, usize)>> {
    let mut blocks = BTreeMap::new();
    let mut bytes = Vec::new();
    let mut page = Vec::new();
    for offset in (0..file.metadata()?.len()).step_by(PAGE) {
        read(file, offset, PAGE, &mut page);
        for (number, start, end) in leaf(&page).into_iter().flatten() {
            // Anything else that is in a file can look like a leaf.
            let length = end.checked_sub(start).map(|length| length as usize);
            let Some(length) = length.filter(|&length| length <= LONGEST) else {
                break;
            };
            let offset = offset + u64::from(start);
            read(file, offset, length, &mut bytes);
            if entries(number, &bytes).is_some() {
                blocks.insert(number, (offset, length));
            }
        }
    }
    Ok(blocks)
}

/// Reads bytes into `buffer`, in place of what is in it: none if they cannot be read.
fn read(file: &File, offset: u64, length: usize, buffer: &mut Vec<u8>) {
    let left = file
        .metadata()
        .map_or(0, |file| file.len())
        .saturating_sub(offset);
    buffer.clear();
    buffer.resize(length.min(usize::try_from(left).unwrap_or(usize::MAX)), 0);
    if file.read_exact_at(buffer, offset).is_err() {
        buffer.clear();
    }
}

/// Returns the keys in a leaf of the library's tree, and where in the page their values start and
/// end.
///
/// Its file format has them so: the type 1, a byte that is not used, the number of values, their
/// ends and their keys, all little-endian.
fn leaf(page: &[u8]) -> Option<impl Iterator<Item = (u64, u32, u32)>> {
    const LEAF: u8 = 1;
    let (&[kind, _, low, high], rest) = page.split_first_chunk::<4>()?;
    let count = usize::from(u16::from_le_bytes([low, high]));
    if kind != LEAF || count == 0 {
        return None;
    }
    let (ends, rest) = rest.split_at_checked(4 * count)?;
    let (keys, values) = rest.split_at_checked(8 * count)?;
    let mut start = u32::try_from(page.len() - values.len()).ok()?;
    let (ends, _) = ends.as_chunks::<4>();
    let (keys, _) = keys.as_chunks::<8>();
    let ends = ends.iter().map(|&end| u32::from_le_bytes(end));
    let keys = keys.iter().map(|&key| u64::from_le_bytes(key));
    Some(
        keys.zip(ends)
            .map(move |(key, end)| (key, std::mem::replace(&mut start, end), end)),
    )
}
