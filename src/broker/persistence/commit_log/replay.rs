//! The log as it is found at a start.
//!
//! A power cut can leave the end of the log torn: blocks that were not yet certain to be on the
//! disk are missing or damaged, in any order, and so are whole segments. It can also bring
//! segments back that had been deleted. Everything up to the last commit that is whole, and has
//! all commits before it, is the log; what is behind it was never promised and is cut off. If
//! something is missing that a later block knows to have been on the disk, the store is damaged.

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};

use super::block::{self, Block};
use super::index::Index;
use super::log_id::LogId;
use super::segment::{Found, HEADER, Segment};

/// A log that was read.
pub(super) struct Replayed {
    pub(super) log: LogId,
    pub(super) index: Index,
    /// The oldest block that is needed.
    pub(super) oldest: u64,
    /// The last block that is certain to be on the disk.
    pub(super) synced: u64,
    pub(super) segments: VecDeque<Segment>,
    /// Set when it was closed and nothing of it is missing.
    pub(super) was_closed: bool,
    /// Files that are no part of it.
    pub(super) superfluous: Vec<PathBuf>,
}

/// Why a log cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReplayError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("format version {0}")]
    Version(u32),
    #[error("it has no segments")]
    Empty,
    /// Nothing in it can be the beginning of a log.
    #[error("its beginning is missing or was overwritten")]
    NoBeginning,
    /// Something in the middle is not as it was written.
    #[error("block {0} of its log is missing or is not what was stored")]
    Block(u64),
}

/// Consecutive blocks from a run of segments.
struct Run {
    index: Index,
    segments: VecDeque<Segment>,
    /// The oldest block that its last commit needs; 0 if it has no commit.
    oldest: u64,
    was_closed: bool,
    /// Set when something in it is not what was written.
    is_torn: bool,
    /// Its segments, also those of which nothing can be read.
    paths: Vec<PathBuf>,
}

impl Run {
    fn new() -> Self {
        Self {
            index: Index::default(),
            segments: VecDeque::new(),
            oldest: 0,
            was_closed: false,
            is_torn: false,
            paths: Vec::new(),
        }
    }

    /// Returns whether the segment goes on where this ends.
    fn is_continued_by(&self, found: &Found) -> bool {
        let end = self.segments.back().map(Segment::end);
        !self.is_torn && end == Some(found.first)
    }

    /// Returns whether it needs nothing that is older than it.
    fn is_complete(&self) -> bool {
        let first = self.segments.front().map(Segment::first);
        first.is_some_and(|first| self.oldest >= first)
    }

    /// Adds a segment up to its last commit; returns the last block that was certain to be on the
    /// disk then, as far as the segment knows.
    fn add(&mut self, found: &Found, log: LogId) -> u64 {
        self.paths.push(found.path.clone());
        let mut synced = 0;
        let mut segment = Segment::of(found);
        if found.log() != Some(log) {
            self.is_torn = true;
        } else {
            let mut commit = Vec::new();
            for block in found.blocks(log) {
                synced = synced.max(block.header.synced);
                let is_last = !block.header.is_continued;
                commit.push(block);
                if is_last {
                    self.commit(&mut segment, commit.drain(..));
                }
            }
            self.is_torn = segment.length() != found.bytes.len() as u64;
            self.segments.push_back(segment);
        }
        if self.is_torn {
            let rest = found.bytes.get(HEADER..).unwrap_or_default();
            let later = block::search(rest, Some(log)).map(|(_, block)| block.header.synced);
            synced = later.fold(synced, u64::max);
        }
        synced
    }

    fn commit<'a>(&mut self, segment: &mut Segment, blocks: impl Iterator<Item = Block<'a>>) {
        for Block {
            header,
            entries,
            length,
        } in blocks
        {
            segment.push(length as u64);
            self.index.add(header.number, entries);
            self.oldest = header.oldest;
            self.was_closed = header.is_closing;
        }
    }
}

/// Reads the log in `directory`. Nothing is changed.
pub(super) fn replay(directory: &Path) -> Result<Replayed, ReplayError> {
    let mut runs: Vec<Run> = Vec::new();
    let mut log = None;
    let mut synced = 0;
    for found in Found::all(directory)? {
        let found = found?;
        if let Some(version) = found.unknown_version() {
            return Err(ReplayError::Version(version));
        }
        if log.is_none() {
            log = found.log();
        }
        if !runs.last().is_some_and(|run| run.is_continued_by(&found)) {
            runs.push(Run::new());
        }
        if let Some(run) = runs.last_mut() {
            synced = synced.max(run.add(&found, log.unwrap_or(LogId([0; 8]))));
        }
    }
    if runs.is_empty() {
        return Err(ReplayError::Empty);
    }
    // Segments before it are left over from a deletion.
    let Some(at) = runs.iter().rposition(Run::is_complete) else {
        return Err(ReplayError::NoBeginning);
    };
    let is_last = at + 1 == runs.len();
    let mut run = runs.swap_remove(at);
    let last = run.index.last_number();
    if synced > last {
        return Err(ReplayError::Block(last + 1));
    }
    run.index.forget_before(run.oldest);
    let is_of_run = |path: &PathBuf| run.segments.iter().any(|segment| segment.path() == path);
    let paths = runs.iter().flat_map(|run| &run.paths).chain(&run.paths);
    let superfluous = paths.filter(|path| !is_of_run(path)).cloned().collect();
    Ok(Replayed {
        log: log.ok_or(ReplayError::NoBeginning)?,
        index: run.index,
        oldest: run.oldest,
        synced,
        was_closed: run.was_closed && !run.is_torn && is_last,
        superfluous,
        segments: run.segments,
    })
}
