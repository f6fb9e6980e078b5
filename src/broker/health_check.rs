//! Whether a broker with a given configuration runs on this machine: what `--check` finds.
//!
//! Each listener is connected to as a client would. Any answer to the CONNECT is a sign of
//! life, a refusal too: no login is needed for the check.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use futures_util::future::join_all;
use thiserror::Error;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpStream, UnixStream, lookup_host};
use tokio::time::timeout;

use super::config::{Config, ListenAddress, Listener, Protocol, SocketDomain};
use super::listener::addresses_of;
use crate::client::{Client, ConnectOptions, Error, OtherProtocol, Stream, refusal_text};
use crate::protocol::{Disconnect, MAX_REMAINING_LENGTH, ProtocolVersion, ReasonCode, Text};
use crate::transport::proxy::ProxyVersion;
use crate::transport::tls_client::{self, Connector, Verification};
use crate::transport::websocket;

/// How long a listener may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// A PROXY header of a client without an address.
const PROXY_LINE: &[u8] = b"PROXY UNKNOWN\r\n";
/// A PROXY header of a client at 127.0.0.1 that speaks TLS with the proxy: some listeners
/// want that. The header for health checks, LOCAL, gets no answer.
const PROXY_BINARY: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x14\
    \x7f\0\0\x01\x7f\0\0\x01\0\0\0\0\x20\0\x05\x01\0\0\0\0";

/// Connects to every listener of `config`.
///
/// # Errors
///
/// One of them does not answer. What there is to say is one line in either case.
pub(super) async fn check(config: &Config) -> Result<String, String> {
    let findings = join_all(config.listeners.iter().map(try_listener)).await;
    let silent = list(findings.iter().filter_map(|finding| finding.as_ref().err()));
    if silent.is_empty() {
        Ok(format!("Alive: {}.", list(findings.iter().flatten())))
    } else {
        Err(format!("Not alive: {silent}."))
    }
}

/// What a listener made of the CONNECT.
enum Answer {
    Accepted,
    LoginRequired,
    CertificateRequired,
    Refused(&'static str),
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accepted => f.write_str("takes clients"),
            Self::LoginRequired => f.write_str("asks for a login"),
            Self::CertificateRequired => f.write_str("asks for a certificate"),
            Self::Refused(text) => write!(f, "refuses us: {text}"),
        }
    }
}

