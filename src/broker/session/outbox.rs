use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

use crate::broker::fanout::EncodedMessage;
use crate::broker::statistics::Tally;
use crate::protocol::PacketId;

/// Shorter runs are copied, as a reference would cost more than it saves.
const SMALL_RUN: usize = 1024;

/// Encoded packets that wait for the connection's task to write them.
#[derive(Debug, Default)]
pub(in crate::broker) struct Outbox {
    pieces: VecDeque<Bytes>,
    /// What is copied, until a piece by reference follows it.
    tail: BytesMut,
    /// How much it is.
    tally: Tally,
}

impl Outbox {
    pub(in crate::broker) fn is_empty(&self) -> bool {
        self.pieces.is_empty() && self.tail.is_empty()
    }

    /// Appends whole packets that others get too.
    pub(super) fn push_run(&mut self, run: &Bytes, publishes: usize, payload_bytes: usize) {
        self.tally.publishes(publishes, payload_bytes);
        if run.len() < SMALL_RUN {
            self.copy(run);
        } else {
            self.push_piece(run.clone());
        }
    }

    /// Makes room for as many bytes to be copied.
    pub(super) fn reserve(&mut self, bytes: usize) {
        self.tail.reserve(bytes);
    }

    /// Appends one packet of `bytes`, with this packet identifier where it needs one.
    pub(super) fn push_packet(
        &mut self,
        bytes: &[u8],
        message: &EncodedMessage,
        packet_id: Option<PacketId>,
    ) {
        self.tally.publish(message.payload_length);
        let at = self.tail.len() + message.packet_id_at;
        self.copy(&bytes[message.start..message.end]);
        if let Some(packet_id) = packet_id {
            self.tail[at..at + 2].copy_from_slice(&packet_id.get().to_be_bytes());
        }
        if let Some(payload) = &message.payload {
            self.push_piece(payload.clone());
        }
    }

    /// Appends the packet that `encode` writes, and says how long it is.
    pub(super) fn push_encoded(
        &mut self,
        encode: impl FnOnce(&mut BytesMut) -> Option<EncodedMessage>,
    ) -> usize {
        let Some(message) = encode(&mut self.tail) else {
            return 0;
        };
        self.tally.publish(message.payload_length);
        let size = message.size();
        if let Some(payload) = message.payload {
            self.push_piece(payload);
        }
        size
    }

    /// Appends a PUBREL, and says how long it is.
    pub(super) fn push_pubrel(&mut self, packet_id: PacketId) -> usize {
        let [high, low] = packet_id.get().to_be_bytes();
        let packet = [0x62, 0x02, high, low];
        self.tally.packets += 1;
        self.copy(&packet);
        packet.len()
    }

    /// The pieces that wait.
    pub(super) fn pieces(&self) -> usize {
        self.pieces.len() + usize::from(!self.tail.is_empty())
    }

    /// Moves everything to the end of `pieces`, and says what it is.
    pub(in crate::broker) fn take_into(&mut self, pieces: &mut VecDeque<Bytes>) -> Tally {
        if pieces.is_empty() {
            std::mem::swap(&mut self.pieces, pieces);
        } else {
            pieces.append(&mut self.pieces);
        }
        if !self.tail.is_empty() {
            pieces.push_back(std::mem::take(&mut self.tail).freeze());
        }
        std::mem::take(&mut self.tally)
    }

    /// Forgets everything, as the end of a connection does.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    fn push_piece(&mut self, piece: Bytes) {
        if !self.tail.is_empty() {
            let tail = self.tail.split();
            self.pieces.push_back(tail.freeze());
        }
        self.pieces.push_back(piece);
    }

    fn copy(&mut self, bytes: &[u8]) {
        self.tail.extend_from_slice(bytes);
    }
}
