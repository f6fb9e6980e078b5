use std::collections::VecDeque;
use std::fmt;
use std::ops::Bound;
use std::sync::Arc;

use super::store::{Retained, RetainedMessages};
use super::topic_order::{Comparison, OrderedFilter};
use crate::protocol::TopicFilter;

/// The most messages that are found at once, so that few are held that nobody has room for.
const AT_ONCE: usize = 64;

/// A walk over the retained messages that a new subscription brings.
///
/// It has the messages that were there when it began. One that was replaced since then reaches the
/// subscriber as any published message does, and is left out here: else it could come twice, or
/// before an older one of its topic.
///
/// Each step looks at one message, and at none twice. So the steps of a filter are no more than
/// the messages whose topics begin with its levels before the first wildcard.
pub(in crate::broker) struct RetainedCursor {
    store: Arc<RetainedMessages>,
    filter: OrderedFilter,
    /// The key at which the search continues; nothing before it is still to be found.
    position: Vec<u8>,
    /// The count of messages when the walk began.
    revision: u64,
    found: VecDeque<Retained>,
    is_finished: bool,
}

impl RetainedCursor {
    /// Begins a walk; it finds nothing that is kept later.
    pub(in crate::broker) fn new(store: &Arc<RetainedMessages>, filter: &TopicFilter) -> Self {
        let filter = OrderedFilter::new(filter);
        let mut position = Vec::new();
        filter.write_first(&mut position);
        Self {
            filter,
            position,
            revision: store.topics.read().revision,
            store: Arc::clone(store),
            found: VecDeque::new(),
            is_finished: false,
        }
    }

    pub(in crate::broker) fn filter(&self) -> &TopicFilter {
        self.filter.filter()
    }

    /// Returns the next message, if one is found within `steps`, of which those taken are
    /// subtracted.
    pub(in crate::broker) fn peek(&mut self, steps: &mut usize) -> Option<&Retained> {
        if self.found.is_empty() && !self.is_finished {
            self.search(steps);
        }
        self.found.front()
    }

    /// Takes the message that [`RetainedCursor::peek`] returned.
    pub(in crate::broker) fn take(&mut self) -> Option<Retained> {
        self.found.pop_front()
    }

    /// Returns whether everything was found and taken.
    pub(in crate::broker) fn is_finished(&self) -> bool {
        self.is_finished && self.found.is_empty()
    }

    /// Returns about how many bytes of memory the walk holds.
    pub(in crate::broker) fn memory_bytes(&self) -> usize {
        size_of::<Self>() + 2 * self.filter().as_bytes().len() + AT_ONCE * size_of::<Retained>()
    }

    fn search(&mut self, steps: &mut usize) {
        let topics = self.store.topics.read();
        let mut next = Vec::new();
        let mut entries = topics.range(Bound::Included(&self.position));
        while *steps > 0 && self.found.len() < AT_ONCE {
            *steps -= 1;
            let Some((key, kept)) = entries.next() else {
                self.is_finished = true;
                return;
            };
            match self.filter.compare(key) {
                Comparison::Matches => {
                    if kept.revision <= self.revision {
                        self.found.push_back(kept.retained.clone());
                    }
                    if !self.filter.has_wildcard() {
                        self.is_finished = true;
                        return;
                    }
                }
                Comparison::Skip(skip) => {
                    self.filter.write_next(key, skip, &mut next);
                    entries = topics.range(Bound::Included(&next));
                }
                Comparison::Ended => {
                    self.is_finished = true;
                    return;
                }
            }
        }
        if let Some((key, _)) = entries.next() {
            self.position.clear();
            self.position.extend_from_slice(key);
        } else {
            self.is_finished = true;
        }
    }
}

impl fmt::Debug for RetainedCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RetainedCursor")
            .field(self.filter())
            .finish()
    }
}
