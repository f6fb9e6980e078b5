use std::borrow::Cow;
use std::io;

use crate::broker::session::Ending;
use crate::protocol::{DecodeError, ReasonCode};

/// Why a connection ended.
#[derive(Debug)]
pub(in crate::broker) enum Closed {
    /// By the client's DISCONNECT.
    Graceful,
    /// By the client's DISCONNECT that wants the will published.
    WithWill,
    /// The client closed the socket without a word.
    EndOfStream,
    /// The socket failed.
    Socket(io::Error),
    /// The client sent what it must not; in MQTT 5.0 it is told why.
    Refused(ReasonCode, &'static str),
    /// The client began a large packet while memory was short.
    OutOfMemory,
    /// The client sent a second CONNECT.
    SecondConnect,
    /// The broker ended it.
    By(Ending),
}

impl Closed {
    pub(super) fn protocol_error(place: &'static str) -> Self {
        Self::Refused(ReasonCode::ProtocolError, place)
    }

    /// What an MQTT 5.0 client is told, if anything.
    pub(super) fn reason(&self) -> Option<ReasonCode> {
        match self {
            Self::Refused(reason, _) => Some(*reason),
            Self::OutOfMemory | Self::By(Ending::MemoryShort) => Some(ReasonCode::QuotaExceeded),
            Self::By(Ending::TakenOver) => Some(ReasonCode::SessionTakenOver),
            Self::By(Ending::Administrative) => Some(ReasonCode::AdministrativeAction),
            Self::By(Ending::KeepAlive | Ending::LoginRevoked | Ending::ShuttingDown)
            | Self::Graceful
            | Self::WithWill
            | Self::EndOfStream
            | Self::SecondConnect
            | Self::Socket(_) => None,
        }
    }

    /// Whether the will is not published: the client took it away, or lost its login.
    pub(super) fn cancels_will(&self) -> bool {
        matches!(self, Self::Graceful | Self::By(Ending::LoginRevoked))
    }

    /// Returns whether the socket may hold packets that count.
    ///
    /// The client did not know of the takeover, or of the broker's end, when it sent them. A
    /// write may fail while earlier input is still unread.
    pub(super) fn leaves_input(&self) -> bool {
        matches!(
            self,
            Self::By(Ending::TakenOver | Ending::ShuttingDown) | Self::Socket(_)
        )
    }

    /// Returns the end that counts when the rest of the input ended with `last`.
    ///
    /// A packet of the client says more than the state of its socket.
    pub(super) fn followed_by(self, last: Self) -> Self {
        match (&self, &last) {
            (Self::Socket(_), Self::Socket(_) | Self::EndOfStream | Self::By(_)) => self,
            _ => last,
        }
    }

    /// Whether nothing can be written any more.
    pub(super) fn is_socket_dead(&self) -> bool {
        matches!(
            self,
            Self::EndOfStream | Self::Socket(_) | Self::By(Ending::KeepAlive)
        )
    }

    /// What the log says of it, in Mosquitto's words; `None` for the client's own wish.
    pub(super) fn text(&self) -> Option<Cow<'static, str>> {
        let text = match self {
            Self::Graceful
            | Self::WithWill
            | Self::By(Ending::LoginRevoked | Ending::ShuttingDown) => return None,
            Self::Socket(error) => return Some(Cow::Owned(socket_text(error))),
            Self::EndOfStream => "connection closed by client.",
            Self::By(Ending::TakenOver) => "session taken over.",
            Self::By(Ending::Administrative) => "administrative action.",
            Self::By(Ending::KeepAlive) => "exceeded timeout.",
            Self::OutOfMemory | Self::By(Ending::MemoryShort) => "out of memory.",
            Self::SecondConnect => "protocol error.",
            Self::Refused(reason, _) => match reason {
                ReasonCode::MalformedPacket => "malformed packet.",
                ReasonCode::PacketTooLarge => "oversize packet.",
                ReasonCode::QuotaExceeded => "quota exceeded.",
                ReasonCode::TopicAliasInvalid => "topic alias invalid.",
                ReasonCode::QosNotSupported | ReasonCode::RetainNotSupported => {
                    "used disallowed feature (QoS too high, retain not supported, or bad AUTH method)."
                }
                _ => "protocol error.",
            },
        };
        Some(Cow::Borrowed(text))
    }
}

impl From<DecodeError> for Closed {
    fn from(error: DecodeError) -> Self {
        match error {
            DecodeError::Invalid { reason, place } => Self::Refused(reason, place),
            DecodeError::UnsupportedVersion { .. } => Self::SecondConnect,
        }
    }
}

/// A cut line counts as the client's doing; anything else is told as it is.
fn socket_text(error: &io::Error) -> String {
    use io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
    match error.kind() {
        BrokenPipe | ConnectionReset | UnexpectedEof => "connection closed by client.".to_owned(),
        _ => format!("bad socket read/write: {error}"),
    }
}
