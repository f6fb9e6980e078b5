use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::num::NonZeroU16;

use foldhash::fast::RandomState;

use crate::protocol::PacketId;

/// QoS 2 messages that were received and not yet released.
///
/// They let a receiver accept each message once, however often it arrives [MQTT-4.3.3-10]. A
/// receiver that passes messages on at PUBLISH keeps nothing with the identifier (`M` is
/// `()`); one that waits for the PUBREL keeps the message.
#[derive(Debug)]
pub struct Incoming<M> {
    receive_maximum: NonZeroU16,
    /// Allocated for the first message.
    #[expect(
        clippy::box_collection,
        reason = "most sessions have none, and all pay for the size"
    )]
    unreleased: Option<Box<HashMap<PacketId, M, RandomState>>>,
}

/// The kinds of received QoS 2 PUBLISH packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// A new message.
    New,
    /// A repetition of a message that is not yet released.
    Duplicate,
    /// One message more than the receive maximum allows [MQTT-3.3.4-7].
    QuotaExceeded,
}

impl<M> Incoming<M> {
    /// Creates the state without messages; at most `receive_maximum` may be unreleased at
    /// once.
    pub fn new(receive_maximum: NonZeroU16) -> Self {
        Self {
            receive_maximum,
            unreleased: None,
        }
    }

    /// Changes the receive maximum, as a new connection may.
    pub fn set_receive_maximum(&mut self, receive_maximum: NonZeroU16) {
        self.receive_maximum = receive_maximum;
    }

    /// Takes a QoS 2 PUBLISH and keeps `message` if it is [`Received::New`].
    pub fn publish(&mut self, packet_id: PacketId, message: M) -> Received {
        let unreleased = self.unreleased.get_or_insert_default();
        let is_full = unreleased.len() >= usize::from(self.receive_maximum.get());
        match unreleased.entry(packet_id) {
            Entry::Occupied(_) => Received::Duplicate,
            Entry::Vacant(_) if is_full => Received::QuotaExceeded,
            Entry::Vacant(entry) => {
                entry.insert(message);
                Received::New
            }
        }
    }

    /// Takes a PUBREL and gives the message back, or `None` if the identifier is unknown.
    ///
    /// A PUBCOMP answers either [MQTT-4.3.3-11].
    pub fn release(&mut self, packet_id: PacketId) -> Option<M> {
        self.unreleased.as_mut()?.remove(&packet_id)
    }

    /// Forgets a message that was refused after all.
    pub fn refuse(&mut self, packet_id: PacketId) {
        self.release(packet_id);
    }

    /// Iterates over the identifiers of the messages not yet released, in no order.
    pub fn packet_ids(&self) -> impl Iterator<Item = PacketId> {
        let unreleased = self.unreleased.iter();
        unreleased.flat_map(|messages| messages.keys().copied())
    }

    /// Returns the number of messages not yet released.
    pub fn len(&self) -> usize {
        self.unreleased
            .as_ref()
            .map_or(0, |messages| messages.len())
    }

    /// Returns whether every message is released.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets everything, as the end of a session does.
    pub fn clear(&mut self) {
        self.unreleased = None;
    }
}
