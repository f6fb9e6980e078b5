//! How messages get to a session, and what its client says about them.

use std::collections::VecDeque;
use std::num::NonZeroU16;
use std::task::Waker;

use bytes::Bytes;

use super::Session;
use super::presence::{ActiveConnection, LentWriter, Presence};
use super::queued::Queued;
use super::state::SessionState;
use super::stored::{AckedRecords, Recorder};
use crate::broker::env::Env;
use crate::broker::ground::{ConnectionNumber, GrantedOptions, Millis, is_log_line};
use crate::broker::live_options::Waiting;
use crate::broker::log::rate_limit::LineKind;
use crate::broker::message::Message;
use crate::broker::persistence::Ticket;
use crate::broker::statistics::{Counter, Tally};
use crate::broker::wire::{Burst, PublishFormat, TopicAliases};
use crate::protocol::PacketId;
use crate::qos::{PubAckOutcome, PubCompOutcome, PubRecOutcome};

/// A client that takes nothing for so long is stalled: nobody pauses for it.
const STALLED_AFTER: Millis = 1_000;

/// What a delivery asks of the one who delivered.
#[derive(Default)]
pub(in crate::broker) struct Delivered {
    /// What is to be written at the end of the batch.
    pub(in crate::broker) direct: Option<LentWriter>,
    /// To be woken at the end of the batch.
    pub(in crate::broker) waker: Option<Waker>,
    /// Whether the session has more than it should.
    pub(in crate::broker) congested: bool,
    /// Whether it was stored that the session has still to get messages.
    pub(in crate::broker) stored: bool,
    /// Whether the session took nothing, because it has ended or may not read it.
    pub(in crate::broker) is_refused: bool,
}

impl Delivered {
    fn refused() -> Self {
        Self {
            is_refused: true,
            ..Self::default()
        }
    }
}

impl Session {
    /// Delivers a burst of messages: to the connection as far as there is room, and else
    /// to the queue. Whoever delivers may get the right to write them.
    pub(in crate::broker) fn deliver(
        &self,
        burst: &mut Burst,
        granted: GrantedOptions,
        env: &Env,
        ticket: &Ticket<'_>,
        now: Millis,
        may_write: bool,
    ) -> Delivered {
        let mut recorder = Recorder::new(self, ticket);
        let mut state = self.state();
        let state = &mut *state;
        if !burst.is_of_epoch(env.access.read_epoch()) && !self.may_read_run(burst, env) {
            return Delivered::refused();
        }
        let is_own = burst.publisher() == Some(self.number());
        if is_own && ticket.persistence().is_some() {
            // Small clients take the next packet for the answer to their PUBLISH.
            state.outbox.gate_for_all(ticket);
        }
        let idle = state.is_idle();
        let dropped = match &state.presence {
            Presence::Ended => return Delivered::refused(),
            Presence::Offline { .. } => {
                state.queue_for_absent(burst.publications(), granted, env, &mut recorder)
            }
            Presence::Online(active_connection) => {
                let format = PublishFormat {
                    version: active_connection.version,
                    granted,
                    upgrade_qos: env.options.upgrade_outgoing_qos(),
                };
                let maximum = active_connection.maximum_packet_size as usize;
                state.deliver_online(burst, format, maximum, env, &mut recorder, now)
            }
        };
        let stored = recorder.finish();
        if idle {
            state.last_progress = now;
        }
        if dropped > 0 {
            env.statistics.add(Counter::PublishesDropped, dropped);
            self.log_drops(dropped, env);
        }
        let congested = state.is_congesting(env, now);
        if is_own {
            state.leave_writing_to_task();
        }
        let (direct, waker) = state.reach_connection(may_write);
        Delivered {
            direct,
            waker,
            congested,
            stored,
            is_refused: false,
        }
    }

    /// Returns whether the client may read the messages now. All messages of a burst are on one
    /// topic.
    fn may_read_run(&self, burst: &Burst, env: &Env) -> bool {
        let first = burst.publications().first();
        first.is_none_or(|first| self.may_read(&env.access, &first.message.topic))
    }

    pub(super) fn log_drops(&self, dropped: usize, env: &Env) {
        let client_id = self.client_id();
        env.limited_log.write_many(
            LineKind::MessagesDropped,
            self.number(),
            dropped,
            format_args!("Outgoing messages are being dropped for client {client_id}."),
        );
    }

