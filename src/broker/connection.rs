//! One client's connection: one task that waits for its socket and for its session,
//! and holds no buffer while it waits.

mod budget;
mod buffers;
mod client;
mod closed;
mod drain;
mod filter_request;
mod handshake;
mod io;
mod pause;
mod pausing;
mod pending_replies;
mod permit;
mod publish;
mod rate;
mod replies;
mod subscribe;
mod task;
mod topic_use;
mod topics;
mod turn;
mod write_access;

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use self::client::Connection;
use self::closed::Closed;
pub(super) use self::handshake::accept;
use self::pending_replies::PendingReplies;
pub(super) use self::permit::ConnectionPermit;
use self::task::Part;
use super::lifecycle::End;
use super::log::rate_limit::LineKind;
use super::session::Ending;
use crate::protocol::{Disconnect, Packet};

/// Answers that wait for a client that does not take them: beyond this its socket is
/// not read.
const MAX_REPLIES: usize = 64 * 1024;

impl Connection {
    /// Handles what arrived together with the CONNECT.
    fn process_first(&mut self, waker: &Waker) -> Result<(), Closed> {
        let mut buffer = std::mem::take(&mut self.buffers.get().partial).freeze();
        let has_more = self.process_buffer(&mut buffer, waker)?;
        self.buffers.get().keep(buffer, has_more);
        Ok(())
    }

