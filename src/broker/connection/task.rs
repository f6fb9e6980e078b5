//! What runs for one client. The task itself is a pointer to what it is at: thousands of
//! clients are idle most of the time, and the room of a task is that of its largest part.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use super::{Closed, Connection};

/// A boxed part of a task.
pub(super) type Part<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Serves one client until it is gone.
pub(in crate::broker) struct ClientTask(Phase);

enum Phase {
    /// Until the client has a session; `None` for one that gets none.
    Admission(Part<Option<Box<Connection>>>),
    Service(Box<Connection>),
    Farewell(Part<()>),
    Over,
}

impl ClientTask {
    pub(super) fn new(admission: Part<Option<Box<Connection>>>) -> Self {
        Self(Phase::Admission(admission))
    }
}

impl Future for ClientTask {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let (phase, is_ready) = std::mem::replace(&mut self.0, Phase::Over).poll(cx);
            self.0 = phase;
            match self.0 {
                Phase::Over => return Poll::Ready(()),
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
            Self::Admission(mut admission) => match admission.as_mut().poll(cx) {
                Poll::Pending => (Self::Admission(admission), false),
                Poll::Ready(None) => (Self::Over, true),
                Poll::Ready(Some(connection)) => (Self::begin(connection), true),
            },
            Self::Service(mut connection) => match connection.poll(cx) {
                Poll::Pending => (Self::Service(connection), false),
                Poll::Ready(closed) => (Self::end(connection, closed), true),
            },
            Self::Farewell(mut farewell) => match farewell.as_mut().poll(cx) {
                Poll::Pending => (Self::Farewell(farewell), false),
                Poll::Ready(()) => (Self::Over, true),
            },
            Self::Over => (Self::Over, true),
        }
    }

    /// Handles what arrived together with the CONNECT.
    fn begin(mut connection: Box<Connection>) -> Self {
        // Should this pause the client, the first poll brings a waker that works.
        match connection.process_first(Waker::noop()) {
            Ok(()) => Self::Service(connection),
            Err(closed) => Self::end(connection, closed),
        }
    }

    fn end(connection: Box<Connection>, closed: Closed) -> Self {
        if closed.leaves_input() {
            return Self::Farewell(Box::pin(connection.drain(closed)));
        }
        connection.close(&closed).map_or(Self::Over, Self::Farewell)
    }
}
