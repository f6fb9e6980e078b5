//! Recovery of records from a damaged log.
//!
//! Blocks are found by their checksums, wherever they are, and so are the changes in a block that
//! is damaged. Segments that were deleted may have come back, and a commit that was never finished
//! may be at the end. So the newest commit of which every block is there says where the log
//! begins. What is behind it may not have been committed: what that adds is kept and what it
//! removes is not removed, as a message that comes twice is better than one that is lost.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::block;
use super::entry::{self, Entry};
use super::index::Index;
use super::log_id::LogId;
use super::pieces::{Part, Piece, parts};
use super::segment::{self, Found, HEADER};
use crate::broker::persistence::key::KeyBytes;

/// Smallest part that a failing disk loses, in bytes.
const PAGE: usize = 4096;

/// A damaged log that was read.
pub(in crate::broker::persistence) struct Salvaged {
    /// The numbers of their first blocks, and where they are.
    segments: Vec<(u64, PathBuf)>,
    log: LogId,
    horizon: Horizon,
    /// The location of each record, by the position of its part among all parts.
    index: Index,
    findings: Findings,
}

/// Counts of what was found of a log, and of what was not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::broker::persistence) struct Findings {
    /// Blocks of the log that are as they were written.
    pub(in crate::broker::persistence) whole: u64,
    /// Blocks that are damaged or missing.
    pub(in crate::broker::persistence) lost: u64,
    /// Changes that could be read in damaged blocks.
    pub(in crate::broker::persistence) saved_changes: u64,
    /// Parts behind the last commit that is complete.
    pub(in crate::broker::persistence) unfinished: u64,
    /// Bytes that the disk did not give.
    pub(in crate::broker::persistence) unreadable: u64,
}

/// Why a walk through the records ended early.
#[derive(Debug)]
pub(in crate::broker::persistence) enum VisitError<E> {
    Read(io::Error),
    Visit(E),
}

impl<E> From<io::Error> for VisitError<E> {
    fn from(cause: io::Error) -> Self {
        Self::Read(cause)
    }
}

/// Limits of the blocks that count.
#[derive(Clone, Copy, Debug, Default)]
struct Horizon {
    /// The first block of the log.
    oldest: u64,
    /// The last block of the newest commit that is complete, or that was certain to be on the disk;
    /// 0 if there is none.
    last: u64,
}

impl Salvaged {
    /// Reads a log, which is not changed. One segment at a time is in memory.
    pub(in crate::broker::persistence) fn read(directory: &Path) -> io::Result<Self> {
        let segments = segment::paths(directory)?;
        let log = common_log(&segments)?;
        let mut salvaged = Self {
            horizon: Horizon::find(&segments, log)?,
            segments,
            log,
            index: Index::default(),
            findings: Findings::default(),
        };
        salvaged.replay()?;
        Ok(salvaged)
    }

    pub(in crate::broker::persistence) fn findings(&self) -> &Findings {
        &self.findings
    }

    /// Makes the index and counts what is there.
    fn replay(&mut self) -> io::Result<()> {
        let mut index = Index::default();
        let mut findings = Findings::default();
        let Horizon { oldest, last } = self.horizon;
        let mut end = last;
        let mut is_damaged = false;
        findings.unreadable = self.walk(|place, part, is_unfinished| {
            let changes = changes(&part, self.log);
            findings.unfinished += u64::from(is_unfinished);
            match part.piece {
                Piece::Block(_) => {
                    findings.whole += 1;
                    end = end.max(part.number);
                }
                Piece::Damage(_) => {
                    is_damaged = true;
                    findings.saved_changes += changes.len() as u64;
                }
            }
            let counts = |entry: &Entry<'_>| !is_unfinished || entry.value.is_some();
            index.add(place, changes.into_iter().filter(counts));
            Ok::<_, io::Error>(())
        })?;
        findings.lost = match last {
            0 => u64::from(is_damaged),
            _ => (end + 1).saturating_sub(oldest + findings.whole),
        };
        (self.index, self.findings) = (index, findings);
        Ok(())
    }

    /// Gives every record to `visit`, in the order in which they were stored.
    pub(in crate::broker::persistence) fn for_each<E>(
        &self,
        mut visit: impl FnMut(KeyBytes, &[u8]) -> Result<(), E>,
    ) -> Result<(), VisitError<E>> {
        let walked = self.walk(|place, part, _| {
            if !self.index.has_records(place) {
                return Ok(());
            }
            for entry in changes(&part, self.log) {
                if let Some(value) = entry.value.filter(|_| self.index.is_in(&entry.key, place)) {
                    visit(entry.key, value).map_err(VisitError::Visit)?;
                }
            }
            Ok(())
        });
        walked.map(|_| ())
    }

