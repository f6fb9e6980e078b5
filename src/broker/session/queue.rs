use std::collections::{HashMap, VecDeque};

use foldhash::fast::RandomState;

use super::queued::Queued;
use super::retained_place::HandOut;
use crate::protocol::{QoS, TopicFilter};

/// Messages that wait for room on the connection, in order.
///
/// After a change of rights all of them are unchecked. They are checked from the front, a few at
/// a time; those that are not checked yet do not leave the queue.
///
/// Among them are the places of hand-outs, each of which stands for the retained messages that a
/// subscription is still to bring.
#[derive(Debug, Default)]
pub(super) struct Queue(
    /// Absent while nothing waits.
    Option<Box<Entries>>,
);

#[derive(Debug, Default)]
struct Entries {
    list: VecDeque<Entry>,
    /// Entries behind `list` that the client might not be allowed to read.
    unchecked: VecDeque<Entry>,
    /// The hand-outs that are not finished, by topic filter.
    hand_outs: HashMap<TopicFilter, HandOut, RandomState>,
    /// The number of the latest hand-out.
    last_hand_out: u64,
    /// Places whose hand-out is finished or no longer wanted.
    abandoned: usize,
    /// QoS 1 and 2 messages.
    messages: usize,
    /// Their payload bytes.
    payload_bytes: usize,
    /// The bytes of memory of all.
    held_bytes: usize,
}

#[derive(Debug)]
enum Entry {
    Message(Queued),
    /// The place of a hand-out. Its number differs from that of a later one for the same filter.
    HandOut(TopicFilter, u64),
}

/// The first entry of a queue.
pub(super) enum Front<'a> {
    Message { qos: QoS, payload_bytes: usize },
    HandOut(&'a mut HandOut),
}

impl Queue {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Returns the number of all messages.
    pub(super) fn len(&self) -> usize {
        let entries = self.0.as_ref();
        entries.map_or(0, |entries| entries.list.len() + entries.unchecked.len())
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

    /// Returns the next entry that may leave the queue. Abandoned places before it are removed.
    pub(super) fn front(&mut self) -> Option<Front<'_>> {
        while let Some(entries) = &mut self.0
            && entries.is_front_abandoned()
        {
            entries.list.pop_front();
            entries.abandoned -= 1;
            self.free_if_empty();
        }
        self.0.as_mut()?.front()
    }

    pub(super) fn push(&mut self, queued: Queued) {
        let entries = self.0.get_or_insert_default();
        entries.count_in(&queued);
        entries.append(Entry::Message(queued));
    }

    /// Takes the next entry that may leave the queue, if it is a message.
    pub(super) fn pop(&mut self) -> Option<Queued> {
        let entries = self.0.as_mut()?;
        let queued = match entries.list.pop_front()? {
            Entry::Message(queued) => queued,
            hand_out @ Entry::HandOut(..) => {
                entries.list.push_front(hand_out);
                return None;
            }
        };
        entries.count_out(&queued);
        self.free_if_empty();
        Some(queued)
    }

    /// Adds a hand-out, instead of an unfinished one for the same filter.
    pub(super) fn push_hand_out(&mut self, hand_out: HandOut) {
        let filter = hand_out.filter().clone();
        self.abandon(&filter);
        let entries = self.0.get_or_insert_default();
        entries.last_hand_out += 1;
        entries.held_bytes += hand_out.memory_bytes();
        entries.append(Entry::HandOut(filter.clone(), entries.last_hand_out));
        let hand_out = hand_out.numbered(entries.last_hand_out);
        entries.hand_outs.insert(filter, hand_out);
    }

    /// Ends the hand-out for a filter, if there is one.
    pub(super) fn abandon(&mut self, filter: &TopicFilter) {
        /// Fewer places are not worth a walk.
        const FEW: usize = 64;
        let Some(entries) = &mut self.0 else { return };
        let Some(hand_out) = entries.hand_outs.remove(filter) else {
            return;
        };
        entries.held_bytes -= hand_out.memory_bytes();
        entries.abandoned += 1;
        let all = entries.list.len() + entries.unchecked.len();
        if entries.abandoned > FEW.max(all / 2) {
            entries.remove_abandoned();
            self.free_if_empty();
        }
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
    ///
    /// A hand-out checks its messages when it finds them.
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
            match entries.unchecked.pop_front() {
                None => {
                    entries.unchecked = VecDeque::new();
                    break;
                }
                Some(Entry::Message(queued)) if is_unwanted(&queued) => {
                    entries.count_out(&queued);
                    unwanted.push(queued);
                }
                Some(entry) => entries.list.push_back(entry),
            }
        }
        self.free_if_empty();
        unwanted
    }

    /// Takes the next message, checked or not, as the end of a session does.
    pub(super) fn pop_any(&mut self) -> Option<Queued> {
        let entries = self.0.as_mut()?;
        loop {
            let first = entries.list.pop_front();
            match first.or_else(|| entries.unchecked.pop_front()) {
                Some(Entry::Message(queued)) => {
                    entries.count_out(&queued);
                    self.free_if_empty();
                    return Some(queued);
                }
                Some(Entry::HandOut(..)) => {}
                None => {
                    self.0 = None;
                    return None;
                }
            }
        }
    }

    fn free_if_empty(&mut self) {
        let is_empty = |entries: &Entries| entries.list.is_empty() && entries.unchecked.is_empty();
        if self.0.as_deref().is_some_and(is_empty) {
            self.0 = None;
        }
    }
}

impl Entries {
    fn front(&mut self) -> Option<Front<'_>> {
        match self.list.front()? {
            Entry::Message(queued) => Some(Front::Message {
                qos: queued.qos,
                payload_bytes: queued.message.payload.len(),
            }),
            Entry::HandOut(filter, _) => self.hand_outs.get_mut(filter).map(Front::HandOut),
        }
    }

    fn append(&mut self, entry: Entry) {
        match self.unchecked.is_empty() {
            true => self.list.push_back(entry),
            false => self.unchecked.push_back(entry),
        }
    }

    fn is_front_abandoned(&self) -> bool {
        let front = self.list.front();
        front.is_some_and(|entry| is_abandoned(entry, &self.hand_outs))
    }

    fn remove_abandoned(&mut self) {
        for list in [&mut self.list, &mut self.unchecked] {
            list.retain(|entry| !is_abandoned(entry, &self.hand_outs));
        }
        self.abandoned = 0;
    }

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

fn is_abandoned(entry: &Entry, hand_outs: &HashMap<TopicFilter, HandOut, RandomState>) -> bool {
    match entry {
        Entry::Message(_) => false,
        Entry::HandOut(filter, number) => {
            let hand_out = hand_outs.get(filter);
            hand_out.is_none_or(|hand_out| hand_out.number() != *number)
        }
    }
}
