//! A client that publishes with a window, and after each crash goes on where it was.

use std::collections::VecDeque;

use super::connection::{Broken, Connection, in_peace};
use super::harbour::{Harbour, Round};
use crate::support::random::Random;
use crate::wire::{Publish, Version, ack, publish_with};

/// How many messages may be unacknowledged.
const WINDOW: usize = 12;

/// How many messages it sends at most while the broker runs once.
const MOST_PER_ROUND: u64 = 120;

/// Every so many messages one is retained.
const RETAINED: usize = 8;

/// A publisher and what it knows of its messages.
pub(crate) struct Publisher {
    number: usize,
    client_id: String,
    version: Version,
    random: Random,
    /// How many messages it has begun to send.
    sent: usize,
    last_packet_id: u16,
    /// Those that are not done, in the order in which they were first sent.
    in_flight: VecDeque<InFlight>,
    /// Whether the broker has promised to remember something of the session.
    session_exists: bool,
}

struct InFlight {
    packet_id: u16,
    message: Message,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Neither PUBACK nor PUBREC has come.
    Published,
    /// The PUBREC has come, the PUBCOMP has not.
    Received,
}

/// A message, which says itself who sent it and which it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct Message {
    pub(crate) publisher: usize,
    pub(crate) sequence: usize,
}

impl Message {
    /// Odd ones are QoS 1, even ones QoS 2.
    pub(crate) fn qos(self) -> u8 {
        if self.sequence.is_multiple_of(2) {
            2
        } else {
            1
        }
    }

    /// One topic for each publisher and QoS, so that their order is promised.
    pub(crate) fn topic(self) -> String {
        format!("crash/{}/{}", self.publisher, self.qos())
    }

    pub(crate) fn retain(self) -> bool {
        self.sequence % RETAINED < 2
    }

    fn payload(self) -> Vec<u8> {
        // Of many sizes, some of them larger than a page of any store.
        let fill = match self.sequence % 64 {
            63 => 20_000,
            other => other * 16,
        };
        let mut payload = format!("{} {} ", self.publisher, self.sequence).into_bytes();
        payload.resize(payload.len() + fill, b'.');
        payload
    }

    /// The message that came, which must be whole.
    #[track_caller]
    pub(crate) fn parse(publish: &Publish) -> Self {
        let text = String::from_utf8_lossy(&publish.payload);
        let mut words = text.split(' ').map(str::parse);
        let (Some(Ok(publisher)), Some(Ok(sequence))) = (words.next(), words.next()) else {
            panic!("nobody sent {text:?}");
        };
        let message = Self {
            publisher,
            sequence,
        };
        assert_eq!(publish.payload, message.payload(), "{message:?} is whole");
        assert_eq!(publish.topic, message.topic().as_bytes(), "{message:?}");
        message
    }

    fn publish(self, version: Version, packet_id: u16, dup: bool) -> Vec<u8> {
        let flags = u8::from(dup) << 3 | self.qos() << 1 | u8::from(self.retain());
        let payload = self.payload();
        publish_with(version, flags, &self.topic(), packet_id, &[], &payload)
    }
}

impl Publisher {
    pub(crate) fn new(number: usize, version: Version, random: Random) -> Self {
        Self {
            number,
            client_id: format!("publisher {number}"),
            version,
            random,
            sent: 0,
            last_packet_id: 0,
            in_flight: VecDeque::new(),
            session_exists: false,
        }
    }

    /// How many messages it has sent.
    pub(crate) fn sent(&self) -> usize {
        self.sent
    }

    /// Every message it has sent.
    pub(crate) fn messages(&self) -> impl DoubleEndedIterator<Item = Message> + use<> {
        let publisher = self.number;
        (0..self.sent).map(move |sequence| Message {
            publisher,
            sequence,
        })
    }

    /// Publishes until the broker does not come back.
    pub(crate) fn run(&mut self, harbour: &Harbour) {
        let mut round = harbour.wait_for_broker();
        while let Some(now) = round {
            // The round ends with the connection, or before it.
            round = match self.publish_some(now) {
                Ok(()) => harbour.wait_for_next(now),
                Err(_) => harbour.wait_for_broker(),
            };
        }
    }

    /// Gets everything acknowledged that was sent.
    ///
    /// # Panics
    ///
    /// When the connection breaks again and again.
    pub(crate) fn finish(&mut self, port: u16) {
        in_peace(|| self.publish_up_to(port, self.sent));
    }

    fn publish_some(&mut self, round: Round) -> Result<(), Broken> {
        let budget = self.random.below(MOST_PER_ROUND) + 1;
        let end = self.sent + usize::try_from(budget).expect("a small number");
        self.publish_up_to(round.port, end)
    }

    /// Publishes until so many messages are sent, and waits until all are done.
    fn publish_up_to(&mut self, port: u16, end: usize) -> Result<(), Broken> {
        let mut connection = self.resume(port)?;
        loop {
            while self.sent < end && self.in_flight.len() < WINDOW {
                self.publish(&mut connection);
            }
            if self.in_flight.is_empty() {
                return Ok(());
            }
            self.handle(&mut connection)?;
        }
    }

    /// Connects and sends again what is not done, in its order [MQTT-4.4.0-1]
    /// [MQTT-4.6.0-1].
    fn resume(&mut self, port: u16) -> Result<Connection, Broken> {
        let mut connection = Connection::resume(port, self.version, &self.client_id)?;
        assert!(
            connection.session_present || !self.session_exists,
            "the session of {} is lost",
            self.client_id
        );
        for entry in &self.in_flight {
            connection.send(match entry.stage {
                Stage::Published => entry.message.publish(self.version, entry.packet_id, true),
                Stage::Received => ack(0x62, entry.packet_id),
            });
        }
        Ok(connection)
    }

    fn publish(&mut self, connection: &mut Connection) {
        let message = Message {
            publisher: self.number,
            sequence: self.sent,
        };
        let packet_id = self.next_packet_id();
        self.sent += 1;
        self.in_flight.push_back(InFlight {
            packet_id,
            message,
            stage: Stage::Published,
        });
        connection.send(message.publish(self.version, packet_id, false));
    }

    /// Takes one packet.
    fn handle(&mut self, connection: &mut Connection) -> Result<(), Broken> {
        let (first, body) = connection.packet()?;
        let packet_id = u16::from_be_bytes([body[0], body[1]]);
        let reason = body.get(2).copied().unwrap_or(0);
        assert!(matches!(reason, 0 | 0x10), "{first:02x}: {reason:02x}");
        let at = self
            .in_flight
            .iter()
            .position(|entry| entry.packet_id == packet_id)
            .unwrap_or_else(|| panic!("{first:02x} for the unknown {packet_id}"));
        let entry = &mut self.in_flight[at];
        match (first, entry.message.qos(), entry.stage) {
            (0x40, 1, _) | (0x70, 2, Stage::Received) => {
                self.in_flight.remove(at);
            }
            (0x50, 2, _) => {
                entry.stage = Stage::Received;
                self.session_exists = true;
                connection.send(ack(0x62, packet_id));
            }
            _ => panic!("{first:02x} for {:?}", entry.message),
        }
        Ok(())
    }

    fn next_packet_id(&mut self) -> u16 {
        loop {
            self.last_packet_id = self.last_packet_id % 60_000 + 1;
            let used = |entry: &InFlight| entry.packet_id == self.last_packet_id;
            if !self.in_flight.iter().any(used) {
                return self.last_packet_id;
            }
        }
    }
}