    /// Gives each part that counts to `visit`, with its place among all parts and whether it is
    /// behind the last complete commit. Returns how many bytes could not be read.
    fn walk<E: From<io::Error>>(
        &self,
        mut visit: impl FnMut(u64, Part<'_>, bool) -> Result<(), E>,
    ) -> Result<u64, E> {
        let Horizon { oldest, last } = self.horizon;
        let (mut place, mut unreadable, mut before) = (0, 0, 0);
        for (at, (_, path)) in self.segments.iter().enumerate() {
            let (bytes, missing) = read_leniently(path)?;
            unreadable += missing;
            let next = self.segments.get(at + 1);
            let next = next.map_or(u64::MAX, |(first, _)| *first);
            for part in parts(body(&bytes), self.log, next) {
                place += 1;
                let number = part.number;
                let first = match part.piece {
                    Piece::Block(_) => number,
                    Piece::Damage(_) => before + 1,
                };
                before = number;
                if number >= oldest {
                    visit(place, part, last > 0 && first > last)?;
                }
            }
        }
        Ok(unreadable)
    }
}

impl Horizon {
    fn find(segments: &[(u64, PathBuf)], log: LogId) -> io::Result<Self> {
        let mut found = Self::default();
        for (first, path) in segments.iter().rev() {
            let (bytes, _) = read_leniently(path)?;
            // The next block, if all before it in its commit are there.
            let mut expected = Some(*first);
            let mut is_found = false;
            for (_, block) in block::search(body(&bytes), Some(log)) {
                let header = block.header;
                let is_certain = expected == Some(header.number);
                let ends_commit = !header.is_continued;
                if is_certain && ends_commit {
                    found.oldest = header.oldest;
                    found.last = found.last.max(header.number);
                    is_found = true;
                }
                found.last = found.last.max(header.synced);
                expected = (is_certain || ends_commit).then(|| header.number + 1);
            }
            if is_found {
                return Ok(found);
            }
        }
        Ok(Self::default())
    }
}

/// Returns the changes in a part, those of damaged bytes the last under their keys.
fn changes<'a>(part: &Part<'a>, log: LogId) -> Vec<Entry<'a>> {
    match &part.piece {
        Piece::Block(block) => block.entries.clone().collect(),
        Piece::Damage(bytes) => {
            let found = entry::search(bytes, log).map(|entry| (entry.key, entry));
            found.collect::<BTreeMap<_, _>>().into_values().collect()
        }
    }
}

/// Returns the log to which most of the segments belong, or, if all their headers are damaged, most
/// of the blocks.
fn common_log(segments: &[(u64, PathBuf)]) -> io::Result<LogId> {
    let mut by_headers: HashMap<LogId, u64> = HashMap::new();
    let mut by_blocks: HashMap<LogId, u64> = HashMap::new();
    for (first, path) in segments {
        let (bytes, _) = read_leniently(path)?;
        let found = Found {
            path: path.clone(),
            first: *first,
            bytes,
        };
        if let Some(log) = found.log() {
            *by_headers.entry(log).or_default() += 1;
        } else if by_headers.is_empty() {
            for (at, _) in block::search(body(&found.bytes), None) {
                let log = block::claimed_log(&body(&found.bytes)[at..]);
                *by_blocks.entry(log.unwrap_or(LogId([0; 8]))).or_default() += 1;
            }
        }
    }
    let most = |logs: HashMap<LogId, u64>| logs.into_iter().max_by_key(|(_, count)| *count);
    let log = most(by_headers).or_else(|| most(by_blocks));
    Ok(log.map_or(LogId([0; 8]), |(log, _)| log))
}

/// Returns what is behind the header of a segment.
fn body(bytes: &[u8]) -> &[u8] {
    bytes.get(HEADER..).unwrap_or_default()
}

/// Reads a file, with zeros where the disk gives nothing. Returns how many bytes those are.
fn read_leniently(path: &Path) -> io::Result<(Vec<u8>, u64)> {
    let file = File::open(path)?;
    let length = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
    let mut bytes = vec![0; length];
    let unreadable = read_pages(&mut bytes, |part, at| file.read_exact_at(part, at));
    Ok((bytes, unreadable))
}

fn read_pages(bytes: &mut [u8], read: impl Fn(&mut [u8], u64) -> io::Result<()>) -> u64 {
    if read(bytes, 0).is_ok() {
        return 0;
    }
    let mut unreadable = 0;
    for (at, page) in (0..).step_by(PAGE).zip(bytes.chunks_mut(PAGE)) {
        if read(page, at).is_err() {
            page.fill(0);
            unreadable += page.len() as u64;
        }
    }
    unreadable
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_the_disk_does_not_give_costs_no_other() {
        let bad = PAGE as u64..2 * PAGE as u64;
        let disk = |part: &mut [u8], at: u64| {
            part.fill(7);
            let end = at + part.len() as u64;
            match at < bad.end && end > bad.start {
                true => Err(io::Error::other("a bad sector")),
                false => Ok(()),
            }
        };
        let mut bytes = vec![0; 2 * PAGE + 100];
        assert_eq!(read_pages(&mut bytes, disk), PAGE as u64);
        let zeros = bytes.iter().enumerate().filter(|(_, byte)| **byte == 0);
        assert!(zeros.map(|(at, _)| at).eq(PAGE..2 * PAGE));
        assert_eq!(read_pages(&mut bytes[..PAGE], disk), 0);
    }
}
