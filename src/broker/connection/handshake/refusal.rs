use std::{fmt, io};

use super::refused_client::RefusedClient;
use crate::broker::Broker;
use crate::broker::auth::LoginFault;
use crate::broker::connection::permit::ConnectionLimit;
use crate::broker::log::rate_limit::LineKind;
use crate::protocol::{
    ConnAck, ConnAckCode, ConnectReturnCode, DecodeError, Properties, ProtocolVersion, ReasonCode,
};

/// Why a peer does not become a client.
#[derive(Debug)]
pub(super) enum Refusal {
    /// It closed the socket before its CONNECT was whole.
    Gone,
    Socket(io::Error),
    /// Its CONNECT did not come in time.
    TimedOut,
    /// It has not sent its CONNECT, and others need its place.
    Displaced,
    /// Its address has as many connections as are allowed.
    TooManyConnections(ConnectionLimit),
    /// It speaks TLS to a port that does not.
    Tls,
    /// A page that is not among the allowed ones sent it.
    Origin,
    /// A proxy did not say whom it speaks for.
    Proxy,
    /// The proxy's client does not speak TLS, and the listener requires it.
    NoTls,
    /// The proxy's client has shown no certificate, and the listener requires one.
    NoCertificate,
    /// The client takes no packet of the CONNACK's size.
    ConnAckTooLarge,
    /// There are as many sessions as are allowed.
    TooManyClients,
    /// TLS or WebSocket did not come about.
    Transport(String),
    /// It began with another packet, or no packet at all.
    NotConnect(u8),
    Malformed(DecodeError),
    /// The listener does not accept the version.
    VersionNotAccepted(ProtocolVersion),
    /// An empty client identifier where there must be one.
    IdentifierRejected,
    /// The keep alive is longer than allowed, and MQTT 3 cannot be told another.
    KeepAlive,
    /// The will asks for what the broker does not do.
    Will(ReasonCode),
    /// Its login did not pass.
    Login(LoginFault),
    /// Any version is told why.
    Code(ReasonCode),
}

impl Refusal {
    /// The CONNACK that tells the client, and the version to write it in; `None` where
    /// the connection is closed without a word.
    pub(super) fn connack(
        &self,
        version: Option<ProtocolVersion>,
    ) -> Option<(ConnAck, ProtocolVersion)> {
        use ConnectReturnCode as Code;
        let v5 = version == Some(ProtocolVersion::V5);
        let v3 = |code| (ConnAckCode::V3(code), ProtocolVersion::V311);
        let reason = |reason| (ConnAckCode::V5(reason), ProtocolVersion::V5);
        let (code, version) = match self {
            Self::Gone
            | Self::Socket(_)
            | Self::TimedOut
            | Self::Displaced
            | Self::TooManyConnections(_)
            | Self::Tls
            | Self::Transport(_)
            | Self::Origin
            | Self::Proxy
            | Self::NoTls
            | Self::NoCertificate
            | Self::ConnAckTooLarge
            | Self::NotConnect(_) => {
                return None;
            }
            Self::Malformed(DecodeError::UnsupportedVersion { name, level }) => {
                match (*name, *level) {
                    ("MQIsdp", _) | ("MQTT", 3) => v3(Code::UNACCEPTABLE_PROTOCOL_VERSION),
                    // A version of the future is answered in today's form.
                    _ => reason(ReasonCode::UnsupportedProtocolVersion),
                }
            }
            Self::Malformed(error) if v5 => reason(error.reason()),
            Self::Malformed(_) => return None,
            Self::VersionNotAccepted(ProtocolVersion::V5) => {
                reason(ReasonCode::UnsupportedProtocolVersion)
            }
            Self::VersionNotAccepted(_) => v3(Code::UNACCEPTABLE_PROTOCOL_VERSION),
            Self::IdentifierRejected if v5 => reason(ReasonCode::UnspecifiedError),
            Self::IdentifierRejected | Self::KeepAlive => v3(Code::IDENTIFIER_REJECTED),
            Self::Will(code) if v5 => reason(*code),
            Self::Will(_) => return None,
            Self::TooManyClients if v5 => reason(ReasonCode::ServerBusy),
            Self::TooManyClients => return None,
            Self::Login(LoginFault::TooManyLogins) if v5 => reason(ReasonCode::ServerBusy),
            Self::Login(LoginFault::TooManyLogins) => v3(Code::SERVER_UNAVAILABLE),
            Self::Login(_) if v5 => reason(ReasonCode::NotAuthorized),
            Self::Login(_) => v3(Code::NOT_AUTHORISED),
            Self::Code(code) if v5 => reason(*code),
            Self::Code(ReasonCode::BadUserNameOrPassword) => v3(Code::BAD_USER_NAME_OR_PASSWORD),
            Self::Code(_) => v3(Code::NOT_AUTHORISED),
        };
        let properties = Properties::EMPTY;
        Some((
            ConnAck {
                session_present: false,
                code,
                properties,
            },
            version,
        ))
    }

