//! A new store of what can be read of a damaged one: `--recover`.

use std::fs;
use std::path::{Path, PathBuf};

use super::backend::StoreError;
use super::commit_log::{Existing, Findings, NewStore, Salvaged, VisitError};
use super::key::{Key, KeyBytes};
use super::recovery::{Recovery, is_readable};
use super::redb;
use crate::broker::ground::Clock;
use crate::broker::log::Log;
use crate::files::directory_of;

/// In the name of a damaged store that is kept, before the time.
const DAMAGED: &str = ".damaged-";

/// Puts a new store of what can be read of a damaged one in its place. The damaged one is kept under
/// another name.
pub(super) fn repair(path: &Path, clock: Clock) -> Result<Report, StoreError> {
    let aside = unused_name(path, clock);
    let mut report = Report {
        aside,
        findings: Findings::default(),
        is_uncertain: false,
        unreadable_records: 0,
    };
    let mut new = NewStore::create(path)?;
    let mut put = |key: KeyBytes, value: &[u8]| {
        let known = Key::from_bytes(key.as_ref());
        if known.is_some_and(|known| is_readable(known, value, clock)) {
            return new.put(key, value);
        }
        report.unreadable_records += 1;
        Ok(())
    };
    let fail = |cause| StoreError::Open {
        path: path.to_owned(),
        cause,
    };
    if path.is_dir() {
        let salvaged = Salvaged::read(path).map_err(fail)?;
        salvaged.for_each(&mut put).map_err(|error| match error {
            VisitError::Read(cause) => fail(cause),
            VisitError::Visit(error) => error,
        })?;
        report.findings = *salvaged.findings();
    } else {
        let (records, is_certain) = redb::salvage(path).map_err(fail)?;
        for (key, value) in records {
            put(key, &value)?;
        }
        report.is_uncertain = !is_certain;
    }
    new.finish(Existing::Damaged(&report.aside))?;
    Ok(report)
}

/// A name for a damaged store that nothing has.
fn unused_name(path: &Path, clock: Clock) -> PathBuf {
    let first = clock.to_unix(0) / 1_000;
    let names = (first..).map(|time| {
        let mut name = path.as_os_str().to_owned();
        name.push(format!("{DAMAGED}{time}"));
        PathBuf::from(name)
    });
    let mut unused = names.filter(|name| !name.exists());
    unused.next().unwrap_or_default()
}

/// Returns the damaged store beside `path` that was kept last.
fn damaged_beside(path: &Path) -> Option<PathBuf> {
    let mut prefix = path.file_name()?.to_owned();
    prefix.push(DAMAGED);
    let time = |entry: &fs::DirEntry| -> Option<u64> {
        let name = entry.file_name();
        let time = name.to_str()?.strip_prefix(prefix.to_str()?)?;
        time.parse().ok()
    };
    let entries = fs::read_dir(directory_of(path)).ok()?.flatten();
    let kept = entries.filter_map(|entry| Some((time(&entry)?, entry.path())));
    kept.max().map(|(_, path)| path)
}

/// Says that an empty store has taken the place of a damaged one.
pub(super) fn warn_of_damaged(path: &Path, log: &Log) {
    let Some(damaged) = damaged_beside(path) else {
        return;
    };
    let (path, damaged) = (path.display(), damaged.display());
    log.warning(format_args!(
        "Warning: The store {path} is empty, but there is a damaged one, {damaged}. Sessions and \
         retained messages that can still be read in it are not used."
    ));
    log.warning(format_args!(
        "Warning: To recover them, stop the broker, delete {path}, rename {damaged} to {path}, and \
         run the broker once with --recover. To do without them, delete {damaged}."
    ));
}

/// Result of the repair of a damaged store.
pub(super) struct Report {
    findings: Findings,
    /// Set when records may be back that had been deleted.
    is_uncertain: bool,
    /// Records that no version of the broker wrote so.
    unreadable_records: u64,
    aside: PathBuf,
}

impl Report {
    /// Says what was found, given what is in the new store and how many sessions of it were
    /// forgotten.
    pub(super) fn log(&self, recovery: &Recovery, replaced: usize, log: &Log) {
        match recovery.is_empty() {
            true => log.warning(format_args!(
                "Warning: Nothing in it could be read. The broker starts with an empty store."
            )),
            false => log.warning(format_args!(
                "Warning: Recovered from it: {}.",
                recovery.contents()
            )),
        }
        if replaced > 0 {
            log.warning(format_args!(
                "Warning: {replaced} sessions were left out, as their clients have later ones."
            ));
        }
        for line in self.lines() {
            log.warning(format_args!("Warning: {line}"));
        }
        log.warning(format_args!(
            "Warning: The damaged store is kept as {}. Delete it when you no longer need it.",
            self.aside.display()
        ));
    }

    fn lines(&self) -> Vec<String> {
        let findings = &self.findings;
        let mut lines = Vec::new();
        if self.is_uncertain {
            lines.push(
                "An earlier version wrote it, which did not note which records still counted. \
                 Messages may be delivered twice. Deleted retained messages and ended sessions may \
                 be back."
                    .to_owned(),
            );
        }
        let losses = self.losses();
        if !losses.is_empty() {
            lines.push(format!(
                "{}. What was stored there is lost. Messages whose acknowledgement was stored there \
                 may be delivered twice. Retained messages that were deleted there and sessions that \
                 ended there may be back.",
                losses.join(", ")
            ));
        } else if findings.whole > 0 {
            lines.push(format!(
                "All {} blocks of its log are as they were written. Nothing is known to be lost.",
                findings.whole
            ));
        }
        if findings.unfinished > 0 {
            lines.push(format!(
                "{} parts of it follow the last complete commit. What they add is kept, and what they \
                 remove is not removed.",
                findings.unfinished
            ));
        }
        lines
    }

    /// The parts of the store that could not be read.
    fn losses(&self) -> Vec<String> {
        let findings = &self.findings;
        let mut losses = Vec::new();
        if findings.lost > 0 {
            losses.push(format!(
                "{} of {} blocks of its log are damaged or missing; {} changes in them could be read",
                findings.lost,
                findings.lost + findings.whole,
                findings.saved_changes
            ));
        }
        if findings.unreadable > 0 {
            losses.push(format!(
                "The disk did not give {} bytes",
                findings.unreadable
            ));
        }
        if self.unreadable_records > 0 {
            losses.push(format!(
                "{} records are not understood",
                self.unreadable_records
            ));
        }
        losses
    }
}
