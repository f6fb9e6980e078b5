use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, Ordering};

use foldhash::fast::FixedState;

use crate::protocol::{TopicFilter, TopicName};

const BUCKETS: usize = 256;

/// Counts changes of the tree, separately for filters that begin differently, so that
/// a remembered match stays good until a filter changes that could match its topic.
///
/// A filter is counted by its first two levels; where one of them is a wildcard, by
/// what stands before it. A topic's stamp is the sum of the counts that such filters
/// would have changed: counts only grow, so an equal stamp means that none did.
pub(super) struct Generations {
    all: AtomicU64,
    wildcard_first: AtomicU64,
    buckets: Box<[AtomicU64]>,
}

/// The state of the tree as far as it matters to one topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp(u64);

impl Generations {
    pub(super) fn new() -> Self {
        Self {
            all: AtomicU64::new(0),
            wildcard_first: AtomicU64::new(0),
            buckets: (0..BUCKETS).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    /// Counts a change of a subscription with this filter. The tree is locked meanwhile,
    /// so that nobody stamps the tree before the change with the count after it.
    pub(super) fn advance(&self, filter: &TopicFilter) {
        let is_wildcard = |level: &[u8]| matches!(level, b"+" | b"#");
        let (first, second) = two_levels(filter.as_bytes());
        let counter = match second {
            _ if is_wildcard(first) => &self.wildcard_first,
            Some(second) if !is_wildcard(second) => self.bucket((first, Some(second))),
            _ => self.bucket((first, None)),
        };
        counter.fetch_add(1, Ordering::Release);
        self.all.fetch_add(1, Ordering::Release);
    }

    /// Makes every stamp another one.
    pub(super) fn advance_all(&self) {
        self.wildcard_first.fetch_add(1, Ordering::Release);
        self.all.fetch_add(1, Ordering::Release);
    }

    /// How many changes there were; to be read before the tree is.
    pub(super) fn all(&self) -> u64 {
        self.all.load(Ordering::Acquire)
    }

    /// The stamp of the topic; to be taken before the tree is read.
    pub(super) fn stamp(&self, topic: &TopicName) -> Stamp {
        let (first, second) = two_levels(topic.as_bytes());
        let mut sum = self.wildcard_first.load(Ordering::Acquire);
        sum += self.bucket((first, None)).load(Ordering::Acquire);
        if second.is_some() {
            sum += self.bucket((first, second)).load(Ordering::Acquire);
        }
        Stamp(sum)
    }

    fn bucket(&self, levels: (&[u8], Option<&[u8]>)) -> &AtomicU64 {
        let hash = FixedState::default().hash_one(levels);
        &self.buckets[hash as usize % BUCKETS]
    }
}

fn two_levels(topic: &[u8]) -> (&[u8], Option<&[u8]>) {
    let mut levels = topic.splitn(3, |&byte| byte == b'/');
    (levels.next().unwrap_or_default(), levels.next())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_that_could_match_makes_a_topic_stale() {
        for (filter, topic) in [
            ("a", "a"),
            ("a/#", "a"),
            ("a/#", "a/b/c"),
            ("a/+", "a/b"),
            ("a/+/c", "a/b/c"),
            ("a/b/#", "a/b"),
            ("a/b/+", "a/b/c"),
            ("#", "a/b"),
            ("+/b", "a/b"),
            ("/a", "/a"),
        ] {
            let generations = Generations::new();
            let topic = TopicName::try_from(topic).unwrap();
            let before = generations.stamp(&topic);
            generations.advance(&TopicFilter::try_from(filter).unwrap());
            assert_ne!(generations.stamp(&topic), before, "{filter} {topic}");
        }
    }

    #[test]
    fn a_filter_elsewhere_leaves_a_topic_alone() {
        let generations = Generations::new();
        let topic = TopicName::try_from("house/kitchen/light").unwrap();
        let before = generations.stamp(&topic);
        generations.advance(&TopicFilter::try_from("house/garden/#").unwrap());
        generations.advance(&TopicFilter::try_from("office/#").unwrap());
        assert_eq!(generations.stamp(&topic), before);
    }
}
