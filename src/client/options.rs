use std::num::NonZeroU16;

use bytes::Bytes;

use crate::protocol::{Connect, Properties, ProtocolVersion, QoS, Text, Will};

/// The contents of a CONNECT, and the limits before the broker's answer.
#[derive(Clone, Debug)]
pub struct ConnectOptions {
    /// The version of the protocol.
    pub version: ProtocolVersion,
    /// The client identifier; an empty one asks the broker to choose.
    pub client_id: Text,
    /// True if the broker is told that its client is a bridge (MQTT 3.1 and 3.1.1).
    pub bridge: bool,
    /// True if the broker must discard an earlier session.
    pub clean_start: bool,
    /// The keep alive in seconds; 0 turns it off.
    pub keep_alive: u16,
    /// The user name.
    pub username: Option<Text>,
    /// The password.
    pub password: Option<Bytes>,
    /// The message that the broker publishes unless the connection ends cleanly.
    pub will: Option<Will>,
    /// The properties in the order of transmission (MQTT 5.0).
    pub properties: Properties,
    /// The maximum of QoS 1 and 2 messages in flight, unless the CONNACK has another.
    pub inflight_maximum: NonZeroU16,
}

impl ConnectOptions {
    /// Creates options with Mosquitto's defaults.
    ///
    /// They are no identifier, a clean start, 60 seconds of keep alive, 20 messages in
    /// flight.
    pub fn new(version: ProtocolVersion) -> Self {
        Self {
            version,
            client_id: Text::EMPTY,
            bridge: false,
            clean_start: true,
            keep_alive: 60,
            username: None,
            password: None,
            will: None,
            properties: Properties::EMPTY,
            inflight_maximum: NonZeroU16::new(20).expect("20 is not 0"),
        }
    }

    /// Returns how many QoS 2 messages the broker may send before the first is complete.
    pub(super) fn receive_maximum(&self) -> NonZeroU16 {
        self.properties.receive_maximum().unwrap_or(NonZeroU16::MAX)
    }

    pub(super) fn topic_alias_maximum(&self) -> u16 {
        self.properties.topic_alias_maximum().unwrap_or(0)
    }

    pub(super) fn connect_packet(&self) -> Connect {
        Connect {
            version: self.version,
            bridge: self.bridge && !self.version.is_v5(),
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

/// The limits in the broker's CONNACK.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) maximum_qos: QoS,
    pub(super) retain_available: bool,
    /// The maximum size of a packet in bytes.
    pub(super) maximum_packet_size: u32,
    pub(super) topic_alias_maximum: u16,
    pub(super) receive_maximum: NonZeroU16,
    /// The keep alive in seconds.
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