    /// Logs that a message is larger than the session's client takes.
    pub(super) fn log_too_large(&self, message: &Message, size: usize, env: &Env) {
        // A log line about a log line would bring the next one.
        if !is_log_line(&message.topic) {
            let client_id = self.client_id();
            env.limited_log.write(
                LineKind::MessageTooLarge,
                self.number(),
                format_args!("Dropping too large outgoing PUBLISH for {client_id} ({size} bytes)."),
            );
        }
    }

    /// Makes `waker` wait until the session has less, if its client is still taking
    /// messages; returns when that is to be looked at again.
    pub(in crate::broker) fn pause_publisher(
        &self,
        waker: &Waker,
        env: &Env,
        now: Millis,
    ) -> Option<Millis> {
        let mut state = self.state();
        if !state.is_congesting(env, now) {
            return None;
        }
        let paused = state.paused_publishers.get_or_insert_default();
        if !paused.iter().any(|known| known.will_wake(waker)) {
            paused.push(waker.clone());
        }
        Some(state.last_progress + STALLED_AFTER)
    }
}

impl SessionState {
    /// Begins or resumes the session's deliveries on a new connection.
    pub(in crate::broker) fn attach(
        &mut self,
        active_connection: ActiveConnection,
        receive_maximum: NonZeroU16,
        topic_alias_maximum: u16,
    ) {
        self.clear_output();
        self.topic_aliases = TopicAliases::new(topic_alias_maximum);
        self.outgoing.resume(receive_maximum);
        self.presence = Presence::Online(active_connection);
    }

    /// Ends the connection's part; what it had not written is sent again later, but
    /// for QoS 0.
    pub(in crate::broker) fn detach(&mut self, presence: Presence) {
        self.clear_output();
        self.topic_aliases = None;
        self.outgoing.pause();
        self.presence = presence;
        self.wake_paused_publishers();
    }

    /// Moves what is ready to be written to the end of `chunks`, and says what it is;
    /// nothing when the connection is not this session's any more.
    pub(in crate::broker) fn take_output(
        &mut self,
        connection: ConnectionNumber,
        chunks: &mut VecDeque<Bytes>,
    ) -> Tally {
        match self.active_connection(connection) {
            Some(_) => self.outbox.take_into(chunks),
            None => Tally::default(),
        }
    }

    /// Notes that the connection's socket took bytes, and makes more ready.
    pub(in crate::broker) fn wrote(
        &mut self,
        connection: ConnectionNumber,
        bytes: usize,
        session: &Session,
        env: &Env,
        now: Millis,
    ) {
        if self.active_connection(connection).is_none() {
            return;
        }
        self.unwritten = self.unwritten.saturating_sub(bytes);
        self.progress(session, env, now);
    }

    /// Notes that the connection is about to write bytes of its own.
    pub(in crate::broker) fn owes(&mut self, connection: ConnectionNumber, bytes: usize) {
        if self.active_connection(connection).is_some() {
            self.unwritten += bytes;
        }
    }

    /// Takes a PUBACK; returns whether a PUBACK may come for this identifier.
    ///
    /// A repeated or unknown one is ignored.
    pub(in crate::broker) fn puback(
        &mut self,
        packet_id: PacketId,
        settled: &mut AckedRecords,
    ) -> bool {
        match self.outgoing.puback(packet_id) {
            PubAckOutcome::Delivered(Some(kept)) => {
                self.count_out(Some(&kept));
                settled.add(kept);
            }
            PubAckOutcome::Delivered(None) | PubAckOutcome::Unknown => {}
            PubAckOutcome::Unexpected => return false,
        }
        true
    }

    /// Takes a PUBREC.
    ///
    /// Unless the client refused the message, a PUBREL is due once the ticket is done.
    pub(in crate::broker) fn pubrec(
        &mut self,
        packet_id: PacketId,
        refused: bool,
        ticket: &Ticket<'_>,
    ) -> PubRecOutcome<()> {
        match self.outgoing.pubrec(packet_id, refused) {
            PubRecOutcome::Received(kept) => {
                self.count_out(kept.as_ref());
                self.store_released(packet_id, kept, ticket);
                PubRecOutcome::Received(())
            }
            PubRecOutcome::Refused(kept) => {
                self.count_out(kept.as_ref());
                PubRecOutcome::Refused(())
            }
            PubRecOutcome::Repeated => {
                ticket.wait_for_all();
                PubRecOutcome::Repeated
            }
            PubRecOutcome::Unknown => PubRecOutcome::Unknown,
            PubRecOutcome::Unexpected => PubRecOutcome::Unexpected,
        }
    }

