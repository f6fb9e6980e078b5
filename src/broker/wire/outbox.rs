use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

use super::encoded::EncodedMessage;
use super::write_buffer::make_room;
use crate::broker::persistence::{Ticket, TicketNumber};
use crate::broker::statistics::Tally;
use crate::protocol::PacketId;

/// Shorter runs are copied, as a reference would cost more than it saves.
const SMALL_RUN: usize = 1024;

/// Encoded packets that wait for the connection's task to write them.
#[derive(Debug, Default)]
pub(in crate::broker) struct Outbox {
    /// Absent until there is something.
    ready: Option<Box<Packets>>,
    /// What is left of packets that were written in part, before everything else.
    #[expect(
        clippy::box_collection,
        reason = "hardly any session has one, and all pay for the room"
    )]
    rest: Option<Box<VecDeque<Bytes>>>,
    /// What may be written once something is stored, and what comes after it.
    held_back: Option<Box<HeldBackBytes>>,
    /// Bytes that were appended and not yet taken by the socket.
    unwritten: usize,
}

/// In the order of the packets.
#[derive(Debug, Default)]
struct HeldBackBytes(VecDeque<HeldBack>);

#[derive(Debug)]
struct HeldBack {
    ticket: TicketNumber,
    packets: Packets,
}

#[derive(Debug, Default)]
struct Packets {
    chunks: VecDeque<Bytes>,
    /// What is copied, until a piece by reference follows it.
    tail: BytesMut,
    /// How much it is.
    tally: Tally,
}

impl Outbox {
    /// Whether nothing may be written now.
    pub(in crate::broker) fn is_empty(&self) -> bool {
        self.ready.as_ref().is_none_or(|ready| ready.is_empty()) && self.rest.is_none()
    }

    /// Whether something may be written later.
    pub(in crate::broker) fn is_gated(&self) -> bool {
        self.held_back.is_some()
    }

    /// Bytes that were appended and not yet taken by the socket.
    pub(in crate::broker) fn unwritten(&self) -> usize {
        self.unwritten
    }

    /// Notes that the socket took bytes.
    pub(in crate::broker) fn wrote(&mut self, bytes: usize) {
        self.unwritten = self.unwritten.saturating_sub(bytes);
    }

    /// Notes that the connection is about to write bytes of its own.
    pub(in crate::broker) fn owes(&mut self, bytes: usize) {
        self.unwritten += bytes;
    }

    /// Holds back what is appended from now on until the ticket is done.
    pub(in crate::broker) fn gate(&mut self, ticket: Option<TicketNumber>) {
        let Some(ticket) = ticket else { return };
        let held_back = &mut self.held_back.get_or_insert_default().0;
        if held_back.back().is_none_or(|last| last.ticket != ticket) {
            held_back.push_back(HeldBack {
                ticket,
                packets: Packets::default(),
            });
        }
    }

    /// Holds back what is appended from now on until everything that was changed so far
    /// is stored.
    pub(in crate::broker) fn gate_for_all(&mut self, ticket: &Ticket<'_>) {
        ticket.wait_for_all();
        self.gate(ticket.number());
    }

    /// Lets go what waits for tickets that are done.
    pub(in crate::broker) fn open_gates(&mut self, is_done: impl Fn(TicketNumber) -> bool) {
        let Some(gates) = &mut self.held_back else {
            return;
        };
        while let Some(front) = gates.0.pop_front() {
            if !is_done(front.ticket) {
                gates.0.push_front(front);
                return;
            }
            self.ready.get_or_insert_default().append(front.packets);
        }
        self.held_back = None;
    }

    /// Where packets are appended.
    fn last(&mut self) -> &mut Packets {
        let held_back = self.held_back.as_mut().and_then(|gates| gates.0.back_mut());
        match held_back {
            Some(held_back) => &mut held_back.packets,
            None => self.ready.get_or_insert_default(),
        }
    }

    /// Appends whole packets that others get too.
    pub(in crate::broker) fn push_run(
        &mut self,
        burst: &Bytes,
        publishes: usize,
        payload_bytes: usize,
    ) {
        self.unwritten += burst.len();
        let last = self.last();
        last.tally.publishes(publishes, payload_bytes);
        if burst.len() < SMALL_RUN {
            last.copy(burst);
        } else {
            last.push_piece(burst.clone());
        }
    }

    /// Makes room for as many bytes to be copied.
    pub(in crate::broker) fn reserve(&mut self, bytes: usize) {
        make_room(&mut self.last().tail, bytes);
    }

