//! The write path: commits, what they make needless, and when they are on the disk.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use super::block::{self, Header};
use super::entry::Entry;
use super::index::Index;
use super::log_id::LogId;
use super::reader::{self, Reader};
use super::replay::Replayed;
use super::segment::Segment;
use super::syncer::Syncer;
use crate::broker::persistence::backend::{Backend, StoreError, Write};
use crate::files;

/// A new file is begun when the last one has so many bytes.
const SEGMENT: u64 = 16 * 1024 * 1024;
/// Useless bytes that are no reason to move anything.
const SPARE: u64 = 16 * 1024 * 1024;
/// Useless bytes that may stay while the broker is idle.
const IDLE_SPARE: u64 = 64 * 1024;
/// Bytes that are moved for each byte that is added, if any are. One would do if useless ones
/// were spread evenly.
const MOVED_PER_BYTE: u64 = 4;
/// Bytes that are moved with the smallest commit, if any are.
const MOVED_AT_LEAST: u64 = 256 * 1024;
/// Bytes that are moved in one commit while the broker is idle: whoever publishes meanwhile
/// waits for its end.
const MOVED_AT_ONCE: u64 = 1024 * 1024;
/// Room for a block is kept up to this length.
const KEPT_ROOM: usize = 256 * 1024;

/// A store in a directory.
pub(in crate::broker::persistence) struct Store {
    directory: PathBuf,
    /// Says that the store is in use for as long as it is open.
    _lock: File,
    log: LogId,
    index: Index,
    /// From the oldest to the one that is written.
    segments: VecDeque<Segment>,
    /// The last of them.
    file: Arc<File>,
    /// Set while its name may not be on the disk yet.
    is_new_file: bool,
    /// Set when the remains of a failed commit may follow its end.
    has_remains: bool,
    oldest: u64,
    durability: Durability,
    deletions: VecDeque<Deletion>,
    buffer: Vec<u8>,
    was_repaired: bool,
}

/// Time at which commits are on the disk.
pub(super) enum Durability {
    /// Before they return. The last block that is.
    Immediate(u64),
    /// Within a second.
    Delayed(Syncer),
}

impl Durability {
    /// Returns the last block that is certain to be on the disk.
    fn synced(&self) -> u64 {
        match self {
            Self::Immediate(synced) => *synced,
            Self::Delayed(syncer) => syncer.synced(),
        }
    }
}

/// A segment that is no longer needed.
struct Deletion {
    path: PathBuf,
    /// The block that has to be on the disk before the file is deleted.
    after: u64,
}

/// Share of the log that may be useless.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tolerance {
    /// About one half, as what is moved has to be written again.
    Busy,
    /// About a quarter.
    Idle,
}

/// Why something failed, in words.
pub(super) struct Failure(pub(super) String);

impl<E: std::fmt::Display> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

impl Store {
    /// Takes a log that was read, whose last segment is `file`.
    pub(super) fn new(
        directory: &Path,
        lock: File,
        found: Replayed,
        file: File,
        durability: Durability,
    ) -> Self {
        Self {
            directory: directory.to_owned(),
            _lock: lock,
            log: found.log,
            index: found.index,
            segments: found.segments,
            file: Arc::new(file),
            is_new_file: false,
            has_remains: false,
            oldest: found.oldest,
            durability,
            deletions: VecDeque::new(),
            buffer: Vec::new(),
            was_repaired: !found.was_closed,
        }
    }

    /// Returns the length of the segment that is written to.
    fn length(&self) -> u64 {
        self.segments.back().map_or(0, Segment::length)
    }

    /// Returns whether more of the log is useless than may be.
    fn is_wasteful(&self, tolerance: Tolerance) -> bool {
        let live = self.index.live();
        let tolerated = match tolerance {
            Tolerance::Busy => SPARE.max(live),
            Tolerance::Idle => IDLE_SPARE.max(live / 3),
        };
        let total: u64 = self.segments.iter().map(Segment::length).sum();
        total.saturating_sub(live) > tolerated
    }

