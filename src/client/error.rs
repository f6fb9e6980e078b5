use std::io;

use thiserror::Error;

use crate::protocol::{
    ConnAckCode, ConnectReturnCode, DecodeError, EncodeError, ProtocolVersion, ReasonCode,
};
use crate::transport::tls::cause::{End, cause};
use crate::transport::{socks5, tcp, websocket};

/// A reason that a connection failed, in the words of Mosquitto's programs.
#[derive(Debug, Error)]
pub enum Error {
    /// The broker's name has no address.
    #[error("Lookup error")]
    Lookup,
    /// The broker cannot be reached, or a system call failed.
    #[error("{}", system_text(.0))]
    Io(io::Error),
    /// The broker refused the CONNECT.
    #[error("The connection was refused")]
    Refused(ConnAckCode),
    /// The connection ended without a DISCONNECT.
    #[error("The connection was lost")]
    ConnectionLost,
    /// The broker did not answer a PINGREQ in time.
    #[error("Keepalive exceeded")]
    KeepAliveExceeded,
    /// The broker broke the protocol, or asks for an unsupported feature.
    #[error("A network protocol error occurred when communicating with the broker")]
    Protocol,
    /// The broker sent bytes that are not a packet.
    #[error("{}", decode_text(*.0))]
    Malformed(DecodeError),
    /// A packet of ours cannot be encoded.
    #[error("Invalid input")]
    Unencodable(#[from] EncodeError),
    /// The TLS handshake failed; the text says why.
    #[error("A TLS error occurred")]
    Tls(String),
    /// The proxy wants another login, or does not allow the broker.
    #[error("Authorisation failed")]
    ProxyLogin,
    /// The proxy cannot reach the broker.
    #[error("The client is not currently connected")]
    ProxyUnreachable,
    /// The proxy failed.
    #[error("Proxy error")]
    Proxy,
    /// The WebSocket handshake failed; the text says why.
    #[error("A network protocol error occurred when communicating with the broker")]
    WebSocket(String),
    /// The feature does not exist in this version of the protocol, or here.
    #[error("This feature is not supported")]
    NotSupported,
}

impl Error {
    /// Returns the exit code of Mosquitto's programs after such an error.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Protocol | Self::WebSocket(_) => 2,
            Self::Unencodable(_) => 3,
            Self::Refused(ConnAckCode::V3(code)) => code.0,
            Self::Refused(ConnAckCode::V5(reason)) => (*reason).into(),
            Self::ProxyUnreachable => 4,
            Self::ConnectionLost => 7,
            Self::Tls(_) => 8,
            Self::NotSupported => 10,
            Self::ProxyLogin => 11,
            Self::Io(_) => 14,
            Self::Lookup => 15,
            Self::Proxy => 16,
            Self::KeepAliveExceeded => 19,
            Self::Malformed(error) => match error.reason() {
                ReasonCode::ProtocolError => 2,
                ReasonCode::PacketTooLarge => 25,
                _ => 21,
            },
        }
    }

    /// Returns the exit code if there was no connection: 1, except for errors of a proxy.
    pub fn exit_code_at_start(&self) -> u8 {
        match self {
            Self::ProxyLogin | Self::ProxyUnreachable | Self::Proxy => self.exit_code(),
            _ => 1,
        }
    }

    /// Returns whether the broker refused the user name or the password, or wants them.
    pub fn is_login_refused(&self) -> bool {
        matches!(
            self,
            Self::Refused(
                ConnAckCode::V3(
                    ConnectReturnCode::BAD_USER_NAME_OR_PASSWORD
                        | ConnectReturnCode::NOT_AUTHORISED
                ) | ConnAckCode::V5(ReasonCode::BadUserNameOrPassword | ReasonCode::NotAuthorized)
            )
        )
    }

    /// Returns whether a new connection would meet the same error.
    pub fn is_final(&self) -> bool {
        match self {
            Self::Lookup
            | Self::Refused(_)
            | Self::Protocol
            | Self::WebSocket(_)
            | Self::Tls(_)
            | Self::ProxyLogin
            | Self::ProxyUnreachable
            | Self::Proxy
            | Self::Unencodable(_)
            | Self::NotSupported => true,
            Self::Malformed(error) => error.reason() == ReasonCode::ProtocolError,
            Self::Io(_) | Self::ConnectionLost | Self::KeepAliveExceeded => false,
        }
    }
}

impl From<io::Error> for Error {
    /// Converts an error of a stream that was connected.
    fn from(error: io::Error) -> Self {
        use io::ErrorKind::{
            BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected, TimedOut, UnexpectedEof,
        };
        if let Some(error) = error.get_ref().and_then(|inner| inner.downcast_ref()) {
            return Self::Tls(cause(error, End::Client));
        }
        match error.kind() {
            BrokenPipe | ConnectionAborted | ConnectionReset | NotConnected | TimedOut
            | UnexpectedEof => Self::ConnectionLost,
            _ => Self::Io(error),
        }
    }
}

impl From<tcp::ConnectError> for Error {
    fn from(error: tcp::ConnectError) -> Self {
        match error {
            tcp::ConnectError::Lookup { .. } => Self::Lookup,
            tcp::ConnectError::Io(error) => Self::Io(error),
        }
    }
}

