//! Delivery of a burst of messages to a session.

use std::sync::Arc;
use std::task::Waker;

use super::context::{BatchContext, DeliveryContext};
use super::direct::DirectWrite;
use super::presence::Presence;
use super::registration::Registration;
use super::shared::Session;
use super::state::SessionState;
use crate::broker::env::Env;
use crate::broker::ground::{GrantedOptions, Millis, is_log_line};
use crate::broker::live_options::QueueLimits;
use crate::broker::log::rate_limit::LineKind;
use crate::broker::message::Message;
use crate::broker::statistics::Counter;
use crate::broker::wire::Burst;

/// Time without progress after which a client counts as stalled: nobody pauses for it.
const STALLED_AFTER: Millis = 1_000;

/// Outcome of a delivery, for the batch that delivered.
#[derive(Default)]
pub(in crate::broker) struct Delivered {
    /// A write for the end of the batch.
    pub(in crate::broker) direct: Option<DirectWrite>,
    /// The waker for the end of the batch.
    pub(in crate::broker) waker: Option<Waker>,
    /// Set when the session has more than it should, and not of its own client.
    pub(in crate::broker) is_congested: bool,
    /// Set when it was stored that the session has still to get messages.
    pub(in crate::broker) is_stored: bool,
    /// Set when the session took nothing, because it has ended or may not read it.
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
    /// Delivers a burst of messages to the connection, as far as there is room, and the rest to
    /// the queue.
    ///
    /// If it `may_write`, the delivery may get the right to write to the socket.
    pub(in crate::broker) fn deliver(
        self: &Arc<Self>,
        burst: &mut Burst,
        granted: GrantedOptions,
        batch: &BatchContext<'_>,
        may_write: bool,
    ) -> Delivered {
        let BatchContext { env, now, .. } = *batch;
        let is_own = burst.publisher() == Some(self.number());
        if granted.no_local && is_own {
            return Delivered::default();
        }
        let mut state = self.state();
        let state = &mut *state;
        if !burst.is_of_epoch(env.access.read_epoch()) && !self.may_read_burst(burst, env) {
            return Delivered::refused();
        }
        if is_own && batch.ticket.persistence().is_some() {
            // Small clients take the next packet for the answer to their PUBLISH.
            state.outbound.outbox.gate_for_all(batch.ticket);
        }
        let is_persistent = state.registration.is_persistent();
        let mut context = DeliveryContext::new(self, batch, is_persistent);
        let limits = context.limits;
        let outbound = &mut state.outbound;
        let is_idle = outbound.is_idle();
        let dropped = match &state.presence {
            Presence::Ended => return Delivered::refused(),
            Presence::Offline { .. } => {
                outbound.queue_for_absent(burst.publications(), granted, &mut context)
            }
            Presence::Online(active_connection) => {
                outbound.deliver_online(burst, granted, &active_connection.receiver, &mut context)
            }
        };
        let is_stored = state.registration.finish(context);
        if is_idle {
            outbound.last_progress = now;
        }
        if dropped > 0 {
            env.statistics.add(Counter::PublishesDropped, dropped);
            self.log_drops(dropped, env);
        }
        let is_congested = !is_own && state.is_congesting(&limits, now);
        if is_own {
            state.leave_writing_to_task();
        }
        let (writer, waker) = state.reach_connection(may_write);
        Delivered {
            direct: writer.map(|writer| DirectWrite::new(self, writer)),
            waker,
            is_congested,
            is_stored,
            is_refused: false,
        }
    }

    /// Returns whether the client may read the messages now. All messages of a burst are on one
    /// topic.
    fn may_read_burst(&self, burst: &Burst, env: &Env) -> bool {
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

    /// Makes `waker` wait until the session has less, if its client is still taking messages.
    ///
    /// Returns the time at which that is to be looked at again.
    pub(in crate::broker) fn pause_publisher(
        &self,
        waker: &Waker,
        env: &Env,
        now: Millis,
    ) -> Option<Millis> {
        let mut state = self.state();
        if !state.is_congesting(&env.options.queue_limits(), now) {
            return None;
        }
        let outbound = &mut state.outbound;
        let paused = outbound.paused_publishers.get_or_insert_default();
        if !paused.iter().any(|known| known.will_wake(waker)) {
            paused.push(waker.clone());
        }
        Some(outbound.last_progress + STALLED_AFTER)
    }
}

impl SessionState {
    /// Returns whether publishers should pause: much waits, and the client is taking it.
    fn is_congesting(&self, limits: &QueueLimits, now: Millis) -> bool {
        matches!(self.presence, Presence::Online(_))
            && now < self.outbound.last_progress + STALLED_AFTER
            && limits.is_congested(self.outbound.waiting())
    }
}

impl Registration {
    /// Stores what was delivered, and which subscriptions have brought all retained messages;
    /// returns whether deliveries were stored.
    pub(super) fn finish(&self, context: DeliveryContext<'_>) -> bool {
        let ticket = context.recorder.ticket();
        let is_stored = context.recorder.finish();
        for filter in context.handed_out {
            if let Some(stored) = self.subscriptions.get(&filter) {
                stored.store(&filter, false, ticket);
            }
        }
        is_stored
    }
}