/// Why a listener counts as dead.
#[derive(Debug, Error)]
enum Silence {
    #[error("no answer within {} seconds", PATIENCE.as_secs())]
    TimedOut,
    #[error("what answers there speaks {0}")]
    OtherProtocol(&'static str),
    #[error("{0}")]
    Failed(String),
}

impl From<Error> for Silence {
    fn from(error: Error) -> Self {
        Self::Failed(match error {
            Error::Tls(cause) | Error::WebSocket(cause) => cause,
            other => other.to_string(),
        })
    }
}

impl From<io::Error> for Silence {
    fn from(error: io::Error) -> Self {
        Error::Io(error).into()
    }
}

/// The error, too, says which listener it is about.
async fn try_listener(listener: &Listener) -> Result<String, String> {
    let place = ListenerLabel(listener);
    match timeout(PATIENCE, answer(listener)).await {
        Ok(Ok(answer)) => Ok(format!("{place} {answer}")),
        Ok(Err(silence)) => Err(format!("{place}: {silence}")),
        Err(_) => Err(format!("{place}: {}", Silence::TimedOut)),
    }
}

async fn answer(listener: &Listener) -> Result<Answer, Silence> {
    let mut stream = open(listener).await?;
    if is_encrypted(listener) {
        stream = match encrypt(stream).await {
            Ok(stream) => stream,
            Err(Error::Tls(_)) if listener.tls.require_certificate => {
                return Ok(Answer::CertificateRequired);
            }
            Err(error) => return Err(error.into()),
        };
    }
    match connect(stream, listener).await {
        // In TLS 1.3 the handshake is over for us before the broker misses the certificate.
        Err(Silence::Failed(_)) if listener.tls.require_certificate => {
            Ok(Answer::CertificateRequired)
        }
        result => result,
    }
}

/// Opens a stream and says whom we speak for, where a proxy would.
async fn open(listener: &Listener) -> Result<Box<dyn Stream>, Silence> {
    let mut stream: Box<dyn Stream> = match &listener.address {
        ListenAddress::Unix(path) => Box::new(UnixStream::connect(path).await?),
        _ => Box::new(TcpStream::connect(&*addresses(listener).await?).await?),
    };
    let header = match listener.proxy_protocol {
        None => return Ok(stream),
        Some(ProxyVersion::V1) => PROXY_LINE,
        Some(ProxyVersion::V2) => PROXY_BINARY,
    };
    stream.write_all(header).await?;
    Ok(stream)
}

/// Where the listener can be reached from this machine.
async fn addresses(listener: &Listener) -> io::Result<Vec<SocketAddr>> {
    let port = listener.port;
    match (&listener.address, &listener.bind_interface) {
        (ListenAddress::Host(host), _) => Ok(lookup_host((host.as_str(), port)).await?.collect()),
        (ListenAddress::Any, Some(interface)) => addresses_of(interface, port),
        _ => {
            let ipv4 = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            let ipv6 = SocketAddr::from((Ipv6Addr::LOCALHOST, port));
            Ok(match listener.socket_domain {
                SocketDomain::Any => vec![ipv4, ipv6],
                SocketDomain::Ipv4 => vec![ipv4],
                SocketDomain::Ipv6 => vec![ipv6],
            })
        }
    }
}

/// Any certificate will do: the question is who is there, and nothing secret is said.
async fn encrypt(stream: Box<dyn Stream>) -> Result<Box<dyn Stream>, Error> {
    let options = tls_client::Options {
        verification: Verification::Nothing,
        ..tls_client::Options::default()
    };
    let no_passphrase = || Err(io::ErrorKind::Unsupported.into());
    let connector =
        Connector::new(&options, &no_passphrase).map_err(|error| Error::Tls(error.to_string()))?;
    Ok(Box::new(connector.connect(stream, "localhost").await?))
}

/// Sends a CONNECT, and says goodbye where it was accepted.
async fn connect(mut stream: Box<dyn Stream>, listener: &Listener) -> Result<Answer, Silence> {
    if listener.protocol != Protocol::Mqtt {
        let max_message = MAX_REMAINING_LENGTH as usize;
        let websocket = websocket::connect(stream, "localhost", max_message).await;
        stream = Box::new(websocket.map_err(Error::from)?);
    }
    let mut client = Client::new(connect_options(listener));
    match client.connect(stream).await {
        Ok(_) => {
            // We were answered; whether the goodbye arrives is no matter.
            let _ = client
                .disconnect(Disconnect::new(ReasonCode::Success))
                .await;
            Ok(Answer::Accepted)
        }
        Err(error) if error.is_login_refused() => Ok(Answer::LoginRequired),
        Err(Error::Refused(code)) => Ok(Answer::Refused(refusal_text(code))),
        Err(error) => Err(match client.other_protocol() {
            Some(OtherProtocol::Tls) => Silence::OtherProtocol("TLS"),
            Some(OtherProtocol::Http) => Silence::OtherProtocol("HTTP"),
            None => error.into(),
        }),
    }
}

/// In a version that the listener takes, with a name that tells the log's reader.
fn connect_options(listener: &Listener) -> ConnectOptions {
    let versions = listener.protocol_versions;
    let version = if versions.v3_1_1 {
        ProtocolVersion::V311
    } else if versions.v5 {
        ProtocolVersion::V5
    } else {
        ProtocolVersion::V31
    };
    let name = format!("mq-check-{}", std::process::id());
    ConnectOptions {
        client_id: Text::try_from(name.as_str()).unwrap_or(Text::EMPTY),
        ..ConnectOptions::new(version)
    }
}

/// How a listener is called.
struct ListenerLabel<'a>(&'a Listener);

impl fmt::Display for ListenerLabel<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let port = self.0.port;
        match &self.0.address {
            ListenAddress::Unix(path) => write!(f, "{}", path.display())?,
            ListenAddress::Host(host) => write!(f, "{host} port {port}")?,
            ListenAddress::Any | ListenAddress::Loopback => write!(f, "port {port}")?,
            ListenAddress::InProcess => write!(f, "the program itself")?,
        }
        match (self.0.protocol != Protocol::Mqtt, is_encrypted(self.0)) {
            (false, false) => Ok(()),
            (false, true) => f.write_str(" (TLS)"),
            (true, false) => f.write_str(" (WebSocket)"),
            (true, true) => f.write_str(" (WebSocket, TLS)"),
        }
    }
}

fn is_encrypted(listener: &Listener) -> bool {
    listener.tls.certfile.is_some()
}

fn list<'a>(parts: impl Iterator<Item = &'a String>) -> String {
    parts.map(String::as_str).collect::<Vec<_>>().join("; ")
}
