use std::collections::HashMap;
use std::num::NonZeroU16;

use foldhash::fast::RandomState;

use super::queued::Queued;
use crate::broker::persistence::{DeliveryRecord, Record, Stage, StoredRecord, Ticket, Urgency};
use crate::protocol::{Delivery, PacketId, QoS};
use crate::qos::{Outgoing, PubAckOutcome, PubCompOutcome, PubRecOutcome, Resend};

/// QoS 1 and 2 messages in flight, and the bytes that they hold.
pub(super) struct Window {
    /// `None` stands for a message that ends with the connection.
    outgoing: Outgoing<Option<Queued>>,
    /// Bytes of memory of the messages that are kept.
    held_bytes: usize,
    /// Their payload bytes.
    payload_bytes: usize,
    /// Records of the messages whose PUBREC came.
    released: Option<Box<Released>>,
}

/// Records of deliveries by their packet identifiers.
pub(super) type Released = HashMap<PacketId, Box<StoredRecord>, RandomState>;

impl Window {
    pub(super) fn new(receive_maximum: NonZeroU16) -> Self {
        Self {
            outgoing: Outgoing::new(receive_maximum),
            held_bytes: 0,
            payload_bytes: 0,
            released: None,
        }
    }

    /// Bytes of memory of the messages that are kept.
    pub(super) fn held_bytes(&self) -> usize {
        self.held_bytes
    }

    /// Payload bytes of the messages that are kept.
    pub(super) fn payload_bytes(&self) -> usize {
        self.payload_bytes
    }

    pub(super) fn receive_maximum(&self) -> NonZeroU16 {
        self.outgoing.receive_maximum()
    }

    /// Returns the number of messages in flight.
    pub(super) fn in_flight(&self) -> usize {
        self.outgoing.in_flight()
    }

    /// Returns the number of messages in flight, without the identifiers of other packets.
    pub(super) fn messages_in_flight(&self) -> usize {
        self.outgoing.messages_in_flight()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.outgoing.is_empty()
    }

    /// Returns whether another message may be sent now.
    pub(super) fn has_room(&self) -> bool {
        self.outgoing.has_room()
    }

    /// Returns whether something must still be sent again.
    pub(super) fn has_resends(&self) -> bool {
        self.outgoing.has_resends()
    }

    /// Ends the connection: nothing is in its window any more.
    pub(super) fn pause(&mut self) {
        self.outgoing.pause();
    }

    /// Begins a new connection, on which everything in flight must be sent again.
    pub(super) fn resume(&mut self, receive_maximum: NonZeroU16) {
        self.outgoing.resume(receive_maximum);
    }

    /// Sends a message for which there is room, and forgets it.
    pub(super) fn send_unkept(&mut self, qos: QoS) -> Delivery {
        self.outgoing.send(qos, None)
    }

    /// Sends a message for which there is room, and keeps it until it is acknowledged.
    pub(super) fn send_kept(
        &mut self,
        mut queued: Queued,
        note: impl FnOnce(&mut Queued, PacketId),
    ) -> Delivery {
        self.count_in(&queued);
        self.outgoing.send_with(queued.qos, |packet_id| {
            note(&mut queued, packet_id);
            Some(queued)
        })
    }

