use std::collections::HashMap;
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
    unreleased: Option<Box<Unreleased<M>>>,
}

/// Messages that were received and not yet released.
#[derive(Debug)]
struct Unreleased<M> {
    messages: HashMap<PacketId, Entry<M>, RandomState>,
    /// The number of messages of this connection.
    window_used: usize,
}

#[derive(Debug)]
struct Entry<M> {
    message: M,
    /// True if the message takes room in this connection's window.
    in_window: bool,
}

impl<M> Default for Unreleased<M> {
    fn default() -> Self {
        Self {
            messages: HashMap::default(),
            window_used: 0,
        }
    }
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

    /// Begins a new connection of the same session, which may have another receive maximum.
    ///
    /// The messages that are left from the earlier connection do not count until the sender
    /// sends them again: it begins with a full quota (section 4.9).
    pub fn resume(&mut self, receive_maximum: NonZeroU16) {
        self.receive_maximum = receive_maximum;
        if let Some(unreleased) = &mut self.unreleased {
            unreleased.window_used = 0;
            for entry in unreleased.messages.values_mut() {
                entry.in_window = false;
            }
        }
    }

    /// Takes a QoS 2 PUBLISH and keeps `message` if it is [`Received::New`].
    pub fn publish(&mut self, packet_id: PacketId, message: M) -> Received {
        let unreleased = self.unreleased.get_or_insert_default();
        let entry = unreleased.messages.get_mut(&packet_id);
        if entry.as_ref().is_some_and(|entry| entry.in_window) {
            return Received::Duplicate;
        }
        if unreleased.window_used >= usize::from(self.receive_maximum.get()) {
            return Received::QuotaExceeded;
        }
        unreleased.window_used += 1;
        if let Some(entry) = entry {
            entry.in_window = true;
            return Received::Duplicate;
        }
        let entry = Entry {
            message,
            in_window: true,
        };
        unreleased.messages.insert(packet_id, entry);
        Received::New
    }

    /// Takes a PUBREL and gives the message back, or `None` if the identifier is unknown.
    ///
    /// A PUBCOMP answers either [MQTT-4.3.3-11].
    pub fn release(&mut self, packet_id: PacketId) -> Option<M> {
        let unreleased = self.unreleased.as_mut()?;
        let Entry { message, in_window } = unreleased.messages.remove(&packet_id)?;
        unreleased.window_used -= usize::from(in_window);
        Some(message)
    }

    /// Forgets a message that was refused after all.
    pub fn refuse(&mut self, packet_id: PacketId) {
        self.release(packet_id);
    }

    /// Iterates over the identifiers of the messages not yet released, in no order.
    pub fn packet_ids(&self) -> impl Iterator<Item = PacketId> {
        let unreleased = self.unreleased.iter();
        unreleased.flat_map(|unreleased| unreleased.messages.keys().copied())
    }

    /// Estimates the memory that the messages' identifiers hold, in bytes.
    pub fn held_size(&self) -> usize {
        let entry = size_of::<(PacketId, Entry<M>)>() + 1;
        let unreleased = self.unreleased.as_ref();
        unreleased.map_or(0, |unreleased| unreleased.messages.capacity() * entry)
    }

    /// Returns the number of messages not yet released.
    pub fn len(&self) -> usize {
        self.unreleased
            .as_ref()
            .map_or(0, |unreleased| unreleased.messages.len())
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
