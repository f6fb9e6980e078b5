use std::sync::Arc;

use super::shared::Session;
use super::stored::Recorder;
use crate::broker::env::Env;
use crate::broker::ground::{GrantedOptions, Identity, Millis};
use crate::broker::live_options::QueueLimits;
use crate::broker::persistence::Ticket;
use crate::protocol::{QoS, TopicFilter};

/// Surroundings of a batch that delivers messages to sessions.
pub(in crate::broker) struct BatchContext<'a> {
    pub(in crate::broker) env: &'a Env,
    /// Waits for what the batch stores.
    pub(in crate::broker) ticket: &'a Ticket<'a>,
    pub(in crate::broker) now: Millis,
}

/// Surroundings of what one batch, or the session's own connection, delivers to one session.
pub(super) struct DeliveryContext<'a> {
    pub(super) env: &'a Env,
    pub(super) now: Millis,
    pub(super) limits: QueueLimits,
    pub(super) recorder: Recorder<'a>,
    /// Filters of the subscriptions that have brought their last retained message.
    pub(super) handed_out: Vec<TopicFilter>,
    is_persistent: bool,
    identity: Option<Arc<Identity>>,
}

impl<'a> DeliveryContext<'a> {
    pub(super) fn new(session: &'a Session, batch: &BatchContext<'a>, is_persistent: bool) -> Self {
        Self {
            env: batch.env,
            now: batch.now,
            limits: batch.env.options.queue_limits(),
            recorder: Recorder::new(session, batch.ticket),
            handed_out: Vec::new(),
            is_persistent,
            identity: None,
        }
    }

    /// The session that gets the messages.
    pub(super) fn session(&self) -> &'a Session {
        self.recorder.session()
    }

    /// The user whose session it is.
    pub(super) fn identity(&mut self) -> &Identity {
        let session = self.recorder.session();
        self.identity.get_or_insert_with(|| session.identity())
    }

    /// Returns whether a message in flight is still needed: when the connection has ended, by the
    /// session or by the other members of a group, or where its bytes are counted.
    pub(super) fn keeps(&self, granted: GrantedOptions) -> bool {
        self.is_persistent || granted.share.is_some() || self.limits.counts_in_flight_bytes()
    }

    /// The QoS at which a message that was published at `published` goes out.
    pub(super) fn qos(&self, granted: GrantedOptions, published: QoS) -> QoS {
        match self.env.options.upgrade_outgoing_qos() {
            true => granted.qos,
            false => granted.qos.min(published),
        }
    }
}
