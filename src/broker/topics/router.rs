//! Which sessions a message goes to.

mod cache;
mod generations;
mod matches;
mod share;
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

    /// Where messages on the topic go: to those that match and that `may_read`. Both are
    /// found out once, so what a session may read must not change without
    /// [`Router::forget_matches`].
    pub(in crate::broker) fn matches(
        &self,
        topic: &TopicName,
        may_read: impl Fn(&Session) -> bool,
    ) -> Arc<Matches> {
        let stamp = self.generations.stamp(topic);
        self.caches.get_or_insert_with(topic, stamp, || {
            self.tree.read().matches(topic).only(may_read)
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
}
