use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::RwLock;

use super::topic_order::write_key;
use crate::broker::ground::{Identity, Millis};
use crate::broker::message::Message;
use crate::broker::persistence::{
    Key, MessageRecord, Record, StoredMessage, StoredRecord, Ticket, Urgency,
};
use crate::protocol::{QoS, TopicName};

/// The memory of a message's place in the map, beyond its key and the message.
const ENTRY_BYTES: usize = 128;

thread_local! {
    /// The key of a topic, before it is in the map.
    static KEY: RefCell<Vec<u8>> = RefCell::default();
}

/// The retained messages of the broker.
///
/// One ordered map holds them, so that a level of a topic costs its bytes and nothing more. A
/// filter is a walk through the map that jumps over what cannot match. It can stop anywhere and
/// continue later, whatever has changed meanwhile.
#[derive(Default)]
pub(in crate::broker) struct RetainedMessages {
    pub(super) topics: RwLock<Topics>,
    messages: AtomicUsize,
    payload_bytes: AtomicUsize,
    memory_bytes: AtomicUsize,
    /// Messages that expire at some time.
    expiring: AtomicUsize,
}

#[derive(Default)]
pub(super) struct Topics {
    pub(super) by_key: BTreeMap<Box<[u8]>, Kept>,
    /// Counts the messages that were ever kept.
    pub(super) revision: u64,
}

pub(super) struct Kept {
    pub(super) retained: Retained,
    /// The count of messages when this one was kept.
    pub(super) revision: u64,
    /// Its record in the store; the same for all messages of the topic.
    record: Option<Box<StoredRecord>>,
}

/// A retained message.
#[derive(Clone, Debug)]
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
        if message.payload.is_empty() {
            let removed = with_key(&message.topic, |key| self.topics.write().by_key.remove(key));
            self.uncount(removed.as_ref());
            let is_stored = removed.is_some_and(|removed| removed.record.is_some());
            if is_stored {
                ticket.wait_for_all();
            }
            return;
        }
        let retained = Retained {
            message: Arc::clone(message),
            source: source.cloned(),
        };
        let earlier = self.topics.write().put(retained, |known| {
            let record = known.or_else(|| new_record(message, ticket));
            if let Some(record) = &record {
                store(message, source, record, ticket);
            }
            record
        });
        self.count(message);
        self.uncount(earlier.as_ref());
    }

    /// Takes back a message that the store has.
    pub(in crate::broker) fn restore(&self, retained: Retained, record: Box<StoredRecord>) {
        let message = Arc::clone(&retained.message);
        let earlier = self.topics.write().put(retained, |_| Some(record));
        self.count(&message);
        self.uncount(earlier.as_ref());
    }

    fn count(&self, message: &Message) {
        let length = message.payload.len();
        self.messages.fetch_add(1, Ordering::Relaxed);
        self.payload_bytes.fetch_add(length, Ordering::Relaxed);
        self.memory_bytes
            .fetch_add(memory_of(message), Ordering::Relaxed);
        let expires = usize::from(message.expires_at.is_some());
        self.expiring.fetch_add(expires, Ordering::Relaxed);
    }

    fn uncount(&self, gone: Option<&Kept>) {
        let Some(Kept { retained, .. }) = gone else {
            return;
        };
        let message = &retained.message;
        let length = message.payload.len();
        self.messages.fetch_sub(1, Ordering::Relaxed);
        self.payload_bytes.fetch_sub(length, Ordering::Relaxed);
        self.memory_bytes
            .fetch_sub(memory_of(message), Ordering::Relaxed);
        let expires = usize::from(message.expires_at.is_some());
        self.expiring.fetch_sub(expires, Ordering::Relaxed);
    }

    /// Returns the number of messages and the bytes of their payloads.
    pub(in crate::broker) fn size(&self) -> (usize, usize) {
        (
            self.messages.load(Ordering::Relaxed),
            self.payload_bytes.load(Ordering::Relaxed),
        )
    }

    /// Returns about how many bytes of memory the messages and their topics hold.
    pub(in crate::broker) fn memory_bytes(&self) -> usize {
        self.memory_bytes.load(Ordering::Relaxed)
    }

    /// Returns whether the topic has a retained message.
    pub(in crate::broker) fn contains(&self, topic: &TopicName) -> bool {
        with_key(topic, |key| self.topics.read().by_key.contains_key(key))
    }

    /// Takes away messages that have expired, among the next few.
    ///
    /// `position` is empty at the beginning. Returns whether the end is reached.
    pub(in crate::broker) fn remove_expired(&self, position: &mut Vec<u8>, now: Millis) -> bool {
        /// The most messages that are looked at under one lock.
        const STEPS: usize = 256;
        if self.expiring.load(Ordering::Relaxed) == 0 {
            return true;
        }
        let mut expired = Vec::new();
        let topics = self.topics.read();
        let mut steps = 0;
        for (key, kept) in topics.range(Bound::Excluded(position)).take(STEPS) {
            steps += 1;
            if kept.retained.message.is_expired(now) {
                expired.push(Box::<[u8]>::from(key));
            }
            if steps == STEPS {
                position.clear();
                position.extend_from_slice(key);
            }
        }
        drop(topics);
        for key in expired {
            // Another message may have come meanwhile.
            let mut topics = self.topics.write();
            let is_expired = topics
                .by_key
                .get(&*key)
                .is_some_and(|kept| kept.retained.message.is_expired(now));
            let gone = match is_expired {
                true => topics.by_key.remove(&*key),
                false => None,
            };
            drop(topics);
            self.uncount(gone.as_ref());
        }
        steps < STEPS
    }
}

