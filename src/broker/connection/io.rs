//! Reading batches and writing what waits.

use std::cell::Cell;
use std::io::ErrorKind;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};

use super::buffers::Traffic;
use super::client::Connection;
use super::closed::Closed;
use crate::broker::session::SessionState;
use crate::broker::statistics::Counter;
use crate::broker::wire::write_pieces;

/// One read takes so much at most.
const READ_SIZE: usize = 64 * 1024;
/// The bytes that are written in one turn.
const WRITE_SIZE: usize = 1024 * 1024;
/// The end of a connection waits so long for the client to take the last words.
const LINGER: Duration = Duration::from_secs(1);

thread_local! {
    /// What the connections of a thread read into, one after the other; as long as one read
    /// unless its messages are kept.
    static SCRATCH: Cell<BytesMut> = Cell::default();
}

impl Connection {
    /// Handles packets for one turn: those that wait since the last one, or else those that one
    /// read brings. Returns the number of bytes.
    pub(super) fn take_turn(&mut self, cx: &mut Context<'_>) -> Result<usize, Closed> {
        if !self.buffers.has_unhandled() {
            return self.read_batch(cx);
        }
        let mut batch = std::mem::take(&mut self.buffers.get().unhandled);
        let before = batch.len();
        let has_more = self.process_buffer(&mut batch, cx.waker())?;
        let handled = before - batch.len();
        self.buffers.get().keep(batch, has_more);
        Ok(handled)
    }

    /// Reads once and handles whole packets; says how many bytes came.
    fn read_batch(&mut self, cx: &mut Context<'_>) -> Result<usize, Closed> {
        let partial = std::mem::take(&mut self.buffers.get().partial);
        let missing = self.decoder.missing(&partial);
        if partial.len() + missing > READ_SIZE / 2 {
            return self.read_large(partial, missing, cx);
        }
        let mut scratch = SCRATCH.take();
        if scratch.is_empty() {
            scratch = BytesMut::zeroed(READ_SIZE);
        }
        let (front, free) = scratch.split_at_mut(partial.len());
        front.copy_from_slice(&partial);
        let length = match self.poll_read(cx, free) {
            Ok(Poll::Ready(length)) => length,
            nothing => {
                self.buffers.get().partial = partial;
                SCRATCH.set(scratch);
                return nothing.map(|_| 0);
            }
        };
        let scratch = scratch.freeze();
        let mut batch = scratch.slice(..partial.len() + length);
        let result = self.process_buffer(&mut batch, cx.waker());
        let has_more = matches!(result, Ok(true));
        self.buffers.get().keep(batch, has_more);
        if let Ok(scratch) = scratch.try_into_mut() {
            SCRATCH.set(scratch);
        }
        result.map(|_| length)
    }

    /// Reads on into a large packet's own buffer, which grows with what has arrived and
    /// not with what was claimed.
    fn read_large(
        &mut self,
        mut partial: BytesMut,
        missing: usize,
        cx: &mut Context<'_>,
    ) -> Result<usize, Closed> {
        let before = partial.len();
        let memory = &self.permit.broker.env.memory;
        if !memory.admits_partial_packet(before) {
            return Err(Closed::OutOfMemory);
        }
        partial.resize(before + missing.min(before.max(READ_SIZE)), 0);
        let length = match self.poll_read(cx, &mut partial[before..])? {
            Poll::Ready(length) => length,
            Poll::Pending => 0,
        };
        partial.truncate(before + length);
        let mut packet = partial.freeze();
        let has_more = self.process_buffer(&mut packet, cx.waker())?;
        let traffic = self.buffers.get();
        match (has_more, packet.is_empty()) {
            (true, _) => traffic.keep(packet, true),
            (false, true) => {}
            (false, false) => traffic.partial = packet.into(),
        }
        Ok(length)
    }

