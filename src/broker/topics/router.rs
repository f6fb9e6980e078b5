//! The sessions that a message goes to.

mod cache;
mod generations;
mod matches;
mod node;
mod path;
mod reach;
mod share;
mod subscribers;
mod target;
mod tree;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use parking_lot::RwLock;

use self::cache::MatchCaches;
use self::generations::Generations;
pub(in crate::broker) use self::matches::Matches;
pub(in crate::broker) use self::share::SharedGroup;
pub(in crate::broker) use self::target::Target;
use self::tree::Tree;
use crate::broker::ground::{GrantedOptions, SessionNumber};
use crate::broker::session::Session;
use crate::protocol::{SharedFilter, TopicFilter, TopicName};

/// All subscriptions of the broker.
///
/// A topic's match is found once by a walk of the tree and remembered by each worker
/// thread, so that the way of a message takes no lock; a change of the tree makes
/// stale only what it can affect.
pub(in crate::broker) struct Router {
    tree: RwLock<Tree>,
    generations: Generations,
    caches: MatchCaches,
}

impl Router {
    pub(in crate::broker) fn new() -> Self {
        Self {
            tree: RwLock::new(Tree::default()),
            generations: Generations::new(),
            caches: MatchCaches::new(),
        }
    }

    /// Adds a subscription, or replaces the one with the same filter [MQTT-3.8.4-3].
    pub(in crate::broker) fn subscribe(
        &self,
        filter: &TopicFilter,
        session: &Arc<Session>,
        granted: GrantedOptions,
    ) {
        let target = Target {
            session: Arc::clone(session),
            granted,
        };
        let mut tree = self.tree.write();
        match filter.shared() {
            Some(shared) => {
                tree.insert_shared(&shared, target);
                self.generations.advance(&shared.filter);
            }
            None => {
                tree.insert(filter, target);
                self.generations.advance(filter);
            }
        }
    }

    /// Takes a subscription away, if there is one.
    pub(in crate::broker) fn unsubscribe(&self, filter: &TopicFilter, session: SessionNumber) {
        let mut tree = self.tree.write();
        match filter.shared() {
            Some(shared) => {
                tree.remove_shared(&shared, session);
                self.generations.advance(&shared.filter);
            }
            None => {
                tree.remove(filter, session);
                self.generations.advance(filter);
            }
        }
    }

    /// Returns the receivers of messages on the topic.
    ///
    /// With `may_read` only those sessions are among them that it is true for, and groups that
    /// have such a member. The answers are remembered, too, so after a change of rights call
    /// [`Router::forget_matches`].
    pub(in crate::broker) fn matches(
        &self,
        topic: &TopicName,
        may_read: Option<impl Fn(&Session) -> bool>,
    ) -> Arc<Matches> {
        let stamp = self.generations.stamp(topic);
        self.caches.get_or_insert_with(topic, stamp, || {
            let mut matches = self.tree.read().matches(topic);
            if let Some(may_read) = may_read {
                matches.retain_readers(may_read);
            }
            matches.finish();
            matches
        })
    }

    /// A count of all changes of what [`Router::matches`] finds. As long as it is the same,
    /// so are the matches.
    pub(in crate::broker) fn changes(&self) -> u64 {
        self.generations.all()
    }

    /// The members of a shared subscription, if there are any.
    pub(in crate::broker) fn group(&self, shared: &SharedFilter) -> Option<Arc<SharedGroup>> {
        self.tree.read().group(shared)
    }

    /// Makes all remembered matches stale.
    pub(in crate::broker) fn forget_matches(&self) {
        self.generations.advance_all();
    }

    /// Lets a session that is connected again take turns in the groups of its shared
    /// subscriptions.
    pub(in crate::broker) fn bring_back(&self, shared: &SharedFilter, session: SessionNumber) {
        if let Some(group) = self.group(shared) {
            group.bring_back(session);
        }
    }

    /// Forgets matches that were not used lately, if subscriptions have changed. Call this
    /// regularly, or the sessions of clients that are gone stay in memory.
    pub(in crate::broker) fn forget_unused_matches(&self) {
        self.caches.age(self.generations.all());
    }

    /// Returns about how many bytes of memory subscriptions and remembered matches hold, beyond
    /// what sessions have of them.
    pub(in crate::broker) fn memory_bytes(&self) -> usize {
        self.tree.read().memory_bytes() + self.caches.memory_bytes()
    }
}
