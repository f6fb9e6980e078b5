use std::collections::VecDeque;

use super::queued::Queued;
use crate::protocol::QoS;

/// Messages that wait for room on the connection, in order.
///
/// After a change of rights all of them are unchecked. They are checked from the front, a few at
/// a time; those that are not checked yet do not leave the queue.
#[derive(Debug, Default)]
pub(super) struct Queue(
    /// Absent while nothing waits.
    Option<Box<Entries>>,
);

#[derive(Debug, Default)]
struct Entries {
    list: VecDeque<Queued>,
    /// Messages behind `list` that the client might not be allowed to read.
    unchecked: VecDeque<Queued>,
    /// QoS 1 and 2 messages.
    messages: usize,
    /// Their payload bytes.
    payload_bytes: usize,
    /// The bytes of memory of all.
    held_bytes: usize,
}

impl Queue {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// QoS 1 and 2 messages.
    pub(super) fn messages(&self) -> usize {
        self.0.as_ref().map_or(0, |entries| entries.messages)
    }

    /// The payload bytes of QoS 1 and 2 messages.
    pub(super) fn payload_bytes(&self) -> usize {
        self.0.as_ref().map_or(0, |entries| entries.payload_bytes)
    }

    /// The bytes of memory that are held for it.
    pub(super) fn held_bytes(&self) -> usize {
        self.0.as_ref().map_or(0, |entries| entries.held_bytes)
    }

    /// Returns the next message that may leave the queue.
    pub(super) fn front(&self) -> Option<&Queued> {
        self.0.as_ref()?.list.front()
    }

    pub(super) fn push(&mut self, queued: Queued) {
        let entries = self.0.get_or_insert_default();
        entries.count_in(&queued);
        match entries.unchecked.is_empty() {
            true => entries.list.push_back(queued),
            false => entries.unchecked.push_back(queued),
        }
    }

    /// Takes the next message that may leave the queue.
    pub(super) fn pop(&mut self) -> Option<Queued> {
        let entries = self.0.as_mut()?;
        let queued = entries.list.pop_front()?;
        entries.count_out(&queued);
        self.free_if_empty();
        Some(queued)
    }

    /// Marks all messages as unchecked.
    pub(super) fn begin_check(&mut self) {
        self.skip_check();
        if let Some(entries) = &mut self.0 {
            std::mem::swap(&mut entries.list, &mut entries.unchecked);
        }
    }

    /// Marks all messages as checked.
    pub(super) fn skip_check(&mut self) {
        if let Some(entries) = &mut self.0 {
            entries.list.append(&mut entries.unchecked);
        }
    }

    /// Returns whether no message is unchecked.
    pub(super) fn is_checked(&self) -> bool {
        let entries = self.0.as_ref();
        entries.is_none_or(|entries| entries.unchecked.is_empty())
    }

    /// Checks the next messages, at most `limit`, and takes out the unwanted ones.
    pub(super) fn check_some(
        &mut self,
        limit: usize,
        mut is_unwanted: impl FnMut(&Queued) -> bool,
    ) -> Vec<Queued> {
        let mut unwanted = Vec::new();
        let Some(entries) = &mut self.0 else {
            return unwanted;
        };
        for _ in 0..limit {
            let Some(queued) = entries.unchecked.pop_front() else {
                entries.unchecked = VecDeque::new();
                break;
            };
            if is_unwanted(&queued) {
                entries.count_out(&queued);
                unwanted.push(queued);
            } else {
                entries.list.push_back(queued);
            }
        }
        self.free_if_empty();
        unwanted
    }

    /// Takes the next message, checked or not, as the end of a session does.
    pub(super) fn pop_any(&mut self) -> Option<Queued> {
        let entries = self.0.as_mut()?;
        let first = entries.list.pop_front();
        let queued = first.or_else(|| entries.unchecked.pop_front())?;
        entries.count_out(&queued);
        self.free_if_empty();
        Some(queued)
    }

    fn free_if_empty(&mut self) {
        let is_empty = |entries: &Entries| entries.list.is_empty() && entries.unchecked.is_empty();
        if self.0.as_deref().is_some_and(is_empty) {
            self.0 = None;
        }
    }
}

impl Entries {
    fn count_in(&mut self, queued: &Queued) {
        if queued.qos != QoS::AtMostOnce {
            self.messages += 1;
            self.payload_bytes += queued.message.payload.len();
        }
        self.held_bytes += queued.cost();
    }

    fn count_out(&mut self, queued: &Queued) {
        if queued.qos != QoS::AtMostOnce {
            self.messages -= 1;
            self.payload_bytes -= queued.message.payload.len();
        }
        self.held_bytes -= queued.cost();
    }
}
