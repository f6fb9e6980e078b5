//! How messages get to a session, and from its queue to its connection.

use std::collections::VecDeque;
use std::num::NonZeroU16;
use std::sync::Arc;
use std::task::Waker;

use bytes::Bytes;

use super::aliases::{Alias, TopicAliases};
use super::direct::DirectWrite;
use super::limits::{QueueLimits, Waiting};
use super::receiver::Receiver;
use super::state::{ConnectionNumber, Link, Queued, SessionState, Unsettled};
use super::stored::{Gate, Recorder};
use super::{Attachment, Session};
use crate::broker::Broker;
use crate::broker::clock::Millis;
use crate::broker::fanout::{Delivered, Run, Shape, Single};
use crate::broker::message::Message;
use crate::broker::persistence::{Pace, Ticket};
use crate::broker::router::Terms;
use crate::broker::statistics::{Counter, Tally};
use crate::broker::sys::is_log_line;
use crate::protocol::{Delivery, PacketId, QoS};
use crate::session::{PubAckOutcome, PubCompOutcome, PubRecOutcome, Resend};

/// So much may be encoded and unwritten before further QoS 1 and 2 messages wait in
/// the queue, where they cost less to keep.
const OUTBOX_MARK: usize = 256 * 1024;
/// A client that takes nothing for so long is stalled: nobody pauses for it.
const STALLED_AFTER: Millis = 1_000;

impl Session {
    /// Delivers a run of messages: to the connection as far as there is room, and else
    /// to the queue. Whoever delivers may get the right to write them.
    pub(in crate::broker) fn deliver(
        &self,
        run: &mut Run,
        terms: Terms,
        broker: &Broker,
        ticket: &Ticket<'_>,
        now: Millis,
        may_write: bool,
    ) -> Delivered {
        let mut recorder = Recorder::new(self, ticket);
        let mut state = self.state();
        let state = &mut *state;
        let idle = state.is_idle();
        let dropped = match &state.link {
            Link::Ended => return Delivered::default(),
            Link::Offline { .. } => {
                state.queue_for_absent(run.publications(), terms, broker, &mut recorder)
            }
            Link::Online(attachment) => {
                let shape = Shape {
                    version: attachment.version,
                    terms,
                    upgrade_qos: broker.policy().upgrade_outgoing_qos(),
                };
                let maximum = attachment.maximum_packet_size;
                state.deliver_online(run, shape, maximum, broker, &mut recorder, now)
            }
        };
        let stored = recorder.finish();
        if idle {
            state.last_progress = now;
        }
        if dropped > 0 {
            broker.statistics.add(Counter::PublishesDropped, dropped);
            state.tell_of_drops(self, broker);
        }
        let congested = state.is_congesting(broker, now);
        let (direct, waker) = state.reach_connection(may_write);
        Delivered {
            direct,
            waker,
            congested,
            stored,
        }
    }

    /// Queues retained messages for a new subscription [MQTT-3.3.1-9]. They stay behind
    /// what waits already and before what is published later.
    pub(in crate::broker) fn deliver_retained(
        &self,
        state: &mut SessionState,
        messages: Vec<Arc<Message>>,
        terms: Terms,
        broker: &Broker,
        ticket: &Ticket<'_>,
    ) {
        let mut recorder = Recorder::new(self, ticket);
        for message in messages {
            if !broker.queue_limits().admit_by_size(state.waiting()) {
                state.tell_of_drops(self, broker);
                break;
            }
            let own = message.publisher == Some(self.number());
            if terms.no_local && own {
                continue;
            }
            let qos = match broker.policy().upgrade_outgoing_qos() {
                true => terms.qos,
                false => terms.qos.min(message.qos),
            };
            let mut queued = Queued {
                message,
                qos,
                retain: true,
                terms,
                // The retained message is held anyway.
                held: 0,
                record: None,
            };
            if qos != QoS::AtMostOnce {
                recorder.queued(&mut queued, Pace::Now);
                recorder.message(&queued.message);
            }
            state.enqueue(queued);
        }
        recorder.finish();
    }

