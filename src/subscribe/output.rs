use std::fmt;
use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::FileTypeExt;
use std::sync::Arc;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use parking_lot::Mutex;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::task::{JoinHandle, spawn_blocking};

use crate::client::{Log, show_controls};
use crate::transport::watch::watch;

/// The number of bytes at which the buffer is written before the input pauses.
const FULL: usize = 64 * 1024;
/// The number of bytes that a pipe with any room takes without blocking (PIPE_BUF).
const PIPE_CHUNK: usize = 4096;

/// Standard output behind a buffer.
///
/// Waiting for its reader does not block the connection to the broker.
pub(super) struct Output {
    /// The output, of which the first `written` bytes are written.
    bytes: Vec<u8>,
    written: usize,
    /// The lines of `-d` since the last message.
    log: Option<Arc<Mutex<Vec<u8>>>>,
    file: Arc<File>,
    /// True if a slow reader is possible: on a pipe, a socket or a terminal.
    has_reader: bool,
    /// A task that ends when a slow reader takes more.
    room: Option<JoinHandle<()>>,
    /// True once nothing more can be written.
    closed: bool,
    /// The reason, unless the reader has seen enough.
    failure: Option<io::Error>,
    /// The pipe, if the runtime watches for the end of its reader.
    pipe: Option<AsyncFd<Arc<File>>>,
}

/// The error that nobody reads the output any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Closed;

impl Output {
    pub(super) fn new() -> io::Result<Self> {
        let file = File::from(io::stdout().as_fd().try_clone_to_owned()?);
        let kind = file.metadata()?.file_type();
        let file = Arc::new(file);
        let pipe = match kind.is_fifo() {
            true => watch(Arc::clone(&file), Interest::ERROR).ok(),
            false => None,
        };
        Ok(Self {
            bytes: Vec::with_capacity(FULL + FULL / 4),
            written: 0,
            log: None,
            has_reader: kind.is_fifo() || kind.is_socket() || file.is_terminal(),
            file,
            room: None,
            closed: false,
            failure: None,
            pipe,
        })
    }

    /// Returns a function for the lines of `-d`, which stand between the messages in order.
    pub(super) fn log(&mut self) -> Log {
        let log = Arc::clone(self.log.get_or_insert_default());
        let at_terminal = self.file.is_terminal();
        Box::new(move |line| {
            let mut log = log.lock();
            match at_terminal {
                true => show_controls(line.to_string().as_bytes(), false, &mut log),
                // Memory takes everything.
                false => drop(write!(log, "{line}")),
            }
            log.push(b'\n');
        })
    }

    /// Appends what `print` writes.
    pub(super) fn append(&mut self, print: impl FnOnce(&mut Vec<u8>)) {
        self.take_log();
        print(&mut self.bytes);
    }

    /// Appends a line.
    pub(super) fn line(&mut self, line: fmt::Arguments<'_>) {
        self.append(|bytes| {
            let _ = writeln!(bytes, "{line}");
        });
    }

    /// Returns whether the buffer should be written now.
    pub(super) fn is_full(&self) -> bool {
        self.bytes.len() - self.written >= FULL
    }

    /// Writes everything; dropping the future loses nothing.
    pub(super) async fn flush(&mut self) -> Result<(), Closed> {
        self.take_log();
        while self.written < self.bytes.len() && !self.closed {
            self.wait_for_room().await;
            match self.write() {
                Ok(count) if count > 0 => self.written += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(_) => self.closed = true,
                Err(error) => {
                    self.closed = true;
                    if error.kind() != io::ErrorKind::BrokenPipe {
                        self.failure = Some(error);
                    }
                }
            }
        }
        self.bytes.clear();
        // A large message must not keep its memory for ever.
        self.bytes.shrink_to(4 * FULL);
        self.written = 0;
        if self.closed { Err(Closed) } else { Ok(()) }
    }

    /// Waits until the reader of the pipe is gone.
    pub(super) async fn reader_ends(&self) -> Closed {
        if let Some(pipe) = &self.pipe
            && pipe.ready(Interest::ERROR).await.is_ok()
        {
            return Closed;
        }
        std::future::pending().await
    }

    /// Returns why the output could not be written, such as a full disk.
    pub(super) fn failure(&self) -> Option<&io::Error> {
        self.failure.as_ref()
    }

    fn take_log(&mut self) {
        if let Some(log) = &self.log {
            self.bytes.append(&mut log.lock());
        }
    }

    /// Waits until a write does not block.
    async fn wait_for_room(&mut self) {
        if self.has_reader && self.room.is_none() && !has_room(&self.file, PollTimeout::ZERO) {
            let file = Arc::clone(&self.file);
            self.room = Some(spawn_blocking(move || {
                has_room(&file, PollTimeout::NONE);
            }));
        }
        if let Some(room) = &mut self.room {
            // The next write shows why it ended.
            let _ = room.await;
            self.room = None;
        }
    }

    fn write(&mut self) -> io::Result<usize> {
        let waiting = &self.bytes[self.written..];
        let length = match self.has_reader {
            true => waiting.len().min(PIPE_CHUNK),
            false => waiting.len(),
        };
        (&*self.file).write(&waiting[..length])
    }
}

/// Returns whether a write would not block, or waits for that until the timeout.
fn has_room(file: &File, timeout: PollTimeout) -> bool {
    let mut files = [PollFd::new(file.as_fd(), PollFlags::POLLOUT)];
    poll(&mut files, timeout).is_ok_and(|ready| ready > 0)
}
