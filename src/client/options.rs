use std::num::NonZeroU16;

use bytes::Bytes;

use crate::protocol::{Connect, Properties, ProtocolVersion, QoS, Text, Will};

/// What a client says in its CONNECT, and what it keeps to before the broker's answer.
#[derive(Clone, Debug)]
pub struct ConnectOptions {
    /// The version to speak.
    pub version: ProtocolVersion,
    /// The client identifier; empty asks the broker to choose one.
    pub client_id: Text,
    /// Whether an earlier session is forgotten.
    pub clean_start: bool,
    /// Seconds; 0 turns the keep alive off.
    pub keep_alive: u16,
    /// The user name.
    pub username: Option<Text>,
    /// The password.
    pub password: Option<Bytes>,
    /// What the broker publishes when the connection ends without order.
    pub will: Option<Will>,
    /// The properties, in the order in which they are sent; MQTT 5.0 only.
    pub properties: Properties,
    /// How many QoS 1 and 2 messages may be in flight when the broker's CONNACK does
    /// not say.
    pub inflight_maximum: NonZeroU16,
}

impl ConnectOptions {
    /// Options of a version with Mosquitto's defaults: no identifier, a clean start, 60
    /// seconds of keep alive, 20 messages in flight.
    pub fn new(version: ProtocolVersion) -> Self {
        Self {
            version,
            client_id: Text::EMPTY,
            clean_start: true,
            keep_alive: 60,
            username: None,
            password: None,
            will: None,
            properties: Properties::EMPTY,
            inflight_maximum: NonZeroU16::new(20).expect("20 is not 0"),
        }
    }

    /// How many QoS 2 messages the broker may send before the first is complete.
    pub(super) fn receive_maximum(&self) -> NonZeroU16 {
        self.properties.receive_maximum().unwrap_or(NonZeroU16::MAX)
    }

    pub(super) fn topic_alias_maximum(&self) -> u16 {
        self.properties.topic_alias_maximum().unwrap_or(0)
    }

    pub(super) fn connect_packet(&self) -> Connect {
        Connect {
            version: self.version,
            bridge: false,
            clean_start: self.clean_start,
            keep_alive: self.keep_alive,
            client_id: self.client_id.clone(),
            will: self.will.clone(),
            username: self.username.clone(),
            password: self.password.clone(),
            properties: self.properties.clone(),
        }
    }
}

/// What the broker's CONNACK allows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) maximum_qos: QoS,
    pub(super) retain_available: bool,
    /// The largest packet in bytes.
    pub(super) maximum_packet_size: u32,
    pub(super) topic_alias_maximum: u16,
    pub(super) receive_maximum: NonZeroU16,
    /// Seconds.
    pub(super) keep_alive: u16,
}

impl Limits {
    pub(super) fn new(options: &ConnectOptions, connack: &Properties) -> Self {
        Self {
            maximum_qos: connack.maximum_qos().unwrap_or(QoS::ExactlyOnce),
            retain_available: connack.retain_available().unwrap_or(true),
            maximum_packet_size: connack
                .maximum_packet_size()
                .map_or(u32::MAX, std::num::NonZeroU32::get),
            topic_alias_maximum: connack.topic_alias_maximum().unwrap_or(0),
            receive_maximum: connack
                .receive_maximum()
                .unwrap_or(options.inflight_maximum),
            keep_alive: connack.server_keep_alive().unwrap_or(options.keep_alive),
        }
    }
}
