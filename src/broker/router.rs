//! Which sessions a message goes to.

mod cache;
mod generations;
mod share;
mod tree;

#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use foldhash::fast::RandomState;
use parking_lot::RwLock;

use self::cache::MatchCaches;
use self::generations::Generations;
pub(super) use self::share::SharedGroup;
use self::tree::Tree;
use super::session::{Session, SessionNumber};
use crate::protocol::{QoS, SharedFilter, SubscriptionId, TopicFilter, TopicName};

/// All subscriptions of the broker.
///
/// A topic's match is found once by a walk of the tree and remembered by each worker
/// thread, so that the way of a message takes no lock; a change of the tree makes
/// stale only what it can affect.
pub(super) struct Router {
    tree: RwLock<Tree>,
    generations: Generations,
    caches: MatchCaches,
}

/// Where messages on one topic go.
#[derive(Debug, Default)]
pub(super) struct Matches {
    /// One for each matching subscription.
    pub(super) targets: Vec<Target>,
    /// The groups that share a matching subscription; one member of each gets a message.
    pub(super) groups: Vec<Arc<SharedGroup>>,
    /// Whether a session is in `targets` more than once.
    pub(super) has_repeats: bool,
}

impl Matches {
    pub(super) fn is_empty(&self) -> bool {
        self.targets.is_empty() && self.groups.is_empty()
    }

    /// Those of the sessions that may get the messages.
    fn only(mut self, may_read: impl Fn(&Session) -> bool) -> Self {
        self.targets.retain(|target| may_read(&target.session));
        self.groups.retain_mut(|group| match group.only(&may_read) {
            None => true,
            Some(rest) => {
                let is_left = !rest.is_empty();
                *group = Arc::new(rest);
                is_left
            }
        });
        let mut sessions =
            HashSet::with_capacity_and_hasher(self.targets.len(), RandomState::default());
        let mut numbers = self.targets.iter().map(|target| target.session.number());
        self.has_repeats = !numbers.all(|number| sessions.insert(number));
        self
    }

    /// Whether a message goes to one session only, once.
    pub(super) fn is_exclusive(&self) -> bool {
        self.targets.len() + self.groups.len() == 1
    }
}

/// A session and how it wants its messages.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) session: Arc<Session>,
    pub(super) terms: Terms,
}

/// What a subscription says about the messages that it brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Terms {
    /// The highest QoS of delivery.
    pub(super) qos: QoS,
    pub(super) no_local: bool,
    pub(super) retain_as_published: bool,
    pub(super) subscription_id: Option<SubscriptionId>,
    /// Which of the session's shared subscriptions it is, if it is one.
    pub(super) share: Option<ShareId>,
}

static NEXT_SHARE: AtomicU64 = AtomicU64::new(1);

/// Tells the shared subscriptions of a session apart, so that what one of them brought
/// can go to another member when the session ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ShareId(NonZeroU64);

impl ShareId {
    /// An identifier that no subscription had before.
    pub(super) fn unused() -> Self {
        let number = NEXT_SHARE.fetch_add(1, Ordering::Relaxed);
        Self(NonZeroU64::new(number).unwrap_or(NonZeroU64::MIN))
    }

    /// The identifier of a subscription that was stored; no other gets it.
    pub(super) fn from_stored(number: u64) -> Option<Self> {
        let number = NonZeroU64::new(number)?;
        NEXT_SHARE.fetch_max(number.get().saturating_add(1), Ordering::Relaxed);
        Some(Self(number))
    }

    pub(super) fn get(self) -> u64 {
        self.0.get()
    }
}

impl Router {
    pub(super) fn new() -> Self {
        Self {
            tree: RwLock::new(Tree::default()),
            generations: Generations::new(),
            caches: MatchCaches::new(),
        }
    }

    /// Adds a subscription, or replaces the one with the same filter [MQTT-3.8.4-3].
    pub(super) fn subscribe(&self, filter: &TopicFilter, session: &Arc<Session>, terms: Terms) {
        let target = Target {
            session: Arc::clone(session),
            terms,
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
    pub(super) fn unsubscribe(&self, filter: &TopicFilter, session: SessionNumber) {
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
    pub(super) fn matches(
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
    pub(super) fn changes(&self) -> u64 {
        self.generations.all()
    }

    /// The members of a shared subscription, if there are any.
    pub(super) fn group(&self, shared: &SharedFilter) -> Option<Arc<SharedGroup>> {
        self.tree.read().group(shared)
    }

    /// Makes all remembered matches stale.
    pub(super) fn forget_matches(&self) {
        self.generations.advance_all();
    }
}
