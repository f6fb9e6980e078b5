//! How messages get to a session, and from its queue to its connection.

use std::collections::VecDeque;
use std::num::NonZeroU16;
use std::sync::Arc;
use std::task::Waker;

use bytes::Bytes;

use super::aliases::{Alias, TopicAliases};
use super::limits::Waiting;
use super::state::{ConnectionNumber, Link, Queued, SessionState};
use super::{Attachment, Session};
use crate::broker::Broker;
use crate::broker::clock::Millis;
use crate::broker::fanout::{Delivered, Run, Shape, Single};
use crate::broker::message::{Message, Publication};
use crate::broker::router::Terms;
use crate::broker::statistics::{Counter, Tally};
use crate::protocol::{Delivery, PacketId, QoS, TopicFilter};
use crate::session::{PubAckOutcome, PubCompOutcome, PubRecOutcome, Resend};

/// So much may be encoded and unwritten before further QoS 1 and 2 messages wait in
/// the queue, where they cost less to keep.
const OUTBOX_MARK: usize = 256 * 1024;
/// A client that takes nothing for so long is stalled: nobody pauses for it.
const STALLED_AFTER: Millis = 1_000;

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

impl Session {
    /// Delivers a run of messages: to the connection as far as there is room, and else
    /// to the queue.
    pub(in crate::broker) fn deliver(
        &self,
        run: &mut Run,
        terms: Terms,
        broker: &Broker,
        now: Millis,
    ) -> Delivered {
        let mut state = self.state();
        let state = &mut *state;
        let idle = state.is_idle();
        let dropped = match &state.link {
            Link::Ended => return Delivered::default(),
            Link::Offline { .. } => state.queue_for_absent(run.publications(), terms, broker),
            Link::Online(attachment) => {
                let shape = Shape {
                    version: attachment.version,
                    terms,
                    upgrade_qos: broker.policy().upgrade_outgoing_qos(),
                };
                let maximum = attachment.maximum_packet_size;
                state.deliver_online(run, shape, maximum, broker, now)
            }
        };
        if idle {
            state.last_progress = now;
        }
        if dropped > 0 {
            broker.statistics.add(Counter::PublishesDropped, dropped);
            state.tell_of_drops(self, broker);
        }
        let congested = state.is_congesting(broker, now);
        let has_output = !state.outbox.is_empty();
        let waker = match &mut state.link {
            Link::Online(attachment) if has_output && attachment.wants_output => {
                attachment.waker.take()
            }
            _ => None,
        };
        Delivered { waker, congested }
    }

    /// Queues retained messages for a new subscription [MQTT-3.3.1-9]. They stay behind
    /// what waits already and before what is published later.
    pub(in crate::broker) fn deliver_retained(
        &self,
        state: &mut SessionState,
        messages: Vec<Arc<Message>>,
        terms: Terms,
        broker: &Broker,
    ) {
        for message in messages {
            if !broker.queue_limits().admit_by_size(state.waiting()) {
                return state.tell_of_drops(self, broker);
            }
            let own = message.publisher == Some(self.number());
            if terms.no_local && own {
                continue;
            }
            let qos = terms.qos.min(message.qos);
            // The retained message is held anyway.
            state.enqueue(Queued {
                message,
                qos,
                retain: true,
                terms,
                held: 0,
            });
        }
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
        self.outbox.clear();
        self.unwritten = 0;
        self.topic_aliases = TopicAliases::new(topic_alias_maximum);
        self.outgoing.resume(receive_maximum);
        self.link = Link::Online(attachment);
    }

    /// Ends the connection's part; what it had not written is sent again later, but
    /// for QoS 0.
    pub(in crate::broker) fn detach(&mut self, link: Link) {
        self.outbox.clear();
        self.unwritten = 0;
        self.topic_aliases = None;
        self.link = link;
        self.wake_paused_publishers();
    }

