//! Packets in bytes, written and read here with nothing of the library: its codec is not
//! its own judge.

use super::Broker;

pub(crate) use super::raw_client::{packet, string};

pub(crate) const SESSION_EXPIRY: u8 = 0x11;
pub(crate) const RECEIVE_MAXIMUM: u8 = 0x21;
pub(crate) const MAXIMUM_PACKET_SIZE: u8 = 0x27;
pub(crate) const TOPIC_ALIAS_MAXIMUM: u8 = 0x22;
pub(crate) const TOPIC_ALIAS: u8 = 0x23;
pub(crate) const SUBSCRIPTION_ID: u8 = 0x0b;
pub(crate) const ASSIGNED_CLIENT_ID: u8 = 0x12;
pub(crate) const MESSAGE_EXPIRY: u8 = 0x02;

/// A version of the protocol.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Version {
    V311,
    V5,
}
pub(crate) use Version::{V5, V311};

/// What most promises hold for.
pub(crate) const BOTH: [Version; 2] = [V311, V5];

impl Version {
    /// An empty property section where the version has one.
    pub(crate) fn no_properties(self) -> &'static [u8] {
        match self {
            V311 => &[],
            V5 => &[0],
        }
    }

    /// A CONNECT of a clean session.
    pub(crate) fn connect(self, client_id: &str) -> Connect {
        Connect {
            version: self,
            client_id: client_id.as_bytes().to_vec(),
            flags: 0x02,
            keep_alive: 60,
            properties: Vec::new(),
            behind: Vec::new(),
        }
    }

    /// A CONNECT of a session that lives on after its connection, and is taken up again.
    pub(crate) fn persistent(self, client_id: &str) -> Connect {
        let connect = self.connect(client_id).flags(0);
        match self {
            V311 => connect,
            V5 => connect.property(&four(SESSION_EXPIRY, 600)),
        }
    }
}

/// A CONNECT to be sent.
#[derive(Clone)]
pub(crate) struct Connect {
    pub(crate) version: Version,
    client_id: Vec<u8>,
    flags: u8,
    keep_alive: u16,
    properties: Vec<u8>,
    behind: Vec<u8>,
}

impl Connect {
    pub(crate) fn flags(mut self, flags: u8) -> Self {
        self.flags = flags;
        self
    }

    pub(crate) fn keep_alive(mut self, seconds: u16) -> Self {
        self.keep_alive = seconds;
        self
    }

    /// Only MQTT 5.0 sends it.
    pub(crate) fn property(mut self, property: &[u8]) -> Self {
        self.properties.extend_from_slice(property);
        self
    }

    /// A will, with these properties in MQTT 5.0.
    pub(crate) fn will(mut self, qos: u8, retain: bool, properties: &[u8]) -> Self {
        self.flags |= 0x04 | qos << 3 | u8::from(retain) << 5;
        if self.version == V5 {
            self.behind.extend(sized(properties));
        }
        self.behind.extend(string("will"));
        self.behind.extend(string("gone"));
        self
    }

    /// Bytes behind the client identifier.
    pub(crate) fn behind(mut self, bytes: &[u8]) -> Self {
        self.behind.extend_from_slice(bytes);
        self
    }

    /// Bytes that need not be a string, instead of the client identifier.
    pub(crate) fn client_id(mut self, bytes: &[u8]) -> Self {
        self.client_id = bytes.to_vec();
        self
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut body = b"\x00\x04MQTT".to_vec();
        body.push(if self.version == V5 { 5 } else { 4 });
        body.push(self.flags);
        body.extend(self.keep_alive.to_be_bytes());
        if self.version == V5 {
            body.extend(sized(&self.properties));
        }
        body.extend(binary(&self.client_id));
        body.extend_from_slice(&self.behind);
        packet(0x10, &body)
    }
}

/// A property of one byte.
pub(crate) fn one(id: u8, value: u8) -> Vec<u8> {
    vec![id, value]
}

/// A property of two bytes.
pub(crate) fn two(id: u8, value: u16) -> Vec<u8> {
    [&[id][..], &value.to_be_bytes()].concat()
}

/// A property of four bytes.
pub(crate) fn four(id: u8, value: u32) -> Vec<u8> {
    [&[id][..], &value.to_be_bytes()].concat()
}

/// A property that is a string.
pub(crate) fn text(id: u8, value: &str) -> Vec<u8> {
    [&[id][..], &string(value)].concat()
}

/// A User Property.
pub(crate) fn user(name: &str, value: &str) -> Vec<u8> {
    [&[0x26][..], &string(name), &string(value)].concat()
}

