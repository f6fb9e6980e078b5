//! Files of the log, each with a run of its blocks.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::block::{self, Block, Header};
use super::log_id::LogId;

/// The length of a segment's header, in bytes.
pub(super) const HEADER: usize = 32;
/// Begins every segment; the last byte is the version of the format.
const MAGIC: [u8; 8] = *b"mqstore\x02";
/// The bytes of the header that its checksum covers.
const CHECKED: usize = 24;
/// Mode of a segment: only the broker's account reads users' messages.
const MODE: u32 = 0o600;
const EXTENSION: &str = "log";

/// One file of the log.
#[derive(Debug)]
pub(super) struct Segment {
    path: PathBuf,
    /// The number of its first block.
    first: u64,
    /// The offset of each block.
    offsets: Vec<u64>,
    /// The end of the last one.
    length: u64,
}

/// A segment as it was found.
pub(super) struct Found {
    pub(super) path: PathBuf,
    /// The number of its first block, which is its name.
    pub(super) first: u64,
    pub(super) bytes: Vec<u8>,
}

impl Segment {
    /// Makes an empty segment and opens it.
    pub(super) fn create(directory: &Path, first: u64, log: LogId) -> io::Result<(Self, File)> {
        let path = directory.join(format!("{first:020}.{EXTENSION}"));
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .mode(MODE)
            .open(&path)?;
        file.write_all_at(&header(first, log), 0)
            .inspect_err(|_| drop(fs::remove_file(&path)))?;
        let segment = Self {
            path,
            first,
            offsets: Vec::new(),
            length: HEADER as u64,
        };
        Ok((segment, file))
    }

    /// Takes a segment that was found, without any of its blocks.
    pub(super) fn of(found: &Found) -> Self {
        Self {
            path: found.path.clone(),
            first: found.first,
            offsets: Vec::new(),
            length: HEADER as u64,
        }
    }

    /// Opens the file to write to it.
    pub(super) fn open(&self) -> io::Result<File> {
        OpenOptions::new().read(true).write(true).open(&self.path)
    }

    /// Writes everything from this block on once more, and returns the file.
    pub(super) fn write_again(&self, number: u64) -> io::Result<File> {
        let file = self.open()?;
        let mut at = self.place(number).map_or(0, |(start, _)| start);
        let mut bytes = vec![0; 64 * 1024];
        while at < self.length {
            let left = usize::try_from(self.length - at).unwrap_or(usize::MAX);
            let part = &mut bytes[..left.min(64 * 1024)];
            file.read_exact_at(part, at)?;
            file.write_all_at(part, at)?;
            at += part.len() as u64;
        }
        Ok(file)
    }

    /// Takes the next block of the segment, which is in the file.
    pub(super) fn push(&mut self, length: u64) {
        self.offsets.push(self.length);
        self.length += length;
    }

    /// Forgets all blocks from `number` on.
    pub(super) fn truncate(&mut self, number: u64) {
        let kept = usize::try_from(number.saturating_sub(self.first)).unwrap_or(usize::MAX);
        if let Some(&offset) = self.offsets.get(kept) {
            self.offsets.truncate(kept);
            self.length = offset;
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn first(&self) -> u64 {
        self.first
    }

    /// Returns the number that the next block of the segment would have.
    pub(super) fn end(&self) -> u64 {
        self.first + self.offsets.len() as u64
    }

    /// Returns the length of the file up to the end of the last block.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Returns where in the file the block is, and its length.
    pub(super) fn place(&self, number: u64) -> Option<(u64, usize)> {
        let at = usize::try_from(number.checked_sub(self.first)?).ok()?;
        let start = *self.offsets.get(at)?;
        let end = self.offsets.get(at + 1).copied().unwrap_or(self.length);
        Some((start, usize::try_from(end - start).ok()?))
    }
}

impl Found {
    /// Reads all segments in `directory`, one at a time, the oldest first.
    pub(super) fn all(
        directory: &Path,
    ) -> io::Result<impl Iterator<Item = io::Result<Self>> + use<>> {
        let paths = paths(directory)?.into_iter();
        Ok(paths.map(|(first, path)| {
            let bytes = fs::read(&path)?;
            Ok(Self { path, first, bytes })
        }))
    }

    /// Returns the log to which the segment belongs, if its header is whole.
    pub(super) fn log(&self) -> Option<LogId> {
        let log = LogId(self.bytes.get(8..16)?.try_into().ok()?);
        (self.bytes.get(..HEADER)? == header(self.first, log)).then_some(log)
    }

    /// Returns the version of the format if it is one that this broker does not know.
    pub(super) fn unknown_version(&self) -> Option<u32> {
        let header = self.bytes.get(..HEADER)?;
        let (&version, name) = MAGIC.split_last()?;
        let is_whole = header.starts_with(name)
            && header[CHECKED..CHECKED + 4] == crc32fast::hash(&header[..CHECKED]).to_be_bytes();
        let found = header[name.len()];
        (is_whole && found != version).then_some(u32::from(found))
    }

    /// Returns the blocks from the beginning to the first byte that is no part of one.
    pub(super) fn blocks(&self, log: LogId) -> impl Iterator<Item = Block<'_>> {
        let mut at = HEADER;
        let mut number = self.first;
        std::iter::from_fn(move || {
            let block = block::read(self.bytes.get(at..)?, log)?;
            let Header { number: found, .. } = block.header;
            if found != number {
                return None;
            }
            at += block.length;
            number += 1;
            Some(block)
        })
    }
}

/// Returns the segments in `directory` and the numbers of their first blocks, the oldest first.
pub(super) fn paths(directory: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let is_segment = path.extension().is_some_and(|found| found == EXTENSION);
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        let first = stem.and_then(|stem| stem.parse::<u64>().ok());
        if let (true, Some(first)) = (is_segment, first) {
            paths.push((first, path));
        }
    }
    paths.sort_unstable();
    Ok(paths)
}

fn header(first: u64, log: LogId) -> [u8; HEADER] {
    let mut header = [0; HEADER];
    header[..8].copy_from_slice(&MAGIC);
    header[8..16].copy_from_slice(&log.0);
    header[16..CHECKED].copy_from_slice(&first.to_be_bytes());
    let checksum = crc32fast::hash(&header[..CHECKED]);
    header[CHECKED..CHECKED + 4].copy_from_slice(&checksum.to_be_bytes());
    header
}