    /// Ends the session: nothing is kept. What a shared subscription brought and the
    /// client did not get is given back, with its filter, for the group's other members;
    /// not what is in flight at QoS 2, which must reach nobody else [MQTT-4.8.2-5].
    pub(in crate::broker) fn end(&mut self) -> Vec<(TopicFilter, Arc<Message>)> {
        self.detach(Link::Ended);
        self.waiting = Waiting::default();
        let in_flight = self.outgoing.drain().into_iter().flatten();
        let unsettled = in_flight.filter(|queued| queued.qos == QoS::AtLeastOnce);
        let queue = std::mem::take(&mut self.queue);
        let shared = unsettled.chain(queue).filter_map(|queued| {
            let share = queued.terms.share?;
            let mut subscriptions = self.subscriptions.iter();
            let (filter, _) =
                subscriptions.find(|(_, stored)| stored.terms.share == Some(share))?;
            Some((filter.clone(), queued.message))
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
        broker: &Broker,
        now: Millis,
    ) {
        if self.attachment(connection).is_none() {
            return;
        }
        self.unwritten = self.unwritten.saturating_sub(bytes);
        self.progress(broker, now);
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
            self.let_go(kept);
        }
    }

    /// Takes a PUBREC; false when no message with this identifier is in flight. Unless
    /// it refused the message, a PUBREL is due in any case.
    pub(in crate::broker) fn pubrec(&mut self, packet_id: PacketId, refused: bool) -> bool {
        match self.outgoing.pubrec(packet_id, refused) {
            PubRecOutcome::Received(kept) | PubRecOutcome::Refused(kept) => self.let_go(kept),
            PubRecOutcome::Repeated => {}
            PubRecOutcome::Unknown => return false,
        }
        true
    }

    /// Takes a PUBCOMP; a repeated or unknown one is ignored.
    pub(in crate::broker) fn pubcomp(&mut self, packet_id: PacketId) -> PubCompOutcome {
        self.outgoing.pubcomp(packet_id)
    }

    /// Notes that the client took something: more is made ready, and publishers that
    /// paused for it go on when little enough is left.
    pub(in crate::broker) fn progress(&mut self, broker: &Broker, now: Millis) {
        self.last_progress = now;
        self.refill(broker, now);
        if !self.paused_publishers.is_empty() && broker.queue_limits().is_relieved(self.waiting()) {
            self.wake_paused_publishers();
        }
    }

    /// Makes ready what has to be sent again, and then what is queued, as far as the
    /// window and the outbox have room.
    pub(in crate::broker) fn refill(&mut self, broker: &Broker, now: Millis) {
        let Link::Online(attachment) = &self.link else {
            return;
        };
        let (version, maximum) = (attachment.version, attachment.maximum_packet_size);
        while self.unwritten < OUTBOX_MARK {
            let Some(resend) = self.outgoing.next_resend() else {
                break;
            };
            let pushed = match resend {
                Resend::Publish(delivery, Some(queued)) => {
                    let single = queued.single(delivery, true);
                    let too_large = single.size(version, now) > maximum;
                    match delivery.packet_id().filter(|_| too_large) {
                        Some(packet_id) => Err(packet_id),
                        None => Ok(self
                            .outbox
                            .push_encoded(|out| single.encode(version, now, out))),
                    }
                }
                // Only sessions that end with their connection keep no message.
                Resend::Publish(_, None) => Ok(0),
                Resend::PubRel(packet_id) => Ok(self.outbox.push_pubrel(packet_id)),
            };
            match pushed {
                Ok(bytes) => self.unwritten += bytes,
                Err(packet_id) => self.forget(packet_id),
            }
        }
        while self.unwritten < OUTBOX_MARK {
            let Some(front) = self.queue.front() else {
                break;
            };
            if front.qos != QoS::AtMostOnce && !self.outgoing.has_room() {
                break;
            }
            let Some(queued) = self.dequeue() else { break };
            if queued.message.is_expired(now) {
                continue;
            }
            self.send(queued, maximum, version, broker, now);
        }
    }

    fn send(
        &mut self,
        queued: Queued,
        maximum_packet_size: usize,
        version: crate::protocol::ProtocolVersion,
        broker: &Broker,
        now: Millis,
    ) {
        let topic = &queued.message.topic;
        let aliases = self.topic_aliases.as_deref_mut();
        let mut alias = aliases
            .as_ref()
            .map_or(Alias::None, |aliases| aliases.of(topic));
        let fits = |alias| {
            // Any packet identifier takes the same two bytes.
            let delivery = match queued.qos {
                QoS::AtMostOnce => Delivery::AtMostOnce,
                QoS::AtLeastOnce | QoS::ExactlyOnce => Delivery::AtLeastOnce(PacketId::FIRST),
            };
            let single = queued.single(delivery, false).with_alias(alias);
            single.size(version, now) <= maximum_packet_size
        };
        if matches!(alias, Alias::New(_)) && !fits(alias) {
            alias = Alias::None;
        }
        if !fits(alias) {
            // [MQTT-3.1.2-25]
            broker
                .log()
                .notice(format_args!("Dropping too large outgoing PUBLISH."));
            return;
        }
        if let (Some(aliases), Alias::New(alias)) = (aliases, alias) {
            aliases.give(topic, alias);
        }
        let keep = queued.qos != QoS::AtMostOnce && self.keeps(queued.terms);
        let kept = keep.then(|| queued.clone());
        let delivery = match queued.qos {
            QoS::AtMostOnce => Delivery::AtMostOnce,
            qos => {
                self.waiting.held_bytes += kept.as_ref().map_or(0, |kept| kept.held);
                self.outgoing.send(qos, kept)
            }
        };
        let single = queued.single(delivery, false).with_alias(alias);
        self.unwritten += self
            .outbox
            .push_encoded(|out| single.encode(version, now, out));
    }

    fn deliver_online(
        &mut self,
        run: &mut Run,
        shape: Shape,
        maximum_packet_size: usize,
        broker: &Broker,
        now: Millis,
    ) -> usize {
        let limits = broker.queue_limits();
        let one_by_one = self.topic_aliases.is_some();
        if one_by_one || !self.queue.is_empty() || self.outgoing.has_resends() {
            let allowance = usize::from(self.outgoing.receive_maximum().get());
            let mut dropped = 0;
            for publication in run.publications() {
                dropped +=
                    usize::from(!self.queue_publication(publication, shape, &limits, allowance));
            }
            self.refill(broker, now);
            return dropped;
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
                broker
                    .log()
                    .notice(format_args!("Dropping too large outgoing PUBLISH."));
                continue;
            }
            let ready = self.queue.is_empty()
                && match message.qos {
                    QoS::AtMostOnce => limits.admit_by_size(self.waiting()),
                    _ => self.unwritten < OUTBOX_MARK && self.outgoing.has_room(),
                };
            if !ready {
                let allowance = usize::from(self.outgoing.receive_maximum().get());
                dropped +=
                    usize::from(!self.queue_publication(publication, shape, &limits, allowance));
                continue;
            }
            let packet_id = match message.qos {
                QoS::AtMostOnce => None,
                qos => {
                    let kept = self
                        .keeps(shape.terms)
                        .then(|| Queued::new(publication, shape));
                    self.waiting.held_bytes += kept.as_ref().map_or(0, |kept| kept.held);
                    self.outgoing.send(qos, kept).packet_id()
                }
            };
            self.outbox.push_packet(encoded.bytes(), message, packet_id);
            self.unwritten += message.size();
        }
        dropped
    }