    /// Returns the next packet to send again, if there is room for it.
    pub(super) fn next_resend(&mut self) -> Option<Resend<'_, Option<Queued>>> {
        self.outgoing.next_resend()
    }

    /// Assigns an identifier to a packet that is not a message; `None` if all are in use.
    pub(super) fn reserve_packet_id(&mut self) -> Option<PacketId> {
        self.outgoing.reserve_packet_id()
    }

    /// Takes the answer to such a packet; returns whether it is one.
    pub(super) fn reply(&mut self, packet_id: PacketId) -> bool {
        self.outgoing.reply(packet_id)
    }

    pub(super) fn puback(&mut self, packet_id: PacketId) -> PubAckOutcome<Option<Queued>> {
        let outcome = self.outgoing.puback(packet_id);
        if let PubAckOutcome::Delivered(Some(kept)) = &outcome {
            self.count_out(kept);
        }
        outcome
    }

    pub(super) fn pubrec(
        &mut self,
        packet_id: PacketId,
        refused: bool,
    ) -> PubRecOutcome<Option<Queued>> {
        let outcome = self.outgoing.pubrec(packet_id, refused);
        if let PubRecOutcome::Received(Some(kept)) | PubRecOutcome::Refused(Some(kept)) = &outcome {
            self.count_out(kept);
        }
        outcome
    }

    /// Takes a PUBCOMP, and forgets what is stored of its message.
    pub(super) fn pubcomp(&mut self, packet_id: PacketId) -> PubCompOutcome {
        let outcome = self.outgoing.pubcomp(packet_id);
        if outcome != PubCompOutcome::Unexpected
            && let Some(released) = &mut self.released
        {
            released.remove(&packet_id);
            if released.is_empty() {
                self.released = None;
            }
        }
        outcome
    }

    /// Returns whether the store has a message whose PUBREC came.
    pub(super) fn has_stored_releases(&self) -> bool {
        self.released.is_some()
    }

    /// Stores that the receiver has a QoS 2 message and is owed a PUBREL, which must not
    /// be written before.
    pub(super) fn store_released(
        &mut self,
        packet_id: PacketId,
        kept: Queued,
        ticket: &Ticket<'_>,
    ) {
        let Some(record) = kept.record else { return };
        let delivery = DeliveryRecord {
            message: 0,
            qos: kept.qos,
            retain: kept.retain,
            subscription_id: None,
            share: 0,
            stage: Stage::Released(packet_id),
        };
        record.put(Record::Delivery(delivery), Urgency::Immediate, Some(ticket));
        self.keep_released(packet_id, record);
    }

    fn keep_released(&mut self, packet_id: PacketId, record: Box<StoredRecord>) {
        let released = self.released.get_or_insert_default();
        released.insert(packet_id, record);
    }

    /// Takes out unwanted messages that were sent on an earlier connection and must be sent
    /// again.
    pub(super) fn withdraw(&mut self, mut is_unwanted: impl FnMut(&Queued) -> bool) -> Vec<Queued> {
        let withdrawn = self
            .outgoing
            .withdraw(|kept| kept.as_ref().is_some_and(&mut is_unwanted));
        let withdrawn: Vec<_> = withdrawn.into_iter().flatten().collect();
        withdrawn.iter().for_each(|queued| self.count_out(queued));
        withdrawn
    }

    /// Iterates over the kept messages without PUBACK or PUBREC, in no order.
    pub(super) fn unacknowledged(&self) -> impl Iterator<Item = (PacketId, &Queued)> {
        let messages = self.outgoing.unacknowledged();
        messages.filter_map(|(packet_id, kept)| Some((packet_id, kept.as_ref()?)))
    }

    /// Takes back a message that was in flight before a restart.
    pub(super) fn restore(&mut self, packet_id: PacketId, queued: Queued) {
        self.count_in(&queued);
        self.outgoing.restore(packet_id, queued.qos, Some(queued));
    }

    /// Takes back that a PUBREL is owed.
    pub(super) fn restore_released(&mut self, packet_id: PacketId, record: Box<StoredRecord>) {
        self.outgoing.restore_released(packet_id);
        self.keep_released(packet_id, record);
    }

    /// Leaves an empty window and returns this one.
    pub(super) fn take(&mut self) -> Self {
        let receive_maximum = self.receive_maximum();
        std::mem::replace(self, Self::new(receive_maximum))
    }

    /// Takes out the kept messages, in order, as the end of a session does.
    pub(super) fn drain(&mut self) -> Vec<Queued> {
        (self.held_bytes, self.payload_bytes) = (0, 0);
        self.outgoing.drain().into_iter().flatten().collect()
    }

    pub(super) fn take_released(&mut self) -> Released {
        let released = self.released.take();
        released.map_or_else(Released::default, |released| *released)
    }

    fn count_in(&mut self, kept: &Queued) {
        self.held_bytes += kept.held;
        self.payload_bytes += kept.message.payload.len();
    }

    fn count_out(&mut self, kept: &Queued) {
        self.held_bytes -= kept.held;
        self.payload_bytes -= kept.message.payload.len();
    }
}
