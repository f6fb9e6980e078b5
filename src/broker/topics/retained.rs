//! The retained messages: the last of each topic.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use foldhash::fast::RandomState;
use parking_lot::RwLock;

use crate::broker::ground::{Identity, Millis};
use crate::broker::message::Message;
use crate::broker::persistence::{
    Key, MessageRecord, Record, StoredMessage, StoredRecord, Ticket, Urgency,
};
use crate::protocol::{QoS, TopicFilter, TopicName, levels};

/// The retained messages of the broker.
#[derive(Default)]
pub(in crate::broker) struct RetainedMessages {
    root: RwLock<Node>,
    messages: AtomicUsize,
    payload_bytes: AtomicUsize,
}

#[derive(Default)]
struct Node {
    levels: HashMap<Box<[u8]>, Node, RandomState>,
    kept: Option<Kept>,
}

struct Kept {
    retained: Retained,
    /// What the store has of it; the same for all messages of the topic.
    record: Option<Box<StoredRecord>>,
}

/// A retained message.
#[derive(Clone)]
pub(in crate::broker) struct Retained {
    pub(in crate::broker) message: Arc<Message>,
    /// The client that published it, for `check_retain_source`.
    pub(in crate::broker) source: Option<Arc<Identity>>,
}

impl RetainedMessages {
    /// Keeps the message for its topic instead of the one that was kept before
    /// [MQTT-3.3.1-5]; an empty payload only takes that one away [MQTT-3.3.1-6]. The
    /// ticket waits until the store has it so.
    pub(in crate::broker) fn set(
        &self,
        message: &Arc<Message>,
        source: Option<&Arc<Identity>>,
        ticket: &Ticket<'_>,
    ) {
        let mut root = self.root.write();
        let mut levels = levels(message.topic.as_bytes());
        if message.payload.is_empty() {
            let removed = root.remove(&mut levels);
            self.uncount(removed.as_ref());
            let is_stored = removed.is_some_and(|removed| removed.record.is_some());
            if is_stored {
                ticket.wait_for_all();
            }
            return;
        }
        let node = levels.fold(&mut *root, |node, level| {
            node.levels.entry(level.into()).or_default()
        });
        let mut earlier = node.kept.take();
        self.uncount(earlier.as_ref());
        let known = earlier.as_mut().and_then(|earlier| earlier.record.take());
        let record = known.or_else(|| new_record(message, ticket));
        if let Some(record) = &record {
            let message_record = MessageRecord {
                source: source.map(|source| (**source).clone()),
                ..message.to_record()
            };
            let stored = Record::Message(Box::new(message_record));
            match message.qos {
                QoS::AtMostOnce => record.put(stored, Urgency::Lazy, None),
                QoS::AtLeastOnce | QoS::ExactlyOnce => {
                    record.put(stored, Urgency::Immediate, Some(ticket));
                }
            }
        }
        let retained = Retained {
            message: Arc::clone(message),
            source: source.cloned(),
        };
        self.count(node.kept.insert(Kept { retained, record }));
    }

    /// Takes back a message that the store has.
    pub(in crate::broker) fn restore(&self, retained: Retained, record: Box<StoredRecord>) {
        let mut root = self.root.write();
        let topic = retained.message.topic.clone();
        let node = levels(topic.as_bytes()).fold(&mut *root, |node, level| {
            node.levels.entry(level.into()).or_default()
        });
        let record = Some(record);
        self.uncount(node.kept.as_ref());
        self.count(node.kept.insert(Kept { retained, record }));
    }

    fn count(&self, kept: &Kept) {
        let length = kept.retained.message.payload.len();
        self.messages.fetch_add(1, Ordering::Relaxed);
        self.payload_bytes.fetch_add(length, Ordering::Relaxed);
    }

    fn uncount(&self, gone: Option<&Kept>) {
        if let Some(kept) = gone {
            let length = kept.retained.message.payload.len();
            self.messages.fetch_sub(1, Ordering::Relaxed);
            self.payload_bytes.fetch_sub(length, Ordering::Relaxed);
        }
    }

    /// How many messages there are, and the bytes of their payloads.
    pub(in crate::broker) fn size(&self) -> (usize, usize) {
        (
            self.messages.load(Ordering::Relaxed),
            self.payload_bytes.load(Ordering::Relaxed),
        )
    }

    /// Whether the topic has a retained message.
    pub(in crate::broker) fn contains(&self, topic: &TopicName) -> bool {
        let root = self.root.read();
        let mut node = &*root;
        for level in levels(topic.as_bytes()) {
            match node.levels.get(level) {
                Some(next) => node = next,
                None => return false,
            }
        }
        node.kept.is_some()
    }

    /// The retained messages that the filter asks for and that have not expired.
    pub(in crate::broker) fn matching(&self, filter: &TopicFilter, now: Millis) -> Vec<Retained> {
        let mut found = Vec::new();
        let root = self.root.read();
        root.collect(levels(filter.as_bytes()), true, &mut |retained| {
            if !retained.message.is_expired(now) {
                found.push(retained.clone());
            }
        });
        found
    }

