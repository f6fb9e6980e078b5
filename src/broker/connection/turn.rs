//! One turn of a connection: packets that have arrived are handled, for a bounded time.

use std::sync::Arc;
use std::task::Waker;

use bytes::Bytes;

use super::budget::Budget;
use super::client::Connection;
use super::closed::Closed;
use super::publish::unexpected_ack;
use crate::broker::fanout::{Fanout, Finished};
use crate::broker::ground::{Expiry, Millis};
use crate::broker::persistence::Ticket;
use crate::broker::session::{AckedRecords, Ending, Session};
use crate::broker::statistics::Tally;
use crate::protocol::{Disconnect, Packet, PacketBytes, ReasonCode};

/// The work of a turn, and what it leaves to be done at its end.
pub(super) struct Turn<'a> {
    pub(super) fanout: Fanout<'a>,
    pub(super) now: Millis,
    pub(super) budget: &'a mut Budget,
    acked: AckedRecords,
    /// True if the client acknowledged something.
    has_acks: bool,
    pings: usize,
    received: Tally,
}

impl<'a> Turn<'a> {
    /// The condition for the answers of the turn.
    pub(super) fn ticket(&self) -> &Ticket<'a> {
        self.fanout.ticket()
    }

    fn count(&mut self, packet: &Packet) {
        match packet {
            Packet::Publish(publish) => self.received.publish(publish.payload.len()),
            _ => self.received.packets += 1,
        }
        self.pings += usize::from(matches!(packet, Packet::PingReq));
        self.has_acks |= matches!(
            packet,
            Packet::PubAck(_) | Packet::PubRec(_) | Packet::PubComp(_)
        );
    }
}

impl Connection {
    /// Handles whole packets at the front of `buffer` until the turn is over; returns whether
    /// some are left for the next turn.
    ///
    /// What is not handled stays in `buffer`.
    pub(super) fn process_buffer(
        &mut self,
        buffer: &mut Bytes,
        waker: &Waker,
    ) -> Result<bool, Closed> {
        let mut budget = Budget::new();
        loop {
            let whole = buffer.clone();
            let mut packets = self.decoder.take_whole_packets(buffer)?;
            if packets.remaining() == 0 && !self.buffers.has_filters() {
                return Ok(false);
            }
            self.process_packets(&mut packets, &mut budget, waker)?;
            if packets.remaining() > 0 || self.buffers.has_filters() {
                let left = packets.remaining() + buffer.len();
                *buffer = whole.slice(whole.len() - left..);
                return Ok(true);
            }
        }
    }

    fn process_packets(
        &mut self,
        packets: &mut PacketBytes,
        budget: &mut Budget,
        waker: &Waker,
    ) -> Result<(), Closed> {
        let broker = Arc::clone(&self.permit.broker);
        let session = Arc::clone(&self.session);
        let now = broker.clock().now();
        let Some(_batch) = session.lock_batch(self.number) else {
            return Err(Closed::By(Ending::TakenOver));
        };
        let start = self.begin_batch();
        let mut turn = Turn {
            fanout: Fanout::new(&broker, now),
            now,
            budget,
            acked: AckedRecords::default(),
            has_acks: false,
            pings: 0,
            received: Tally::default(),
        };
        let result = self.handle_packets(packets, &session, &mut turn);
        turn.acked.forget(broker.persistence());
        // What was accepted before an error is delivered all the same.
        let Finished { congested, ticket } = turn.fanout.finish();
        let number = ticket.number();
        drop(ticket);
        self.gate_batch(start, number);
        self.answer_pings(turn.pings)?;
        broker.env.statistics.received(turn.received);
        if let Some(rate) = &mut self.rate {
            rate.add_messages(turn.received.publishes, now);
        }
        self.pause_for(congested, waker, now);
        if turn.has_acks {
            session.state().progress(&session, &broker.env, now);
        }
        result
    }

    fn handle_packets(
        &mut self,
        packets: &mut PacketBytes,
        session: &Session,
        turn: &mut Turn<'_>,
    ) -> Result<(), Closed> {
        if !self.continue_filters(turn)? {
            return Ok(());
        }
        let rate = self.rate.as_ref();
        let allowance = rate.map_or(usize::MAX, |rate| rate.allowance(turn.now));
        // Locked once for all final acknowledgements that follow each other.
        let mut locked = None;
        while let Some(packet) = self.decoder.next_packet(packets)? {
            turn.count(&packet);
            match packet {
                Packet::PubAck(ack) => {
                    self.debug_ack("PUBACK", &ack);
                    let state = locked.get_or_insert_with(|| session.state());
                    if !state.puback(ack.packet_id, &mut turn.acked) {
                        return Err(unexpected_ack());
                    }
                }
                Packet::PubComp(ack) => {
                    self.debug_ack("PUBCOMP", &ack);
                    let state = locked.get_or_insert_with(|| session.state());
                    if !state.pubcomp(ack.packet_id) {
                        return Err(unexpected_ack());
                    }
                }
                packet => {
                    locked = None;
                    self.handle(packet, turn)?;
                }
            }
            if turn.budget.spend() || turn.received.publishes >= allowance {
                break;
            }
        }
        Ok(())
    }

    fn handle(&mut self, packet: Packet, turn: &mut Turn<'_>) -> Result<(), Closed> {
        match packet {
            Packet::Publish(publish) => self.publish(publish, &mut turn.fanout, turn.now),
            // The caller takes them, many at a time.
            Packet::PubAck(_) | Packet::PubComp(_) => Ok(()),
            Packet::PubRec(ack) => self.pubrec(&ack, turn.ticket()),
            Packet::PubRel(ack) => self.pubrel(&ack, turn.ticket()),
            Packet::Subscribe(subscribe) => self.subscribe(subscribe, turn),
            Packet::Unsubscribe(unsubscribe) => self.unsubscribe(unsubscribe, turn),
            Packet::PingReq => {
                let client_id = self.session.client_id();
                self.debug(format_args!("Received PINGREQ from {client_id}"));
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

    /// Answers PINGREQs, whatever else has to wait: the client wants to know that the broker is
    /// alive.
    fn answer_pings(&mut self, pings: usize) -> Result<(), Closed> {
        for _ in 0..pings {
            let client_id = self.session.client_id();
            self.debug(format_args!("Sending PINGRESP to {client_id}"));
            self.reply(&Packet::PingResp)?;
        }
        Ok(())
    }

    /// Returns what a DISCONNECT says about the end of the session and the will.
    fn disconnected(&mut self, disconnect: &Disconnect) -> Closed {
        let client_id = self.session.client_id();
        self.debug(format_args!("Received DISCONNECT from {client_id}"));
        if let Some(seconds) = disconnect.properties.session_expiry_interval() {
            let mut state = self.session.state();
            if !state.registration.is_persistent() && seconds > 0 {
                // [MQTT-3.14.2-2]
                return Closed::protocol_error("DISCONNECT: session expiry raised from 0");
            }
            let options = self.permit.broker.live_options();
            let limit = options.persistent_client_expiration();
            state.registration.expiry = Expiry::from_seconds(seconds).capped(limit);
        }
        match disconnect.reason {
            ReasonCode::Success => Closed::Graceful,
            _ => Closed::WithWill,
        }
    }
}
