use std::sync::Arc;

use crate::broker::ground::GrantedOptions;
use crate::broker::message::{Message, Publication};
use crate::broker::persistence::StoredRecord;
use crate::broker::wire::PublishFormat;
use crate::protocol::{QoS, TopicFilter};

/// A message that waits for one session.
#[derive(Debug)]
pub(super) struct Queued {
    pub(super) message: Arc<Message>,
    pub(super) qos: QoS,
    pub(super) retain: bool,
    pub(super) granted: GrantedOptions,
    /// Bytes of memory that are held for it: a retained message is held anyway.
    pub(super) held: usize,
    /// That the session has still to get it, as the store knows it.
    pub(super) record: Option<Box<StoredRecord>>,
}

/// A message of a shared subscription that a session ended with.
#[derive(Debug)]
pub(in crate::broker) struct OrphanedSharedMessage {
    pub(in crate::broker) filter: TopicFilter,
    pub(in crate::broker) message: Arc<Message>,
    /// Keeps it in the store until somebody else has it.
    pub(super) _record: Option<Box<StoredRecord>>,
}

impl Queued {
    /// The message that `publication` brings, in this shape.
    pub(super) fn new(publication: &Publication, format: PublishFormat) -> Self {
        let message = Arc::clone(publication.kept());
        Self {
            qos: format.qos(&message),
            retain: format.retain(&message),
            granted: format.granted,
            held: message.held_size(),
            message,
            record: None,
        }
    }

    /// The same message without what the store has of it.
    pub(super) fn unrecorded(&self) -> Self {
        Self {
            message: Arc::clone(&self.message),
            record: None,
            ..*self
        }
    }

    /// The bytes of memory that the queue holds for it.
    pub(super) fn cost(&self) -> usize {
        size_of::<Self>() + self.held
    }
}