    /// Takes away what has expired.
    pub(in crate::broker) fn remove_expired(&self, now: Millis) {
        let gone = |kept: &Kept| self.uncount(Some(kept));
        self.root.write().remove_expired(now, &gone);
    }
}

/// The record of a topic's first message; what the broker says of itself has none.
fn new_record(message: &Message, ticket: &Ticket<'_>) -> Option<Box<StoredRecord>> {
    let persistence = ticket.persistence()?;
    if message.topic.as_bytes().starts_with(b"$SYS/") {
        return None;
    }
    Some(persistence.record(Key::Retained(persistence.unused_number())))
}

impl Node {
    fn remove<'a>(&mut self, levels: &mut impl Iterator<Item = &'a [u8]>) -> Option<Kept> {
        let Some(level) = levels.next() else {
            return self.kept.take();
        };
        let node = self.levels.get_mut(level)?;
        let removed = node.remove(levels);
        if node.is_empty() {
            self.levels.remove(level);
        }
        removed
    }

    fn remove_expired(&mut self, now: Millis, gone: &impl Fn(&Kept)) {
        let is_expired = |kept: &mut Kept| kept.retained.message.is_expired(now);
        if let Some(expired) = self.kept.take_if(is_expired) {
            gone(&expired);
        }
        self.levels.retain(|_, node| {
            node.remove_expired(now, gone);
            !node.is_empty()
        });
    }

    fn collect<'a>(
        &self,
        mut filter: impl Iterator<Item = &'a [u8]> + Clone,
        is_root: bool,
        found: &mut impl FnMut(&Retained),
    ) {
        match filter.next() {
            None => self.retained().into_iter().for_each(found),
            Some(b"#") => self.collect_all(is_root, found),
            Some(b"+") => {
                for (level, node) in &self.levels {
                    if !(is_root && level.starts_with(b"$")) {
                        node.collect(filter.clone(), false, found);
                    }
                }
            }
            Some(level) => {
                if let Some(node) = self.levels.get(level) {
                    node.collect(filter, false, found);
                }
            }
        }
    }

    /// Everything from here on; a leading `#` leaves out topics that begin with `$`.
    fn collect_all(&self, is_root: bool, found: &mut impl FnMut(&Retained)) {
        self.retained().into_iter().for_each(&mut *found);
        for (level, node) in &self.levels {
            if !(is_root && level.starts_with(b"$")) {
                node.collect_all(false, found);
            }
        }
    }

    fn is_empty(&self) -> bool {
        self.levels.is_empty() && self.kept.is_none()
    }

    fn retained(&self) -> Option<&Retained> {
        self.kept.as_ref().map(|kept| &kept.retained)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::protocol::Properties;

    fn retained(topics: &[&str]) -> RetainedMessages {
        let store = RetainedMessages::default();
        for topic in topics {
            store.set(&message(topic, "x", None), None, &Ticket::new(None));
        }
        store
    }

    fn message(topic: &str, payload: &'static str, expires_at: Option<Millis>) -> Arc<Message> {
        Arc::new(Message {
            topic: TopicName::try_from(topic).unwrap(),
            payload: Bytes::from_static(payload.as_bytes()),
            qos: QoS::AtMostOnce,
            retain: true,
            properties: Properties::EMPTY,
            expires_at,
            publisher: None,
            stored: Default::default(),
        })
    }

    fn found(store: &RetainedMessages, filter: &str) -> Vec<String> {
        let filter = TopicFilter::try_from(filter).unwrap();
        let mut topics: Vec<_> = store
            .matching(&filter, 0)
            .iter()
            .map(|retained| retained.message.topic.to_string())
            .collect();
        topics.sort();
        topics
    }

    #[test]
    fn a_filter_finds_the_topics_that_it_matches() {
        let store = retained(&["a", "a/b", "a/b/c", "été/salon", "$SYS/x", "/a"]);
        assert_eq!(found(&store, "#"), ["/a", "a", "a/b", "a/b/c", "été/salon"]);
        assert_eq!(found(&store, "a/#"), ["a", "a/b", "a/b/c"]);
        assert_eq!(found(&store, "+"), ["a"]);
        assert_eq!(found(&store, "+/+"), ["/a", "a/b", "été/salon"]);
        assert_eq!(found(&store, "a/+/c"), ["a/b/c"]);
        assert_eq!(found(&store, "$SYS/#"), ["$SYS/x"]);
    }

    #[test]
    fn an_empty_payload_takes_the_message_away_and_leaves_no_trace() {
        let store = retained(&["a/b/c"]);
        assert_eq!(store.size(), (1, 1));
        store.set(&message("a/b/c", "", None), None, &Ticket::new(None));
        assert!(store.root.read().is_empty());
        assert_eq!(store.size(), (0, 0));
    }

    #[test]
    fn what_has_expired_is_neither_found_nor_kept() {
        let store = RetainedMessages::default();
        store.set(&message("a", "x", Some(5)), None, &Ticket::new(None));
        let filter = TopicFilter::try_from("a").unwrap();
        assert_eq!(store.matching(&filter, 4).len(), 1);
        assert_eq!(store.matching(&filter, 5).len(), 0);
        store.remove_expired(5);
        assert!(store.root.read().is_empty());
    }
}