    /// Takes a PUBCOMP; returns whether a PUBCOMP may come for this identifier.
    ///
    /// A repeated or unknown one is ignored.
    pub(in crate::broker) fn pubcomp(&mut self, packet_id: PacketId) -> bool {
        if self.outgoing.pubcomp(packet_id) == PubCompOutcome::Unexpected {
            return false;
        }
        self.forget_released(packet_id);
        true
    }

    /// Notes that the client took something: more is made ready, and publishers that
    /// paused for it go on when little enough is left.
    pub(in crate::broker) fn progress(&mut self, session: &Session, env: &Env, now: Millis) {
        self.last_progress = now;
        self.refill(session, env, now);
        self.wake_if_relieved(env);
    }

    /// Takes out unwanted messages that were sent on an earlier connection and must be sent again.
    pub(super) fn withdraw(&mut self, mut is_unwanted: impl FnMut(&Queued) -> bool) -> Vec<Queued> {
        let withdrawn = self
            .outgoing
            .withdraw(|kept| kept.as_ref().is_some_and(&mut is_unwanted));
        let withdrawn: Vec<_> = withdrawn.into_iter().flatten().collect();
        for queued in &withdrawn {
            self.count_out(Some(queued));
        }
        withdrawn
    }

    /// Makes ready what a check of rights held up, and wakes the connection for it.
    pub(in crate::broker) fn go_on_after_check(
        &mut self,
        session: &Session,
        env: &Env,
        now: Millis,
    ) {
        self.refill(session, env, now);
        self.wake_if_relieved(env);
        if let (_, Some(waker)) = self.reach_connection(false) {
            waker.wake();
        }
    }

    /// Lets publishers that paused for the session go on when little enough is left.
    pub(in crate::broker) fn wake_if_relieved(&mut self, env: &Env) {
        if self.paused_publishers.is_some()
            && env.options.queue_limits().is_relieved(self.waiting())
        {
            self.wake_paused_publishers();
        }
    }

    /// Who brings the connection what is ready for it: whoever delivers, if that may be, or
    /// its task.
    fn reach_connection(&mut self, may_write: bool) -> (Option<LentWriter>, Option<Waker>) {
        let (is_ready, is_gated) = (!self.outbox.is_empty(), self.outbox.is_gated());
        let Presence::Online(active_connection) = &mut self.presence else {
            return (None, None);
        };
        let direct = match is_ready && may_write {
            true => active_connection.lend_writer(),
            false => None,
        };
        // Only the task can wait for a ticket.
        let needs_task = is_gated || (is_ready && !active_connection.is_writer_lent());
        let waker = match needs_task && active_connection.wants_output {
            true => active_connection.waker.take(),
            false => None,
        };
        (direct, waker)
    }

    /// Counts a message that is in flight from now on, and kept.
    pub(super) fn count_in(&mut self, kept: &Queued) {
        self.kept_bytes += kept.held;
        self.in_flight_bytes += kept.message.payload.len();
    }

    pub(super) fn count_out(&mut self, kept: Option<&Queued>) {
        if let Some(kept) = kept {
            self.kept_bytes -= kept.held;
            self.in_flight_bytes -= kept.message.payload.len();
        }
    }

    pub(super) fn waiting(&self) -> Waiting {
        Waiting {
            messages: self.queue.messages(),
            payload_bytes: self.queue.payload_bytes(),
            held_bytes: self.queue.held_bytes() + self.kept_bytes + self.unwritten,
            in_flight_bytes: self.in_flight_bytes,
        }
    }

    fn is_idle(&self) -> bool {
        self.unwritten == 0 && self.queue.is_empty() && self.outgoing.is_empty()
    }

    /// Whether publishers should pause: much waits, and the client is taking it.
    fn is_congesting(&self, env: &Env, now: Millis) -> bool {
        matches!(self.presence, Presence::Online(_))
            && now < self.last_progress + STALLED_AFTER
            && env.options.queue_limits().is_congested(self.waiting())
    }
}
