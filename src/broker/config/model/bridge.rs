use std::path::PathBuf;
use std::time::Duration;

use crate::protocol::{ProtocolVersion, QoS, TopicFilter};
use crate::transport::tcp::Keepalive;

/// A bridge: a connection of this broker to another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bridge {
    /// The name of its block.
    pub name: String,
    /// The addresses of the remote broker, in order of preference.
    pub addresses: Vec<BridgeAddress>,
    /// The topics that it carries.
    pub topics: Vec<BridgeTopic>,
    /// The client identifier on the remote broker; `None`: made of host and bridge name.
    pub remote_clientid: Option<String>,
    /// The client identifier on this broker; `None`: made of the remote one.
    pub local_clientid: Option<String>,
    /// The user name for the remote broker.
    pub remote_username: Option<String>,
    /// The password for the remote broker.
    pub remote_password: Option<String>,
    /// The user name on this broker.
    pub local_username: Option<String>,
    /// The password that belongs to `local_username`.
    pub local_password: Option<String>,
    /// True if the remote broker discards its session when the connection ends.
    pub cleansession: bool,
    /// True if this broker discards the bridge's session then; `None`: as `cleansession`.
    pub local_cleansession: Option<bool>,
    /// The keep alive in seconds.
    pub keepalive_interval: u16,
    /// The reason to connect.
    pub start_type: StartType,
    /// The number of waiting messages that makes a lazy bridge connect.
    pub threshold: usize,
    /// The time without messages after which a lazy bridge disconnects.
    pub idle_timeout: Duration,
    /// The delays between attempts to connect.
    pub restart_timeout: RestartTimeout,
    /// True if no address is preferred to the others.
    pub round_robin: bool,
    /// True if the state of the bridge is published.
    pub notifications: bool,
    /// True if it is published on this broker only.
    pub notifications_local_only: bool,
    /// The topic of the state; `None`: made of the remote client identifier.
    pub notification_topic: Option<String>,
    /// True if the remote broker is told that its client is a bridge (MQTT 3.1 and 3.1.1).
    pub try_private: bool,
    /// The version of MQTT.
    pub protocol_version: ProtocolVersion,
    /// True if the bridge unsubscribes from `out` topics on the remote broker.
    pub attempt_unsubscribe: bool,
    /// True if outgoing messages keep their retain flag.
    pub outgoing_retain: bool,
    /// The size of the largest outgoing packet in bytes; 0: any.
    pub max_packet_size: u32,
    /// The number of topic aliases that the remote broker may use (MQTT 5.0).
    pub max_topic_alias: u16,
    /// The number of unacknowledged messages that it may send; `None`: as for clients.
    pub receive_maximum: Option<u16>,
    /// The time in seconds for which it keeps the session (MQTT 5.0).
    pub session_expiry_interval: u32,
    /// The local address to connect from.
    pub bind_address: Option<String>,
    /// TCP keep-alive probes.
    pub tcp_keepalive: Option<Keepalive>,
    /// The longest time for which sent data may remain unacknowledged by TCP.
    pub tcp_user_timeout: Option<Duration>,
    /// The time at which a changed bridge reconnects after a reload.
    pub reload_type: BridgeReloadType,
    /// True if messages that no `topic` line asks for are taken from the remote broker.
    pub accept_unasked: bool,
    /// True if MQTT runs over WebSocket.
    pub websockets: bool,
    /// The proxy on the way, as a `socks5h` URL.
    pub proxy: Option<String>,
    /// The encryption of the connection.
    pub tls: BridgeTls,
}

impl Bridge {
    /// Creates a bridge with the defaults for everything except its name.
    pub fn new(name: String) -> Self {
        Self {
            name,
            addresses: Vec::new(),
            topics: Vec::new(),
            remote_clientid: None,
            local_clientid: None,
            remote_username: None,
            remote_password: None,
            local_username: None,
            local_password: None,
            cleansession: false,
            local_cleansession: None,
            keepalive_interval: 60,
            start_type: StartType::Automatic,
            threshold: 10,
            idle_timeout: Duration::from_secs(60),
            restart_timeout: RestartTimeout::default(),
            round_robin: false,
            notifications: true,
            notifications_local_only: false,
            notification_topic: None,
            try_private: true,
            protocol_version: ProtocolVersion::V311,
            attempt_unsubscribe: true,
            outgoing_retain: true,
            max_packet_size: 0,
            max_topic_alias: 10,
            receive_maximum: None,
            session_expiry_interval: 0,
            bind_address: None,
            tcp_keepalive: None,
            tcp_user_timeout: None,
            reload_type: BridgeReloadType::Lazy,
            accept_unasked: false,
            websockets: false,
            proxy: None,
            tls: BridgeTls::default(),
        }
    }

