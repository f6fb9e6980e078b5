//! Writing to a connection whose task waits, from where its messages come: nobody has to
//! be woken for it.
//!
//! The right to write passes from hand to hand under the session's lock, and nobody holds
//! the lock while writing. Another delivery meanwhile only appends to the outbox, and the
//! writer looks into it before giving the right back.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;

use super::presence::{LentWriter, Presence, Writer};
use super::shared::Session;
use super::state::SessionState;
use crate::broker::env::Env;
use crate::broker::ground::{ConnectionNumber, Millis};
use crate::broker::statistics::Counter;
use crate::broker::wire::write_pieces;

/// Writes of one delivery to a session that always has more; then its connection's task
/// continues.
const ROUNDS: usize = 4;

/// A write to a connection by somebody else than its task.
///
/// If this is dropped before, the task writes.
pub(in crate::broker) struct DirectWrite {
    session: Arc<Session>,
    writer: LentWriter,
    is_over: bool,
}

impl SessionState {
    /// Takes the right to write for the connection's task.
    ///
    /// Returns false while somebody else is writing, who then wakes the task.
    pub(in crate::broker) fn claim_writer(&mut self, connection: ConnectionNumber) -> bool {
        let Some(active_connection) = self.active_connection(connection) else {
            return true;
        };
        match &mut active_connection.writer {
            Writer::Delivery { is_awaited } => {
                *is_awaited = true;
                false
            }
            writer => {
                *writer = Writer::Task;
                true
            }
        }
    }

    /// Has the connection's task write what comes next, behind its answers.
    pub(super) fn leave_writing_to_task(&mut self) {
        if let Presence::Online(active_connection) = &mut self.presence {
            match &mut active_connection.writer {
                Writer::Delivery { is_awaited } => *is_awaited = true,
                writer => *writer = Writer::Task,
            }
        }
    }

    fn is_writer_awaited(&mut self, connection: ConnectionNumber) -> bool {
        let active_connection = self.active_connection(connection);
        active_connection
            .is_some_and(|active| active.writer == Writer::Delivery { is_awaited: true })
    }
}

impl DirectWrite {
    pub(in crate::broker) fn new(session: &Arc<Session>, writer: LentWriter) -> Self {
        Self {
            session: Arc::clone(session),
            writer,
            is_over: false,
        }
    }

    /// Writes what the session has for the connection, and gives the right back.
    pub(in crate::broker) fn write(mut self, env: &Env, now: Millis) {
        let session = Arc::clone(&self.session);
        let LentWriter { connection, socket } = &self.writer;
        let (mut chunks, mut written) = (VecDeque::new(), 0);
        for _ in 0..ROUNDS {
            let mut state = session.state();
            if state.is_writer_awaited(*connection) {
                break;
            }
            if written > 0 && state.active_connection(*connection).is_some() {
                state.wrote(written, &session, env, now);
            }
            let sent = state.take_output(*connection, &mut chunks);
            if chunks.is_empty() {
                state.give_back(*connection);
                self.is_over = true;
                return;
            }
            drop(state);
            if sent.packets > 0 {
                env.statistics.sent(sent);
            }
            // A socket that takes nothing, and one that is gone, are the task's business.
            let result = write_pieces(&mut chunks, |slices| socket.try_write_vectored(slices));
            written = result.unwrap_or(0);
            env.statistics.add(Counter::BytesSent, written);
            if written == 0 {
                break;
            }
        }
        self.leave_rest(chunks, written, env, now);
    }

    /// Leaves the rest to the connection's task.
    fn leave_rest(&mut self, chunks: VecDeque<Bytes>, written: usize, env: &Env, now: Millis) {
        let LentWriter { connection, socket } = &self.writer;
        self.is_over = true;
        let mut state = self.session.state();
        if state.active_connection(*connection).is_none() {
            if !chunks.is_empty() {
                // Nothing can follow what was written in part.
                let _ = socket.shut_down();
            }
            return;
        }
        state.outbound.outbox.put_rest(chunks);
        if written > 0 {
            state.wrote(written, &self.session, env, now);
        }
        state.leave_to_task(*connection);
    }
}

impl Drop for DirectWrite {
    fn drop(&mut self) {
        if !self.is_over {
            self.session.state().leave_to_task(self.writer.connection);
        }
    }
}

impl SessionState {
    fn give_back(&mut self, connection: ConnectionNumber) {
        // Only the task can wait for a ticket, and hands out retained messages.
        let needs_task = self.outbound.outbox.is_gated() || !self.outbound.queue.is_empty();
        if let Some(active_connection) = self.active_connection(connection) {
            let is_awaited = active_connection.writer == Writer::Delivery { is_awaited: true };
            active_connection.writer = Writer::Anybody;
            if is_awaited || needs_task {
                active_connection.wake();
            }
        }
    }

    fn leave_to_task(&mut self, connection: ConnectionNumber) {
        if let Some(active_connection) = self.active_connection(connection) {
            active_connection.writer = Writer::Task;
            active_connection.wake();
        }
    }
}
