//! A disk that records what a program does to it, and what a power cut leaves of that.
//!
//! `disk/recorder.c` stands between the program and the C library and writes the record. A sync
//! brings to the disk what was done to that file or directory before the sync began. Of the rest,
//! a power cut may leave anything.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::ops::Range;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use crate::support::broker::Builder;
use crate::support::random::Random;

/// A disk writes whole sectors.
const SECTOR: usize = 512;

/// Has a broker run on a recorded disk, where a sync takes this time.
pub(crate) fn on_recorded_disk(builder: Builder, directory: &Path, sync: Duration) -> Builder {
    static RECORDER: OnceLock<PathBuf> = OnceLock::new();
    let recorder = RECORDER.get_or_init(build_recorder);
    let text = |path: &Path| path.to_str().expect("a plain name").to_owned();
    let record = text(&record_of(&builder));
    builder
        .env("LD_PRELOAD", text(recorder))
        .env("DISK_DIRECTORY", text(directory))
        .env("DISK_RECORD", record)
        .env("DISK_SYNC_MS", sync.as_millis().to_string())
}

/// Makes one sync of a file in `every` fail.
pub(crate) fn with_failing_syncs(builder: Builder, every: usize) -> Builder {
    builder.env("DISK_FAILS", every.to_string())
}

/// Where the record of such a broker is.
pub(crate) fn record_of(builder: &Builder) -> PathBuf {
    builder.folder().join("record")
}

fn build_recorder() -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/durability/disk/recorder.c");
    let built = Path::new(env!("CARGO_TARGET_TMPDIR")).join("recorder.so");
    // Another test may load the last one at this moment.
    let new = built.with_extension(format!("{}.so", std::process::id()));
    let status = Command::new("cc")
        .args([
            "-Wall", "-Wextra", "-Werror", "-O1", "-shared", "-fPIC", "-o",
        ])
        .args([&new, &source])
        .arg("-ldl")
        .status();
    assert!(status.expect("a C compiler").success());
    fs::rename(new, &built).expect("both are in one directory");
    built
}

/// Everything that was done to the disk.
pub(crate) struct Record {
    bytes: Vec<u8>,
    events: Vec<Event>,
    root: File,
}

/// A file or directory; unlike an inode, none is used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct File(u64);

#[derive(Debug)]
struct Event {
    /// Where it is in the record.
    at: u64,
    time: Duration,
    change: Change,
}

#[derive(Debug)]
enum Change {
    Link(File, String, File),
    Unlink(File, String),
    Rename(File, String, File, String),
    Write(File, usize, Range<usize>),
    Resize(File, usize),
    /// What was done to the file before this place in the record is on the disk.
    Sync(File, u64),
    /// What was done to the file before this place and was not synced never gets there, as the
    /// system takes it for written.
    FailedSync(File, u64),
}

/// What survives of changes that were not synced.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Survivors {
    None,
    All,
    /// Any sectors, lengths and names, in any order.
    Some,
}

impl Record {
    /// Reads the record of what was done in `directory`.
    pub(crate) fn read(record: &Path, directory: &Path) -> Self {
        const HEADER: usize = 48;
        let bytes = fs::read(record).expect("the recorder wrote it");
        let root = fs::metadata(directory).expect("it is there").ino();
        let mut files = Files::default();
        let root = files.get(root);
        let mut events = Vec::new();
        let mut at = 0;
        while at < bytes.len() {
            let number = |field: usize| {
                let field = bytes[at + 8 * field..][..8].try_into();
                u64::from_ne_bytes(field.expect("eight bytes"))
            };
            let [kind, time, file, to, offset, length] = [0, 1, 2, 3, 4, 5].map(number);
            let size = |number: u64| usize::try_from(number).expect("it fits into memory");
            let data = at + HEADER..at + HEADER + size(length);
            let name = || String::from_utf8_lossy(&bytes[data.clone()]).into_owned();
            let change = match kind {
                1 => Change::Link(files.get(file), name(), files.create(to)),
                2 => Change::Unlink(files.get(file), name()),
                3 => {
                    let names = name();
                    let (old, new) = names.split_once('/').expect("two names");
                    let (from, to) = (files.get(file), files.get(to));
                    Change::Rename(from, old.to_owned(), to, new.to_owned())
                }
                4 => Change::Write(files.get(file), size(offset), data.clone()),
                5 => Change::Resize(files.get(file), size(offset)),
                6 => Change::Sync(files.get(file), offset),
                7 => Change::FailedSync(files.get(file), offset),
                other => panic!("no event is of kind {other}"),
            };
            events.push(Event {
                at: at as u64,
                time: Duration::from_nanos(time),
                change,
            });
            at = data.end;
        }
        Self {
            bytes,
            events,
            root,
        }
    }

    /// Returns how many events there are.
    pub(crate) fn len(&self) -> usize {
        self.events.len()
    }

    /// Returns the place in the record behind so many events.
    pub(crate) fn place(&self, events: usize) -> u64 {
        let event = self.events.get(events);
        event.map_or(self.bytes.len() as u64, |event| event.at)
    }

    /// Returns the time of the first event at a place in the record or behind it; of the last, if
    /// there is none.
    pub(crate) fn time(&self, place: u64) -> Duration {
        let at = self.events.partition_point(|event| event.at < place);
        let at = at.min(self.events.len().saturating_sub(1));
        self.events
            .get(at)
            .map_or(Duration::ZERO, |event| event.time)
    }

