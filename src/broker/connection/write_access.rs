//! Where a client may publish, remembered so that rules cost a message next to nothing.

use std::collections::HashMap;

use bytes::Bytes;
use foldhash::fast::RandomState;

use crate::protocol::TopicName;

/// So many topics are remembered at most.
const MAX_TOPICS: usize = 1024;
/// Longer topics are not remembered.
const MAX_TOPIC_LENGTH: usize = 512;

/// What was decided about the topics of one client since the rules last changed.
#[derive(Default)]
pub(super) struct WriteAccess {
    epoch: u64,
    topics: HashMap<Bytes, bool, RandomState>,
}

impl WriteAccess {
    /// Returns what was decided about a topic, or decides now.
    pub(super) fn get_or_insert_with(
        &mut self,
        epoch: u64,
        topic: &TopicName,
        decide: impl FnOnce() -> bool,
    ) -> bool {
        let topic = topic.as_bytes();
        if self.epoch != epoch || self.topics.len() >= MAX_TOPICS {
            *self = Self {
                epoch,
                topics: HashMap::default(),
            };
        }
        if let Some(&allowed) = self.topics.get(topic) {
            return allowed;
        }
        let allowed = decide();
        if topic.len() <= MAX_TOPIC_LENGTH {
            self.topics.insert(Bytes::copy_from_slice(topic), allowed);
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topic(name: &str) -> TopicName {
        TopicName::try_from(name).unwrap()
    }

    #[test]
    fn a_decision_is_remembered_until_the_rules_change() {
        let mut access = WriteAccess::default();
        assert!(access.get_or_insert_with(1, &topic("a"), || true));
        assert!(access.get_or_insert_with(1, &topic("a"), || unreachable!()));
        assert!(!access.get_or_insert_with(1, &topic("b"), || false));
        assert!(!access.get_or_insert_with(2, &topic("a"), || false));
    }

    #[test]
    fn a_client_with_many_topics_takes_no_more_memory() {
        let mut access = WriteAccess::default();
        for number in 0..3 * MAX_TOPICS {
            access.get_or_insert_with(1, &topic(&format!("t/{number}")), || true);
            assert!(access.topics.len() <= MAX_TOPICS);
        }
    }
}