    /// Reads once into `scratch` and says how much; the end is an error.
    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        scratch: &mut [u8],
    ) -> Result<Poll<usize>, Closed> {
        let mut arrived = ReadBuf::new(scratch);
        if Pin::new(&mut self.stream)
            .poll_read(cx, &mut arrived)
            .map_err(Closed::Socket)?
            .is_pending()
        {
            return Ok(Poll::Pending);
        }
        let length = arrived.filled().len();
        if length == 0 {
            return Err(Closed::EndOfStream);
        }
        let broker = &self.permit.broker;
        broker.env.statistics.add(Counter::BytesReceived, length);
        let now = broker.clock().now();
        self.session.touch(now);
        if let Some(rate) = &mut self.rate {
            rate.add_bytes(length, now);
        }
        Ok(Poll::Ready(length))
    }

    /// Writes answers and the session's output until there is none left (ready) or the
    /// socket takes no more.
    pub(super) fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Closed>> {
        let (mut written, mut total) = (0, 0);
        loop {
            if self.buffers.get().unsent.is_empty() {
                self.collect_output(written);
            } else if written > 0 {
                self.note_written(&mut self.session.state(), written);
            }
            if self.buffers.get().unsent.is_empty() {
                return Pin::new(&mut self.stream)
                    .poll_flush(cx)
                    .map_err(Closed::Socket);
            }
            if total > WRITE_SIZE {
                // Others have their turn, however fast the client takes its messages.
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            written = ready!(self.poll_write_once(cx)).map_err(Closed::Socket)?;
            total += written;
        }
    }

    fn poll_write_once(&mut self, cx: &mut Context<'_>) -> Poll<std::io::Result<usize>> {
        let stream = Pin::new(&mut self.stream);
        let mut is_pending = false;
        let result = write_pieces(&mut self.buffers.get().unsent, |slices| {
            match stream.poll_write_vectored(cx, slices) {
                Poll::Ready(result) => result,
                Poll::Pending => {
                    is_pending = true;
                    Err(ErrorKind::WouldBlock.into())
                }
            }
        });
        if is_pending {
            return Poll::Pending;
        }
        let written = result?;
        self.permit
            .broker
            .env
            .statistics
            .add(Counter::BytesSent, written);
        Poll::Ready(Ok(written))
    }

    /// Tells the session what was written.
    fn note_written(&self, state: &mut SessionState, written: usize) {
        if state.active_connection(self.number).is_some() {
            let env = &self.permit.broker.env;
            state.wrote(written, &self.session, env, env.clock.now());
        }
    }

    /// Tells the session what was written, and takes the answers and what the session
    /// has for the client.
    fn collect_output(&mut self, written: usize) {
        let mut state = self.session.state();
        if written > 0 {
            self.note_written(&mut state, written);
        }
        let traffic = self.buffers.get();
        let has_output = !traffic.replies.is_empty() || !state.outbound.outbox.is_empty();
        if has_output && state.claim_writer(self.number) {
            state.take_rest(self.number, &mut traffic.unsent);
            if !traffic.replies.is_empty() {
                state.owes(self.number, traffic.replies.len());
                let replies = std::mem::take(&mut traffic.replies);
                traffic.unsent.push_back(replies.freeze());
            }
            let mut sent = state.take_output(self.number, &mut traffic.unsent);
            drop(state);
            sent.packets += std::mem::take(&mut traffic.reply_count);
            self.permit.broker.env.statistics.sent(sent);
        }
    }

    /// Gives the client a moment to take the last words, and closes the socket so that
    /// they are not lost to bytes that nobody has read.
    pub(super) async fn linger(&mut self) {
        let Traffic {
            replies,
            mut unsent,
            ..
        } = std::mem::take(self.buffers.get());
        if !replies.is_empty() {
            unsent.push_back(replies.freeze());
        }
        let stream = &mut self.stream;
        let farewell = async {
            for piece in unsent {
                stream.write_all(&piece).await?;
            }
            stream.flush().await?;
            stream.shutdown().await?;
            let mut rest = [0; 1024];
            while stream.read(&mut rest).await? > 0 {}
            std::io::Result::Ok(())
        };
        // A client that does not take its last words in time goes without them.
        let _ = tokio::time::timeout(LINGER, farewell).await;
    }
}
