use std::sync::Arc;

use super::matches::Matches;
use super::node::{Node, Search, Way};
use super::share::SharedGroup;
use super::target::Target;
use crate::broker::ground::SessionNumber;
use crate::protocol::{SharedFilter, TopicFilter, TopicName};

/// The memory of a filter that no other subscription has: its place in the tree, and one where it
/// parts from others.
const FILTER_BYTES: usize = 2 * size_of::<Node>() + 160;
/// The memory of a subscription, beyond its filter and its session.
const TARGET_BYTES: usize = 2 * size_of::<Target>();
/// The memory of a shared subscription, beyond its members.
const GROUP_BYTES: usize = 2 * size_of::<SharedGroup>();

/// The topic filters of all subscriptions.
///
/// It is a tree of levels in which a node stands where filters end or part, so there are at most
/// two nodes for each filter, however many levels it has.
///
/// # The cost of a match
///
/// A match visits a node at most once, because one way leads to it, and it does not visit what is
/// below a node if every filter there has another number of levels than the topic, or a `#` too
/// far down. So it costs no more than one look at each filter that agrees with the first levels
/// of the topic and has as many levels, whatever the wildcards: two visits for each at most.
///
/// Most of these filters match, and a message is then sent for each of them, which costs far more.
/// Those that do not match differ from the topic further down. To have many of them a client needs
/// as many subscriptions, whose number is limited. A visit takes about a tenth of a microsecond,
/// so 10,000 such filters make a message cost a millisecond or two, and a connection ends its turn
/// after that time.
#[derive(Default)]
pub(super) struct Tree {
    root: Node,
    memory_bytes: usize,
}

impl Tree {
    pub(super) fn insert(&mut self, filter: &TopicFilter, target: Target) {
        let filter = filter.as_bytes();
        let subscribers = self.root.subscribers_mut(&Way::new(filter));
        if subscribers.is_empty() {
            self.memory_bytes += FILTER_BYTES + filter.len();
        }
        if subscribers.insert(target) {
            self.memory_bytes += TARGET_BYTES;
        }
    }

    pub(super) fn remove(&mut self, filter: &TopicFilter, session: SessionNumber) {
        let filter = filter.as_bytes();
        let mut freed = 0;
        self.root.change(&Way::new(filter), &mut |subscribers| {
            if subscribers.remove(session) {
                freed += TARGET_BYTES;
                if subscribers.is_empty() {
                    freed += FILTER_BYTES + filter.len();
                }
            }
        });
        self.memory_bytes -= freed;
    }

    pub(super) fn insert_shared(&mut self, shared: &SharedFilter, member: Target) {
        let filter = shared.filter.as_bytes();
        let subscribers = self.root.subscribers_mut(&Way::new(filter));
        if subscribers.is_empty() {
            self.memory_bytes += FILTER_BYTES + filter.len();
        }
        if subscribers.group(&shared.group).is_none() {
            self.memory_bytes += GROUP_BYTES + shared.group.len();
        }
        if subscribers.group_or_new(&shared.group).insert(member) {
            self.memory_bytes += SharedGroup::MEMBER_BYTES;
        }
    }

    pub(super) fn remove_shared(&mut self, shared: &SharedFilter, session: SessionNumber) {
        let filter = shared.filter.as_bytes();
        let mut freed = 0;
        self.root.change(&Way::new(filter), &mut |subscribers| {
            let Some(group) = subscribers.group(&shared.group) else {
                return;
            };
            if !group.remove(session) {
                return;
            }
            freed += SharedGroup::MEMBER_BYTES;
            if group.is_empty() {
                subscribers.remove_group(&shared.group);
                freed += GROUP_BYTES + shared.group.len();
            }
            if subscribers.is_empty() {
                freed += FILTER_BYTES + filter.len();
            }
        });
        self.memory_bytes -= freed;
    }

    pub(super) fn group(&self, shared: &SharedFilter) -> Option<Arc<SharedGroup>> {
        let subscribers = self.root.subscribers(&Way::new(shared.filter.as_bytes()))?;
        subscribers.group(&shared.group).cloned()
    }

    /// Returns the subscribers whose filters match.
    pub(super) fn matches(&self, topic: &TopicName) -> Matches {
        let topic = topic.as_bytes();
        let mut search = Search::new(topic);
        self.root.search(topic, &mut search);
        search.matches
    }

    /// Returns the number of nodes that a match of the topic visits.
    #[cfg(test)]
    pub(super) fn visits(&self, topic: &TopicName) -> usize {
        let topic = topic.as_bytes();
        let mut search = Search::new(topic);
        self.root.search(topic, &mut search);
        search.visited
    }

    /// Returns about how many bytes of memory the tree holds.
    pub(super) fn memory_bytes(&self) -> usize {
        self.memory_bytes
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.root.is_empty()
    }
}
