use crate::broker::ground::SessionNumber;
use crate::protocol::PacketId;

/// Key under which a record is stored.
///
/// Keys sort by kind, and the records of a session by their numbers, so that a walk
/// through the store meets a session's deliveries in their order. Numbers are given once
/// and never again, also not after a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::broker) enum Key {
    /// A session.
    Session(SessionNumber),
    /// One of a session's subscriptions.
    Subscription(SessionNumber, u64),
    /// A QoS 2 message that the session's client has sent and not yet released.
    Incoming(SessionNumber, PacketId),
    /// The will that a session's client has left.
    Will(SessionNumber),
    /// A message that sessions have still to get.
    Message(u64),
    /// A message that a session is still to receive.
    Delivery(SessionNumber, u64),
    /// The retained message of a topic.
    Retained(u64),
    /// A message that was taken over and that nobody was given yet.
    Unpublished(u64),
}

/// The longest key, in bytes.
const MAX_LENGTH: usize = 17;

/// A key as the store has it: a byte for its kind, and big-endian numbers.
///
/// They sort as their bytes do. There are many of them in memory, so that they are small.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct KeyBytes {
    /// Zeros behind the key.
    bytes: [u8; MAX_LENGTH],
    length: u8,
}

impl KeyBytes {
    fn new(kind: u8) -> Self {
        let mut bytes = [0; MAX_LENGTH];
        bytes[0] = kind;
        Self { bytes, length: 1 }
    }

    /// The key that has these bytes, if it is not too long for one.
    pub(super) fn from_slice(slice: &[u8]) -> Option<Self> {
        let mut bytes = [0; MAX_LENGTH];
        bytes.get_mut(..slice.len())?.copy_from_slice(slice);
        let length = u8::try_from(slice.len()).ok()?;
        Some(Self { bytes, length })
    }

    fn with(mut self, number: &[u8]) -> Self {
        for &byte in number {
            self.bytes[usize::from(self.length)] = byte;
            self.length += 1;
        }
        self
    }

    fn with_u64(self, number: u64) -> Self {
        self.with(&number.to_be_bytes())
    }
}

impl AsRef<[u8]> for KeyBytes {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }
}

impl Key {
    pub(super) fn to_bytes(self) -> KeyBytes {
        match self {
            Self::Session(session) => KeyBytes::new(b'1').with_u64(session.get()),
            Self::Subscription(session, number) => {
                KeyBytes::new(b'2').with_u64(session.get()).with_u64(number)
            }
            Self::Incoming(session, packet_id) => KeyBytes::new(b'3')
                .with_u64(session.get())
                .with(&packet_id.get().to_be_bytes()),
            Self::Will(session) => KeyBytes::new(b'4').with_u64(session.get()),
            Self::Message(number) => KeyBytes::new(b'5').with_u64(number),
            Self::Delivery(session, number) => {
                KeyBytes::new(b'6').with_u64(session.get()).with_u64(number)
            }
            Self::Retained(number) => KeyBytes::new(b'7').with_u64(number),
            Self::Unpublished(number) => KeyBytes::new(b'8').with_u64(number),
        }
    }

    /// The key that these bytes are, if they are one.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (&kind, rest) = bytes.split_first()?;
        let number = |at: usize| {
            let bytes = rest.get(at..at + 8)?.try_into().ok()?;
            Some(u64::from_be_bytes(bytes))
        };
        let session = || number(0).map(SessionNumber::from_stored);
        let (key, length) = match kind {
            b'1' => (Self::Session(session()?), 8),
            b'2' => (Self::Subscription(session()?, number(8)?), 16),
            b'3' => {
                let packet_id = rest.get(8..10)?.try_into().ok()?;
                let packet_id = PacketId::new(u16::from_be_bytes(packet_id))?;
                (Self::Incoming(session()?, packet_id), 10)
            }
            b'4' => (Self::Will(session()?), 8),
            b'5' => (Self::Message(number(0)?), 8),
            b'6' => (Self::Delivery(session()?, number(8)?), 16),
            b'7' => (Self::Retained(number(0)?), 8),
            b'8' => (Self::Unpublished(number(0)?), 8),
            _ => return None,
        };
        (rest.len() == length).then_some(key)
    }

    /// Returns whether another record may have the key when this one is gone.
    pub(super) fn is_used_again(self) -> bool {
        match self {
            Self::Session(_) | Self::Incoming(..) | Self::Will(_) => true,
            Self::Subscription(..)
            | Self::Message(_)
            | Self::Delivery(..)
            | Self::Retained(_)
            | Self::Unpublished(_) => false,
        }
    }

    /// The greatest number in the key that must not be given again.
    pub(super) fn greatest_number(self) -> u64 {
        match self {
            Self::Session(_) | Self::Incoming(..) | Self::Will(_) => 0,
            Self::Subscription(_, number)
            | Self::Message(number)
            | Self::Delivery(_, number)
            | Self::Retained(number)
            | Self::Unpublished(number) => number,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_comes_back_from_its_bytes() {
        let session = SessionNumber::from_stored(0x0102_0304_0506_0708);
        let keys = [
            Key::Session(session),
            Key::Subscription(session, u64::MAX),
            Key::Incoming(session, PacketId::FIRST),
            Key::Will(session),
            Key::Message(7),
            Key::Delivery(session, 1 << 40),
            Key::Retained(0),
            Key::Unpublished(3),
        ];
        for key in keys {
            let bytes = key.to_bytes();
            assert_eq!(Key::from_bytes(bytes.as_ref()), Some(key));
            assert_eq!(Key::from_bytes(&bytes.as_ref()[1..]), None);
        }
    }

    #[test]
    fn deliveries_of_a_session_sort_by_their_numbers() {
        let session = SessionNumber::from_stored(1);
        let early = Key::Delivery(session, 255).to_bytes();
        let late = Key::Delivery(session, 256).to_bytes();
        assert!(early.as_ref() < late.as_ref());
    }
}
