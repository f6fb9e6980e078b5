//! Messages that wait in a session for room on its connection.

use super::context::DeliveryContext;
use super::outbound::Outbound;
use super::presence::Presence;
use super::queued::Queued;
use super::state::SessionState;
use crate::broker::ground::GrantedOptions;
use crate::broker::message::Publication;
use crate::broker::persistence::Urgency;
use crate::broker::wire::PublishFormat;
use crate::protocol::{ProtocolVersion, QoS};

/// About the bytes of memory that a subscription takes, here and in the tree of filters.
const SUBSCRIPTION: usize = 512;

/// Messages, subscriptions and bytes that sessions hold together.
#[derive(Debug, Default)]
pub(in crate::broker) struct Held {
    /// Messages that are queued or in flight, and payload bytes of the queued ones.
    pub(in crate::broker) messages: usize,
    pub(in crate::broker) payload_bytes: usize,
    pub(in crate::broker) subscriptions: usize,
    pub(in crate::broker) shared_subscriptions: usize,
    /// Encoded bytes that the sockets have not yet taken.
    pub(in crate::broker) unwritten_bytes: usize,
    pub(in crate::broker) unwritten_pieces: usize,
}

impl Outbound {
    /// Queues messages for a client that is away; returns the number of messages dropped.
    pub(super) fn queue_for_absent(
        &mut self,
        publications: &[Publication],
        granted: GrantedOptions,
        context: &mut DeliveryContext<'_>,
    ) -> usize {
        let options = &context.env.options;
        let format = PublishFormat {
            // It does not matter until somebody connects.
            version: ProtocolVersion::V311,
            granted,
            upgrade_qos: options.upgrade_outgoing_qos(),
        };
        let mut dropped = 0;
        for publication in publications {
            let message = &publication.message;
            self.for_each_copy(&message.topic, granted, |outbound, granted| {
                let format = PublishFormat { granted, ..format };
                let qos = format.qos(message);
                let waits = qos != QoS::AtMostOnce
                    || options.queue_qos0_messages()
                    || outbound.bridge_queues_qos0(message.retain);
                if !waits {
                    return;
                }
                if !outbound.admits(qos, &context.limits, 0) {
                    dropped += 1;
                    return;
                }
                let mut queued = Queued::new(publication, format);
                context.recorder.queued(&mut queued, Urgency::Immediate);
                outbound.queue.push(queued);
            });
        }
        dropped
    }

    /// Queues a message behind those that the connection has no room for.
    ///
    /// Returns false if the limits do not allow it.
    pub(super) fn queue_behind(
        &mut self,
        publication: &Publication,
        format: PublishFormat,
        context: &mut DeliveryContext<'_>,
    ) -> bool {
        let window = usize::from(self.window.receive_maximum().get());
        let message = &publication.message;
        let mut is_admitted = true;
        self.for_each_copy(&message.topic, format.granted, |outbound, granted| {
            let format = PublishFormat { granted, ..format };
            let qos = format.qos(message);
            if !outbound.admits(qos, &context.limits, window) {
                is_admitted = false;
                return;
            }
            let mut queued = Queued::new(publication, format);
            if qos != QoS::AtMostOnce {
                context.recorder.queued(&mut queued, Urgency::Deferred);
            }
            outbound.queue.push(queued);
        });
        is_admitted
    }
}

impl SessionState {
    /// Estimates the memory that the session holds, in bytes.
    pub(in crate::broker) fn memory_bytes(&self) -> usize {
        let registration = &self.registration;
        let will = registration.will.as_ref();
        let will = will.map_or(0, |will| will.message.held_size());
        let messages = self.outbound.waiting().held_bytes + registration.incoming.held_size();
        messages + will + registration.subscriptions.len() * SUBSCRIPTION
    }

    /// Returns whether the connection was told to end.
    pub(in crate::broker) fn is_ending(&self) -> bool {
        matches!(&self.presence, Presence::Online(active_connection) if active_connection.ending.is_some())
    }

    /// Adds what the session holds at the moment.
    pub(in crate::broker) fn add_to(&self, held: &mut Held) {
        let (outbound, subscriptions) = (&self.outbound, &self.registration.subscriptions);
        held.messages += outbound.queue.messages() + outbound.window.in_flight();
        held.payload_bytes += outbound.queue.payload_bytes();
        held.subscriptions += subscriptions.len();
        let filters = subscriptions.keys();
        held.shared_subscriptions += filters.filter(|filter| filter.is_shared()).count();
        held.unwritten_bytes += outbound.outbox.unwritten();
        held.unwritten_pieces += outbound.outbox.chunks();
    }
}
