//! Writing to a connection whose task waits, from where its messages come: nobody has to
//! be woken for it.
//!
//! The right to write passes from hand to hand under the session's lock, and nobody holds
//! the lock while writing. Whoever delivers meanwhile only appends to the outbox, and
//! whoever is writing looks into it before giving the right back.

use std::collections::VecDeque;
use std::io::ErrorKind;
use std::sync::Arc;

use bytes::Bytes;

use super::Session;
use super::state::{Attachment, ConnectionNumber, SessionState};
use crate::broker::Broker;
use crate::broker::clock::Millis;
use crate::broker::pieces::write_pieces;
use crate::broker::statistics::Counter;
use crate::transport::shared_tcp::SharedTcpStream;

/// So often one delivery writes to a session that always has more; then its connection's
/// task goes on.
const ROUNDS: usize = 4;

/// Who may write to a connection's socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::broker) enum Writer {
    /// The connection's task: it may have something unsent.
    Task,
    /// Whoever delivers: the task has nothing unsent and waits.
    Anybody,
    /// Somebody who delivers is doing so.
    Delivery {
        /// Whether the task has something to write as soon as it may.
        is_awaited: bool,
    },
}

/// The right to write to a connection's socket.
pub(in crate::broker) struct DirectWrite {
    connection: ConnectionNumber,
    socket: SharedTcpStream,
}

impl Attachment {
    /// Takes the right to write, if whoever delivers may have it.
    pub(super) fn lend_writer(&mut self) -> Option<DirectWrite> {
        let socket = self.socket.as_ref()?;
        if self.writer != Writer::Anybody {
            return None;
        }
        self.writer = Writer::Delivery { is_awaited: false };
        Some(DirectWrite {
            connection: self.connection,
            socket: socket.clone(),
        })
    }

    /// Whether somebody who delivers is writing.
    pub(in crate::broker) fn is_writer_lent(&self) -> bool {
        matches!(self.writer, Writer::Delivery { .. })
    }

    /// Lets whoever delivers write from now on, where that is possible.
    pub(in crate::broker) fn offer_writer(&mut self) {
        if self.writer == Writer::Task && self.socket.is_some() {
            self.writer = Writer::Anybody;
        }
    }

    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

impl SessionState {
    /// Takes the right to write for the connection's task; false while somebody else is
    /// writing, who then wakes the task.
    pub(in crate::broker) fn claim_writer(&mut self, connection: ConnectionNumber) -> bool {
        let Some(attachment) = self.attachment(connection) else {
            return true;
        };
        match &mut attachment.writer {
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

    /// Moves the rest of a packet that was written in part to the end of `pieces`: nothing
    /// may go out before it.
    pub(in crate::broker) fn take_rest(
        &mut self,
        connection: ConnectionNumber,
        pieces: &mut VecDeque<Bytes>,
    ) {
        if self.attachment(connection).is_some() {
            self.outbox.take_rest(pieces);
        }
    }
}

impl DirectWrite {
    /// Writes what the session has for the connection, and gives the right back.
    pub(in crate::broker) fn write(self, session: &Arc<Session>, broker: &Broker, now: Millis) {
        let (mut pieces, mut written) = (VecDeque::new(), 0);
        for _ in 0..ROUNDS {
            let mut state = session.state();
            if written > 0 {
                state.wrote(self.connection, written, session, broker, now);
            }
            let sent = state.take_output(self.connection, &mut pieces);
            if pieces.is_empty() {
                return state.give_back(self.connection);
            }
            drop(state);
            if sent.packets > 0 {
                broker.count_sent(sent);
            }
            let result = write_pieces(&mut pieces, |slices| self.socket.try_write_vectored(slices));
            written = match result {
                Ok(written) => written,
                Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
                // The task meets the error too, and ends the connection.
                Err(_) => 0,
            };
            broker.statistics.add(Counter::BytesSent, written);
            if written == 0 {
                break;
            }
        }
        self.leave_rest(pieces, written, session, broker, now);
    }

    /// Has the connection's task go on.
    fn leave_rest(
        self,
        pieces: VecDeque<Bytes>,
        written: usize,
        session: &Session,
        broker: &Broker,
        now: Millis,
    ) {
        let mut state = session.state();
        if state.attachment(self.connection).is_none() {
            if !pieces.is_empty() {
                // Nothing can follow what was written in part.
                let _ = self.socket.shut_down();
            }
            return;
        }
        state.outbox.put_rest(pieces);
        if written > 0 {
            state.wrote(self.connection, written, session, broker, now);
        }
        if let Some(attachment) = state.attachment(self.connection) {
            attachment.writer = Writer::Task;
            attachment.wake();
        }
    }
}

impl SessionState {
    fn give_back(&mut self, connection: ConnectionNumber) {
        let is_gated = self.outbox.is_gated();
        if let Some(attachment) = self.attachment(connection) {
            let is_awaited = attachment.writer == Writer::Delivery { is_awaited: true };
            attachment.writer = Writer::Anybody;
            // Only the task can wait for a ticket.
            if is_awaited || is_gated {
                attachment.wake();
            }
        }
    }
}
