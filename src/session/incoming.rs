use std::collections::HashMap;
use std::num::NonZeroU16;

use foldhash::fast::RandomState;

use crate::protocol::PacketId;

/// The QoS 2 messages that were received and not yet released, so that each is taken
/// once however often it arrives [MQTT-4.3.3-10].
///
/// A receiver that passes messages on at PUBLISH keeps nothing with the identifier
/// (`M` is `()`); one that waits for the PUBREL keeps the message.
#[derive(Debug)]
pub struct Incoming<M> {
    receive_maximum: NonZeroU16,
    unreleased: HashMap<PacketId, M, RandomState>,
}

/// What a received QoS 2 PUBLISH is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// A message not seen before.
    New,
    /// A repetition of one that was not yet released.
    Duplicate,
    /// One more than the receive maximum allows [MQTT-3.3.4-7].
    QuotaExceeded,
}

impl<M> Incoming<M> {
    /// No messages; at most `receive_maximum` may be unreleased at once.
    pub fn new(receive_maximum: NonZeroU16) -> Self {
        Self {
            receive_maximum,
            unreleased: HashMap::default(),
        }
    }

    /// Changes the receive maximum, as a new connection may.
    pub fn set_receive_maximum(&mut self, receive_maximum: NonZeroU16) {
        self.receive_maximum = receive_maximum;
    }

    /// Takes a QoS 2 PUBLISH. Only when it is [`Received::New`] is `message` kept.
    pub fn publish(&mut self, packet_id: PacketId, message: M) -> Received {
        if self.unreleased.contains_key(&packet_id) {
            return Received::Duplicate;
        }
        if self.unreleased.len() >= usize::from(self.receive_maximum.get()) {
            return Received::QuotaExceeded;
        }
        self.unreleased.insert(packet_id, message);
        Received::New
    }

    /// Takes a PUBREL and gives the message back; `None` when the identifier is not
    /// known. A PUBCOMP answers either [MQTT-4.3.3-11].
    pub fn release(&mut self, packet_id: PacketId) -> Option<M> {
        self.unreleased.remove(&packet_id)
    }

    /// Forgets a message that was refused after all.
    pub fn refuse(&mut self, packet_id: PacketId) {
        self.unreleased.remove(&packet_id);
    }

    /// The packet identifiers of the messages that are not yet released, in no order.
    pub fn packet_ids(&self) -> impl Iterator<Item = PacketId> {
        self.unreleased.keys().copied()
    }

    /// How many messages are not yet released.
    pub fn len(&self) -> usize {
        self.unreleased.len()
    }

    /// Whether every message is released.
    pub fn is_empty(&self) -> bool {
        self.unreleased.is_empty()
    }

    /// Forgets everything, as the end of a session does.
    pub fn clear(&mut self) {
        self.unreleased = HashMap::default();
    }
}
