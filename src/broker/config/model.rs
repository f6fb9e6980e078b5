//! What a configuration says, with everything it leaves open at its default.

mod bridge;
mod http_api;
mod name;
mod tls;

use std::path::{Path, PathBuf};
use std::time::Duration;

pub use self::bridge::{
    Bridge, BridgeAddress, BridgeDirection, BridgeReloadType, BridgeTls, BridgeTopic,
    RestartTimeout, StartType,
};
pub use self::http_api::{HttpApiOptions, MetricNames};
pub use self::tls::{CertificateName, TlsOptions};
use super::diagnostic::Location;
use super::source_lines::{Scope, SourceLines};
use crate::broker::log;
use crate::transport::proxy::ProxyVersion;

/// The port of MQTT without TLS.
pub const DEFAULT_PORT: u16 = 1883;

/// What a session may queue where the configuration sets neither `max_queued_messages`
/// nor `max_queued_bytes`, in bytes. Mosquitto stops at 1000 messages instead.
pub const DEFAULT_QUEUE_BYTES: usize = 128 * 1024 * 1024;

/// The longest head of a WebSocket request where nothing else was configured, in bytes:
/// four times Mosquitto's, since browsers send the cookies of all ports of a host.
pub(super) const DEFAULT_HEADERS_SIZE: usize = 16 * 1024;

/// What a generated client identifier begins with.
pub const DEFAULT_AUTO_ID_PREFIX: &str = "auto-";

/// A whole configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Where connections are taken; at least one.
    pub listeners: Vec<Listener>,
    /// No address was configured: only clients on this machine can connect, and they need
    /// no login unless the configuration asks for one.
    pub local_only: bool,
    /// Whether [`Listener::security`] counts rather than [`Config::security`].
    pub per_listener_settings: bool,
    /// Who may connect, for all listeners.
    pub security: Security,
    /// Where the log goes and what is in it.
    pub log: log::Settings,
    /// Whether the log tells of clients that come and go.
    pub connection_messages: bool,
    /// What clients may use up.
    pub limits: Limits,
    /// What outlives the broker.
    pub persistence: PersistenceOptions,
    /// Whether QoS 0 messages are queued for sessions that are offline.
    pub queue_qos0_messages: bool,
    /// How long a session may be offline before it is dropped; `None`: for ever.
    pub persistent_client_expiration: Option<Duration>,
    /// Whether clients may publish retained messages.
    pub retain_available: bool,
    /// Time between two searches for expired retained messages; `None`: never.
    pub retain_expiry_interval: Option<Duration>,
    /// Whether the publisher of a retained message must still be allowed to publish it
    /// when it is delivered.
    pub check_retain_source: bool,
    /// What every client identifier must begin with.
    pub clientid_prefix: Option<String>,
    /// Whether a message is delivered once for each subscription that it matches.
    pub allow_duplicate_messages: bool,
    /// Whether messages are delivered at the QoS of the subscription even if they were
    /// published at a lower one.
    pub upgrade_outgoing_qos: bool,
    /// Whether small packets are sent at once. On by default, unlike in Mosquitto.
    pub set_tcp_nodelay: bool,
    /// Time between two updates of the `$SYS` topics; `None`: there are no such topics.
    pub sys_interval: Option<Duration>,
    /// The longest head of a WebSocket request, in bytes.
    pub websockets_headers_size: usize,
    /// Where the process identifier is written.
    pub pid_file: Option<PathBuf>,
    /// The account to run as when started as root; `None`: `mosquitto`.
    pub user: Option<String>,
    /// The connections to other brokers.
    pub bridges: Vec<Bridge>,
    /// Options of the listeners with `protocol http_api`.
    pub http_api: HttpApiOptions,
    /// Where all this stands.
    pub source_lines: SourceLines,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listeners: Vec::new(),
            local_only: true,
            per_listener_settings: false,
            security: Security::default(),
            log: log::Settings::default(),
            connection_messages: true,
            limits: Limits::default(),
            persistence: PersistenceOptions::default(),
            queue_qos0_messages: false,
            persistent_client_expiration: None,
            retain_available: true,
            retain_expiry_interval: None,
            check_retain_source: false,
            clientid_prefix: None,
            allow_duplicate_messages: true,
            upgrade_outgoing_qos: false,
            set_tcp_nodelay: true,
            sys_interval: Some(Duration::from_secs(10)),
            websockets_headers_size: DEFAULT_HEADERS_SIZE,
            pid_file: None,
            user: None,
            http_api: HttpApiOptions::default(),
            bridges: Vec::new(),
            source_lines: SourceLines::default(),
        }
    }
}