    /// Adds changes to the log, and moves about so many bytes of its oldest records to its end.
    fn write(&mut self, writes: &[Write<'_>], moved: u64) -> Result<(), Failure> {
        let mut changes: Vec<_> = writes
            .iter()
            .filter(|write| write.value.is_some() || self.index.contains(&write.key))
            .map(Entry::from)
            .collect();
        // Who reads the log wants them in this order.
        changes.sort_unstable_by_key(|change| change.key);
        let active = self.segments.back().map_or(0, Segment::first);
        let mut retired = self.index.retire(moved, active);
        let old = match Reader::new(&self.segments, self.log).read(&retired.moved) {
            Ok(old) => old,
            // What was damaged since the start is found at the next one. Until then it is no
            // reason to take nothing more.
            Err(_) if !writes.is_empty() => {
                retired = self.index.retire(0, active);
                Vec::new()
            }
            Err(error) => return Err(error.into()),
        };
        if changes.is_empty() && old.is_empty() && !self.can_delete(retired.oldest) {
            return Ok(());
        }
        let moved = old
            .iter()
            .flat_map(|(number, block)| reader::records(*number, block, &self.index));
        let moved: Vec<_> = moved.collect();
        // A change comes after what it changes, which may be among what is moved.
        let blocks: Vec<_> = block::divide(&moved)
            .chain(block::divide(&changes))
            .collect();
        self.append(&blocks, retired.oldest, false)
    }

    /// Returns whether a segment is needless if this is the oldest block that is needed.
    fn can_delete(&self, oldest: u64) -> bool {
        let second = self.segments.get(1);
        second.is_some_and(|second| second.first() <= oldest)
    }

    /// Appends a commit.
    pub(super) fn append(
        &mut self,
        blocks: &[&[Entry<'_>]],
        oldest: u64,
        is_closing: bool,
    ) -> Result<(), Failure> {
        self.mend()?;
        if self.length() >= SEGMENT {
            self.begin_segment()?;
        }
        // One without changes says what the log no longer needs.
        let blocks = if blocks.is_empty() {
            &[&[][..]]
        } else {
            blocks
        };
        let first = self.index.last_number() + 1;
        let last = self.index.last_number() + blocks.len() as u64;
        let header = Header {
            number: first,
            synced: self.durability.synced(),
            oldest,
            is_continued: false,
            is_closing,
        };
        let written = self
            .write_blocks(header, blocks)
            .and_then(|()| self.sync_commit(last).map_err(Failure::from));
        if let Err(failure) = written {
            if let Some(segment) = self.segments.back_mut() {
                segment.truncate(first);
            }
            self.has_remains = true;
            // It is tried again with the next commit.
            let _ = self.mend();
            return Err(failure);
        }
        for (number, entries) in (first..).zip(blocks) {
            self.index.add(number, entries.iter().copied());
        }
        self.index.forget_before(oldest);
        self.oldest = oldest;
        self.delete_segments(last);
        Ok(())
    }

    fn write_blocks(&mut self, mut header: Header, blocks: &[&[Entry<'_>]]) -> Result<(), Failure> {
        let Some(segment) = self.segments.back_mut() else {
            return Ok(());
        };
        for (left, entries) in (0..blocks.len()).rev().zip(blocks) {
            header.is_continued = left > 0;
            let written = block::write(&header, entries, self.log, &mut self.buffer);
            written.ok_or_else(|| Failure("a record is too long".to_owned()))?;
            self.file.write_all_at(&self.buffer, segment.length())?;
            segment.push(self.buffer.len() as u64);
            header.number += 1;
        }
        if self.buffer.capacity() > KEPT_ROOM {
            self.buffer = Vec::new();
        }
        Ok(())
    }

    /// Brings a commit to the disk, or sees to it that it gets there.
    fn sync_commit(&mut self, last: u64) -> io::Result<()> {
        match &mut self.durability {
            Durability::Immediate(synced) => {
                self.file.sync_data()?;
                if self.is_new_file {
                    files::sync_directory(&self.directory)?;
                }
                *synced = last;
            }
            Durability::Delayed(syncer) => syncer.written(last, &self.file, self.is_new_file),
        }
        self.is_new_file = false;
        Ok(())
    }

    /// Begins a new segment behind the last block, if the present one has any.
    fn begin_segment(&mut self) -> io::Result<()> {
        let first = self.index.last_number() + 1;
        if self
            .segments
            .back()
            .is_some_and(|last| last.first() == first)
        {
            return Ok(());
        }
        let (segment, file) = Segment::create(&self.directory, first, self.log)?;
        self.segments.push_back(segment);
        self.file = Arc::new(file);
        self.is_new_file = true;
        Ok(())
    }

    /// Puts right what a failure has left.
    fn mend(&mut self) -> Result<(), Failure> {
        if self.has_remains {
            self.file.set_len(self.length())?;
            self.has_remains = false;
        }
        let Durability::Delayed(syncer) = &self.durability else {
            return Ok(());
        };
        let Some(error) = syncer.error() else {
            return Ok(());
        };
        let synced = syncer.synced();
        let unsynced = self
            .segments
            .iter()
            .filter(|segment| segment.end() > synced + 1);
        let files: io::Result<Vec<_>> = unsynced
            .map(|segment| segment.write_again(synced + 1).map(Arc::new))
            .collect();
        syncer.rewritten(files?);
        Err(Failure(error))
    }

    /// Deletes segments that the log no longer needs since this block, as soon as that is on the
    /// disk.
    fn delete_segments(&mut self, since: u64) {
        while self.can_delete(self.oldest) {
            if let Some(segment) = self.segments.pop_front() {
                self.deletions.push_back(Deletion {
                    path: segment.path().to_owned(),
                    after: since,
                });
            }
        }
        if self.deletions.is_empty() {
            return;
        }
        let synced = self.durability.synced();
        while let Some(deletion) = self.deletions.front()
            && deletion.after <= synced
        {
            // At worst the next start deletes it.
            let _ = fs::remove_file(&deletion.path);
            self.deletions.pop_front();
        }
    }

    /// Frees the room of useless records, one step of it; returns whether another is worth it.
    fn tidy_up(&mut self) -> Result<bool, Failure> {
        self.mend()?;
        self.delete_segments(self.index.last_number());
        if !self.is_wasteful(Tolerance::Idle) {
            return Ok(false);
        }
        if self.segments.len() == 1 {
            self.begin_segment()?;
        }
        let before = self.index.last_number();
        self.write(&[], MOVED_AT_ONCE)?;
        Ok(self.index.last_number() > before && self.is_wasteful(Tolerance::Idle))
    }

    fn commit_error(&self, Failure(cause): Failure) -> StoreError {
        StoreError::Commit {
            path: self.directory.clone(),
            cause,
        }
    }
}

impl Backend for Store {
    fn commit(&mut self, writes: &[Write<'_>]) -> Result<(), StoreError> {
        let moved = match self.is_wasteful(Tolerance::Busy) {
            true => {
                let lengths = writes
                    .iter()
                    .map(|write| Entry::from(write).length() as u64);
                lengths.sum::<u64>() * MOVED_PER_BYTE + MOVED_AT_LEAST
            }
            false => 0,
        };
        self.write(writes, moved)
            .map_err(|failure| self.commit_error(failure))
    }

    fn sync(&mut self) -> Result<(), StoreError> {
        let result = match &self.durability {
            Durability::Immediate(_) => Ok(()),
            Durability::Delayed(syncer) => syncer.sync(),
        };
        result.map_err(|cause| self.commit_error(Failure(cause)))
    }

    fn tidy(&mut self) -> Result<bool, StoreError> {
        self.tidy_up().map_err(|failure| self.commit_error(failure))
    }

    fn close(&mut self) -> Result<(), StoreError> {
        // So that the last block knows that all others are on the disk.
        self.sync()?;
        self.append(&[], self.oldest, true)
            .map_err(|failure| self.commit_error(failure))?;
        self.sync()
    }

    fn for_each(&self, visit: &mut dyn FnMut(&[u8], Bytes)) -> Result<(), StoreError> {
        Reader::new(&self.segments, self.log)
            .for_each(&self.index, visit)
            .map_err(|cause| StoreError::Damaged {
                path: self.directory.clone(),
                cause: cause.to_string(),
            })
    }

    fn was_repaired(&self) -> bool {
        self.was_repaired
    }
}

#[cfg(test)]
mod tests;
