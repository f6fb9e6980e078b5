//! Answers that must not be given before something is stored.

use std::future::poll_fn;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::time::timeout;

use super::client::Connection;
use super::pending_replies::{Batch, BatchStart};
use crate::broker::persistence::{Ticket, TicketNumber};

/// The end of a connection waits so long for the store.
const STORED_WITHIN: Duration = Duration::from_secs(1);

impl Connection {
    /// Marks where the answers of a new batch begin.
    pub(super) fn begin_batch(&mut self) -> BatchStart {
        let traffic = self.buffers.get();
        BatchStart {
            bytes: traffic.replies.len(),
            count: traffic.reply_count,
        }
    }

    /// Holds the answers of a batch back until its ticket is done, and behind those that
    /// are held back already: acknowledgements keep their order [MQTT-4.6.0-2].
    pub(super) fn gate_batch(&mut self, start: BatchStart, ticket: Option<TicketNumber>) {
        let ticket = ticket.filter(|&ticket| !self.is_done(ticket));
        let traffic = self.buffers.get();
        if (ticket.is_none() && self.pending_replies.is_none())
            || traffic.replies.len() == start.bytes
        {
            return;
        }
        let replies = traffic.replies.split_off(start.bytes);
        let count = std::mem::replace(&mut traffic.reply_count, start.count) - start.count;
        let pending_replies = self.pending_replies.get_or_insert_default();
        pending_replies.bytes += replies.len();
        pending_replies.batches.push_back(Batch {
            ticket,
            replies,
            count,
        });
    }

    /// Lets answers go that need not be held back any more.
    pub(super) fn poll_gated(&mut self, cx: &mut Context<'_>) {
        let Some(mut pending_replies) = self.pending_replies.take() else {
            return;
        };
        while let Some(front) = pending_replies.batches.front() {
            if front
                .ticket
                .is_some_and(|ticket| !self.poll_done(ticket, cx.waker()))
            {
                break;
            }
            if let Some(batch) = pending_replies.batches.pop_front() {
                pending_replies.bytes -= batch.replies.len();
                let traffic = self.buffers.get();
                traffic.reply_count += batch.count;
                traffic.replies.unsplit(batch.replies);
            }
        }
        if !pending_replies.batches.is_empty() {
            self.pending_replies = Some(pending_replies);
        }
    }

    /// Waits a moment for the end of the connection to be stored: to see its socket closed
    /// is all the answer that a DISCONNECT gets.
    pub(super) async fn stored(&self) {
        if !self.session.is_stored() {
            return;
        }
        let ticket = Ticket::new(self.permit.broker.persistence());
        ticket.wait_for_all();
        let Some(number) = ticket.number() else {
            return;
        };
        drop(ticket);
        let done = poll_fn(|cx| match self.poll_done(number, cx.waker()) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        });
        // A store that takes nothing keeps nobody from leaving.
        let _ = timeout(STORED_WITHIN, done).await;
    }

    fn is_done(&self, ticket: TicketNumber) -> bool {
        let persistence = self.permit.broker.persistence();
        persistence.is_none_or(|persistence| persistence.is_done(ticket))
    }

    fn poll_done(&self, ticket: TicketNumber, waker: &Waker) -> bool {
        let persistence = self.permit.broker.persistence();
        persistence.is_none_or(|persistence| persistence.poll_done(ticket, waker))
    }
}
