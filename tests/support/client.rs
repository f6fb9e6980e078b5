//! A client whose CONNECT was accepted.

use std::collections::VecDeque;

use super::Broker;
use super::raw_client::{PINGREQ, PINGRESP, RawClient};
use super::wire::{
    Connect, Publish, V5, V311, Version, ack, packet, publish_with, subscribe, take_sized,
    unsubscribe,
};

/// A client whose CONNECT was accepted.
pub(crate) struct Client {
    pub(crate) raw: RawClient,
    pub(crate) version: Version,
    pub(crate) session_present: bool,
    /// Those of the CONNACK.
    pub(crate) properties: Vec<u8>,
    /// What came while something else was waited for.
    early: VecDeque<(u8, Vec<u8>)>,
}

impl Client {
    /// Connects with a clean session.
    #[track_caller]
    pub(crate) fn new(broker: &Broker, version: Version, client_id: &str) -> Self {
        Self::open(broker, &version.connect(client_id))
    }

    #[track_caller]
    pub(crate) fn open(broker: &Broker, connect: &Connect) -> Self {
        let mut raw = broker.raw_client();
        raw.send(connect.bytes());
        let (first, body) = raw.packet();
        assert_eq!((first, body[1]), (0x20, 0), "accepted: {body:02x?}");
        assert!(body[0] < 2, "the flags of CONNACK: {body:02x?}");
        let properties = match connect.version {
            V311 => {
                assert_eq!(body.len(), 2);
                &[]
            }
            V5 => take_sized(&body[2..]).0,
        };
        Self {
            raw,
            version: connect.version,
            session_present: body[0] == 1,
            properties: properties.to_vec(),
            early: VecDeque::new(),
        }
    }

