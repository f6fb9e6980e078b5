use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use foldhash::fast::RandomState;

use super::matches::Matches;
use super::share::SharedGroup;
use super::target::Target;
use crate::broker::ground::SessionNumber;
use crate::protocol::{SharedFilter, TopicFilter, TopicName, levels};

/// The topic filters of all subscriptions, level by level.
#[derive(Default)]
pub(super) struct Tree {
    root: Node,
}

#[derive(Default)]
struct Node {
    levels: HashMap<Box<[u8]>, Node, RandomState>,
    /// What follows a `+`.
    plus: Option<Box<Node>>,
    /// Those whose filter ends here.
    here: Subscribers,
    /// Those whose filter ends with a `#` after this level.
    hash: Subscribers,
}

#[derive(Default)]
struct Subscribers(Option<Box<SubscriberTable>>);

#[derive(Default)]
struct SubscriberTable {
    targets: HashMap<SessionNumber, Target, RandomState>,
    groups: HashMap<Bytes, Arc<SharedGroup>, RandomState>,
}

impl Tree {
    pub(super) fn insert(&mut self, filter: &TopicFilter, target: Target) {
        let table = self.root.subscribers(filter).table();
        table.targets.insert(target.session.number(), target);
    }

    pub(super) fn remove(&mut self, filter: &TopicFilter, session: SessionNumber) {
        self.root
            .prune(&mut levels(filter.as_bytes()), &mut |table| {
                table.targets.remove(&session);
            });
    }

    pub(super) fn insert_shared(&mut self, shared: &SharedFilter, member: Target) {
        let table = self.root.subscribers(&shared.filter).table();
        let group = match table.groups.get(&shared.group) {
            Some(group) => group.with(member),
            None => SharedGroup::default().with(member),
        };
        table
            .groups
            .insert(Bytes::copy_from_slice(&shared.group), Arc::new(group));
    }

    pub(super) fn remove_shared(&mut self, shared: &SharedFilter, session: SessionNumber) {
        self.root
            .prune(&mut levels(shared.filter.as_bytes()), &mut |table| {
                let Some(group) = table.groups.get_mut(&shared.group) else {
                    return;
                };
                let rest = group.without(session);
                if rest.is_empty() {
                    table.groups.remove(&shared.group);
                } else {
                    *group = Arc::new(rest);
                }
            });
    }

    pub(super) fn group(&self, shared: &SharedFilter) -> Option<Arc<SharedGroup>> {
        let mut node = &self.root;
        let mut levels = levels(shared.filter.as_bytes());
        let subscribers = loop {
            node = match levels.next() {
                None => break &node.here,
                Some(b"#") => break &node.hash,
                Some(b"+") => node.plus.as_ref()?,
                Some(level) => node.levels.get(level)?,
            };
        };
        subscribers.0.as_ref()?.groups.get(&shared.group).cloned()
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.root.is_empty()
    }

    pub(super) fn matches(&self, topic: &TopicName) -> Matches {
        let mut matches = Matches::default();
        let bytes = topic.as_bytes();
        // A leading wildcard matches no topic that begins with `$` [MQTT-4.7.2-1].
        let wildcards = bytes[0] != b'$';
        self.root.collect(levels(bytes), wildcards, &mut matches);
        matches
    }
}

impl Node {
    /// The subscribers of the filter; the way to them is made.
    fn subscribers(&mut self, filter: &TopicFilter) -> &mut Subscribers {
        let mut node = self;
        for level in levels(filter.as_bytes()) {
            node = match level {
                b"#" => return &mut node.hash,
                b"+" => node.plus.get_or_insert_default(),
                _ => node.levels.entry(level.into()).or_default(),
            };
        }
        &mut node.here
    }

    /// Changes the subscribers of a filter, if there are any, and takes away what has
    /// become empty on the way to them.
    fn prune<'a>(
        &mut self,
        levels: &mut impl Iterator<Item = &'a [u8]>,
        change: &mut impl FnMut(&mut SubscriberTable),
    ) {
        match levels.next() {
            None => self.here.change(change),
            Some(b"#") => self.hash.change(change),
            Some(b"+") => {
                if let Some(plus) = &mut self.plus {
                    plus.prune(levels, change);
                    if plus.is_empty() {
                        self.plus = None;
                    }
                }
            }
            Some(level) => {
                if let Some(node) = self.levels.get_mut(level) {
                    node.prune(levels, change);
                    if node.is_empty() {
                        self.levels.remove(level);
                    }
                }
            }
        }
    }

    fn collect<'a>(
        &self,
        mut levels: impl Iterator<Item = &'a [u8]> + Clone,
        wildcards: bool,
        matches: &mut Matches,
    ) {
        if wildcards {
            self.hash.collect(matches);
        }
        let Some(level) = levels.next() else {
            self.here.collect(matches);
            return;
        };
        if let Some(node) = self.levels.get(level) {
            node.collect(levels.clone(), true, matches);
        }
        if wildcards && let Some(plus) = &self.plus {
            plus.collect(levels, true, matches);
        }
    }

    fn is_empty(&self) -> bool {
        self.levels.is_empty()
            && self.plus.is_none()
            && self.here.0.is_none()
            && self.hash.0.is_none()
    }
}

impl Subscribers {
    fn table(&mut self) -> &mut SubscriberTable {
        self.0.get_or_insert_default()
    }

    fn change(&mut self, change: &mut impl FnMut(&mut SubscriberTable)) {
        let Some(table) = &mut self.0 else { return };
        change(table);
        if table.targets.is_empty() && table.groups.is_empty() {
            self.0 = None;
        }
    }

    fn collect(&self, matches: &mut Matches) {
        if let Some(table) = &self.0 {
            matches.targets.extend(table.targets.values().cloned());
            matches.groups.extend(table.groups.values().cloned());
        }
    }
}