    /// Returns whether the session on this broker ends with the connection.
    pub fn is_locally_clean(&self) -> bool {
        self.local_cleansession.unwrap_or(self.cleansession)
    }

    /// Returns the client identifier on the remote broker; `host` names this machine.
    pub fn remote_client_id(&self, host: &str) -> String {
        match &self.remote_clientid {
            Some(id) => id.clone(),
            None => format!("{host}.{}", self.name),
        }
    }

    /// Returns the client identifier on this broker; `host` names this machine.
    pub fn local_client_id(&self, host: &str) -> String {
        match &self.local_clientid {
            Some(id) => id.clone(),
            None => format!("local.{}", self.remote_client_id(host)),
        }
    }
}

/// An address of a remote broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BridgeAddress {
    /// A host name or an IP address.
    pub host: String,
    /// The port.
    pub port: u16,
}

/// A `topic` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BridgeTopic {
    /// The filter on this broker.
    pub local: TopicFilter,
    /// The filter on the remote broker.
    pub remote: TopicFilter,
    /// The prefix that `local` begins with and that remote topics do not have.
    pub local_prefix: String,
    /// The prefix that `remote` begins with and that local topics do not have.
    pub remote_prefix: String,
    /// The direction of the messages.
    pub direction: BridgeDirection,
    /// The highest QoS of the messages.
    pub qos: QoS,
}

/// A direction of messages over a bridge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BridgeDirection {
    /// From the remote broker to this one.
    In,
    /// From this broker to the remote one.
    Out,
    /// Both ways.
    Both,
}

impl BridgeDirection {
    /// Returns whether messages go to the remote broker.
    pub fn is_out(self) -> bool {
        matches!(self, Self::Out | Self::Both)
    }

    /// Returns whether messages come from the remote broker.
    pub fn is_in(self) -> bool {
        matches!(self, Self::In | Self::Both)
    }
}

/// A reason to connect to the remote broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartType {
    /// The broker's start, and every loss of the connection.
    Automatic,
    /// Messages that wait.
    Lazy,
    /// The broker's start.
    Once,
}

/// The delays between attempts to connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestartTimeout {
    /// The same delay each time.
    Constant(Duration),
    /// Random delays that grow.
    Jitter {
        /// The shortest delay.
        base: Duration,
        /// The longest delay.
        cap: Duration,
        /// The age of a connection after whose loss the delays begin at `base` again.
        stable: Duration,
    },
}

impl Default for RestartTimeout {
    fn default() -> Self {
        Self::Jitter {
            base: Duration::from_secs(5),
            cap: Duration::from_secs(30),
            stable: Duration::ZERO,
        }
    }
}

/// The time at which a changed bridge reconnects after a reload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BridgeReloadType {
    /// After the next loss of the connection.
    Lazy,
    /// At once.
    Immediate,
}

/// The encryption of a bridge's connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BridgeTls {
    /// The trusted authorities, in PEM.
    pub cafile: Option<PathBuf>,
    /// A directory with files of trusted authorities.
    pub capath: Option<PathBuf>,
    /// True if the authorities of the operating system are trusted.
    pub use_os_certs: bool,
    /// The certificate of the bridge, in PEM.
    pub certfile: Option<PathBuf>,
    /// The key of the certificate, in PEM.
    pub keyfile: Option<PathBuf>,
    /// True if the certificate may belong to another host name.
    pub insecure: bool,
    /// The application protocol to ask for.
    pub alpn: Option<String>,
    /// True if TLS 1.3 is the oldest version.
    pub only_tls1_3: bool,
    /// The cipher suites of TLS 1.2, in OpenSSL's words.
    pub ciphers: Option<String>,
    /// The cipher suites of TLS 1.3.
    pub ciphers_tls1_3: Option<String>,
}

impl BridgeTls {
    /// Returns whether the connection is encrypted.
    pub fn is_on(&self) -> bool {
        self.cafile.is_some() || self.capath.is_some() || self.use_os_certs
    }
}
