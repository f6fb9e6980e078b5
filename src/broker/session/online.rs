//! How messages get to a session's connection straight from the batch that brings them.

use super::context::DeliveryContext;
use super::outbound::{OUTBOX_MARK, Outbound};
use super::queued::Queued;
use super::receiver::Receiver;
use super::stored::Gate;
use crate::broker::ground::GrantedOptions;
use crate::broker::wire::{Burst, OutgoingPublish, PublishFormat};
use crate::protocol::{Delivery, QoS};

impl Outbound {
    /// Delivers a burst to the connection as far as there is room, and the rest to the queue;
    /// returns the number of messages dropped.
    pub(super) fn deliver_online(
        &mut self,
        burst: &mut Burst,
        granted: GrantedOptions,
        receiver: &Receiver,
        context: &mut DeliveryContext<'_>,
    ) -> usize {
        let format = PublishFormat {
            version: receiver.version,
            granted,
            upgrade_qos: context.env.options.upgrade_outgoing_qos(),
        };
        let one_by_one =
            self.topic_aliases.is_some() || receiver.mount_point.is_some() || self.bridge.is_some();
        if one_by_one || !self.queue.is_empty() || self.window.has_resends() {
            let mut dropped = 0;
            for publication in burst.publications() {
                let queued = self.queue_behind(publication, format, context);
                dropped += usize::from(!queued);
            }
            // The connection's task hands out retained messages, as it is no publisher's work.
            self.refill(receiver, context, 0);
            return dropped;
        }
        if burst.is_exclusive() {
            return self.deliver_alone(burst, format, receiver, context);
        }
        self.deliver_encoded(burst, format, receiver, context)
    }

    /// Delivers a burst that is encoded once for all who get it in this format.
    fn deliver_encoded(
        &mut self,
        burst: &mut Burst,
        format: PublishFormat,
        receiver: &Receiver,
        context: &mut DeliveryContext<'_>,
    ) -> usize {
        let (publications, encoded) = burst.encoded(format, context.now);
        if encoded.is_plain() && receiver.takes(encoded.longest()) {
            if !context.limits.admit_by_size(self.waiting()) {
                return publications.len();
            }
            self.outbox
                .push_run(encoded.bytes(), publications.len(), encoded.payload_bytes());
            return 0;
        }
        let mut dropped = 0;
        self.outbox.reserve(encoded.bytes().len().min(OUTBOX_MARK));
        for (publication, message) in publications.iter().zip(encoded.messages()) {
            if !receiver.takes(message.size()) {
                let (session, size) = (context.session(), message.size());
                session.log_too_large(&publication.message, size, context.env);
                continue;
            }
            let is_ready = self.queue.is_empty()
                && self.is_ready_for(message.qos, &publication.message, &context.limits);
            if !is_ready {
                let queued = self.queue_behind(publication, format, context);
                dropped += usize::from(!queued);
                continue;
            }
            let packet_id = match message.qos {
                QoS::AtMostOnce => None,
                _ if context.keeps(format.granted) => self
                    .send_kept(Queued::new(publication, format), context)
                    .packet_id(),
                qos => self.window.send_unkept(qos).packet_id(),
            };
            self.outbox.push_packet(encoded.bytes(), message, packet_id);
        }
        dropped
    }

    /// Delivers a burst that nobody else gets: its messages are encoded where they are written
    /// from.
    fn deliver_alone(
        &mut self,
        burst: &Burst,
        format: PublishFormat,
        receiver: &Receiver,
        context: &mut DeliveryContext<'_>,
    ) -> usize {
        const HEAD: usize = 16;
        let (version, now) = (format.version, context.now);
        let mut dropped = 0;
        let bytes = burst.bytes() + burst.publications().len() * HEAD;
        self.outbox.reserve(bytes.min(OUTBOX_MARK));
        for publication in burst.publications() {
            let message = &publication.message;
            let qos = format.qos(message);
            let is_ready =
                self.queue.is_empty() && self.is_ready_for(qos, message, &context.limits);
            if !is_ready {
                let queued = self.queue_behind(publication, format, context);
                dropped += usize::from(!queued);
                continue;
            }
            let mut single = OutgoingPublish::new(message, format);
            if receiver.has_maximum() {
                let size = single.size(version, now);
                if !receiver.takes(size) {
                    context.session().log_too_large(message, size, context.env);
                    continue;
                }
            }
            single.delivery = match qos {
                QoS::AtMostOnce => Delivery::AtMostOnce,
                _ if context.keeps(format.granted) => {
                    self.send_kept(Queued::new(publication, format), context)
                }
                qos => self.window.send_unkept(qos),
            };
            self.outbox
                .push_encoded(|out| single.encode(version, now, out));
        }
        dropped
    }

    /// Takes a message into the window, for which there is room, and keeps it until it is
    /// acknowledged.
    pub(super) fn send_kept(
        &mut self,
        queued: Queued,
        context: &mut DeliveryContext<'_>,
    ) -> Delivery {
        let recorder = &mut context.recorder;
        let mut gate = Gate::Open;
        let delivery = self.window.send_kept(queued, |queued, packet_id| {
            gate = recorder.sent(queued, packet_id);
        });
        if gate == Gate::Closed {
            self.outbox.gate(recorder.ticket().opened());
        }
        delivery
    }
}