impl Config {
    /// Where the security option of a listener stands, the global one included.
    pub fn security_location(&self, option: &'static str, listener: usize) -> Option<&Location> {
        let scope = match self.per_listener_settings {
            true => Scope::Listener(listener),
            false => Scope::Broker,
        };
        self.source_lines.location(option, scope)
    }

    /// Who may connect to `listener`: its own options before the global ones, and the
    /// defaults for what both leave open.
    pub fn effective_security<'a>(&'a self, listener: &'a Listener) -> EffectiveSecurity<'a> {
        if listener.address == ListenAddress::InProcess {
            return EffectiveSecurity::OF_THE_PROGRAM;
        }
        let security = if self.per_listener_settings {
            &listener.security
        } else {
            &self.security
        };
        // A plugin may give a file to all listeners, or to one, whatever the settings are.
        let file = |of: for<'s> fn(&'s Security) -> Option<&'s Path>| {
            of(&listener.security).or_else(|| of(&self.security))
        };
        EffectiveSecurity {
            allow_anonymous: listener
                .allow_anonymous
                .or(security.allow_anonymous)
                .unwrap_or(self.local_only),
            password_file: file(|security| security.password_file.as_deref()),
            acl_file: file(|security| security.acl_file.as_deref()),
            acl_check_subscribe: security.acl_check_subscribe,
            allow_zero_length_clientid: security.allow_zero_length_clientid,
            auto_id_prefix: listener
                .auto_id_prefix
                .as_deref()
                .or(security.auto_id_prefix.as_deref())
                .unwrap_or(DEFAULT_AUTO_ID_PREFIX),
        }
    }
}

/// What outlives the broker, and where it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersistenceOptions {
    /// Whether sessions, their queues and retained messages are stored.
    pub is_on: bool,
    /// The folder that the store is in; `None`: the present one.
    pub location: Option<PathBuf>,
    /// What the store's name begins with; `None`: not said.
    pub file: Option<PathBuf>,
    /// Whether what is acknowledged is on the disk before; otherwise it is within a second.
    ///
    /// An option of ours.
    pub sync: bool,
}

impl Default for PersistenceOptions {
    fn default() -> Self {
        Self {
            is_on: false,
            location: None,
            file: None,
            sync: true,
        }
    }
}

impl PersistenceOptions {
    /// Where the store is: beside Mosquitto's database, never in its place.
    pub fn store(&self) -> PathBuf {
        let mut name = match &self.file {
            Some(file) => file.clone().into_os_string(),
            None => "mq-broker".into(),
        };
        name.push(".store");
        self.location.clone().unwrap_or_default().join(name)
    }

    /// Where Mosquitto would keep its database.
    pub fn mosquitto_db(&self) -> PathBuf {
        let file = self.file.clone().unwrap_or_else(|| "mosquitto.db".into());
        self.location.clone().unwrap_or_default().join(file)
    }
}

/// Options about who may connect, as one block of the configuration gives them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Security {
    /// Whether clients without a user name may connect; `None`: not said.
    pub allow_anonymous: Option<bool>,
    /// The users and their passwords.
    pub password_file: Option<PathBuf>,
    /// Which topics clients may read and write.
    pub acl_file: Option<PathBuf>,
    /// Refuses a subscription that can bring nothing if set.
    pub acl_check_subscribe: bool,
    /// Whether a client may leave it to the broker to choose its identifier.
    pub allow_zero_length_clientid: bool,
    /// What such an identifier begins with; `None`: not said.
    pub auto_id_prefix: Option<String>,
}

impl Default for Security {
    fn default() -> Self {
        Self {
            allow_anonymous: None,
            password_file: None,
            acl_file: None,
            acl_check_subscribe: false,
            allow_zero_length_clientid: true,
            auto_id_prefix: None,
        }
    }
}

