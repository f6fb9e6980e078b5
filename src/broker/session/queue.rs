use std::collections::VecDeque;

use super::queued::Queued;
use crate::protocol::QoS;

/// What waits for room on the connection, in order.
#[derive(Debug, Default)]
pub(super) struct Queue(
    /// Absent while nothing waits.
    Option<Box<Entries>>,
);

#[derive(Debug, Default)]
struct Entries {
    list: VecDeque<Queued>,
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

    pub(super) fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |entries| entries.list.len())
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

    pub(super) fn front(&self) -> Option<&Queued> {
        self.0.as_ref()?.list.front()
    }

    pub(super) fn push(&mut self, queued: Queued) {
        let entries = self.0.get_or_insert_default();
        if queued.qos != QoS::AtMostOnce {
            entries.messages += 1;
            entries.payload_bytes += queued.message.payload.len();
        }
        entries.held_bytes += queued.cost();
        entries.list.push_back(queued);
    }

    pub(super) fn pop(&mut self) -> Option<Queued> {
        let entries = self.0.as_mut()?;
        let queued = entries.list.pop_front()?;
        if queued.qos != QoS::AtMostOnce {
            entries.messages -= 1;
            entries.payload_bytes -= queued.message.payload.len();
        }
        entries.held_bytes -= queued.cost();
        if entries.list.is_empty() {
            self.0 = None;
        }
        Some(queued)
    }

    /// Everything that waits.
    pub(super) fn into_list(self) -> VecDeque<Queued> {
        self.0.map_or_else(VecDeque::new, |entries| entries.list)
    }
}
