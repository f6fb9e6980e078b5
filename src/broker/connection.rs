//! One client's connection: one task that waits for its socket and for its session,
//! and holds no buffer while it waits.

mod buffers;
mod closed;
mod drain;
mod handshake;
mod io;
mod pause;
mod pending_replies;
mod permit;
mod publish;
mod subscribe;
mod task;
mod topics;
mod write_access;

use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::{Bytes, BytesMut};

use self::buffers::Buffers;
pub(super) use self::closed::Closed;
pub(super) use self::handshake::accept;
use self::pause::Pause;
use self::pending_replies::PendingReplies;
pub(super) use self::permit::ConnectionPermit;
use self::publish::unexpected_ack;
use self::task::Part;
use self::topics::Topics;
use super::fanout::{Fanout, Finished};
use super::ground::{ConnectionNumber, Millis};
use super::lifecycle::End;
use super::listener::Peer;
use super::log::LogType;
use super::log::rate_limit::LineKind;
use super::session::{AckedRecords, Ending, Presence, Session};
use super::statistics::Tally;
use crate::protocol::{
    Decoder, Disconnect, Packet, PacketBytes, ProtocolVersion, ReasonCode, encode,
};
use crate::transport::Stream;

/// Answers that wait for a client that does not take them: beyond this its socket is
/// not read.
const MAX_REPLIES: usize = 64 * 1024;

/// A client that is connected.
pub(super) struct Connection {
    /// The listener and the broker; it is one of their connections as long.
    permit: ConnectionPermit,
    session: Arc<Session>,
    number: ConnectionNumber,
    peer: Peer,
    stream: Stream,
    version: ProtocolVersion,
    /// The largest packet that the client takes.
    maximum_packet_size: u32,
    decoder: Decoder,
    buffers: Buffers,
    /// Answers that wait for something to be stored.
    pending_replies: Option<Box<PendingReplies>>,
    /// What is remembered of the topics that the client publishes on, if anything.
    topics: Option<Box<Topics>>,
    /// Whom the client has to wait for before it is read again.
    pause: Option<Box<Pause>>,
}