    /// Whether a message in flight is still needed when the connection has ended: by the
    /// session, or by the other members of a group.
    fn keeps(&self, terms: Terms) -> bool {
        self.is_persistent() || terms.share.is_some()
    }

    fn queue_for_absent(
        &mut self,
        publications: &[Publication],
        terms: Terms,
        broker: &Broker,
    ) -> usize {
        // The version does not matter until somebody connects.
        let version = crate::protocol::ProtocolVersion::V311;
        let upgrade_qos = broker.policy().upgrade_outgoing_qos();
        let shape = Shape {
            version,
            terms,
            upgrade_qos,
        };
        let mut dropped = 0;
        for publication in publications {
            let qos = shape.qos(&publication.message);
            if qos == QoS::AtMostOnce && !broker.policy().queue_qos0_messages() {
                continue;
            }
            let queued = self.queue_publication(publication, shape, &broker.queue_limits(), 0);
            dropped += usize::from(!queued);
        }
        dropped
    }

    /// Queues a message; false when the limits do not allow it.
    fn queue_publication(
        &mut self,
        publication: &Publication,
        shape: Shape,
        limits: &super::QueueLimits,
        allowance: usize,
    ) -> bool {
        let admitted = match shape.qos(&publication.message) {
            QoS::AtMostOnce => limits.admit_by_size(self.waiting()),
            _ => limits.admit(self.waiting(), allowance),
        };
        if admitted {
            self.enqueue(Queued::new(publication, shape));
        }
        admitted
    }