    /// Makes `waker` wait until the session has less, if its client is still taking
    /// messages; returns when that is to be looked at again.
    pub(in crate::broker) fn pause_publisher(
        &self,
        waker: &Waker,
        broker: &Broker,
        now: Millis,
    ) -> Option<Millis> {
        let mut state = self.state();
        if !state.is_congesting(broker, now) {
            return None;
        }
        if !state
            .paused_publishers
            .iter()
            .any(|known| known.will_wake(waker))
        {
            state.paused_publishers.push(waker.clone());
        }
        Some(state.last_progress + STALLED_AFTER)
    }
}

impl SessionState {
    /// Begins or resumes the session's deliveries on a new connection.
    pub(in crate::broker) fn attach(
        &mut self,
        attachment: Attachment,
        receive_maximum: NonZeroU16,
        topic_alias_maximum: u16,
    ) {
        self.clear_output();
        self.topic_aliases = TopicAliases::new(topic_alias_maximum);
        self.outgoing.resume(receive_maximum);
        self.link = Link::Online(attachment);
    }

    /// Ends the connection's part; what it had not written is sent again later, but
    /// for QoS 0.
    pub(in crate::broker) fn detach(&mut self, link: Link) {
        self.clear_output();
        self.topic_aliases = None;
        self.link = link;
        self.wake_paused_publishers();
    }

    /// Ends the session: nothing is kept. What a shared subscription brought and the
    /// client did not get is given back, with its filter, for the group's other members;
    /// not what is in flight at QoS 2, which must reach nobody else [MQTT-4.8.2-5].
    ///
    /// What is given back stays in the store until it is dropped.
    pub(in crate::broker) fn end(&mut self) -> Vec<Unsettled> {
        self.detach(Link::Ended);
        self.waiting = Waiting::default();
        self.record = None;
        self.released = None;
        let in_flight = self.outgoing.drain().into_iter().flatten();
        let unsettled = in_flight.filter(|queued| queued.qos == QoS::AtLeastOnce);
        let queue = std::mem::take(&mut self.queue);
        let shared = unsettled.chain(queue).filter_map(|queued| {
            let share = queued.terms.share?;
            let mut subscriptions = self.subscriptions.iter();
            let (filter, _) =
                subscriptions.find(|(_, stored)| stored.terms.share == Some(share))?;
            Some(Unsettled {
                filter: filter.clone(),
                message: queued.message,
                _record: queued.record,
            })
        });
        let shared = shared.collect();
        self.incoming.clear();
        self.subscriptions = Default::default();
        shared
    }

    /// Moves what is ready to be written to the end of `pieces`, and says what it is;
    /// nothing when the connection is not this session's any more.
    pub(in crate::broker) fn take_output(
        &mut self,
        connection: ConnectionNumber,
        pieces: &mut VecDeque<Bytes>,
    ) -> Tally {
        match self.attachment(connection) {
            Some(_) => self.outbox.take_into(pieces),
            None => Tally::default(),
        }
    }

    /// Notes that the connection's socket took bytes, and makes more ready.
    pub(in crate::broker) fn wrote(
        &mut self,
        connection: ConnectionNumber,
        bytes: usize,
        session: &Session,
        broker: &Broker,
        now: Millis,
    ) {
        if self.attachment(connection).is_none() {
            return;
        }
        self.unwritten = self.unwritten.saturating_sub(bytes);
        self.progress(session, broker, now);
    }

    /// Notes that the connection is about to write bytes of its own.
    pub(in crate::broker) fn owes(&mut self, connection: ConnectionNumber, bytes: usize) {
        if self.attachment(connection).is_some() {
            self.unwritten += bytes;
        }
    }

    /// Takes a PUBACK; a repeated or unknown one is ignored.
    pub(in crate::broker) fn puback(&mut self, packet_id: PacketId) {
        if let PubAckOutcome::Delivered(kept) = self.outgoing.puback(packet_id) {
            self.count_out(kept.as_ref());
        }
    }