/// Who may connect to a listener, with nothing left open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EffectiveSecurity<'a> {
    /// Whether clients without a user name may connect.
    pub allow_anonymous: bool,
    /// The users and their passwords. Without it no user name is checked where anonymous
    /// clients are allowed, and nobody may connect where they are not.
    pub password_file: Option<&'a Path>,
    /// Which topics clients may read and write; all without it.
    pub acl_file: Option<&'a Path>,
    /// Refuses a subscription that can bring nothing if set.
    pub acl_check_subscribe: bool,
    /// Whether a client may leave it to the broker to choose its identifier.
    pub allow_zero_length_clientid: bool,
    /// What such an identifier begins with.
    pub auto_id_prefix: &'a str,
}

impl EffectiveSecurity<'_> {
    /// The program that the broker is embedded in is its operator: nothing is closed to it.
    const OF_THE_PROGRAM: Self = Self {
        allow_anonymous: true,
        password_file: None,
        acl_file: None,
        acl_check_subscribe: false,
        allow_zero_length_clientid: true,
        auto_id_prefix: DEFAULT_AUTO_ID_PREFIX,
    };
}

/// What one client, or all together, may use up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// QoS 1 and 2 messages in flight, per client and direction; 0: unlimited.
    pub max_inflight_messages: u16,
    /// True if this number was configured: then a client that exceeds it is disconnected.
    pub enforces_inflight_messages: bool,
    /// Payload bytes of the outgoing ones; `None`: unlimited.
    pub max_inflight_bytes: Option<u32>,
    /// QoS 1 and 2 messages queued beyond those; `Some(0)`: unlimited, `None`: not
    /// configured (see [`DEFAULT_QUEUE_BYTES`]).
    pub max_queued_messages: Option<u32>,
    /// The same in payload bytes.
    pub max_queued_bytes: Option<u32>,
    /// The largest packet taken from a client, in bytes.
    pub max_packet_size: u32,
    /// The largest CONNECT, in bytes.
    pub max_connect_size: u32,
    /// Filters in one SUBSCRIBE or UNSUBSCRIBE; `None`: any number.
    pub max_filters_per_packet: Option<u32>,
    /// Subscriptions of one client; `None`: any number.
    pub max_subscriptions_per_client: Option<u32>,
    /// User properties of one packet; `None`: any number.
    pub max_user_properties: Option<u32>,
    /// Messages that one client may publish each second; `None`: any number.
    pub max_messages_per_second: Option<u32>,
    /// Bytes that one client may send each second; `None`: any number.
    pub max_bytes_per_second: Option<u32>,
    /// The largest payload that is passed on, in bytes; `None`: any.
    pub message_size_limit: Option<u32>,
    /// The longest keep-alive a client may ask for, in seconds; `None`: any, also 0.
    pub max_keepalive: Option<u16>,
    /// Sessions, online or offline; `None`: any number.
    pub global_max_clients: Option<u32>,
    /// Connections of all listeners; `None`: any number.
    pub global_max_connections: Option<u32>,
    /// Connections of each IPv4 address or IPv6 /64 network; `None`: any number.
    pub max_connections_per_address: Option<u32>,
    /// Connections that have not sent their CONNECT; `None`: any number.
    pub max_unauthenticated_connections: Option<u32>,
    /// Bytes of memory for what is kept of messages; `None`: any.
    pub memory_limit: Option<usize>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_inflight_messages: 20,
            enforces_inflight_messages: false,
            max_inflight_bytes: None,
            max_queued_messages: None,
            max_queued_bytes: None,
            max_packet_size: 2_000_000,
            max_connect_size: 65_536,
            max_filters_per_packet: Some(10_000),
            max_subscriptions_per_client: Some(10_000),
            max_user_properties: Some(1_000),
            max_messages_per_second: None,
            max_bytes_per_second: None,
            message_size_limit: None,
            max_keepalive: None,
            global_max_clients: None,
            global_max_connections: None,
            max_connections_per_address: None,
            max_unauthenticated_connections: Some(1000),
            memory_limit: None,
        }
    }
}