    /// Logs why the connection ends.
    pub(super) fn log(&self, client: &RefusedClient<'_>, broker: &Broker) {
        let peer = client.peer;
        let log = |kind, text: fmt::Arguments<'_>| {
            broker.env.limited_log.write(kind, peer.network(), text);
        };
        match self {
            Self::Tls => log(
                LineKind::UnexpectedTls,
                format_args!(
                    "Client from {peer} appears to be using TLS to connect to a non-TLS listener."
                ),
            ),
            Self::TooManyConnections(limit) => log(
                LineKind::TooManyConnections,
                format_args!(
                    "Client connection from {} denied: {limit} exceeded.",
                    peer.host()
                ),
            ),
            Self::Proxy => log(
                LineKind::ProxyHeaderCorrupt,
                format_args!("Connection from {peer} rejected, corrupt PROXY header."),
            ),
            Self::NoTls => log(
                LineKind::HandshakeFailed,
                format_args!("Connection from {peer} rejected, client did not connect using TLS."),
            ),
            Self::NoCertificate => log(
                LineKind::CertificateMissing,
                format_args!(
                    "Connection from {peer} rejected, client did not provide a certificate."
                ),
            ),
            Self::Transport(error) => log(LineKind::HandshakeFailed, format_args!("{error}.")),
            _ => {
                if let Some(error) = self.protocol_error() {
                    log(
                        LineKind::ProtocolError,
                        format_args!("Protocol error from {peer}: {error}."),
                    );
                }
            }
        }
        if broker.live_options().connection_messages() {
            let (log, text) = (broker.log(), self.text());
            if let Self::Login(fault) = self {
                let names = client.names.as_ref();
                match names.and_then(|names| names.username.as_ref()) {
                    Some(user) => log.notice(format_args!(
                        "Login of {client} from {peer} as '{user}' refused: {fault}."
                    )),
                    None => log.notice(format_args!(
                        "Login of {client} from {peer} refused: {fault}."
                    )),
                }
            }
            log.notice(format_args!(
                "Client {client} [{peer}] disconnected: {text}"
            ));
        }
    }

    /// Names the violation of the protocol, where it has a line of its own.
    fn protocol_error(&self) -> Option<String> {
        match self {
            Self::NotConnect(byte) => {
                let packet_type = byte & 0xf0;
                Some(format!("First packet not CONNECT ({packet_type:02X})"))
            }
            Self::Malformed(DecodeError::UnsupportedVersion { level, .. }) => {
                Some(format!("CONNECT with invalid protocol version ({level})"))
            }
            Self::IdentifierRejected => {
                Some("CONNECT with zero length clientid when forbidden".to_owned())
            }
            _ => None,
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Gone => "connection closed by client.".to_owned(),
            Self::Socket(error) => format!("bad socket read/write: {error}"),
            Self::TimedOut => "exceeded timeout.".to_owned(),
            Self::Displaced => "made room for other connections.".to_owned(),
            Self::TooManyConnections(limit) => format!("{limit} exceeded."),
            Self::Login(LoginFault::TooManyLogins) => "server busy.".to_owned(),
            Self::Login(_) | Self::Code(ReasonCode::NotAuthorized) => "not authorised.".to_owned(),
            Self::Code(ReasonCode::BadAuthenticationMethod) => {
                "bad authentication method.".to_owned()
            }
            Self::IdentifierRejected => "client identifier not valid.".to_owned(),
            Self::Malformed(DecodeError::Invalid { reason, .. }) => match reason {
                ReasonCode::MalformedPacket => "malformed packet.".to_owned(),
                ReasonCode::PacketTooLarge => "oversize packet.".to_owned(),
                ReasonCode::ClientIdentifierNotValid => "client identifier not valid.".to_owned(),
                _ => "protocol error.".to_owned(),
            },
            Self::Code(ReasonCode::BadUserNameOrPassword) => "bad username or password.".to_owned(),
            Self::ConnAckTooLarge => "oversize packet.".to_owned(),
            Self::TooManyClients => "server busy.".to_owned(),
            Self::Code(ReasonCode::PacketTooLarge) => "oversize payload.".to_owned(),
            Self::Transport(_) => "Protocol error.".to_owned(),
            Self::Origin => "non-matching http origin.".to_owned(),
            _ => "protocol error.".to_owned(),
        }
    }
}