    /// Goes on until nothing can be done but wait; returns only when the connection is
    /// to end.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Closed> {
        let result = self.poll_result(cx);
        self.buffers.release();
        match result {
            Poll::Ready(Err(closed)) => Poll::Ready(closed),
            Poll::Ready(Ok(never)) => match never {},
            Poll::Pending => Poll::Pending,
        }
    }

    fn poll_result(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<std::convert::Infallible, Closed>> {
        self.poll_gated(cx);
        self.hand_out();
        let mut flushed = self.poll_write(cx)?.is_ready();
        let may_read =
            !self.poll_pause(cx) && !self.poll_rate(cx) && self.has_room_for_replies(flushed);
        let may_read = may_read && !self.is_handing_out;
        let has_work =
            may_read && (self.buffers.has_unhandled() || self.poll_read_ready(cx)?.is_ready());
        if has_work {
            self.take_turn(cx)?;
            // What the batch brought for this client goes out with its answers.
            self.poll_gated(cx);
            self.hand_out();
            flushed = self.poll_write(cx)?.is_ready();
            if self.must_go_on() || self.poll_read_ready(cx)?.is_ready() {
                // Others have their turn before the next batch: other connections, and
                // whoever waits for this processor, which a flood would keep for
                // milliseconds.
                cx.waker().wake_by_ref();
                std::thread::yield_now();
            }
        }
        if self.poll_session(cx, flushed)?.is_ready() {
            match self.is_handing_out {
                true => yield_to_others(cx),
                false => cx.waker().wake_by_ref(),
            }
        }
        Poll::Pending
    }

    /// Returns whether the task has something to do that no event wakes it for.
    fn must_go_on(&self) -> bool {
        self.pause.is_some() || self.rate.is_some() || self.buffers.has_unhandled()
    }

    /// Makes some of the retained messages ready that subscriptions are still to bring.
    fn hand_out(&mut self) {
        if !self.is_handing_out {
            return;
        }
        let env = &self.permit.broker.env;
        let mut state = self.session.state();
        if state.active_connection(self.number).is_some() {
            state.refill_handing_out(&self.session, env, env.clock.now());
            self.is_handing_out = state.can_hand_out(env);
        }
    }

    /// Whether the client takes the answers that it gets.
    fn has_room_for_replies(&mut self, flushed: bool) -> bool {
        let pending_replies = self
            .pending_replies
            .as_deref()
            .map_or(0, PendingReplies::len);
        pending_replies < MAX_REPLIES && (flushed || self.buffers.get().replies.len() < MAX_REPLIES)
    }

    fn poll_read_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Closed>> {
        self.stream.poll_read_ready(cx).map_err(Closed::Socket)
    }

    /// Waits for something in the session's outbox, if the socket would take it, and
    /// for the order to end.
    fn poll_session(
        &mut self,
        cx: &mut Context<'_>,
        wants_output: bool,
    ) -> Poll<Result<(), Closed>> {
        let mut state = self.session.state();
        if let Some(persistence) = self.permit.broker.persistence() {
            state
                .outbound
                .outbox
                .open_gates(|ticket| persistence.poll_done(ticket, cx.waker()));
        }
        let ending = match state.active_connection(self.number) {
            Some(active_connection) => active_connection.ending,
            None => Some(Ending::TakenOver),
        };
        if let Some(ending) = ending {
            return Poll::Ready(Err(Closed::By(ending)));
        }
        self.is_handing_out = state.can_hand_out(&self.permit.broker.env);
        if self.is_handing_out {
            return Poll::Ready(Ok(()));
        }
        let has_replies = !self.buffers.get().replies.is_empty();
        let has_output = has_replies || !state.outbound.outbox.is_empty();
        // Whoever wrote when this task wanted to may have finished meanwhile, and found
        // nobody to wake.
        if has_output && wants_output && state.claim_writer(self.number) {
            return Poll::Ready(Ok(()));
        }
        let Some(active_connection) = state.active_connection(self.number) else {
            return Poll::Ready(Err(Closed::By(Ending::TakenOver)));
        };
        if wants_output && !has_replies && self.pending_replies.is_none() {
            active_connection.offer_writer();
        }
        active_connection.wait(cx.waker(), wants_output);
        if active_connection.reads_last_input {
            let may_read = self.pause.is_none() && wants_output;
            active_connection.reads_last_input = may_read && self.stream.has_input();
            if active_connection.reads_last_input {
                cx.waker().wake_by_ref();
            }
        }
        Poll::Pending
    }

    /// Closes the session's part and tells the log; says goodbye where the protocol has a
    /// word for it. What that takes time for is left to be done.
    fn close(mut self: Box<Self>, closed: &Closed) -> Option<Part<()>> {
        if let Some(reason) = closed.reason().filter(|_| self.version.is_v5()) {
            let client_id = self.session.client_id();
            let number = u8::from(reason);
            self.debug(format_args!(
                "Sending DISCONNECT to {client_id} (rc{number})"
            ));
            let _ = self.reply(&Packet::Disconnect(Disconnect::new(reason)));
        }
        let end = match closed.cancels_will() {
            true => End::Graceful,
            false => End::Lost,
        };
        self.log_end(closed);
        self.session
            .state()
            .take_rest(self.number, &mut self.buffers.get().unsent);
        let broker = &self.permit.broker;
        let remains = broker.close_session(&self.session, self.number, end);
        let is_socket_dead = closed.is_socket_dead();
        if is_socket_dead && remains.is_none() {
            return None;
        }
        Some(Box::pin(async move {
            if let Some(remains) = remains {
                self.permit.broker.clear_away(remains).await;
            }
            if !is_socket_dead {
                self.stored().await;
                self.linger().await;
            }
        }))
    }

    fn log_end(&self, closed: &Closed) {
        if let Closed::Refused(_, place) = closed {
            let client_id = self.session.client_id();
            self.permit.broker.env.limited_log.write(
                LineKind::ProtocolError,
                self.peer.network(),
                format_args!("Protocol error from {client_id}: {place}."),
            );
        }
        if !self.permit.broker.live_options().connection_messages() {
            return;
        }
        let (client_id, peer) = (self.session.client_id(), &self.peer);
        let log = self.permit.broker.log();
        match closed.text() {
            None => log.notice(format_args!("Client {client_id} [{peer}] disconnected.")),
            Some(text) => {
                log.notice(format_args!(
                    "Client {client_id} [{peer}] disconnected: {text}"
                ));
            }
        }
    }
}

/// Has the task go on after other tasks, also those whose sockets have just become ready: a task
/// that is merely woken can go round many times before the runtime looks at sockets.
fn yield_to_others(cx: &mut Context<'_>) {
    let _ = pin!(tokio::task::yield_now()).poll(cx);
}