    /// Writes to `target` what the directory has after a power cut behind so many events.
    pub(crate) fn cut(
        &self,
        events: usize,
        survivors: Survivors,
        random: &mut Random,
        target: &Path,
    ) {
        let events = &self.events[..events];
        let mut synced: HashMap<File, Vec<Range<u64>>> = HashMap::new();
        for event in events {
            if let Change::Sync(file, end) | Change::FailedSync(file, end) = event.change {
                let ranges = synced.entry(file).or_default();
                let start = ranges.last().map_or(0, |last| last.end);
                let is_failed = matches!(event.change, Change::FailedSync(..));
                // An empty range for what no later sync brings to the disk.
                let start = if is_failed { end } else { start };
                ranges.push(start.min(end)..end);
            }
        }
        let mut image = Image::default();
        for event in events {
            let is_synced = |file: &File| {
                let ranges = synced.get(file);
                ranges.is_some_and(|ranges| ranges.iter().any(|range| range.contains(&event.at)))
            };
            match &event.change {
                Change::Write(file, ..) | Change::Resize(file, _) => {
                    let survivors = if is_synced(file) {
                        Survivors::All
                    } else {
                        survivors
                    };
                    image.change_file(*file, &event.change, &self.bytes, survivors, random);
                }
                Change::Link(parent, ..) | Change::Unlink(parent, _) => {
                    if is_synced(parent) || survivors.has_one(random) {
                        image.change_names(&event.change);
                    }
                }
                Change::Rename(from, _, to, _) => {
                    if is_synced(from) || is_synced(to) || survivors.has_one(random) {
                        image.change_names(&event.change);
                    }
                }
                Change::Sync(..) | Change::FailedSync(..) => {}
            }
        }
        image.write(self.root, target);
    }
}

impl Survivors {
    fn has_one(self, random: &mut Random) -> bool {
        match self {
            Self::None => false,
            Self::All => true,
            Self::Some => random.once_in(2),
        }
    }
}

/// Files by their inodes, which are used again.
#[derive(Default)]
struct Files {
    known: HashMap<u64, File>,
    last: u64,
}

impl Files {
    fn get(&mut self, inode: u64) -> File {
        match self.known.get(&inode) {
            Some(file) => *file,
            None => self.create(inode),
        }
    }

    fn create(&mut self, inode: u64) -> File {
        self.last += 1;
        self.known.insert(inode, File(self.last));
        File(self.last)
    }
}

/// What is on the disk.
#[derive(Default)]
struct Image {
    names: HashMap<File, BTreeMap<String, File>>,
    contents: HashMap<File, Contents>,
}

/// What is in a file.
#[derive(Default)]
struct Contents {
    /// What the program sees.
    seen: Vec<u8>,
    /// What is on the disk.
    stored: Vec<u8>,
}

impl Image {
    fn change_names(&mut self, change: &Change) {
        match change {
            Change::Link(parent, name, file) => {
                let names = self.names.entry(*parent).or_default();
                names.insert(name.clone(), *file);
            }
            Change::Unlink(parent, name) => {
                self.names.entry(*parent).or_default().remove(name);
            }
            Change::Rename(from, old, to, new) => {
                if let Some(file) = self.names.entry(*from).or_default().remove(old) {
                    self.names.entry(*to).or_default().insert(new.clone(), file);
                }
            }
            _ => {}
        }
    }

    fn change_file(
        &mut self,
        file: File,
        change: &Change,
        record: &[u8],
        survivors: Survivors,
        random: &mut Random,
    ) {
        let Contents { seen, stored } = self.contents.entry(file).or_default();
        let changed = match change {
            Change::Write(_, offset, data) => {
                let end = offset + data.len();
                seen.resize(seen.len().max(end), 0);
                seen[*offset..end].copy_from_slice(&record[data.clone()]);
                *offset..end
            }
            Change::Resize(_, length) => {
                seen.resize(*length, 0);
                *length..*length
            }
            _ => return,
        };
        if survivors.has_one(random) {
            stored.resize(seen.len(), 0);
        }
        let first = changed.start / SECTOR * SECTOR;
        for start in (first..changed.end).step_by(SECTOR) {
            let end = (start + SECTOR).min(seen.len());
            if survivors.has_one(random) {
                // A sector can be on the disk before the length of its file is.
                let end = end.min(stored.len().max(start));
                if let Some(sector) = stored.get_mut(start..end) {
                    sector.copy_from_slice(&seen[start..end]);
                }
            }
        }
    }

    fn write(&self, directory: File, target: &Path) {
        fs::create_dir_all(target).expect("the directory is writable");
        for (name, file) in self.names.get(&directory).into_iter().flatten() {
            let target = target.join(name);
            // All files of the store have a name of one of these kinds.
            match self.is_directory(*file, name) {
                true => self.write(*file, &target),
                false => {
                    let contents = self.contents.get(file).map(|contents| &contents.stored[..]);
                    fs::write(target, contents.unwrap_or_default()).expect("a writable directory");
                }
            }
        }
    }

    fn is_directory(&self, file: File, name: &str) -> bool {
        self.names.contains_key(&file) || name.contains(".store")
    }
}
