use std::sync::Arc;

use crate::broker::ground::{Identity, Millis, SessionNumber, after_seconds, forwarded_properties};
use crate::broker::message::Message;
use crate::broker::persistence::{
    Record, StoredMessage, StoredRecord, Ticket, Urgency, WillRecord,
};
use crate::protocol::Will;

/// A will that waits for the connection to end.
#[derive(Debug)]
pub(in crate::broker) struct StoredWill {
    pub(in crate::broker) message: Arc<Message>,
    /// The user who left it.
    pub(in crate::broker) identity: Arc<Identity>,
    /// Seconds between the end of the connection and the will.
    pub(in crate::broker) delay: u32,
    /// The message's own expiry interval, which begins when it is published.
    pub(in crate::broker) expiry: Option<u32>,
    /// The time at which it is due, once the connection has ended.
    pub(in crate::broker) due: Option<Millis>,
    /// Its record, if there is a store.
    pub(in crate::broker) record: Option<Box<StoredRecord>>,
}

impl StoredWill {
    /// Keeps the will of a CONNECT in memory of its own.
    pub(in crate::broker) fn new(
        will: Will,
        publisher: SessionNumber,
        identity: Arc<Identity>,
    ) -> Self {
        let delay = will.properties.will_delay_interval().unwrap_or(0);
        let expiry = will.properties.message_expiry_interval();
        let properties = forwarded_properties(will.properties.to_owned_properties());
        let message = Message {
            topic: will.topic.to_owned_name(),
            payload: bytes::Bytes::copy_from_slice(&will.payload),
            qos: will.qos,
            retain: will.retain,
            properties,
            expires_at: None,
            publisher: Some(publisher),
            stored: Default::default(),
        };
        Self {
            message: Arc::new(message),
            identity,
            delay,
            expiry,
            due: None,
            record: None,
        }
    }

    /// Stores the will, where it is to be.
    pub(in crate::broker) fn store(&self, ticket: Option<&Ticket<'_>>) {
        let Some(record) = &self.record else { return };
        let will = WillRecord {
            identity: (*self.identity).clone(),
            message: self.message.to_record(),
            delay: self.delay,
            expiry: self.expiry,
            due: self.due,
        };
        record.put(Record::Will(Box::new(will)), Urgency::Immediate, ticket);
    }

    /// Returns the message as it is published now.
    pub(in crate::broker) fn to_message(&self, now: Millis) -> Arc<Message> {
        let Some(expiry) = self.expiry else {
            return Arc::clone(&self.message);
        };
        Arc::new(Message {
            expires_at: Some(after_seconds(now, expiry)),
            ..self.message.clone_as_new()
        })
    }
}