impl Topics {
    /// Keeps a message with the record that `record` makes of the earlier message's. Returns the
    /// earlier message.
    fn put(
        &mut self,
        retained: Retained,
        record: impl FnOnce(Option<Box<StoredRecord>>) -> Option<Box<StoredRecord>>,
    ) -> Option<Kept> {
        self.revision += 1;
        let revision = self.revision;
        let topic = retained.message.topic.clone();
        with_key(&topic, |key| {
            let Some(kept) = self.by_key.get_mut(key) else {
                let kept = Kept {
                    retained,
                    revision,
                    record: record(None),
                };
                self.by_key.insert(key.into(), kept);
                return None;
            };
            let kept_record = record(kept.record.take());
            let kept_now = Kept {
                retained,
                revision,
                record: kept_record,
            };
            Some(std::mem::replace(kept, kept_now))
        })
    }

    /// Returns the messages from a key on, in order.
    pub(super) fn range<'a>(
        &'a self,
        start: Bound<&[u8]>,
    ) -> impl Iterator<Item = (&'a [u8], &'a Kept)> + use<'a> {
        let entries = self.by_key.range::<[u8], _>((start, Bound::Unbounded));
        entries.map(|(key, kept)| (&**key, kept))
    }
}

fn with_key<T>(topic: &TopicName, f: impl FnOnce(&[u8]) -> T) -> T {
    KEY.with_borrow_mut(|key| {
        write_key(topic.as_bytes(), key);
        f(key)
    })
}

/// Returns about how many bytes of memory a message, its topic and its place hold.
fn memory_of(message: &Message) -> usize {
    ENTRY_BYTES + message.topic.as_bytes().len() + message.held_size()
}

/// Returns the record of a topic's first message; what the broker says of itself has none.
fn new_record(message: &Message, ticket: &Ticket<'_>) -> Option<Box<StoredRecord>> {
    let persistence = ticket.persistence()?;
    if message.topic.as_bytes().starts_with(b"$SYS/") {
        return None;
    }
    Some(persistence.record(Key::Retained(persistence.unused_number())))
}

fn store(
    message: &Message,
    source: Option<&Arc<Identity>>,
    record: &StoredRecord,
    ticket: &Ticket<'_>,
) {
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