    fn enqueue(&mut self, queued: Queued) {
        if queued.qos != QoS::AtMostOnce {
            self.waiting.messages += 1;
            self.waiting.payload_bytes += queued.message.payload.len();
        }
        self.waiting.held_bytes += queued.cost();
        self.queue.push_back(queued);
    }

    fn dequeue(&mut self) -> Option<Queued> {
        let queued = self.queue.pop_front()?;
        if queued.qos != QoS::AtMostOnce {
            self.waiting.messages -= 1;
            self.waiting.payload_bytes -= queued.message.payload.len();
        }
        self.waiting.held_bytes -= queued.cost();
        if self.queue.is_empty() {
            self.queue = VecDeque::new();
        }
        Some(queued)
    }

    /// Takes out of the queue what is not to be kept.
    pub(in crate::broker) fn retain_queued(&mut self, keep: impl Fn(&Message) -> bool) {
        for _ in 0..self.queue.len() {
            let Some(queued) = self.dequeue() else { return };
            if keep(&queued.message) {
                self.enqueue(queued);
            }
        }
    }

    /// Adds what the session holds at the moment.
    pub(in crate::broker) fn add_to(&self, held: &mut Held) {
        held.messages += self.waiting.messages + self.outgoing.in_flight();
        held.payload_bytes += self.waiting.payload_bytes;
        held.subscriptions += self.subscriptions.len();
        let filters = self.subscriptions.keys();
        held.shared_subscriptions += filters.filter(|filter| filter.is_shared()).count();
        held.unwritten_bytes += self.unwritten;
        held.unwritten_pieces += self.outbox.pieces();
    }

    /// Treats a message that the client does not take as sent [MQTT-3.1.2-25].
    fn forget(&mut self, packet_id: PacketId) {
        self.puback(packet_id);
        self.pubrec(packet_id, true);
    }

    fn let_go(&mut self, kept: Option<Queued>) {
        self.waiting.held_bytes -= kept.map_or(0, |kept| kept.held);
    }

    fn waiting(&self) -> Waiting {
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

impl Queued {
    fn new(publication: &Publication, shape: Shape) -> Self {
        let message = Arc::clone(publication.kept());
        Self {
            qos: shape.qos(&message),
            retain: shape.retain(&message),
            terms: shape.terms,
            held: message.held_size(),
            message,
        }
    }

    /// The bytes of memory that the queue holds for it.
    fn cost(&self) -> usize {
        size_of::<Self>() + self.held
    }

    fn single(&self, delivery: Delivery, dup: bool) -> Single<'_> {
        let (message, retain, terms) = (&*self.message, self.retain, self.terms);
        Single {
            message,
            delivery,
            dup,
            retain,
            terms,
            alias: Alias::None,
        }
    }
}
