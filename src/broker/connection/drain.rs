//! The end of a connection whose socket still holds what its client sent before.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep};

use super::client::Connection;
use super::closed::Closed;
use crate::broker::session::Ending;

/// The most that is read before a connection ends; sockets hold less unless the system is
/// told otherwise.
const MAX_DRAINED: usize = 8 * 1024 * 1024;
/// The longest that a client may keep its connection from ending.
const DRAINED_WITHIN: Duration = Duration::from_millis(100);

impl Connection {
    /// Handles what the socket holds and then closes the session's part. A DISCONNECT or the
    /// end of the stream among it is the end of the connection, instead of `closed`.
    pub(super) async fn drain(mut self: Box<Self>, closed: Closed) {
        let mut left = MAX_DRAINED;
        let mut limit = pin!(sleep(DRAINED_WITHIN));
        let drained = poll_fn(|cx| {
            let drained = self.poll_drain(cx, &mut left, limit.as_mut());
            self.buffers.release();
            drained
        });
        let closed = match drained.await {
            Ok(()) => closed,
            Err(last) => closed.followed_by(last),
        };
        if let Some(farewell) = self.close(&closed) {
            farewell.await;
        }
    }

    /// Handles one batch; ready when the socket holds no more, a limit is reached, or the
    /// connection has ended.
    ///
    /// No subscriber pauses the client here, as the limits bound what it publishes.
    fn poll_drain(
        &mut self,
        cx: &mut Context<'_>,
        left: &mut usize,
        limit: Pin<&mut Sleep>,
    ) -> Poll<Result<(), Closed>> {
        match self.session.state().active_connection(self.number) {
            Some(active_connection) => active_connection.wait(cx.waker(), false),
            None => return Poll::Ready(Err(Closed::By(Ending::TakenOver))),
        }
        self.poll_gated(cx);
        let flushed = match self.poll_write(cx) {
            Poll::Ready(Err(_)) => {
                self.discard_replies();
                true
            }
            flushed => flushed.is_ready(),
        };
        if !self.has_room_for_replies(flushed) {
            return limit.poll(cx).map(Ok);
        }
        if !self.buffers.has_unhandled() && self.poll_read_ready(cx)?.is_pending() {
            // The runtime hears of what has come later than the system.
            return match self.stream.has_input() {
                true => Poll::Pending,
                false => Poll::Ready(Ok(())),
            };
        }
        *left = left.saturating_sub(self.take_turn(cx)?);
        if *left == 0 || Instant::now() >= limit.deadline() {
            return Poll::Ready(Ok(()));
        }
        // Others have their turn before the next batch.
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Forgets the answers to a client that hears no more.
    fn discard_replies(&mut self) {
        self.pending_replies = None;
        let traffic = self.buffers.get();
        traffic.replies.clear();
        traffic.reply_count = 0;
        traffic.unsent.clear();
    }
}
