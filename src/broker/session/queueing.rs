//! What waits in a session for room on its connection.

use super::queued::Queued;
use super::state::SessionState;
use super::stored::Recorder;
use crate::broker::env::Env;
use crate::broker::ground::GrantedOptions;
use crate::broker::live_options::QueueLimits;
use crate::broker::message::Publication;
use crate::broker::persistence::Urgency;
use crate::broker::wire::PublishFormat;
use crate::protocol::{ProtocolVersion, QoS};

/// What sessions hold together.
#[derive(Debug, Default)]
pub(in crate::broker) struct Held {
    /// Messages that are queued or in flight, and payload bytes of the queued ones.
    pub(in crate::broker) messages: usize,
    pub(in crate::broker) payload_bytes: usize,
    pub(in crate::broker) subscriptions: usize,
    pub(in crate::broker) shared_subscriptions: usize,
    /// What is encoded and not yet taken by the sockets.
    pub(in crate::broker) unwritten_bytes: usize,
    pub(in crate::broker) unwritten_pieces: usize,
}

impl SessionState {
    /// Queues messages for a client that is away; says how many are dropped.
    pub(super) fn queue_for_absent(
        &mut self,
        publications: &[Publication],
        granted: GrantedOptions,
        env: &Env,
        recorder: &mut Recorder<'_>,
    ) -> usize {
        // The version does not matter until somebody connects.
        let version = ProtocolVersion::V311;
        let upgrade_qos = env.options.upgrade_outgoing_qos();
        let format = PublishFormat {
            version,
            granted,
            upgrade_qos,
        };
        let mut dropped = 0;
        for publication in publications {
            let qos = format.qos(&publication.message);
            if qos == QoS::AtMostOnce && !env.options.queue_qos0_messages() {
                continue;
            }
            if !self.admits(qos, &env.options.queue_limits(), 0) {
                dropped += 1;
                continue;
            }
            let mut queued = Queued::new(publication, format);
            recorder.queued(&mut queued, Urgency::Immediate);
            self.queue.push(queued);
        }
        dropped
    }

    /// Queues a message behind those that the connection has no room for; false when the
    /// limits do not allow it.
    pub(super) fn queue_behind(
        &mut self,
        publication: &Publication,
        format: PublishFormat,
        limits: &QueueLimits,
        recorder: &mut Recorder<'_>,
    ) -> bool {
        let qos = format.qos(&publication.message);
        let window = usize::from(self.outgoing.receive_maximum().get());
        if !self.admits(qos, limits, window) {
            return false;
        }
        let mut queued = Queued::new(publication, format);
        if qos != QoS::AtMostOnce {
            recorder.queued(&mut queued, Urgency::Deferred);
        }
        self.queue.push(queued);
        true
    }

    /// Whether the limits allow one more message; `allowance` is what the window of a
    /// connected client adds to them.
    fn admits(&self, qos: QoS, limits: &QueueLimits, allowance: usize) -> bool {
        match qos {
            QoS::AtMostOnce => limits.admit_by_size(self.waiting()),
            _ => limits.admit(self.waiting(), allowance),
        }
    }

    /// Estimates the memory that the session holds of messages and their identifiers, in bytes.
    pub(in crate::broker) fn held_bytes(&self) -> usize {
        self.waiting().held_bytes + self.incoming.held_size()
    }

    /// Adds what the session holds at the moment.
    pub(in crate::broker) fn add_to(&self, held: &mut Held) {
        held.messages += self.queue.messages() + self.outgoing.in_flight();
        held.payload_bytes += self.queue.payload_bytes();
        held.subscriptions += self.subscriptions.len();
        let filters = self.subscriptions.keys();
        held.shared_subscriptions += filters.filter(|filter| filter.is_shared()).count();
        held.unwritten_bytes += self.unwritten;
        held.unwritten_pieces += self.outbox.chunks();
    }
}
