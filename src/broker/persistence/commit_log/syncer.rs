//! A thread that brings what was written to the disk, so that nothing is away from it for
//! longer than a second, and nobody waits for it.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use crate::files;

/// From a change to the moment it is brought to the disk: the disk has the rest of the second.
const DELAY: Duration = Duration::from_millis(500);

/// Brings changes to the disk soon.
pub(super) struct Syncer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    directory: PathBuf,
    /// Held while files are brought to the disk: of two attempts only one would see an error.
    syncing: Mutex<()>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// The last block that was written.
    written: u64,
    /// The last block that is on the disk.
    synced: u64,
    /// The time of the first commit that is not on the disk.
    since: Option<Instant>,
    /// Files with something that is not, in the order in which they are to get there.
    files: Vec<Arc<File>>,
    /// Set when one of them is new.
    has_new_file: bool,
    /// The cause of a failed attempt. The system then no longer knows what is on the disk, and says that
    /// the next attempt succeeds, until everything is written again.
    error: Option<String>,
    /// Counts the attempts that failed.
    failures: u64,
    is_over: bool,
}

impl Syncer {
    /// Starts the thread. Everything up to the block `synced` is on the disk.
    pub(super) fn start(directory: &Path, synced: u64) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            directory: directory.to_owned(),
            syncing: Mutex::new(()),
            state: Mutex::new(State {
                written: synced,
                synced,
                ..State::default()
            }),
            changed: Condvar::new(),
        });
        let of_thread = Arc::clone(&shared);
        let thread = thread::Builder::new()
            .name("mq-sync".to_owned())
            .spawn(move || of_thread.run())?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    /// Notes that blocks up to this one were written to a file.
    pub(super) fn written(&self, last: u64, file: &Arc<File>, is_new: bool) {
        let mut state = self.shared.state.lock();
        state.written = last;
        state.has_new_file |= is_new;
        let is_known = state
            .files
            .last()
            .is_some_and(|last| Arc::ptr_eq(last, file));
        if !is_known {
            state.files.push(Arc::clone(file));
        }
        let is_first = state.since.is_none();
        state.since.get_or_insert_with(Instant::now);
        drop(state);
        if is_first {
            self.shared.changed.notify_one();
        }
    }

    /// Returns the last block that is on the disk.
    pub(super) fn synced(&self) -> u64 {
        self.shared.state.lock().synced
    }

    /// Returns why an attempt failed, if everything has to be written again.
    pub(super) fn error(&self) -> Option<String> {
        self.shared.state.lock().error.clone()
    }

    /// Notes that everything that is not on the disk was written again.
    pub(super) fn rewritten(&self, files: Vec<Arc<File>>) {
        let mut state = self.shared.state.lock();
        state.error = None;
        state.files = files;
        state.has_new_file = true;
        state.since = Some(Instant::now());
        drop(state);
        self.shared.changed.notify_one();
    }

    /// Brings everything to the disk now.
    pub(super) fn sync(&self) -> Result<(), String> {
        self.shared.sync();
        self.error().map_or(Ok(()), Err)
    }
}

impl Drop for Syncer {
    fn drop(&mut self) {
        self.shared.state.lock().is_over = true;
        self.shared.changed.notify_one();
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has nothing more to sync.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn run(&self) {
        while self.wait() {
            self.sync();
        }
    }

    /// Waits until it is time to sync; returns `false` at the end.
    fn wait(&self) -> bool {
        let mut state = self.state.lock();
        while !state.is_over {
            match state.since.map(|since| since + DELAY) {
                None => self.changed.wait(&mut state),
                Some(due) if due <= Instant::now() => return true,
                Some(due) => {
                    self.changed.wait_until(&mut state, due);
                }
            }
        }
        false
    }

    fn sync(&self) {
        let _syncing = self.syncing.lock();
        let mut state = self.state.lock();
        let (last, failures) = (state.written, state.failures);
        let files = std::mem::take(&mut state.files);
        let has_new_file = std::mem::take(&mut state.has_new_file);
        state.since = None;
        if state.error.is_some() {
            return;
        }
        drop(state);
        let result = self.sync_files(&files, has_new_file);
        let mut state = self.state.lock();
        match result {
            Ok(()) if state.failures == failures => state.synced = last,
            Ok(()) => {}
            Err(error) => {
                state.error = Some(error.to_string());
                state.failures += 1;
            }
        }
    }

    fn sync_files(&self, files: &[Arc<File>], has_new_file: bool) -> io::Result<()> {
        for file in files {
            file.sync_data()?;
        }
        match has_new_file {
            true => files::sync_directory(&self.directory),
            false => Ok(()),
        }
    }
}