    /// Takes a PUBREC; false when no message with this identifier is in flight. Unless
    /// it refused the message, a PUBREL is due in any case, once the ticket is done.
    pub(in crate::broker) fn pubrec(
        &mut self,
        packet_id: PacketId,
        refused: bool,
        ticket: &Ticket<'_>,
    ) -> bool {
        match self.outgoing.pubrec(packet_id, refused) {
            PubRecOutcome::Received(kept) => {
                self.count_out(kept.as_ref());
                self.store_released(packet_id, kept, ticket);
            }
            PubRecOutcome::Refused(kept) => self.count_out(kept.as_ref()),
            PubRecOutcome::Repeated => ticket.wait_for_all(),
            PubRecOutcome::Unknown => return false,
        }
        true
    }

    /// Takes a PUBCOMP; a repeated or unknown one is ignored.
    pub(in crate::broker) fn pubcomp(&mut self, packet_id: PacketId) -> PubCompOutcome {
        self.forget_released(packet_id);
        self.outgoing.pubcomp(packet_id)
    }

    /// Notes that the client took something: more is made ready, and publishers that
    /// paused for it go on when little enough is left.
    pub(in crate::broker) fn progress(&mut self, session: &Session, broker: &Broker, now: Millis) {
        self.last_progress = now;
        self.refill(session, broker, now);
        if !self.paused_publishers.is_empty() && broker.queue_limits().is_relieved(self.waiting()) {
            self.wake_paused_publishers();
        }
    }

    /// Makes ready what has to be sent again, and then what is queued, as far as the
    /// window and the outbox have room.
    pub(in crate::broker) fn refill(&mut self, session: &Session, broker: &Broker, now: Millis) {
        let ticket = Ticket::new(broker.persistence());
        let mut recorder = Recorder::new(session, &ticket);
        self.refill_with(broker, &mut recorder, now);
        recorder.finish();
    }

    fn refill_with(&mut self, broker: &Broker, recorder: &mut Recorder<'_>, now: Millis) {
        let Link::Online(attachment) = &self.link else {
            return;
        };
        let receiver = Receiver {
            version: attachment.version,
            maximum_packet_size: attachment.maximum_packet_size,
            mount_point: attachment.mount_point.clone(),
        };
        let (version, maximum) = (receiver.version, receiver.maximum_packet_size);
        while self.unwritten < OUTBOX_MARK {
            let Some(resend) = self.outgoing.next_resend() else {
                break;
            };
            let pushed = match resend {
                Resend::Publish(delivery, Some(queued)) => {
                    let single = receiver.single(queued, delivery, true);
                    let single = single.filter(|single| single.size(version, now) <= maximum);
                    match (single, delivery.packet_id()) {
                        (Some(single), _) => {
                            if queued.record.is_some() && queued.qos == QoS::ExactlyOnce {
                                self.outbox.gate_for_all(recorder.ticket());
                            }
                            Ok(self
                                .outbox
                                .push_encoded(|out| single.encode(version, now, out)))
                        }
                        (None, Some(packet_id)) => Err(packet_id),
                        // Nothing else is ever sent again.
                        (None, None) => Ok(0),
                    }
                }
                // Only sessions that end with their connection keep no message.
                Resend::Publish(_, None) => Ok(0),
                Resend::PubRel(packet_id) => {
                    if self.released.is_some() {
                        self.outbox.gate_for_all(recorder.ticket());
                    }
                    Ok(self.outbox.push_pubrel(packet_id))
                }
            };
            match pushed {
                Ok(bytes) => self.unwritten += bytes,
                Err(packet_id) => self.forget(packet_id),
            }
        }
        let limits = broker.queue_limits();
        while self.unwritten < OUTBOX_MARK {
            let Some(front) = self.queue.front() else {
                break;
            };
            if front.qos != QoS::AtMostOnce && !self.has_room_for(&front.message, &limits) {
                break;
            }
            let Some(queued) = self.dequeue() else { break };
            if queued.message.is_expired(now) {
                recorder.discard(queued);
            } else {
                self.send(queued, &receiver, broker, recorder, now);
            }
        }
    }

