//! Answers that must not be given before something is stored.

use std::collections::VecDeque;
use std::task::{Context, Waker};

use bytes::BytesMut;

use super::Connection;
use crate::broker::persistence::TicketNumber;

/// Answers of batches that wait, in their order.
#[derive(Default)]
pub(super) struct GatedReplies {
    batches: VecDeque<Batch>,
    bytes: usize,
}

struct Batch {
    ticket: Option<TicketNumber>,
    replies: BytesMut,
    count: usize,
}

impl GatedReplies {
    /// The bytes of all answers that wait.
    pub(super) fn len(&self) -> usize {
        self.bytes
    }
}

/// Where a batch's answers begin.
#[derive(Clone, Copy, Default)]
pub(super) struct BatchStart {
    bytes: usize,
    count: usize,
}

impl Connection {
    /// Marks where the answers of a new batch begin.
    pub(super) fn begin_batch(&self) -> BatchStart {
        BatchStart {
            bytes: self.replies.len(),
            count: self.reply_count,
        }
    }

    /// Holds the answers of a batch back until its ticket is done, and behind those that
    /// are held back already: acknowledgements keep their order [MQTT-4.6.0-2].
    pub(super) fn gate_batch(&mut self, start: BatchStart, ticket: Option<TicketNumber>) {
        /// A PINGRESP, the one answer that stands for nothing else.
        const PING_RESPONSE: [u8; 2] = [0xd0, 0];
        let ticket = ticket.filter(|&ticket| !self.is_done(ticket));
        if (ticket.is_none() && self.gated.is_none()) || self.replies.len() == start.bytes {
            return;
        }
        let mut packets = self.replies[start.bytes..].chunks(PING_RESPONSE.len());
        if ticket.is_none() && packets.all(|packet| packet == PING_RESPONSE) {
            return;
        }
        let replies = self.replies.split_off(start.bytes);
        let count = std::mem::replace(&mut self.reply_count, start.count) - start.count;
        let gated = self.gated.get_or_insert_default();
        gated.bytes += replies.len();
        gated.batches.push_back(Batch {
            ticket,
            replies,
            count,
        });
    }

    /// Lets answers go that need not be held back any more.
    pub(super) fn poll_gated(&mut self, cx: &mut Context<'_>) {
        let Some(mut gated) = self.gated.take() else {
            return;
        };
        while let Some(front) = gated.batches.front() {
            if front
                .ticket
                .is_some_and(|ticket| !self.poll_done(ticket, cx.waker()))
            {
                break;
            }
            if let Some(batch) = gated.batches.pop_front() {
                gated.bytes -= batch.replies.len();
                self.reply_count += batch.count;
                self.replies.unsplit(batch.replies);
            }
        }
        if !gated.batches.is_empty() {
            self.gated = Some(gated);
        }
    }

    fn is_done(&self, ticket: TicketNumber) -> bool {
        let persistence = self.broker.persistence();
        persistence.is_none_or(|persistence| persistence.is_done(ticket))
    }

    fn poll_done(&self, ticket: TicketNumber, waker: &Waker) -> bool {
        let persistence = self.broker.persistence();
        persistence.is_none_or(|persistence| persistence.poll_done(ticket, waker))
    }
}
