use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use foldhash::fast::RandomState;
use thread_local::ThreadLocal;

use super::generations::Stamp;
use super::matches::Matches;
use crate::protocol::TopicName;

/// What one thread remembers at most: topics and targets together.
const MAX_COST: usize = 65_536;
/// Longer topics are not remembered.
const MAX_TOPIC_LENGTH: usize = 512;

/// The matches that each worker thread remembers for itself.
pub(super) struct MatchCaches {
    threads: ThreadLocal<RefCell<MatchCache>>,
}

#[derive(Default)]
struct MatchCache {
    topics: HashMap<Bytes, Remembered, RandomState>,
    cost: usize,
}

struct Remembered {
    stamp: Stamp,
    matches: Arc<Matches>,
}

impl MatchCaches {
    pub(super) fn new() -> Self {
        Self {
            threads: ThreadLocal::new(),
        }
    }

    /// What is remembered for the topic under this stamp, or else what `walk` finds.
    pub(super) fn get_or_insert_with(
        &self,
        topic: &TopicName,
        stamp: Stamp,
        walk: impl FnOnce() -> Matches,
    ) -> Arc<Matches> {
        let mut cache = self.threads.get_or_default().borrow_mut();
        if let Some(remembered) = cache.topics.get(topic.as_bytes())
            && remembered.stamp == stamp
        {
            return Arc::clone(&remembered.matches);
        }
        let matches = Arc::new(walk());
        cache.insert(topic, stamp, &matches);
        matches
    }
}

impl MatchCache {
    fn insert(&mut self, topic: &TopicName, stamp: Stamp, matches: &Arc<Matches>) {
        let cost = 1 + matches.targets.len();
        if topic.as_bytes().len() > MAX_TOPIC_LENGTH || cost > MAX_COST / 2 {
            return;
        }
        if self.cost + cost > MAX_COST {
            // Starting anew is rare, cheap, and lets go of sessions that have ended.
            *self = Self::default();
        }
        let remembered = Remembered {
            stamp,
            matches: Arc::clone(matches),
        };
        if let Some(known) = self.topics.get_mut(topic.as_bytes()) {
            self.cost -= known.matches.targets.len();
            self.cost += matches.targets.len();
            *known = remembered;
            return;
        }
        self.cost += cost;
        self.topics
            .insert(Bytes::copy_from_slice(topic.as_bytes()), remembered);
    }
}
