use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use foldhash::fast::RandomState;
use parking_lot::Mutex;
use thread_local::ThreadLocal;

use super::generations::Stamp;
use super::matches::Matches;
use crate::protocol::TopicName;

/// The memory of each half of what one thread remembers.
const MAX_BYTES: usize = 4 * 1024 * 1024;
/// Longer topics are not remembered.
const MAX_TOPIC_LENGTH: usize = 512;
/// The memory of a topic's place, beyond its name and its matches.
const ENTRY_BYTES: usize = 2 * size_of::<(Bytes, Remembered)>();

/// The matches that each worker thread remembers for itself.
///
/// Only [`MatchCaches::age`] looks into the cache of another thread, and it holds the lock for
/// as long as it takes to exchange two pointers.
pub(super) struct MatchCaches {
    threads: ThreadLocal<Mutex<MatchCache>>,
    /// The count of changes of the tree at the last two calls of [`MatchCaches::age`].
    changes: [AtomicU64; 2],
}

/// The matches used since the last call of [`MatchCaches::age`], and the others.
#[derive(Default)]
struct MatchCache {
    recent: Topics,
    earlier: Topics,
}

#[derive(Default)]
struct Topics {
    matches: HashMap<Bytes, Remembered, RandomState>,
    memory_bytes: usize,
}

struct Remembered {
    stamp: Stamp,
    matches: Arc<Matches>,
    memory_bytes: usize,
}

impl MatchCaches {
    pub(super) fn new() -> Self {
        Self {
            threads: ThreadLocal::new(),
            changes: Default::default(),
        }
    }

    /// Returns what is remembered for the topic under this stamp, or else what `walk` finds.
    pub(super) fn get_or_insert_with(
        &self,
        topic: &TopicName,
        stamp: Stamp,
        walk: impl FnOnce() -> Matches,
    ) -> Arc<Matches> {
        let cache = self.threads.get_or_default();
        if let Some(matches) = cache.lock().get(topic.as_bytes(), stamp) {
            return matches;
        }
        let matches = Arc::new(walk());
        let evicted = cache.lock().insert(topic, stamp, &matches);
        drop(evicted);
        matches
    }

    /// Forgets what was not used since the call before this one, if the tree has changed.
    ///
    /// `changes` counts the changes of the tree. Called regularly, this frees what is stale, and
    /// with it the sessions that have ended, after two rounds at the latest.
    pub(super) fn age(&self, changes: u64) {
        let [last, last_but_one] = &self.changes;
        let last = last.swap(changes, Ordering::Relaxed);
        let last_but_one = last_but_one.swap(last, Ordering::Relaxed);
        if changes == last && last == last_but_one {
            return;
        }
        for cache in &self.threads {
            let forgotten = cache.lock().age();
            drop(forgotten);
        }
    }

    /// Returns about how many bytes of memory all threads hold for this.
    pub(super) fn memory_bytes(&self) -> usize {
        let caches = self.threads.iter();
        caches.map(|cache| cache.lock().memory_bytes()).sum()
    }
}

impl MatchCache {
    fn get(&mut self, topic: &[u8], stamp: Stamp) -> Option<Arc<Matches>> {
        if let Some(remembered) = self.recent.matches.get(topic) {
            return (remembered.stamp == stamp).then(|| Arc::clone(&remembered.matches));
        }
        let (topic, remembered) = self.earlier.remove(topic)?;
        if remembered.stamp != stamp {
            return None;
        }
        let matches = Arc::clone(&remembered.matches);
        self.recent.insert(topic, remembered);
        Some(matches)
    }

    /// Remembers the matches of a topic. Returns what is forgotten for it.
    fn insert(&mut self, topic: &TopicName, stamp: Stamp, matches: &Arc<Matches>) -> Topics {
        let topic = topic.as_bytes();
        let memory_bytes = ENTRY_BYTES + topic.len() + matches.memory_bytes();
        self.recent.remove(topic);
        if topic.len() > MAX_TOPIC_LENGTH || memory_bytes > MAX_BYTES / 2 {
            return Topics::default();
        }
        let evicted = match self.recent.memory_bytes + memory_bytes > MAX_BYTES {
            true => self.age(),
            false => Topics::default(),
        };
        let remembered = Remembered {
            stamp,
            matches: Arc::clone(matches),
            memory_bytes,
        };
        self.recent
            .insert(Bytes::copy_from_slice(topic), remembered);
        evicted
    }

    /// Returns what was not used for long.
    fn age(&mut self) -> Topics {
        let recent = std::mem::take(&mut self.recent);
        std::mem::replace(&mut self.earlier, recent)
    }

    fn memory_bytes(&self) -> usize {
        self.recent.memory_bytes + self.earlier.memory_bytes
    }
}

impl Topics {
    fn insert(&mut self, topic: Bytes, remembered: Remembered) {
        self.memory_bytes += remembered.memory_bytes;
        self.matches.insert(topic, remembered);
    }

    fn remove(&mut self, topic: &[u8]) -> Option<(Bytes, Remembered)> {
        let (topic, remembered) = self.matches.remove_entry(topic)?;
        self.memory_bytes -= remembered.memory_bytes;
        Some((topic, remembered))
    }
}
