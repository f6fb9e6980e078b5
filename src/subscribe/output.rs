use std::fmt;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::sync::Arc;

use parking_lot::Mutex;

/// At how many bytes the buffer is written before the input pauses.
const FULL: usize = 64 * 1024;

/// Standard output behind one buffer, shared by the messages and the lines of `-d`, so
/// that both stay in order.
#[derive(Clone)]
pub(super) struct Output(Arc<Mutex<Buffer>>);

struct Buffer {
    bytes: Vec<u8>,
    stdout: File,
    /// The reader is gone; nothing is printed any more.
    closed: bool,
}

/// Nobody reads the output any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Closed;

impl Output {
    pub(super) fn new() -> io::Result<Self> {
        let stdout = io::stdout().as_fd().try_clone_to_owned()?;
        Ok(Self(Arc::new(Mutex::new(Buffer {
            bytes: Vec::with_capacity(FULL + FULL / 4),
            stdout: File::from(stdout),
            closed: false,
        }))))
    }

    /// Appends what `print` writes; the buffer is written out when it is full.
    pub(super) fn append(&self, print: impl FnOnce(&mut Vec<u8>)) -> Result<(), Closed> {
        let mut buffer = self.0.lock();
        print(&mut buffer.bytes);
        if buffer.bytes.len() >= FULL {
            buffer.flush()?;
        }
        Ok(())
    }

    /// Appends a line.
    pub(super) fn line(&self, line: fmt::Arguments<'_>) {
        // That the reader is gone is told by the next flush.
        let _ = self.append(|bytes| {
            let _ = writeln!(bytes, "{line}");
        });
    }

    /// Writes everything out.
    pub(super) fn flush(&self) -> Result<(), Closed> {
        self.0.lock().flush()
    }
}

impl Buffer {
    fn flush(&mut self) -> Result<(), Closed> {
        if self.closed {
            return Err(Closed);
        }
        if self.bytes.is_empty() {
            return Ok(());
        }
        let result = self.stdout.write_all(&self.bytes);
        self.bytes.clear();
        // One large message must not keep its room for ever.
        self.bytes.shrink_to(4 * FULL);
        self.closed = result.is_err();
        result.map_err(|_| Closed)
    }
}
