//! Answers that wait for something to be stored.

use std::collections::VecDeque;

use bytes::BytesMut;

use crate::broker::persistence::TicketNumber;

/// Answers of batches that wait, in their order.
#[derive(Default)]
pub(super) struct PendingReplies {
    pub(super) batches: VecDeque<Batch>,
    pub(super) bytes: usize,
}

/// Answers that wait for one ticket.
pub(super) struct Batch {
    pub(super) ticket: Option<TicketNumber>,
    pub(super) replies: BytesMut,
    pub(super) count: usize,
}

impl PendingReplies {
    /// The bytes of all answers that wait.
    pub(super) fn len(&self) -> usize {
        self.bytes
    }
}

/// Start of a batch's answers.
#[derive(Clone, Copy, Default)]
pub(super) struct BatchStart {
    pub(super) bytes: usize,
    pub(super) count: usize,
}