    #[track_caller]
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.raw.send(bytes);
    }

    #[track_caller]
    pub(crate) fn expect(&mut self, bytes: impl AsRef<[u8]>) {
        assert!(self.early.is_empty(), "{:02x?}", self.early);
        self.raw.expect(bytes);
    }

    /// Subscribes with these options and expects the QoS of them to be granted.
    #[track_caller]
    pub(crate) fn subscribe(&mut self, filter: &str, options: u8) {
        self.subscribe_with(filter, options, &[]);
    }

    #[track_caller]
    pub(crate) fn subscribe_with(&mut self, filter: &str, options: u8, properties: &[u8]) {
        self.send(subscribe(
            self.version,
            77,
            properties,
            &[(filter, options)],
        ));
        self.expect(self.suback(77, &[options & 3]));
    }

    /// The SUBACK that answers with these codes.
    pub(crate) fn suback(&self, id: u16, codes: &[u8]) -> Vec<u8> {
        let properties = self.version.no_properties();
        packet(0x90, &[&id.to_be_bytes(), properties, codes].concat())
    }

    #[track_caller]
    pub(crate) fn unsubscribe(&mut self, filter: &str) {
        self.send(unsubscribe(self.version, 78, &[filter]));
        let codes: &[u8] = match self.version {
            V311 => &[],
            V5 => &[0, 0],
        };
        self.expect(packet(0xb0, &[&[0, 78], codes].concat()));
    }

    /// Publishes, and comes back when the broker has it: QoS, retain flag and payload.
    #[track_caller]
    pub(crate) fn publish(&mut self, topic: &str, qos: u8, retain: bool, payload: &str) {
        self.publish_with(topic, qos << 1 | u8::from(retain), &[], payload);
    }

    #[track_caller]
    pub(crate) fn publish_with(
        &mut self,
        topic: &str,
        flags: u8,
        properties: &[u8],
        payload: &str,
    ) {
        const ID: u16 = 0x1234;
        let payload = payload.as_bytes();
        self.send(publish_with(
            self.version,
            flags,
            topic,
            ID,
            properties,
            payload,
        ));
        match flags >> 1 & 3 {
            0 => {
                self.send(PINGREQ);
                self.answer(PINGRESP[0]);
            }
            1 => self.expect_success(0x40, ID),
            _ => {
                self.expect_success(0x50, ID);
                self.send(ack(0x62, ID));
                self.expect_success(0x70, ID);
            }
        }
    }

    /// An acknowledgement of success comes, perhaps behind messages.
    #[track_caller]
    fn expect_success(&mut self, first: u8, id: u16) {
        let body = self.answer(first);
        assert_eq!(body[..2], id.to_be_bytes());
        assert!(matches!(body[2..], [] | [0x10]), "{body:02x?}");
    }

    /// The next packet is this acknowledgement, of success or of nobody who listens.
    #[track_caller]
    pub(crate) fn expect_ack(&mut self, first: u8, id: u16) {
        let (came, body) = self.packet();
        assert_eq!(
            (came, &body[..2]),
            (first, &id.to_be_bytes()[..]),
            "{body:02x?}"
        );
        assert!(matches!(body[2..], [] | [0x10]), "{body:02x?}");
    }

    /// The next packet: its first byte and its body.
    #[track_caller]
    pub(crate) fn packet(&mut self) -> (u8, Vec<u8>) {
        self.raw.packet()
    }

    /// The next packet is a PUBLISH; it is not acknowledged.
    #[track_caller]
    pub(crate) fn message(&mut self) -> Publish {
        let (first, body) = self.early.pop_front().unwrap_or_else(|| self.raw.packet());
        Publish::parse(self.version, first, &body)
    }

    /// The next packet is a PUBLISH with this payload; it is acknowledged.
    #[track_caller]
    pub(crate) fn receive(&mut self, payload: &str) -> Publish {
        let publish = self.message();
        assert_eq!(String::from_utf8_lossy(&publish.payload), payload);
        match publish.qos {
            0 => {}
            1 => self.send(ack(0x40, publish.id)),
            _ => {
                self.send(ack(0x50, publish.id));
                assert_eq!(self.answer(0x62), publish.id.to_be_bytes());
                self.send(ack(0x70, publish.id));
            }
        }
        publish
    }

    /// The body of a packet that begins like this; messages before it are kept for later.
    #[track_caller]
    fn answer(&mut self, first: u8) -> Vec<u8> {
        loop {
            let (came, body) = self.raw.packet();
            if came == first {
                return body;
            }
            assert_eq!(came & 0xf0, 0x30, "{came:02x} {body:02x?}");
            self.early.push_back((came, body));
        }
    }

    /// Nothing is on its way to the client. An answer may overtake a message once, so
    /// that two are waited for.
    #[track_caller]
    pub(crate) fn expect_nothing(&mut self) {
        for _ in 0..2 {
            self.send(PINGREQ);
            self.expect(PINGRESP);
        }
    }

    /// The broker closes the connection; in MQTT 5.0 it says this before. Pass 0 for
    /// nothing.
    #[track_caller]
    pub(crate) fn expect_end(&mut self, reason: u8) {
        let expected: &[u8] = match (self.version, reason) {
            (V311, _) | (V5, 0) => &[],
            (V5, reason) => &[0xe0, 0x01, reason],
        };
        let said = self.raw.expect_closed();
        // A reason code alone, or with an empty property section.
        let said = said
            .strip_suffix(&[0])
            .map_or(said.clone(), |short| match short {
                [0xe0, 0x02, reason] => vec![0xe0, 0x01, *reason],
                _ => said.clone(),
            });
        assert_eq!(said, expected, "{said:02x?}");
    }

    /// Closes without a word and waits until the broker has noticed.
    #[track_caller]
    pub(crate) fn cut(self, broker: &Broker) {
        let mark = broker.log_mark();
        drop(self);
        broker.wait_for_disconnect_after(mark);
    }

    /// Leaves with a DISCONNECT and waits until the broker has closed.
    #[track_caller]
    pub(crate) fn leave(mut self) {
        self.send([0xe0, 0]);
        assert_eq!(self.raw.expect_closed(), b"");
    }
}