impl From<socks5::Error> for Error {
    fn from(error: socks5::Error) -> Self {
        match error {
            socks5::Error::Io(error) => error.into(),
            socks5::Error::Refused => Self::ProxyLogin,
            socks5::Error::Unreachable => Self::ProxyUnreachable,
            socks5::Error::Proxy => Self::Proxy,
        }
    }
}

impl From<websocket::ConnectError> for Error {
    fn from(error: websocket::ConnectError) -> Self {
        match error {
            websocket::ConnectError::Io(error) => error.into(),
            other => Self::WebSocket(other.to_string()),
        }
    }
}

impl From<DecodeError> for Error {
    fn from(error: DecodeError) -> Self {
        Self::Malformed(error)
    }
}

/// A protocol on a broker's port that is not MQTT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OtherProtocol {
    /// TLS, if an alert was the answer to the CONNECT.
    Tls,
    /// HTTP
    Http,
}

impl OtherProtocol {
    /// Recognises the protocol by the first byte of the answer, which no CONNACK has.
    pub(super) fn of(first_byte: u8) -> Option<Self> {
        match first_byte {
            // The record type of an alert.
            0x15 => Some(Self::Tls),
            b'H' => Some(Self::Http),
            _ => None,
        }
    }
}

/// A reason that a message is not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PublishError {
    /// The broker accepts no message of this QoS.
    #[error("Message QoS not supported on broker, try a lower QoS.")]
    QosNotSupported,
    /// The packet would be larger than the broker accepts.
    #[error("Packet larger than supported by the server ({size} bytes, {limit} allowed)")]
    PacketTooLarge {
        /// The size in bytes.
        size: usize,
        /// The broker's Maximum Packet Size.
        limit: u32,
    },
    /// The payload is larger than MQTT allows.
    #[error("Message payload is too large.")]
    PayloadTooLarge,
    /// A property cannot be encoded.
    #[error("Protocol error when communicating with broker.")]
    Property,
    /// Properties do not exist in this version of the protocol.
    #[error("This feature is not supported")]
    NotSupported,
    /// There is no connection.
    #[error("Client not connected when trying to publish.")]
    NotConnected,
}

impl PublishError {
    /// Returns the exit code of Mosquitto's programs after such an error.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Property => 2,
            Self::NotConnected => 4,
            Self::PayloadTooLarge => 9,
            Self::NotSupported => 10,
            Self::QosNotSupported => 24,
            Self::PacketTooLarge { .. } => 25,
        }
    }
}

/// Returns the text of Mosquitto's programs after `Connection error: `.
pub fn refusal_text(code: ConnAckCode) -> &'static str {
    match code {
        ConnAckCode::V5(ReasonCode::UnsupportedProtocolVersion) => {
            "Unsupported Protocol Version. Try connecting to an MQTT v5 broker, or use MQTT v3.x mode."
        }
        ConnAckCode::V3(code) => code.text().trim_end_matches('.'),
        ConnAckCode::V5(reason) => reason.text(),
    }
}

/// Translates the return codes of a broker that answers MQTT 5.0 in the form of MQTT 3.
pub(super) fn code_for(version: ProtocolVersion, code: ConnAckCode) -> ConnAckCode {
    use ConnectReturnCode as Code;
    match code {
        ConnAckCode::V3(code) if version.is_v5() => ConnAckCode::V5(match code {
            Code::UNACCEPTABLE_PROTOCOL_VERSION => ReasonCode::UnsupportedProtocolVersion,
            Code::IDENTIFIER_REJECTED => ReasonCode::ClientIdentifierNotValid,
            Code::SERVER_UNAVAILABLE => ReasonCode::ServerUnavailable,
            Code::BAD_USER_NAME_OR_PASSWORD => ReasonCode::BadUserNameOrPassword,
            Code::NOT_AUTHORISED => ReasonCode::NotAuthorized,
            _ => ReasonCode::UnspecifiedError,
        }),
        code => code,
    }
}

/// Returns the system's text for an error, without the number that Rust appends.
pub fn system_text(error: &io::Error) -> String {
    let text = error.to_string();
    match (text.rfind(" (os error "), error.raw_os_error()) {
        (Some(end), Some(_)) => text[..end].to_owned(),
        _ => text,
    }
}

fn decode_text(error: DecodeError) -> &'static str {
    match error.reason() {
        ReasonCode::ProtocolError => {
            "A network protocol error occurred when communicating with the broker"
        }
        ReasonCode::PacketTooLarge => "Packet larger than supported by the server",
        _ => "Malformed packet",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_text_has_no_number() {
        let error = io::Error::from_raw_os_error(nix::errno::Errno::ECONNREFUSED as i32);
        assert_eq!(system_text(&error), "Connection refused");
    }

    #[test]
    fn a_reset_connection_is_a_lost_one() {
        let error = Error::from(io::Error::from(io::ErrorKind::ConnectionReset));
        assert_eq!(
            (error.to_string().as_str(), error.exit_code()),
            ("The connection was lost", 7)
        );
    }
}