    fn send(
        &mut self,
        queued: Queued,
        receiver: &Receiver,
        broker: &Broker,
        recorder: &mut Recorder<'_>,
        now: Millis,
    ) {
        let (version, maximum_packet_size) = (receiver.version, receiver.maximum_packet_size);
        let topic = &queued.message.topic;
        let aliases = self.topic_aliases.as_deref_mut();
        let mut alias = aliases
            .as_ref()
            .map_or(Alias::None, |aliases| aliases.of(topic));
        // Any packet identifier takes the same two bytes.
        let example = match queued.qos {
            QoS::AtMostOnce => Delivery::AtMostOnce,
            QoS::AtLeastOnce | QoS::ExactlyOnce => Delivery::AtLeastOnce(PacketId::FIRST),
        };
        let Some(single) = receiver.single(&queued, example, false) else {
            return;
        };
        let fits = |alias| single.with_alias(alias).size(version, now) <= maximum_packet_size;
        if matches!(alias, Alias::New(_)) && !fits(alias) {
            alias = Alias::None;
        }
        if !fits(alias) {
            // [MQTT-3.1.2-25]
            tell_too_large(&queued.message, broker);
            return recorder.discard(queued);
        }
        if let (Some(aliases), Alias::New(alias)) = (aliases, alias) {
            aliases.give(topic, alias);
        }
        let unrecorded = queued.unrecorded();
        let delivery = match queued.qos {
            QoS::AtMostOnce => Delivery::AtMostOnce,
            qos if self.keeps(queued.terms, &broker.queue_limits()) => {
                self.send_kept(qos, queued, recorder)
            }
            qos => {
                recorder.discard(queued);
                self.outgoing.send(qos, None)
            }
        };
        let Some(single) = receiver.single(&unrecorded, delivery, false) else {
            return;
        };
        let single = single.with_alias(alias);
        self.unwritten += self
            .outbox
            .push_encoded(|out| single.encode(version, now, out));
    }

