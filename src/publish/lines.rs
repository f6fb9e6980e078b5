//! The lines of standard input, read by a thread of their own.
//!
//! The network never waits for standard input, and standard input waits for the network.

use std::io::{self, Read};

use bytes::{Buf, Bytes};
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::MAX_PAYLOAD;

/// The maximum size of one read in bytes.
const CHUNK_SIZE: usize = 64 * 1024;
/// The maximum number of chunks that wait.
const WAITING_CHUNKS: usize = 4;

/// A reader of lines.
#[derive(Debug)]
pub(super) struct Lines {
    chunks: Receiver<io::Result<Bytes>>,
    /// The rest of the last chunk.
    chunk: Bytes,
    /// The beginning of a line that continues in the next chunk.
    begun: Vec<u8>,
    ended: bool,
}

impl Lines {
    /// Starts to read an input.
    pub(super) fn read(input: impl Read + Send + 'static) -> io::Result<Self> {
        let (sender, chunks) = channel(WAITING_CHUNKS);
        std::thread::Builder::new()
            .name("stdin".to_owned())
            .spawn(move || read_chunks(input, &sender))?;
        Ok(Self {
            chunks,
            chunk: Bytes::new(),
            begun: Vec::new(),
            ended: false,
        })
    }

    /// Returns the next line that has arrived, without its line end.
    ///
    /// The last line may lack its line end.
    pub(super) fn next(&mut self) -> Option<Bytes> {
        if let Some(end) = memchr::memchr(b'\n', &self.chunk) {
            let line = self.chunk.split_to(end);
            self.chunk.advance(1);
            if self.begun.is_empty() {
                return Some(line);
            }
            self.begun.extend_from_slice(&line);
            return Some(Bytes::from(std::mem::take(&mut self.begun)));
        }
        self.begun.extend_from_slice(&self.chunk);
        self.chunk = Bytes::new();
        let too_long = self.begun.len() > MAX_PAYLOAD;
        if (self.ended && !self.begun.is_empty()) || too_long {
            return Some(Bytes::from(std::mem::take(&mut self.begun)));
        }
        None
    }

    /// Waits for more input; call it when there is no line.
    pub(super) async fn wait(&mut self) -> io::Result<()> {
        match self.chunks.recv().await {
            Some(Ok(chunk)) => self.chunk = chunk,
            Some(Err(error)) => {
                self.ended = true;
                return Err(error);
            }
            None => self.ended = true,
        }
        Ok(())
    }

    /// Returns whether [`Lines::wait`] may bring more.
    pub(super) fn wants_more(&self) -> bool {
        !self.ended && self.chunk.is_empty()
    }

    /// Returns whether every line was taken.
    pub(super) fn is_done(&self) -> bool {
        self.ended && self.chunk.is_empty() && self.begun.is_empty()
    }

    /// Stops reading.
    pub(super) fn stop(&mut self) {
        self.ended = true;
        self.chunk = Bytes::new();
        self.begun = Vec::new();
    }
}

fn read_chunks(mut input: impl Read, chunks: &Sender<io::Result<Bytes>>) {
    loop {
        let mut chunk = vec![0; CHUNK_SIZE];
        let result = match input.read(&mut chunk) {
            Ok(0) => return,
            Ok(length) => {
                chunk.truncate(length);
                // A slow input must not hold large buffers for short lines.
                chunk.shrink_to(if length < CHUNK_SIZE / 4 {
                    length
                } else {
                    CHUNK_SIZE
                });
                Ok(Bytes::from(chunk))
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => Err(error),
        };
        let failed = result.is_err();
        if chunks.blocking_send(result).is_err() || failed {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A reader that returns a few bytes at a time.
    struct Trickle(Vec<u8>, usize);

    impl Read for Trickle {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let length = self.1.min(self.0.len()).min(buffer.len());
            buffer[..length].copy_from_slice(&self.0[..length]);
            self.0.drain(..length);
            Ok(length)
        }
    }

    async fn lines(input: &[u8], step: usize) -> Vec<Vec<u8>> {
        let mut lines = Lines::read(Trickle(input.to_vec(), step)).unwrap();
        let mut found = Vec::new();
        while !lines.is_done() {
            match lines.next() {
                Some(line) => found.push(line.to_vec()),
                None => {
                    if lines.wants_more() {
                        lines.wait().await.unwrap();
                    }
                }
            }
        }
        found
    }

    #[tokio::test(flavor = "current_thread")]
    async fn lines_are_taken_whole_however_they_come() {
        for step in 1..12 {
            assert_eq!(
                lines(b"one\n\ntwo\r\nnul\0nul\nlast", step).await,
                [&b"one"[..], b"", b"two\r", b"nul\0nul", b"last"]
            );
            assert_eq!(lines(b"a\n", step).await, [b"a"]);
            assert_eq!(lines(b"", step).await, Vec::<Vec<u8>>::new());
        }
    }
}
