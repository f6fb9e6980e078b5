//! A client that receives, is away part of the time, and counts what it got.

use std::collections::HashMap;

use super::connection::{Broken, Connection, Packet, in_peace};
use super::harbour::{Harbour, Round};
use super::publisher::Message;
use crate::support::random::Random;
use crate::support::raw_client::{PINGREQ, PINGRESP};
use crate::wire::{Publish, Version, ack, subscribe};

/// A subscriber and what it remembers.
pub(crate) struct Subscriber {
    pub(crate) client_id: String,
    version: Version,
    qos: u8,
    random: Random,
    /// The QoS 2 messages that were received and not yet released.
    unreleased: HashMap<u16, Message>,
    /// How often each message was delivered, repetitions of QoS 2 not counted.
    received: HashMap<Message, usize>,
    /// The latest message of each topic.
    latest: HashMap<String, Message>,
}

impl Subscriber {
    /// Even ones subscribe at QoS 2, odd ones at QoS 1.
    pub(crate) fn new(number: usize, version: Version, random: Random) -> Self {
        Self {
            client_id: format!("subscriber {number}"),
            version,
            qos: if number.is_multiple_of(2) { 2 } else { 1 },
            random,
            unreleased: HashMap::new(),
            received: HashMap::new(),
            latest: HashMap::new(),
        }
    }

    /// At which QoS it gets this message.
    pub(crate) fn granted_qos(&self, message: Message) -> u8 {
        self.qos.min(message.qos())
    }

    /// How often this message was delivered.
    pub(crate) fn times(&self, message: Message) -> usize {
        self.received.get(&message).copied().unwrap_or(0)
    }

    /// Begins the session: from here on every message is for it.
    pub(crate) fn subscribe(&mut self, port: u16) {
        let subscribed = Connection::resume(port, self.version, &self.client_id)
            .and_then(|mut connection| {
                let filters = [("crash/#", self.qos)];
                connection.send(subscribe(self.version, 1, &[], &filters));
                connection.packet()
            })
            .expect("nobody has killed the broker yet");
        let (first, body) = subscribed;
        assert_eq!((first, body.last()), (0x90, Some(&self.qos)), "{body:02x?}");
    }

    /// Receives until the broker does not come back.
    pub(crate) fn run(&mut self, harbour: &Harbour) {
        let mut round = harbour.wait_for_broker();
        while let Some(now) = round {
            let away = self.random.once_in(4);
            round = match away || self.receive_some(now).is_ok() {
                true => harbour.wait_for_next(now),
                false => harbour.wait_for_broker(),
            };
        }
    }

    /// Receives until `enough` says so, and then whatever else is on its way. Gives up when
    /// nothing comes any more.
    ///
    /// # Panics
    ///
    /// When the connection breaks again and again.
    pub(crate) fn finish(&mut self, port: u16, enough: impl Fn(&Self) -> bool) {
        in_peace(|| self.receive_all(port, &enough));
    }

    fn receive_all(&mut self, port: u16, enough: impl Fn(&Self) -> bool) -> Result<(), Broken> {
        let mut connection = self.resume(port)?;
        while !enough(self) {
            let Some(packet) = connection.packet_or_silence()? else {
                return Ok(());
            };
            self.handle(packet, &mut connection);
        }
        // An answer may overtake a message once; three in a row do not.
        let mut answers = 0;
        connection.send(PINGREQ);
        while answers < 3 {
            let packet = connection.packet()?;
            if packet.0 == PINGRESP[0] {
                answers += 1;
                connection.send(PINGREQ);
            } else {
                answers = 0;
                self.handle(packet, &mut connection);
            }
        }
        Ok(())
    }

    /// Receives for a while: to the end of the connection, or until it is cut short.
    fn receive_some(&mut self, round: Round) -> Result<(), Broken> {
        let mut connection = self.resume(round.port)?;
        loop {
            if self.random.once_in(400) {
                // Gone without a word, and with what it has not yet acknowledged.
                return Ok(());
            }
            if self.random.once_in(400) {
                connection.flush()?;
                connection = self.resume(round.port)?;
            }
            let packet = connection.packet()?;
            self.handle(packet, &mut connection);
        }
    }

    fn resume(&self, port: u16) -> Result<Connection, Broken> {
        let connection = Connection::resume(port, self.version, &self.client_id)?;
        assert!(
            connection.session_present,
            "the session of {} is lost",
            self.client_id
        );
        Ok(connection)
    }

    fn handle(&mut self, (first, body): Packet, connection: &mut Connection) {
        match first {
            0x30..0x40 => self.message(&Publish::parse(self.version, first, &body), connection),
            0x62 => {
                let packet_id = u16::from_be_bytes([body[0], body[1]]);
                self.unreleased.remove(&packet_id);
                connection.send(ack(0x70, packet_id));
            }
            _ => panic!("{}: {first:02x} {body:02x?}", self.client_id),
        }
    }

    fn message(&mut self, publish: &Publish, connection: &mut Connection) {
        let message = Message::parse(publish);
        assert_eq!(publish.qos, self.granted_qos(message), "{message:?}");
        if publish.qos == 1 {
            connection.send(ack(0x40, publish.id));
            self.count(message);
            return;
        }
        // Until the PUBREL the same identifier is the same message [MQTT-4.3.3-10].
        match self.unreleased.insert(publish.id, message) {
            None => self.count(message),
            Some(known) => assert_eq!(known, message, "identifier {}", publish.id),
        }
        connection.send(ack(0x50, publish.id));
    }

    fn count(&mut self, message: Message) {
        let times = self.received.entry(message).or_default();
        *times += 1;
        if *times > 1 {
            return;
        }
        // What comes for the first time comes in order [MQTT-4.6.0-6].
        let latest = self.latest.entry(message.topic()).or_insert(message);
        assert!(
            *latest <= message,
            "{}: {message:?} came behind {latest:?}",
            self.client_id
        );
        *latest = message;
    }
}
