//! From a session's outbox to the socket of its connection.

use std::collections::VecDeque;
use std::task::Waker;

use bytes::Bytes;

use super::presence::{LentWriter, Presence};
use super::shared::Session;
use super::state::SessionState;
use crate::broker::env::Env;
use crate::broker::ground::{ConnectionNumber, Millis};
use crate::broker::statistics::Tally;

impl SessionState {
    /// Moves what is ready to be written to the end of `chunks`, and returns its count.
    ///
    /// Moves nothing if the session is no longer this connection's.
    pub(in crate::broker) fn take_output(
        &mut self,
        connection: ConnectionNumber,
        chunks: &mut VecDeque<Bytes>,
    ) -> Tally {
        match self.active_connection(connection) {
            Some(_) => self.outbound.outbox.take_into(chunks),
            None => Tally::default(),
        }
    }

    /// Moves the rest of a packet that was written in part to the end of `chunks`.
    ///
    /// Nothing may be written before it.
    pub(in crate::broker) fn take_rest(
        &mut self,
        connection: ConnectionNumber,
        chunks: &mut VecDeque<Bytes>,
    ) {
        if self.active_connection(connection).is_some() {
            self.outbound.outbox.take_rest(chunks);
        }
    }

    /// Notes that the connection is about to write bytes of its own.
    pub(in crate::broker) fn owes(&mut self, connection: ConnectionNumber, bytes: usize) {
        if self.active_connection(connection).is_some() {
            self.outbound.outbox.owes(bytes);
        }
    }

    /// Notes that the session's connection took bytes, and makes more ready.
    pub(in crate::broker) fn wrote(
        &mut self,
        bytes: usize,
        session: &Session,
        env: &Env,
        now: Millis,
    ) {
        self.outbound.outbox.wrote(bytes);
        self.progress(session, env, now);
    }

    /// Notes that the client took something: more is made ready, and publishers that
    /// paused for it continue when little enough is left.
    pub(in crate::broker) fn progress(&mut self, session: &Session, env: &Env, now: Millis) {
        self.outbound.last_progress = now;
        self.refill(session, env, now);
        self.outbound.wake_if_relieved(&env.options.queue_limits());
    }

    /// Makes ready what a check of rights held up, and wakes the connection for it.
    pub(in crate::broker) fn go_on_after_check(
        &mut self,
        session: &Session,
        env: &Env,
        now: Millis,
    ) {
        self.refill(session, env, now);
        self.outbound.wake_if_relieved(&env.options.queue_limits());
        if let (_, Some(waker)) = self.reach_connection(false) {
            waker.wake();
        }
    }

    /// Decides whether the delivery or the connection's task writes what is ready.
    pub(super) fn reach_connection(
        &mut self,
        may_write: bool,
    ) -> (Option<LentWriter>, Option<Waker>) {
        let outbox = &self.outbound.outbox;
        let (is_ready, is_gated) = (!outbox.is_empty(), outbox.is_gated());
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
}
