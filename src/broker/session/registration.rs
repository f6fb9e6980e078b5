use std::collections::HashMap;
use std::num::NonZeroU16;

use foldhash::fast::RandomState;

use super::subscription::StoredSubscription;
use super::will::StoredWill;
use crate::broker::ground::{Expiry, Millis, after_seconds};
use crate::broker::persistence::StoredRecord;
use crate::protocol::TopicFilter;
use crate::qos::Incoming;

/// Subscriptions, will and lifetime of a session, as its client wants them.
pub(in crate::broker) struct Registration {
    pub(in crate::broker) expiry: Expiry,
    pub(in crate::broker) subscriptions: HashMap<TopicFilter, StoredSubscription, RandomState>,
    pub(in crate::broker) will: Option<Box<StoredWill>>,
    /// QoS 2 messages that the client has sent and not released.
    pub(in crate::broker) incoming: Incoming<()>,
    /// The session's record, if the store has it.
    pub(in crate::broker) record: Option<Box<StoredRecord>>,
}

impl Registration {
    pub(super) fn new(expiry: Expiry, receive_maximum: NonZeroU16) -> Self {
        Self {
            expiry,
            subscriptions: HashMap::default(),
            will: None,
            incoming: Incoming::new(receive_maximum),
            record: None,
        }
    }

    /// Returns whether the session outlives its connection.
    pub(in crate::broker) fn is_persistent(&self) -> bool {
        self.expiry != Expiry::AtDisconnect
    }

    /// Takes the will of a connection that has ended, unless it waits for its delay or for the
    /// end of the session [MQTT-3.1.3-9].
    pub(in crate::broker) fn take_will_at(
        &mut self,
        now: Millis,
        expires_at: Option<Millis>,
    ) -> Option<Box<StoredWill>> {
        match &mut self.will {
            Some(will) if will.delay > 0 => {
                let due = after_seconds(now, will.delay);
                will.due = Some(expires_at.map_or(due, |end| due.min(end)));
                will.store(None);
                None
            }
            will => will.take(),
        }
    }
}
