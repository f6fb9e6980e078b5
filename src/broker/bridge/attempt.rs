//! An attempt to connect to the remote broker, and what its answer changes about the next one.

use std::fmt;
use std::time::Duration;

use tokio::time::timeout;

use super::negotiated::Negotiated;
use super::settings::Settings;
use crate::broker::config::{Bridge, BridgeAddress, BridgeTls};
use crate::client::{Address, Endpoint, Error, Link, OtherProtocol, Proxy, Stream, refusal_text};
use crate::protocol::{ConnAck, ConnAckCode, ReasonCode};
use crate::transport::tcp::SocketOptions;
use crate::transport::tls_client::{Connector, Options, Verification, Versions};

/// Time in which an address has to answer, TLS and WebSocket included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The time for a connection and its TLS and WebSocket handshakes.
const OPENED_WITHIN: Duration = Duration::from_secs(30);

/// A reason that there is no connection.
pub(super) enum Failure {
    /// The files for TLS cannot be used.
    Files(String),
    /// Nobody answered in time.
    TimedOut,
    Client(Error, Option<OtherProtocol>),
}

/// Connects to an address of the remote broker.
pub(super) async fn connect(
    settings: &Settings,
    negotiated: &Negotiated,
    address: &BridgeAddress,
) -> Result<(Link<Box<dyn Stream>>, ConnAck), Failure> {
    let endpoint = endpoint(&settings.config, address).await?;
    let stream = match timeout(OPENED_WITHIN, endpoint.open()).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return Err(Failure::Client(error, None)),
        Err(_) => return Err(Failure::TimedOut),
    };
    let mut link = Link::new(settings.connect_options(negotiated));
    match link.connect(stream).await {
        Ok(connack) => Ok((link, connack)),
        Err(error) => Err(Failure::Client(error, link.other_protocol())),
    }
}

/// Returns the way to an address. The files for TLS are read each time, so that a renewed
/// certificate counts from the next connection on.
async fn endpoint(bridge: &Bridge, address: &BridgeAddress) -> Result<Endpoint, Failure> {
    let tls = match bridge.tls.is_on() {
        false => None,
        true => {
            let options = tls_options(&bridge.tls);
            let no_passphrase = || Err(std::io::ErrorKind::Unsupported.into());
            let read = move || Connector::new(&options, &no_passphrase);
            let read = tokio::task::spawn_blocking(read).await;
            let connector = read.map_err(|error| Failure::Files(error.to_string()))?;
            Some(connector.map_err(|error| Failure::Files(error.to_string()))?)
        }
    };
    let proxy = bridge.proxy.as_ref();
    Ok(Endpoint {
        address: Address::Tcp {
            host: address.host.clone(),
            port: address.port,
            bind: bridge.bind_address.clone(),
            options: SocketOptions {
                keepalive: bridge.tcp_keepalive,
                user_timeout: bridge.tcp_user_timeout,
            },
        },
        proxy: proxy.and_then(|url| Proxy::parse(url.as_bytes()).ok()),
        tls,
        websocket: bridge.websockets,
        connect_timeout: CONNECT_TIMEOUT,
    })
}

/// Returns whether the first address can be reached, where a bridge uses another one.
pub(super) async fn is_reachable(bridge: &Bridge, address: &BridgeAddress) -> bool {
    let Ok(endpoint) = endpoint(bridge, address).await else {
        return false;
    };
    matches!(timeout(OPENED_WITHIN, endpoint.open()).await, Ok(Ok(_)))
}

fn tls_options(tls: &BridgeTls) -> Options {
    let (ciphers, ciphers_tls1_3) = (tls.ciphers.clone(), tls.ciphers_tls1_3.clone());
    Options {
        ca_file: tls.cafile.clone(),
        ca_path: tls.capath.clone(),
        os_certificates: tls.use_os_certs,
        identity: tls.certfile.clone().zip(tls.keyfile.clone()),
        verification: match tls.insecure {
            true => Verification::WithoutName,
            false => Verification::Full,
        },
        versions: match tls.only_tls1_3 {
            true => Versions::Only13,
            false => Versions::From12,
        },
        ciphers: ciphers.filter(|_| !tls.only_tls1_3),
        ciphers_tls1_3,
        alpn: tls.alpn.clone().map(String::into_bytes),
        key_log: None,
        notice: None,
    }
}

impl Failure {
    /// Returns the code of a CONNACK that refuses.
    pub(super) fn refusal(&self) -> Option<ConnAckCode> {
        match self {
            Self::Client(Error::Refused(code), _) => Some(*code),
            Self::Client(..) | Self::Files(_) | Self::TimedOut => None,
        }
    }

    /// Returns what an operator may try.
    pub(super) fn hint(&self, negotiated: &Negotiated, bridge: &Bridge) -> Option<&'static str> {
        let is_encrypted = bridge.tls.is_on();
        match self {
            Self::Client(_, Some(OtherProtocol::Tls)) => {
                Some("The port speaks TLS: bridge_cafile or bridge_tls_use_os_certs turns it on.")
            }
            Self::Client(_, Some(OtherProtocol::Http)) => {
                Some("The port speaks HTTP: is bridge_transport websockets missing?")
            }
            Self::Client(Error::ConnectionLost, None) if negotiated.is_private => Some(
                "The remote broker closed the connection instead of an answer. Some do that to a \
                 client that says it is a bridge: try_private false.",
            ),
            Self::Client(Error::ConnectionLost, None) if !is_encrypted => {
                Some("Does the remote broker expect TLS on this port?")
            }
            Self::Client(error, _) if error.is_login_refused() => Some(
                "Check remote_username, remote_password and remote_clientid, which the remote \
                 broker may bind to the login.",
            ),
            _ => None,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Files(text) => write!(f, "Problem setting TLS options: {text}"),
            Self::TimedOut => write!(f, "no answer within {} seconds", OPENED_WITHIN.as_secs()),
            Self::Client(Error::Refused(code), _) => match code {
                ConnAckCode::V5(ReasonCode::RetainNotSupported) => {
                    f.write_str("Connection Refused: retain not available (will retry)")
                }
                ConnAckCode::V5(ReasonCode::QosNotSupported) => {
                    f.write_str("Connection Refused: QoS not supported (will retry)")
                }
                ConnAckCode::V3(_) | ConnAckCode::V5(_) => {
                    let text = refusal_text(*code);
                    let text = text.strip_prefix("Connection Refused: ").unwrap_or(text);
                    write!(f, "Connection Refused: {text}")
                }
            },
            Self::Client(Error::Tls(cause), _) => write!(f, "A TLS error occurred: {cause}"),
            Self::Client(Error::WebSocket(cause), _) => {
                write!(f, "The WebSocket handshake failed: {cause}")
            }
            Self::Client(error, _) => error.fmt(f),
        }
    }
}
