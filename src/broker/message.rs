//! A message on its way, and the copy that outlives its batch.

use std::cell::OnceCell;
use std::sync::{Arc, OnceLock};

use bytes::{BufMut, Bytes, BytesMut};

use super::ground::{Identity, Millis, SessionNumber, after_seconds};
use super::persistence::{
    Key, MessageRecord, Persistence, Record, StoredMessage, StoredRecord, Ticket, Transaction,
    Urgency,
};
use crate::protocol::{PacketId, Properties, Property, QoS, TopicName};

/// A message.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) topic: TopicName,
    pub(super) payload: Bytes,
    /// The QoS at which it was published.
    pub(super) qos: QoS,
    /// The retain flag with which it was published.
    pub(super) retain: bool,
    /// The properties that reach subscribers unchanged [MQTT-3.3.2-17]; the expiry
    /// interval is in `expires_at`.
    pub(super) properties: Properties,
    /// The time from which it is no longer delivered.
    pub(super) expires_at: Option<Millis>,
    /// The session that published it.
    pub(super) publisher: Option<SessionNumber>,
    /// Its record, while a stored session has still to get it.
    pub(super) stored: OnceLock<Box<StoredRecord>>,
}

impl Message {
    /// Creates a message that the broker publishes itself.
    pub(super) fn of_broker(
        topic: TopicName,
        payload: impl Into<Bytes>,
        qos: QoS,
        retain: bool,
    ) -> Self {
        Self {
            topic,
            payload: payload.into(),
            qos,
            retain,
            properties: Properties::EMPTY,
            expires_at: None,
            publisher: None,
            stored: OnceLock::new(),
        }
    }

    /// Copies the message into one allocation of its exact size.
    ///
    /// So a small message never keeps a large buffer alive.
    fn to_kept(&self) -> Self {
        let topic_length = self.topic.as_bytes().len();
        let mut bytes = BytesMut::with_capacity(topic_length + self.payload.len());
        bytes.put_slice(self.topic.as_bytes());
        bytes.put_slice(&self.payload);
        let mut topic = bytes.freeze();
        let payload = topic.split_off(topic_length);
        Self {
            topic: self.topic.moved_to(topic),
            payload,
            properties: self.properties.to_owned_properties(),
            ..self.clone_as_new()
        }
    }

    /// Copies the message, without its record.
    pub(super) fn clone_as_new(&self) -> Self {
        Self {
            topic: self.topic.clone(),
            payload: self.payload.clone(),
            qos: self.qos,
            retain: self.retain,
            properties: self.properties.clone(),
            expires_at: self.expires_at,
            publisher: self.publisher,
            stored: OnceLock::new(),
        }
    }

    /// Returns the number by which deliveries name the message in the store.
    pub(super) fn stored_number(&self, persistence: &Persistence) -> u64 {
        let new = || persistence.record(Key::Message(persistence.unused_number()));
        match self.stored.get_or_init(new).key() {
            Key::Message(number) => number,
            _ => unreachable!("a message's record has a message's key"),
        }
    }

    /// Estimates the bytes of memory that the message holds when it is kept.
    pub(super) fn held_size(&self) -> usize {
        const ALLOCATIONS: usize = 64;
        size_of::<Self>()
            + ALLOCATIONS
            + self.topic.as_bytes().len()
            + self.payload.len()
            + self.properties.held_size()
    }

    /// Returns whether the message is no longer delivered [MQTT-3.3.2-5].
    pub(super) fn is_expired(&self, now: Millis) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }

    /// Returns the expiry interval for a receiver: the time that is left [MQTT-3.3.2-6].
    pub(super) fn remaining_expiry(&self, now: Millis) -> Option<Property> {
        let left = self.expires_at?.saturating_sub(now).div_ceil(1_000);
        Some(Property::MessageExpiryInterval(
            u32::try_from(left).unwrap_or(u32::MAX),
        ))
    }
}

impl StoredMessage for Message {
    fn to_record(&self) -> MessageRecord {
        MessageRecord {
            topic: self.topic.clone(),
            payload: self.payload.clone(),
            qos: self.qos,
            retain: self.retain,
            properties: self.properties.clone(),
            expires_at: self.expires_at,
            publisher: self.publisher,
            source: None,
        }
    }
}

impl From<MessageRecord> for Message {
    fn from(record: MessageRecord) -> Self {
        Self {
            topic: record.topic,
            payload: record.payload,
            qos: record.qos,
            retain: record.retain,
            properties: record.properties,
            expires_at: record.expires_at,
            publisher: record.publisher,
            stored: OnceLock::new(),
        }
    }
}

/// Returns the time at which a message with these properties expires, if it does.
pub(super) fn expires_at(properties: &Properties, now: Millis) -> Option<Millis> {
    properties
        .message_expiry_interval()
        .map(|seconds| after_seconds(now, seconds))
}

/// A message within the batch that brought it.
///
/// It is made of slices of the read buffer, and copied when somebody has to keep it.
#[derive(Debug)]
pub(super) struct Publication {
    pub(super) message: Message,
    kept: OnceCell<Arc<Message>>,
    /// The QoS 2 PUBLISH that brought it, if its session is stored.
    origin: Option<(SessionNumber, PacketId)>,
    /// The user who published it, where that is asked later.
    source: Option<Arc<Identity>>,
}

impl Publication {
    pub(super) fn new(message: Message) -> Self {
        Self {
            message,
            kept: OnceCell::new(),
            origin: None,
            source: None,
        }
    }

    /// Notes which QoS 2 PUBLISH of a stored session brought the message.
    pub(super) fn with_origin(self, origin: Option<(SessionNumber, PacketId)>) -> Self {
        Self { origin, ..self }
    }

    /// Notes the client that the publication came from.
    pub(super) fn published_by(self, source: Option<Arc<Identity>>) -> Self {
        Self { source, ..self }
    }

    /// Returns the client that it came from, where that was noted.
    pub(super) fn source(&self) -> Option<&Arc<Identity>> {
        self.source.as_ref()
    }

    /// Returns the message in memory of its own, which is made once for all who need it.
    pub(super) fn kept(&self) -> &Arc<Message> {
        self.kept.get_or_init(|| Arc::new(self.message.to_kept()))
    }

    /// Stores the message where deliveries of it were stored, which makes those count.
    pub(super) fn store(&self, transaction: &mut Transaction, ticket: &Ticket<'_>) {
        let Some(kept) = self.kept.get() else { return };
        let stored = kept.stored.get().filter(|stored| !stored.is_written());
        if let Some(stored) = stored {
            let record = Record::IfReferenced(Arc::<Message>::downgrade(kept));
            stored.put_with(transaction, record, Urgency::Lazy, Some(ticket));
            if let Some(origin) = self.origin {
                transaction.put_incoming(origin, ticket);
            }
        }
    }
}

impl From<Arc<Message>> for Publication {
    /// A publication of a message that is kept already, such as a will.
    fn from(kept: Arc<Message>) -> Self {
        Self {
            message: kept.clone_as_new(),
            kept: OnceCell::from(kept),
            origin: None,
            source: None,
        }
    }
}
