//! What runs for one client. The task itself is a pointer to what it is at: thousands of
//! clients are idle most of the time, and the room of a task is that of its largest part.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use super::client::Connection;
use super::closed::Closed;

/// A boxed part of a task.
pub(super) type Part<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Serves one client until it is gone.
pub(in crate::broker) struct ClientTask(Phase);

enum Phase {
    /// Until the client has a session; `None` for one that gets none.
    Handshaking(Part<Option<Box<Connection>>>),
    Serving(Box<Connection>),
    Closing(Part<()>),
    Done,
}

impl ClientTask {
    pub(super) fn new(admission: Part<Option<Box<Connection>>>) -> Self {
        Self(Phase::Handshaking(admission))
    }
}

impl Future for ClientTask {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let (phase, is_ready) = std::mem::replace(&mut self.0, Phase::Done).poll(cx);
            self.0 = phase;
            match self.0 {
                Phase::Done => return Poll::Ready(()),
                _ if is_ready => {}
                _ => return Poll::Pending,
            }
        }
    }
}

impl Phase {
    /// Goes on; says what comes next, and whether it can begin.
    fn poll(self, cx: &mut Context<'_>) -> (Self, bool) {
        match self {
            Self::Handshaking(mut admission) => match admission.as_mut().poll(cx) {
                Poll::Pending => (Self::Handshaking(admission), false),
                Poll::Ready(None) => (Self::Done, true),
                Poll::Ready(Some(connection)) => (Self::begin(connection), true),
            },
            Self::Serving(mut connection) => match connection.poll(cx) {
                Poll::Pending => (Self::Serving(connection), false),
                Poll::Ready(closed) => (Self::end(connection, closed), true),
            },
            Self::Closing(mut farewell) => match farewell.as_mut().poll(cx) {
                Poll::Pending => (Self::Closing(farewell), false),
                Poll::Ready(()) => (Self::Done, true),
            },
            Self::Done => (Self::Done, true),
        }
    }

    /// Handles what arrived together with the CONNECT.
    fn begin(mut connection: Box<Connection>) -> Self {
        // Should this pause the client, the first poll brings a waker that works.
        match connection.process_first(Waker::noop()) {
            Ok(()) => Self::Serving(connection),
            Err(closed) => Self::end(connection, closed),
        }
    }

    fn end(connection: Box<Connection>, closed: Closed) -> Self {
        if closed.leaves_input() {
            return Self::Closing(Box::pin(connection.drain(closed)));
        }
        connection.close(&closed).map_or(Self::Done, Self::Closing)
    }
}