/// Bytes with their length in two bytes in front.
pub(crate) fn binary(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).expect("a field of MQTT");
    [&length.to_be_bytes(), bytes].concat()
}

/// Properties with their length in front.
pub(crate) fn sized(properties: &[u8]) -> Vec<u8> {
    // A packet is written as this is: its length, and what follows.
    packet(0, properties).split_off(1)
}

/// A PUBLISH; `id` is left out at QoS 0, the properties before MQTT 5.0.
pub(crate) fn publish_with(
    version: Version,
    flags: u8,
    topic: &str,
    id: u16,
    properties: &[u8],
    payload: &[u8],
) -> Vec<u8> {
    let mut body = string(topic);
    if flags & 0x06 != 0 {
        body.extend(id.to_be_bytes());
    }
    if version == V5 {
        body.extend(sized(properties));
    }
    body.extend_from_slice(payload);
    packet(0x30 | flags, &body)
}

/// A SUBSCRIBE with these filters and options.
pub(crate) fn subscribe(
    version: Version,
    id: u16,
    properties: &[u8],
    filters: &[(&str, u8)],
) -> Vec<u8> {
    let mut body = id.to_be_bytes().to_vec();
    if version == V5 {
        body.extend(sized(properties));
    }
    for (filter, options) in filters {
        body.extend(string(filter));
        body.push(*options);
    }
    packet(0x82, &body)
}

/// An UNSUBSCRIBE with these filters.
pub(crate) fn unsubscribe(version: Version, id: u16, filters: &[&str]) -> Vec<u8> {
    let mut body = id.to_be_bytes().to_vec();
    body.extend_from_slice(version.no_properties());
    for filter in filters {
        body.extend(string(filter));
    }
    packet(0xa2, &body)
}

/// An acknowledgement without reason code.
pub(crate) fn ack(first: u8, id: u16) -> Vec<u8> {
    packet(first, &id.to_be_bytes())
}

/// A PUBLISH that came.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Publish {
    pub(crate) dup: bool,
    pub(crate) qos: u8,
    pub(crate) retain: bool,
    pub(crate) topic: Vec<u8>,
    /// 0 at QoS 0.
    pub(crate) id: u16,
    /// Without their length.
    pub(crate) properties: Vec<u8>,
    pub(crate) payload: Vec<u8>,
}

impl Publish {
    #[track_caller]
    pub(crate) fn parse(version: Version, first: u8, body: &[u8]) -> Self {
        assert_eq!(first & 0xf0, 0x30, "a PUBLISH: {first:02x} {body:02x?}");
        let qos = first >> 1 & 3;
        let (topic, mut rest) = take_binary(body);
        let mut id = 0;
        if qos > 0 {
            id = u16::from_be_bytes([rest[0], rest[1]]);
            rest = &rest[2..];
        }
        let mut properties = &[][..];
        if version == V5 {
            (properties, rest) = take_sized(rest);
        }
        Self {
            dup: first & 8 != 0,
            qos,
            retain: first & 1 != 0,
            topic: topic.to_vec(),
            id,
            properties: properties.to_vec(),
            payload: rest.to_vec(),
        }
    }

    /// The value of a property of two bytes.
    pub(crate) fn topic_alias(&self) -> Option<u16> {
        match self.properties[..] {
            [TOPIC_ALIAS, high, low] => Some(u16::from_be_bytes([high, low])),
            _ => None,
        }
    }
}

fn take_binary(bytes: &[u8]) -> (&[u8], &[u8]) {
    let length = usize::from(u16::from_be_bytes([bytes[0], bytes[1]]));
    bytes[2..].split_at(length)
}

/// Properties behind a length of one or two bytes.
pub(crate) fn take_sized(bytes: &[u8]) -> (&[u8], &[u8]) {
    let mut size = 0;
    for (index, byte) in bytes.iter().enumerate() {
        size |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return bytes[index + 1..].split_at(size);
        }
    }
    panic!("a property length has an end")
}

/// Whether `bytes` have `part` in them.
pub(crate) fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// Connects in vain; what the broker says before it closes.
#[track_caller]
pub(crate) fn refused(broker: &Broker, connect: &[u8]) -> Vec<u8> {
    let mut raw = broker.raw_client();
    raw.send_in_vain(connect);
    raw.expect_closed()
}

/// The CONNACK that refuses with this code.
pub(crate) fn connack(version: Version, code: u8) -> Vec<u8> {
    packet(0x20, &[&[0, code], version.no_properties()].concat())
}