    /// Takes a message into the window, for which there is room, and keeps it until it is
    /// acknowledged.
    fn send_kept(&mut self, qos: QoS, mut queued: Queued, recorder: &mut Recorder<'_>) -> Delivery {
        self.waiting.held_bytes += queued.held;
        self.waiting.in_flight_bytes += queued.message.payload.len();
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

    fn deliver_online(
        &mut self,
        run: &mut Run,
        shape: Shape,
        maximum_packet_size: usize,
        broker: &Broker,
        recorder: &mut Recorder<'_>,
        now: Millis,
    ) -> usize {
        let limits = broker.queue_limits();
        let one_by_one = self.topic_aliases.is_some() || self.is_mounted();
        if one_by_one || !self.queue.is_empty() || self.outgoing.has_resends() {
            let mut dropped = 0;
            for publication in run.publications() {
                let queued = self.queue_behind(publication, shape, &limits, recorder);
                dropped += usize::from(!queued);
            }
            self.refill_with(broker, recorder, now);
            return dropped;
        }
        if run.is_exclusive() {
            return self.deliver_alone(run, shape, maximum_packet_size, broker, recorder, now);
        }
        let (publications, encoded) = run.encoded(shape, now);
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
                tell_too_large(&publication.message, broker);
                continue;
            }
            let is_ready = self.queue.is_empty()
                && self.is_ready_for(message.qos, &publication.message, &limits);
            if !is_ready {
                let queued = self.queue_behind(publication, shape, &limits, recorder);
                dropped += usize::from(!queued);
                continue;
            }
            let packet_id = match message.qos {
                QoS::AtMostOnce => None,
                qos if self.keeps(shape.terms, &limits) => {
                    let queued = Queued::new(publication, shape);
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
        run: &Run,
        shape: Shape,
        maximum_packet_size: usize,
        broker: &Broker,
        recorder: &mut Recorder<'_>,
        now: Millis,
    ) -> usize {
        const HEAD: usize = 16;
        let limits = broker.queue_limits();
        let mut dropped = 0;
        let bytes = run.bytes() + run.publications().len() * HEAD;
        self.outbox.reserve(bytes.min(OUTBOX_MARK));
        for publication in run.publications() {
            let message = &publication.message;
            let qos = shape.qos(message);
            let is_ready = self.queue.is_empty() && self.is_ready_for(qos, message, &limits);
            if !is_ready {
                let queued = self.queue_behind(publication, shape, &limits, recorder);
                dropped += usize::from(!queued);
                continue;
            }
            let mut single = Single::new(message, shape);
            if maximum_packet_size < usize::MAX
                && single.size(shape.version, now) > maximum_packet_size
            {
                tell_too_large(message, broker);
                continue;
            }
            single.delivery = match qos {
                QoS::AtMostOnce => Delivery::AtMostOnce,
                qos if self.keeps(shape.terms, &limits) => {
                    self.send_kept(qos, Queued::new(publication, shape), recorder)
                }
                qos => self.outgoing.send(qos, None),
            };
            self.unwritten += self
                .outbox
                .push_encoded(|out| single.encode(shape.version, now, out));
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

    /// Who brings the connection what is ready for it: whoever delivers, if that may be, or
    /// its task.
    fn reach_connection(&mut self, may_write: bool) -> (Option<DirectWrite>, Option<Waker>) {
        let (is_ready, is_gated) = (!self.outbox.is_empty(), self.outbox.is_gated());
        let Link::Online(attachment) = &mut self.link else {
            return (None, None);
        };
        let direct = match is_ready && may_write {
            true => attachment.lend_writer(),
            false => None,
        };
        // Only the task can wait for a ticket.
        let needs_task = is_gated || (is_ready && !attachment.is_writer_lent());
        let waker = match needs_task && attachment.wants_output {
            true => attachment.waker.take(),
            false => None,
        };
        (direct, waker)
    }

    /// Whether a message in flight is still needed: when the connection has ended, by the
    /// session or by the other members of a group, or where its bytes are counted.
    fn keeps(&self, terms: Terms, limits: &QueueLimits) -> bool {
        self.is_persistent() || terms.share.is_some() || limits.counts_in_flight_bytes()
    }

    /// Whether the client's topics are behind a prefix.
    fn is_mounted(&self) -> bool {
        matches!(&self.link, Link::Online(attachment) if attachment.mount_point.is_some())
    }

    /// Whether a QoS 1 or 2 message may be sent now.
    fn has_room_for(&self, message: &Message, limits: &QueueLimits) -> bool {
        self.outgoing.has_room() && limits.admit_in_flight(self.waiting, message.payload.len())
    }

    /// Treats a message that the client does not take as sent [MQTT-3.1.2-25].
    fn forget(&mut self, packet_id: PacketId) {
        self.puback(packet_id);
        if let PubRecOutcome::Refused(kept) = self.outgoing.pubrec(packet_id, true) {
            self.count_out(kept.as_ref());
        }
    }

    fn count_out(&mut self, kept: Option<&Queued>) {
        if let Some(kept) = kept {
            self.waiting.held_bytes -= kept.held;
            self.waiting.in_flight_bytes -= kept.message.payload.len();
        }
    }

    pub(super) fn waiting(&self) -> Waiting {
        Waiting {
            held_bytes: self.waiting.held_bytes + self.unwritten,
            ..self.waiting
        }
    }

    fn is_idle(&self) -> bool {
        self.unwritten == 0 && self.queue.is_empty() && self.outgoing.is_empty()
    }

    /// Whether publishers should pause: much waits, and the client is taking it.
    fn is_congesting(&self, broker: &Broker, now: Millis) -> bool {
        matches!(self.link, Link::Online(_))
            && now < self.last_progress + STALLED_AFTER
            && broker.queue_limits().is_congested(self.waiting())
    }

    fn tell_of_drops(&mut self, session: &Session, broker: &Broker) {
        if let Link::Online(attachment) = &mut self.link {
            if std::mem::replace(&mut attachment.told_of_drops, true) {
                return;
            }
        }
        let client_id = session.client_id();
        broker.log().notice(format_args!(
            "Outgoing messages are being dropped for client {client_id}."
        ));
    }
}

fn tell_too_large(message: &Message, broker: &Broker) {
    if !is_log_line(&message.topic) {
        broker
            .log()
            .notice(format_args!("Dropping too large outgoing PUBLISH."));
    }
}
