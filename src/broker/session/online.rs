//! How messages get to a session's connection straight from the batch that brings them.

use super::presence::Presence;
use super::queued::Queued;
use super::state::SessionState;
use super::stored::{Gate, Recorder};
use crate::broker::env::Env;
use crate::broker::ground::{GrantedOptions, Millis};
use crate::broker::live_options::QueueLimits;
use crate::broker::message::Message;
use crate::broker::wire::{Burst, OutgoingPublish, PublishFormat};
use crate::protocol::{Delivery, QoS};

/// So much may be encoded and unwritten before further QoS 1 and 2 messages wait in
/// the queue, where they cost less to keep.
pub(super) const OUTBOX_MARK: usize = 256 * 1024;

impl SessionState {
    /// Delivers a burst to the connection as far as there is room, and the rest to the queue;
    /// says how many messages are dropped.
    pub(super) fn deliver_online(
        &mut self,
        burst: &mut Burst,
        format: PublishFormat,
        maximum_packet_size: usize,
        env: &Env,
        recorder: &mut Recorder<'_>,
        now: Millis,
    ) -> usize {
        let limits = env.options.queue_limits();
        let one_by_one = self.topic_aliases.is_some() || self.is_mounted();
        if one_by_one || !self.queue.is_empty() || self.outgoing.has_resends() {
            let mut dropped = 0;
            for publication in burst.publications() {
                let queued = self.queue_behind(publication, format, &limits, recorder);
                dropped += usize::from(!queued);
            }
            // The connection's task hands out retained messages, as it is no publisher's work.
            self.refill_with(env, recorder, 0, now);
            return dropped;
        }
        if burst.is_exclusive() {
            return self.deliver_alone(burst, format, maximum_packet_size, env, recorder, now);
        }
        let (publications, encoded) = burst.encoded(format, now);
        if encoded.is_plain() && encoded.longest() <= maximum_packet_size {
            if !limits.admit_by_size(self.waiting()) {
                return publications.len();
            }
            self.outbox
                .push_run(encoded.bytes(), publications.len(), encoded.payload_bytes());
            self.unwritten += encoded.bytes().len();
            return 0;
        }
        let mut dropped = 0;
        self.outbox.reserve(encoded.bytes().len().min(OUTBOX_MARK));
        for (publication, message) in publications.iter().zip(encoded.messages()) {
            if message.size() > maximum_packet_size {
                recorder
                    .session()
                    .log_too_large(&publication.message, message.size(), env);
                continue;
            }
            let is_ready = self.queue.is_empty()
                && self.is_ready_for(message.qos, &publication.message, &limits);
            if !is_ready {
                let queued = self.queue_behind(publication, format, &limits, recorder);
                dropped += usize::from(!queued);
                continue;
            }
            let packet_id = match message.qos {
                QoS::AtMostOnce => None,
                qos if self.keeps(format.granted, &limits) => {
                    let queued = Queued::new(publication, format);
                    self.send_kept(qos, queued, recorder).packet_id()
                }
                qos => self.outgoing.send(qos, None).packet_id(),
            };
            self.outbox.push_packet(encoded.bytes(), message, packet_id);
            self.unwritten += message.size();
        }
        dropped
    }

    /// As [`SessionState::deliver_online`], for messages that nobody else gets: they are
    /// encoded where they are written from.
    fn deliver_alone(
        &mut self,
        burst: &Burst,
        format: PublishFormat,
        maximum_packet_size: usize,
        env: &Env,
        recorder: &mut Recorder<'_>,
        now: Millis,
    ) -> usize {
        const HEAD: usize = 16;
        let limits = env.options.queue_limits();
        let mut dropped = 0;
        let bytes = burst.bytes() + burst.publications().len() * HEAD;
        self.outbox.reserve(bytes.min(OUTBOX_MARK));
        for publication in burst.publications() {
            let message = &publication.message;
            let qos = format.qos(message);
            let is_ready = self.queue.is_empty() && self.is_ready_for(qos, message, &limits);
            if !is_ready {
                let queued = self.queue_behind(publication, format, &limits, recorder);
                dropped += usize::from(!queued);
                continue;
            }
            let mut single = OutgoingPublish::new(message, format);
            if maximum_packet_size < u32::MAX as usize {
                let size = single.size(format.version, now);
                if size > maximum_packet_size {
                    recorder.session().log_too_large(message, size, env);
                    continue;
                }
            }
            single.delivery = match qos {
                QoS::AtMostOnce => Delivery::AtMostOnce,
                qos if self.keeps(format.granted, &limits) => {
                    self.send_kept(qos, Queued::new(publication, format), recorder)
                }
                qos => self.outgoing.send(qos, None),
            };
            self.unwritten += self
                .outbox
                .push_encoded(|out| single.encode(format.version, now, out));
        }
        dropped
    }

    /// Whether a message may be encoded now.
    fn is_ready_for(&self, qos: QoS, message: &Message, limits: &QueueLimits) -> bool {
        match qos {
            QoS::AtMostOnce => limits.admit_by_size(self.waiting()),
            _ => self.unwritten < OUTBOX_MARK && self.has_room_for(message, limits),
        }
    }

    /// Takes a message into the window, for which there is room, and keeps it until it is
    /// acknowledged.
    pub(super) fn send_kept(
        &mut self,
        qos: QoS,
        mut queued: Queued,
        recorder: &mut Recorder<'_>,
    ) -> Delivery {
        self.count_in(&queued);
        let mut gate = Gate::Open;
        let delivery = self.outgoing.send_with(qos, |packet_id| {
            gate = recorder.sent(&mut queued, packet_id);
            Some(queued)
        });
        if gate == Gate::Closed {
            self.outbox.gate(recorder.ticket().opened());
        }
        delivery
    }

    /// Whether a message in flight is still needed: when the connection has ended, by the
    /// session or by the other members of a group, or where its bytes are counted.
    pub(super) fn keeps(&self, granted: GrantedOptions, limits: &QueueLimits) -> bool {
        self.is_persistent() || granted.share.is_some() || limits.counts_in_flight_bytes()
    }

    /// Whether the client's topics are behind a prefix.
    fn is_mounted(&self) -> bool {
        matches!(&self.presence, Presence::Online(active_connection) if active_connection.mount_point.is_some())
    }

    /// Whether a QoS 1 or 2 message may be sent now.
    pub(super) fn has_room_for(&self, message: &Message, limits: &QueueLimits) -> bool {
        self.has_room_for_bytes(message.payload.len(), limits)
    }

    pub(super) fn has_room_for_bytes(&self, payload_bytes: usize, limits: &QueueLimits) -> bool {
        self.outgoing.has_room() && limits.admit_in_flight(self.waiting(), payload_bytes)
    }
}