    /// Appends one packet of `bytes`, with this packet identifier where it needs one.
    pub(in crate::broker) fn push_packet(
        &mut self,
        bytes: &[u8],
        message: &EncodedMessage,
        packet_id: Option<PacketId>,
    ) {
        self.unwritten += message.size();
        let last = self.last();
        last.tally.publish(message.payload_length);
        let at = last.tail.len() + message.packet_id_at;
        last.copy(&bytes[message.start..message.end]);
        if let Some(packet_id) = packet_id {
            last.tail[at..at + 2].copy_from_slice(&packet_id.get().to_be_bytes());
        }
        if let Some(payload) = &message.payload {
            last.push_piece(payload.clone());
        }
    }

    /// Appends the packet that `encode` writes.
    pub(in crate::broker) fn push_encoded(
        &mut self,
        encode: impl FnOnce(&mut BytesMut) -> Option<EncodedMessage>,
    ) {
        let last = self.last();
        let Some(message) = encode(&mut last.tail) else {
            return;
        };
        last.tally.publish(message.payload_length);
        let size = message.size();
        if let Some(payload) = message.payload {
            last.push_piece(payload);
        }
        self.unwritten += size;
    }

    /// Appends a PUBREL.
    pub(in crate::broker) fn push_pubrel(&mut self, packet_id: PacketId) {
        let [high, low] = packet_id.get().to_be_bytes();
        let packet = [0x62, 0x02, high, low];
        self.unwritten += packet.len();
        let last = self.last();
        last.tally.packets += 1;
        last.copy(&packet);
    }

    /// The chunks that wait.
    pub(in crate::broker) fn chunks(&self) -> usize {
        let held_back = self.held_back.iter().flat_map(|gates| &gates.0);
        let ready = self.ready.as_ref().map_or(0, |ready| ready.count());
        ready
            + held_back
                .map(|held_back| held_back.packets.count())
                .sum::<usize>()
    }

    /// Whether something was written in part.
    pub(in crate::broker) fn has_rest(&self) -> bool {
        self.rest.is_some()
    }

    /// Takes back what was taken and not written.
    pub(in crate::broker) fn put_rest(&mut self, chunks: VecDeque<Bytes>) {
        if !chunks.is_empty() {
            self.rest = Some(Box::new(chunks));
        }
    }

    /// Moves what was taken back to the end of `chunks`.
    pub(in crate::broker) fn take_rest(&mut self, chunks: &mut VecDeque<Bytes>) {
        if let Some(mut rest) = self.rest.take() {
            chunks.append(&mut rest);
        }
    }

    /// Moves everything that may be written to the end of `chunks`, and says what of it
    /// is counted for the first time.
    pub(in crate::broker) fn take_into(&mut self, chunks: &mut VecDeque<Bytes>) -> Tally {
        self.take_rest(chunks);
        let ready = self.ready.as_mut();
        ready.map_or_else(Tally::default, |ready| ready.take_into(chunks))
    }

    /// Forgets everything, as the end of a connection does.
    pub(in crate::broker) fn clear(&mut self) {
        *self = Self::default();
    }
}

impl Packets {
    fn is_empty(&self) -> bool {
        self.chunks.is_empty() && self.tail.is_empty()
    }

    fn count(&self) -> usize {
        self.chunks.len() + usize::from(!self.tail.is_empty())
    }

    fn take_into(&mut self, chunks: &mut VecDeque<Bytes>) -> Tally {
        // Taken with its memory: what an idle session holds should be little.
        let mut own = std::mem::take(&mut self.chunks);
        if chunks.is_empty() && !own.is_empty() {
            *chunks = own;
        } else {
            chunks.append(&mut own);
        }
        if !self.tail.is_empty() {
            chunks.push_back(std::mem::take(&mut self.tail).freeze());
        }
        std::mem::take(&mut self.tally)
    }

    fn append(&mut self, mut other: Self) {
        if self.is_empty() {
            *self = other;
            return;
        }
        if !self.tail.is_empty() {
            let tail = self.tail.split();
            self.chunks.push_back(tail.freeze());
        }
        self.tally.add(other.take_into(&mut self.chunks));
    }

    fn push_piece(&mut self, piece: Bytes) {
        if !self.tail.is_empty() {
            let tail = self.tail.split();
            self.chunks.push_back(tail.freeze());
        }
        self.chunks.push_back(piece);
    }

    fn copy(&mut self, bytes: &[u8]) {
        self.tail.extend_from_slice(bytes);
    }
}
