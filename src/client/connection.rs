//! Reading and writing on one connection, in batches.

use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::time::Instant;

use super::Error;
use super::keep_alive::KeepAlive;
use crate::protocol::{
    Decoder, Delivery, MAX_REMAINING_LENGTH, Packet, PacketBytes, ProtocolVersion, Publish,
};

/// The maximum size of one read in bytes.
const READ_SIZE: usize = 64 * 1024;
/// The number of waiting bytes at which no more messages are taken.
const OUTPUT_FULL: usize = 128 * 1024;
/// The number of waiting bytes at which nothing more is read.
///
/// Answers must not pile up for a broker that does not take them.
const OUTPUT_OVERFULL: usize = 4 * OUTPUT_FULL;
/// The capacity above which a buffer is given up after a large packet.
const KEPT_CAPACITY: usize = 1024 * 1024;
/// The time that a closing connection waits for a broker that makes no progress.
const LINGER: Duration = Duration::from_secs(2);
/// The maximum size of a packet: five bytes of fixed header and the remaining length.
const MAX_PACKET_SIZE: u32 = MAX_REMAINING_LENGTH + 5;

/// A stream with its buffers.
#[derive(Debug)]
pub(super) struct Connection<S> {
    stream: S,
    decoder: Decoder,
    input: BytesMut,
    /// The first byte of the broker's first answer.
    pub(super) first_byte: Option<u8>,
    /// Whole packets from the front of `input`.
    packets: PacketBytes,
    /// Whole packets, of which the first `written` bytes are sent.
    ///
    /// It is emptied only when all are sent, so that it always begins with a packet.
    output: BytesMut,
    written: usize,
    needs_flush: bool,
    pub(super) keep_alive: KeepAlive,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    pub(super) fn new(stream: S, version: ProtocolVersion, maximum_packet_size: u32) -> Self {
        Self {
            stream,
            decoder: Decoder::with_version(version, maximum_packet_size.min(MAX_PACKET_SIZE)),
            input: BytesMut::new(),
            first_byte: None,
            packets: PacketBytes::default(),
            output: BytesMut::new(),
            written: 0,
            needs_flush: false,
            keep_alive: KeepAlive::new(0, Instant::now()),
        }
    }

    /// Returns the buffer to which packets are appended.
    pub(super) fn output(&mut self) -> &mut BytesMut {
        &mut self.output
    }

    /// Returns whether messages should be appended now.
    pub(super) fn has_output_room(&self) -> bool {
        self.output.len() < OUTPUT_FULL
    }

    /// Returns whether everything is written.
    pub(super) fn is_flushed(&self) -> bool {
        self.output.is_empty() && !self.needs_flush
    }

    /// Returns the next packet that was received whole.
    pub(super) fn next_packet(&mut self) -> Result<Option<Packet>, Error> {
        if self.packets.remaining() == 0 {
            // Gives up the last reference to the bytes that were read, so that their memory
            // is reused.
            self.packets = PacketBytes::default();
            // Nor may an empty slice share the buffer: each read would then copy what has
            // arrived of a large packet.
            if self.input.is_empty() || self.decoder.missing(&self.input) > 0 {
                return Ok(None);
            }
            self.packets = self.decoder.split_whole_packets(&mut self.input)?;
        }
        Ok(self.decoder.next_packet(&mut self.packets)?)
    }

    /// Writes what waits and reads once; ready when either made progress.
    pub(super) fn poll_progress(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let written = self.poll_write(context)?.is_ready();
        if self.output.len() > OUTPUT_OVERFULL {
            return if written {
                Poll::Ready(Ok(()))
            } else {
                Poll::Pending
            };
        }
        match self.poll_read(context) {
            Poll::Ready(result) => Poll::Ready(result),
            Poll::Pending if written => Poll::Ready(Ok(())),
            Poll::Pending => Poll::Pending,
        }
    }

    /// Writes what waits; ready when something was written.
    pub(super) fn poll_write(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let mut progress = false;
        while self.written < self.output.len() {
            let waiting = &self.output[self.written..];
            match Pin::new(&mut self.stream).poll_write(context, waiting) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(Error::ConnectionLost)),
                Poll::Ready(Ok(count)) => {
                    self.written += count;
                    self.needs_flush = true;
                    progress = true;
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error.into())),
                Poll::Pending => break,
            }
        }
        if progress {
            self.keep_alive.sent(Instant::now());
        }
        if self.written == self.output.len() && self.written > 0 {
            self.written = 0;
            if self.output.capacity() > KEPT_CAPACITY {
                self.output = BytesMut::new();
            } else {
                self.output.clear();
            }
        }
        if self.needs_flush && Pin::new(&mut self.stream).poll_flush(context)?.is_ready() {
            self.needs_flush = false;
            progress = true;
        }
        if progress {
            Poll::Ready(Ok(()))
        } else {
            Poll::Pending
        }
    }

    fn poll_read(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let count = ready!(self.poll_fill(context))?;
        if count == 0 {
            return Poll::Ready(Err(Error::ConnectionLost));
        }
        if self.first_byte.is_none() {
            self.first_byte = self.input.first().copied();
        }
        self.keep_alive.received(Instant::now());
        Poll::Ready(Ok(()))
    }

    /// Reads once into the input buffer; 0 bytes mean the end of the stream.
    fn poll_fill(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.input.is_empty() && self.input.capacity() > KEPT_CAPACITY {
            self.input = BytesMut::new();
        }
        self.input.reserve(READ_SIZE);
        // The future holds nothing between polls, so dropping it loses nothing.
        pin!(self.stream.read_buf(&mut self.input)).poll(context)
    }

    /// Writes what waits, closes our direction, and waits until the broker closes its own.
    ///
    /// Only then is it certain that the last packet was not lost with the socket. A broker
    /// that leaves its end open is waited for in vain, for a bounded time.
    pub(super) async fn close(mut self) -> Result<(), Error> {
        let mut unanswered = Instant::now() + LINGER;
        while !self.is_flushed() {
            let progress = std::future::poll_fn(|context| {
                // Received messages are of no interest any more, but they must not fill the
                // connection either.
                self.packets = PacketBytes::default();
                self.input.clear();
                self.poll_progress(context)
            });
            match tokio::time::timeout_at(unanswered, progress).await {
                Ok(result) => result?,
                Err(_) => return Err(Error::ConnectionLost),
            }
            unanswered = Instant::now() + LINGER;
        }
        let end = async {
            std::future::poll_fn(|context| Pin::new(&mut self.stream).poll_shutdown(context))
                .await?;
            loop {
                self.input.clear();
                let read = std::future::poll_fn(|context| self.poll_fill(context));
                match read.await {
                    Ok(0) => return io::Result::Ok(()),
                    // Many brokers leave out the end that TLS requires.
                    Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
                    Ok(_) => {}
                    Err(error) => return Err(error),
                }
            }
        };
        match tokio::time::timeout_at(unanswered, end).await {
            // After a reset the broker has not read everything.
            Ok(result) => Ok(result?),
            Err(_) => Ok(()),
        }
    }

    /// Returns the QoS 0 messages that were not written completely.
    pub(super) fn into_unsent(mut self) -> Vec<Publish> {
        let mut unsent = Vec::new();
        let total = self.output.len();
        while let Ok(Some(packet)) = self.decoder.decode(&mut self.output) {
            let end = total - self.output.remaining();
            match packet {
                Packet::Publish(publish)
                    if publish.delivery == Delivery::AtMostOnce && end > self.written =>
                {
                    unsent.push(publish);
                }
                _ => {}
            }
        }
        unsent
    }
}