impl Connection {
    /// Handles what arrived together with the CONNECT.
    fn process_first(&mut self, waker: &Waker) -> Result<(), Closed> {
        let mut buffer = std::mem::take(&mut self.buffers.get().partial).freeze();
        let result = self.process_buffer(&mut buffer, waker);
        self.buffers.get().partial = BytesMut::from(&buffer[..]);
        result
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
        let mut flushed = self.poll_write(cx)?.is_ready();
        let may_read = !self.poll_pause(cx) && self.has_room_for_replies(flushed);
        if may_read && self.poll_read_ready(cx)?.is_ready() {
            self.read_batch(cx)?;
            // What the batch brought for this client goes out with its answers.
            self.poll_gated(cx);
            flushed = self.poll_write(cx)?.is_ready();
            if self.pause.is_some() || self.poll_read_ready(cx)?.is_ready() {
                // Others have their turn before the next batch: other connections, and
                // whoever waits for this processor, which a flood would keep for
                // milliseconds.
                cx.waker().wake_by_ref();
                std::thread::yield_now();
            }
        }
        if self.poll_session(cx, flushed)?.is_ready() {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
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
        let has_replies = !self.buffers.get().replies.is_empty();
        let has_output = has_replies || !state.outbox.is_empty();
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

    /// Handles the whole packets at the front of `buffer`; the rest stays in it.
    fn process_buffer(&mut self, buffer: &mut Bytes, waker: &Waker) -> Result<(), Closed> {
        loop {
            let mut packets = self.decoder.take_whole_packets(buffer)?;
            if packets.remaining() == 0 {
                return Ok(());
            }
            let now = self.permit.broker.clock().now();
            self.process_batch(&mut packets, now, waker)?;
        }
    }

    fn process_batch(
        &mut self,
        packets: &mut PacketBytes,
        now: Millis,
        waker: &Waker,
    ) -> Result<(), Closed> {
        let broker = Arc::clone(&self.permit.broker);
        let session = Arc::clone(&self.session);
        let Some(_turn) = session.lock_batch(self.number) else {
            return Err(Closed::By(Ending::TakenOver));
        };
        let mut fanout = Fanout::new(&broker, now);
        let start = self.begin_batch();
        let mut acknowledged = false;
        let mut received = Tally::default();
        let mut pings = 0;
        // Locked once for all final acknowledgements that follow each other.
        let mut locked = None;
        let mut settled = AckedRecords::default();
        let result = loop {
            match self.decoder.next_packet(packets) {
                Ok(Some(packet)) => {
                    match &packet {
                        Packet::Publish(publish) => received.publish(publish.payload.len()),
                        _ => received.packets += 1,
                    }
                    pings += usize::from(matches!(packet, Packet::PingReq));
                    acknowledged |= matches!(
                        packet,
                        Packet::PubAck(_) | Packet::PubRec(_) | Packet::PubComp(_)
                    );
                    match packet {
                        Packet::PubAck(ack) => {
                            self.debug_ack("PUBACK", &ack);
                            let state = locked.get_or_insert_with(|| session.state());
                            if !state.puback(ack.packet_id, &mut settled) {
                                break Err(unexpected_ack());
                            }
                        }
                        Packet::PubComp(ack) => {
                            self.debug_ack("PUBCOMP", &ack);
                            let state = locked.get_or_insert_with(|| session.state());
                            if !state.pubcomp(ack.packet_id) {
                                break Err(unexpected_ack());
                            }
                        }
                        packet => {
                            locked = None;
                            if let Err(closed) = self.handle(packet, &mut fanout, now) {
                                break Err(closed);
                            }
                        }
                    }
                }
                Ok(None) => break Ok(()),
                Err(error) => break Err(Closed::from(error)),
            }
        };
        drop(locked);
        settled.forget(broker.persistence());
        // What was accepted before an error is delivered all the same.
        let Finished { congested, ticket } = fanout.finish();
        let number = ticket.number();
        drop(ticket);
        self.gate_batch(start, number);
        // To be alive is to answer this, whatever else has to wait.
        for _ in 0..pings {
            self.reply(&Packet::PingResp)?;
        }
        broker.env.statistics.received(received);
        self.pause_for(congested, waker, now);
        if acknowledged {
            self.session
                .state()
                .progress(&self.session, &broker.env, now);
        }
        result
    }

    fn handle(
        &mut self,
        packet: Packet,
        fanout: &mut Fanout<'_>,
        now: Millis,
    ) -> Result<(), Closed> {
        match packet {
            Packet::Publish(publish) => self.publish(publish, fanout, now),
            // The caller takes them, many at a time.
            Packet::PubAck(_) | Packet::PubComp(_) => Ok(()),
            Packet::PubRec(ack) => self.pubrec(&ack, fanout.ticket()),
            Packet::PubRel(ack) => self.pubrel(&ack, fanout.ticket()),
            Packet::Subscribe(subscribe) => self.subscribe(&subscribe, fanout.ticket(), now),
            Packet::Unsubscribe(unsubscribe) => self.unsubscribe(&unsubscribe, fanout.ticket()),
            Packet::PingReq => {
                self.debug(format_args!(
                    "Received PINGREQ from {}",
                    self.session.client_id()
                ));
                self.debug(format_args!(
                    "Sending PINGRESP to {}",
                    self.session.client_id()
                ));
                Ok(())
            }
            Packet::Disconnect(disconnect) => Err(self.disconnected(&disconnect)),
            // [MQTT-3.1.0-2]
            Packet::Connect(_) => Err(Closed::SecondConnect),
            Packet::ConnAck(_)
            | Packet::SubAck(_)
            | Packet::UnsubAck(_)
            | Packet::PingResp
            | Packet::Auth(_) => Err(Closed::protocol_error("a packet that no client sends here")),
        }
    }

    /// What a DISCONNECT says about the end of the session and the will.
    fn disconnected(&mut self, disconnect: &Disconnect) -> Closed {
        self.debug(format_args!(
            "Received DISCONNECT from {}",
            self.session.client_id()
        ));
        if let Some(seconds) = disconnect.properties.session_expiry_interval() {
            let mut state = self.session.state();
            if !state.is_persistent() && seconds > 0 {
                // [MQTT-3.14.2-2]
                return Closed::protocol_error("DISCONNECT: session expiry raised from 0");
            }
            let limit = self
                .permit
                .broker
                .live_options()
                .persistent_client_expiration();
            state.expiry = crate::broker::ground::Expiry::from_seconds(seconds).capped(limit);
        }
        match disconnect.reason {
            ReasonCode::Success => Closed::Graceful,
            _ => Closed::WithWill,
        }
    }

    fn reply(&mut self, packet: &Packet) -> Result<(), Closed> {
        /// Room for the acknowledgements of a few messages.
        const FEW: usize = 128;
        let traffic = self.buffers.get();
        traffic.reply_count += 1;
        if traffic.replies.capacity() == 0 {
            traffic.replies.reserve(FEW);
        }
        let before = traffic.replies.len();
        // What the broker answers is small and within every limit of the format.
        encode(packet, self.version, &mut traffic.replies)
            .map_err(|_| Closed::protocol_error("an answer that cannot be written"))?;
        if traffic.replies.len() - before > self.maximum_packet_size as usize {
            // [MQTT-3.1.2-24]
            traffic.replies.truncate(before);
            traffic.reply_count -= 1;
            return Err(Closed::Refused(
                ReasonCode::PacketTooLarge,
                "an answer larger than the client takes",
            ));
        }
        Ok(())
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

    fn debug(&self, text: std::fmt::Arguments<'_>) {
        if self.permit.broker.log().enabled(LogType::Debug) {
            self.permit.broker.log().debug(text);
        }
    }
}

impl Drop for Connection {
    /// However the task ends, also by a panic, the session is not left behind with a
    /// connection that is gone.
    fn drop(&mut self) {
        let mut state = self.session.state();
        let attached = state.active_connection(self.number).is_some();
        if attached {
            let expires_at = state.expiry.deadline(self.permit.broker.clock().now());
            state.detach(Presence::Offline { expires_at });
            drop(state);
            self.session.set_connected(false);
        }
    }
}