/// A place where connections are taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// The TCP port; 0 for a Unix socket, which has none.
    pub port: u16,
    /// What the port is opened on.
    pub address: ListenAddress,
    /// Which address families are opened.
    pub socket_domain: SocketDomain,
    /// What is spoken.
    pub protocol: Protocol,
    /// Connections at a time; `None`: any number.
    pub max_connections: Option<u32>,
    /// The highest QoS, 0 to 2.
    pub max_qos: u8,
    /// Topic aliases that a client may use.
    pub max_topic_alias: u16,
    /// Topic aliases that the broker makes for a client that allows so many.
    pub max_topic_alias_broker: u16,
    /// What stands before every topic of the clients here, unseen by them.
    pub mount_point: Option<String>,
    /// Whether a client's user name replaces its client identifier.
    pub use_username_as_clientid: bool,
    /// The versions of MQTT that are accepted.
    pub protocol_versions: ProtocolVersions,
    /// `listener_allow_anonymous`: stronger than `allow_anonymous` wherever that stands.
    pub allow_anonymous: Option<bool>,
    /// `listener_auto_id_prefix`: stronger than `auto_id_prefix` wherever that stands.
    pub auto_id_prefix: Option<String>,
    /// The header that a proxy before the listener sends.
    pub proxy_protocol: Option<ProxyVersion>,
    /// Whether such a header must say that the client speaks TLS.
    pub proxy_protocol_v2_require_tls: bool,
    /// The web pages whose scripts may connect; empty: all.
    pub websockets_origins: Vec<String>,
    /// The folder whose files a WebSocket listener gives to browsers.
    pub http_dir: Option<PathBuf>,
    /// The interface whose addresses are opened; `None`: any.
    pub bind_interface: Option<String>,
    /// How connections are encrypted.
    pub tls: TlsOptions,
    /// Who may connect here, under `per_listener_settings`.
    pub security: Security,
}

impl Listener {
    /// A listener with the defaults for everything but its address.
    pub fn new(port: u16, address: ListenAddress) -> Self {
        Self {
            port,
            address,
            socket_domain: SocketDomain::Any,
            protocol: Protocol::Mqtt,
            max_connections: None,
            max_qos: 2,
            max_topic_alias: 10,
            max_topic_alias_broker: 10,
            mount_point: None,
            use_username_as_clientid: false,
            protocol_versions: ProtocolVersions::default(),
            allow_anonymous: None,
            auto_id_prefix: None,
            proxy_protocol: None,
            proxy_protocol_v2_require_tls: false,
            websockets_origins: Vec::new(),
            http_dir: None,
            bind_interface: None,
            tls: TlsOptions::default(),
            security: Security::default(),
        }
    }

    /// What gives clients their user name, if not they themselves.
    pub fn username_from(&self) -> Option<CertificateName> {
        let tls = &self.tls;
        let by_proxy = self.proxy_protocol == Some(ProxyVersion::V2);
        if tls.certfile.is_none() && !by_proxy {
            return None;
        }
        if tls.use_identity_as_username {
            return Some(CertificateName::Identity);
        }
        tls.use_subject_as_username
            .then_some(CertificateName::Subject)
    }
}

/// What a listener is opened on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListenAddress {
    /// All addresses of the machine, IPv4 and IPv6 each by a socket of its own.
    Any,
    /// `127.0.0.1` and `::1`; it is enough that one of them can be opened.
    Loopback,
    /// What this name or address stands for.
    Host(String),
    /// A Unix socket.
    Unix(PathBuf),
    /// No socket: clients of the program that the broker is embedded in.
    InProcess,
}

/// The address families of a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SocketDomain {
    /// Both.
    Any,
    /// IPv4 only.
    Ipv4,
    /// IPv6 only.
    Ipv6,
}

/// What is spoken on a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// MQTT itself.
    Mqtt,
    /// MQTT in WebSocket frames.
    WebSockets,
    /// HTTP for people and programs that look into the broker, and MQTT in WebSocket frames.
    HttpApi,
}

/// Which versions of MQTT a listener accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProtocolVersions {
    /// MQTT 3.1.
    pub v3_1: bool,
    /// MQTT 3.1.1.
    pub v3_1_1: bool,
    /// MQTT 5.0.
    pub v5: bool,
}

impl ProtocolVersions {
    /// No version at all.
    pub const NONE: Self = Self {
        v3_1: false,
        v3_1_1: false,
        v5: false,
    };
}

impl Default for ProtocolVersions {
    fn default() -> Self {
        Self {
            v3_1: true,
            v3_1_1: true,
            v5: true,
        }
    }
}
