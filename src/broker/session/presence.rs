use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::task::Waker;

use super::receiver::Receiver;
use crate::broker::auth::Credentials;
use crate::broker::ground::{ConnectionNumber, Millis};
use crate::transport::shared_tcp::SharedTcpStream;

/// Presence of a session's client.
pub(in crate::broker) enum Presence {
    /// Nobody is connected; the session ends at the deadline, if there is one.
    Offline {
        /// `None` is never.
        expires_at: Option<Millis>,
    },
    /// A connection's task serves the client.
    Online(ActiveConnection),
    /// The session is over and no longer known.
    Ended,
}

/// The connection that serves a session.
pub(in crate::broker) struct ActiveConnection {
    pub(in crate::broker) connection: ConnectionNumber,
    /// The client's address, if it has one.
    pub(in crate::broker) address: Option<SocketAddr>,
    /// The time of the CONNECT.
    pub(in crate::broker) since: Millis,
    /// The client, as far as packets for it depend on it.
    pub(in crate::broker) receiver: Receiver,
    /// The longest silence that is allowed, in milliseconds.
    pub(in crate::broker) keep_alive: Option<NonZeroU32>,
    /// The connection's task, when it waits.
    pub(in crate::broker) waker: Option<Waker>,
    /// Set if the task also waits for output, and not only for its end: while the socket takes
    /// nothing, there is no reason to wake up for more.
    pub(in crate::broker) wants_output: bool,
    /// The socket, where somebody else than the task may write to it.
    pub(in crate::broker) socket: Option<SharedTcpStream>,
    /// The present writer.
    pub(in crate::broker) writer: Writer,
    /// The client's login, which is checked again when the rights change.
    pub(in crate::broker) credentials: Option<Box<Credentials>>,
    /// Set when the connection is to end.
    pub(in crate::broker) ending: Option<Ending>,
    /// Set until the task has handled what the socket holds, before the broker stops.
    pub(in crate::broker) reads_last_input: bool,
}

impl ActiveConnection {
    /// Has the waker woken when the connection is to end, and for output if it wants that.
    pub(in crate::broker) fn wait(&mut self, waker: &Waker, wants_output: bool) {
        self.wants_output = wants_output;
        match &mut self.waker {
            Some(known) => known.clone_from(waker),
            none => *none = Some(waker.clone()),
        }
    }
}

/// Why the broker ends a connection from outside its task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::broker) enum Ending {
    /// Another connection has the client identifier now [MQTT-3.1.4-3].
    TakenOver,
    /// The client was silent for one and a half keep alive times [MQTT-3.1.2-22].
    KeepAlive,
    /// The login that it began with is no longer good.
    LoginRevoked,
    /// An administrator has ended the connection.
    Administrative,
    /// The broker stops.
    ShuttingDown,
    /// Memory is short, and its session holds more than any other.
    MemoryShort,
}

/// Holder of the right to write to a connection's socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::broker) enum Writer {
    /// The connection's task: it may have something unsent.
    Task,
    /// Anybody who delivers: the task has nothing unsent and waits.
    Anybody,
    /// Somebody who delivers is doing so.
    Delivery {
        /// Set if the task has something to write as soon as it may.
        is_awaited: bool,
    },
}

/// The right to write to a connection's socket, which somebody has to give back.
pub(in crate::broker) struct LentWriter {
    pub(super) connection: ConnectionNumber,
    pub(super) socket: SharedTcpStream,
}

impl ActiveConnection {
    /// Takes the right to write for a delivery, if it may have it.
    pub(super) fn lend_writer(&mut self) -> Option<LentWriter> {
        let socket = self.socket.as_ref()?;
        if self.writer != Writer::Anybody {
            return None;
        }
        self.writer = Writer::Delivery { is_awaited: false };
        Some(LentWriter {
            connection: self.connection,
            socket: socket.clone(),
        })
    }

    /// Returns whether somebody who delivers is writing.
    pub(in crate::broker) fn is_writer_lent(&self) -> bool {
        matches!(self.writer, Writer::Delivery { .. })
    }

    /// Lets deliveries write from now on, if the socket allows it.
    pub(in crate::broker) fn offer_writer(&mut self) {
        if self.writer == Writer::Task && self.socket.is_some() {
            self.writer = Writer::Anybody;
        }
    }

    /// Wakes the connection's task if it waits.
    pub(super) fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}
