//! The broker's log.
//!
//! A line that nobody wants costs one atomic load. One that is wanted is formatted where
//! it arises and written by a thread of the log's own, behind a bounded queue: a reader of
//! the log that is too slow, a full pipe or a hung disk never holds up the broker.

mod destination;
mod line;
mod macros;
pub(in crate::broker) mod rate_limit;
mod recent;
mod settings;
#[cfg(test)]
mod tests;
mod writer;

use std::fmt;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::watch;

pub(in crate::broker) use self::macros::{information, limited, notice, warning};
pub use settings::{Destinations, LogType, LogTypes, Settings};
pub use writer::TopicSink;

pub(in crate::broker) use self::recent::RecentLine;

use self::line::{LineWriter, Prefix};
use self::recent::RecentLines;
use self::writer::{Line, Queue};

/// The time that the end of the log waits for its last lines to be written.
const LAST_LINES: Duration = Duration::from_secs(1);

/// A handle to the log; cheap to clone. The last lines are written when the last handle
/// goes, or by [`Log::flush`] where a program ends without that.
#[derive(Clone)]
pub struct Log {
    shared: Arc<Shared>,
}

struct Shared {
    program: String,
    types: AtomicU16,
    /// Absent until the log is configured.
    queue: OnceLock<Arc<Queue>>,
    recent: RecentLines,
}

impl Log {
    /// A log that is not configured yet: lines of the default types go to standard error
    /// at once. There is no thread yet, so that the process can still fork.
    ///
    /// `program` is what the system's log knows the broker by.
    pub fn new(program: impl Into<String>) -> Self {
        Self {
            shared: Arc::new(Shared {
                program: program.into(),
                types: AtomicU16::new(LogTypes::DEFAULT.bits()),
                queue: OnceLock::new(),
                recent: RecentLines::default(),
            }),
        }
    }

    /// Puts `settings` in force, for the lines that come after; may be called again at any
    /// time. Files are opened by the log's thread: [`Log::flush`] before privileges are
    /// given up makes sure that they are.
    pub fn reconfigure(&self, settings: &Settings) {
        self.shared
            .types
            .store(settings.types().bits(), Ordering::Relaxed);
        if self.shared.queue.get().is_none() {
            let queue = Arc::new(Queue::default());
            match writer::start(Arc::clone(&queue), self.shared.program.clone()) {
                Ok(()) => {
                    // Where two came here at once, the thread of the second ends again.
                    if let Err(second) = self.shared.queue.set(queue) {
                        second.close();
                    }
                }
                Err(error) => {
                    self.error(format_args!(
                        "Error: Unable to start the log's thread: {error}."
                    ));
                    return;
                }
            }
        }
        if let Some(queue) = self.shared.queue.get() {
            queue.reconfigure(settings.clone());
        }
    }

    /// Returns whether lines of `log_type` are wanted. Ask before doing work for a line.
    pub fn enabled(&self, log_type: LogType) -> bool {
        LogTypes::from_bits(self.shared.types.load(Ordering::Relaxed)).contains(log_type)
    }

    /// Logs a line if it is wanted; what is over 999 bytes is cut off.
    pub fn write(&self, log_type: LogType, text: fmt::Arguments<'_>) {
        if !self.enabled(log_type) {
            return;
        }
        let line = Line {
            log_type,
            at: SystemTime::now(),
            text: line::text(text),
            is_own: writer::is_log_thread(),
        };
        if log_type != LogType::Debug {
            self.shared.recent.push(log_type, line.at, &line.text);
        }
        match self.shared.queue.get() {
            Some(queue) => queue.write(line),
            None => {
                let text = LineWriter::new(Prefix::Epoch).line(line.at, &line.text);
                destination::write_to_stderr(&text);
            }
        }
    }

    /// Returns the last lines with a larger number, the oldest first; debug lines are left out.
    pub(in crate::broker) fn recent(&self, after: u64) -> Vec<RecentLine> {
        self.shared.recent.after(after)
    }

    /// Returns what changes with each line.
    pub(in crate::broker) fn changes(&self) -> watch::Receiver<u64> {
        self.shared.recent.changes()
    }

    /// Logs a line of [`LogType::Error`].
    pub fn error(&self, text: fmt::Arguments<'_>) {
        self.write(LogType::Error, text);
    }

    /// Logs a line of [`LogType::Warning`].
    pub fn warning(&self, text: fmt::Arguments<'_>) {
        self.write(LogType::Warning, text);
    }

    /// Logs a line of [`LogType::Notice`].
    pub fn notice(&self, text: fmt::Arguments<'_>) {
        self.write(LogType::Notice, text);
    }

    /// Logs a line of [`LogType::Information`].
    pub fn information(&self, text: fmt::Arguments<'_>) {
        self.write(LogType::Information, text);
    }

    /// Logs a line of [`LogType::Debug`].
    pub fn debug(&self, text: fmt::Arguments<'_>) {
        self.write(LogType::Debug, text);
    }

    /// Opens the log file again, as it may have been renamed.
    pub fn reopen(&self) {
        if let Some(queue) = self.shared.queue.get() {
            queue.reopen();
        }
    }

    /// Sets the receiver of the lines for `log_dest topic`. It is called on the log's thread with
    /// the type and the whole line, never for debug lines, and only after
    /// [`Log::reconfigure`].
    pub fn set_topic_sink(&self, sink: Option<TopicSink>) {
        if let Some(queue) = self.shared.queue.get() {
            queue.set_topic_sink(sink);
        }
    }

    /// Waits until everything logged so far is written, but no longer than `timeout`; says
    /// whether it is.
    pub fn flush(&self, timeout: Duration) -> bool {
        match self.shared.queue.get() {
            Some(queue) => queue.flush(Instant::now() + timeout),
            None => true,
        }
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log").finish_non_exhaustive()
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if let Some(queue) = self.queue.get() {
            queue.close();
            queue.flush(Instant::now() + LAST_LINES);
        }
    }
}
