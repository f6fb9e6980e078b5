//! Sessions and retained messages as a `mosquitto.db` has them.

use std::fmt;
use std::num::NonZeroU16;
use std::sync::Arc;

use bytes::Bytes;
use thiserror::Error;

use crate::protocol::{
    PacketId, Properties, QoS, SubscriptionId, SubscriptionOptions, Text, TopicFilter, TopicName,
};

/// Contents of a `mosquitto.db`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::broker) struct Snapshot {
    /// The sessions, in the order of the file.
    pub(in crate::broker) clients: Vec<SnapshotClient>,
    /// The retained messages.
    pub(in crate::broker) retained: Vec<Arc<SnapshotMessage>>,
    /// Warnings about what was left out, for the log.
    pub(in crate::broker) warnings: Vec<SnapshotWarning>,
}

/// A session.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::broker) struct SnapshotClient {
    pub(in crate::broker) client_id: Text,
    /// The name the client had logged in with. Mosquitto 2.0.11 may write that of another
    /// client, or bytes that are no name (then this is `None`), for one that had none.
    pub(in crate::broker) username: Option<Text>,
    /// The port by which the client came in; `None` where Mosquitto did not note it, and
    /// for a Unix socket.
    pub(in crate::broker) port: Option<NonZeroU16>,
    /// Seconds that the session outlives its connection: 0 for one that was to end with
    /// it, `u32::MAX` for ever.
    pub(in crate::broker) session_expiry: u32,
    /// The end of the session, in seconds of Unix time; `None` when it never does, and when
    /// the client was connected.
    pub(in crate::broker) expires_at: Option<u64>,
    /// The packet identifier that was last given out.
    pub(in crate::broker) last_packet_id: Option<PacketId>,
    pub(in crate::broker) subscriptions: Vec<SnapshotSubscription>,
    /// The messages that the client is still to receive, in order.
    pub(in crate::broker) outgoing: Vec<SnapshotDelivery>,
    /// The QoS 2 messages that the client published and did not release. Mosquitto has
    /// given them to nobody yet.
    pub(in crate::broker) incoming: Vec<SnapshotIncoming>,
}

/// A subscription. Mosquitto saves no retain handling, which matters at a SUBSCRIBE only,
/// and version 2.0 no shared subscriptions.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::broker) struct SnapshotSubscription {
    pub(in crate::broker) filter: TopicFilter,
    pub(in crate::broker) options: SubscriptionOptions,
    pub(in crate::broker) identifier: Option<SubscriptionId>,
}

/// A message on its way to a client.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::broker) struct SnapshotDelivery {
    pub(in crate::broker) message: Arc<SnapshotMessage>,
    /// The QoS of the delivery.
    pub(in crate::broker) qos: QoS,
    /// The retain flag of the delivery.
    pub(in crate::broker) retain: bool,
    /// Those of the subscriptions that made the delivery.
    pub(in crate::broker) subscription_ids: Vec<SubscriptionId>,
    pub(in crate::broker) stage: SnapshotStage,
}

/// Stage of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::broker) enum SnapshotStage {
    /// Not sent yet.
    Queued,
    /// A QoS 1 PUBLISH was sent.
    AwaitingPubAck(PacketId),
    /// A QoS 2 PUBLISH was sent.
    AwaitingPubRec(PacketId),
    /// The client has the message, and a PUBREL was sent.
    AwaitingPubComp(PacketId),
}

/// A QoS 2 message that a client published and has yet to release.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::broker) struct SnapshotIncoming {
    pub(in crate::broker) packet_id: PacketId,
    pub(in crate::broker) message: Arc<SnapshotMessage>,
}

/// A message.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::broker) struct SnapshotMessage {
    pub(in crate::broker) topic: TopicName,
    pub(in crate::broker) payload: Bytes,
    /// The QoS at which it was published.
    pub(in crate::broker) qos: QoS,
    /// The retain flag with which it was published.
    pub(in crate::broker) retain: bool,
    /// Those that go on to subscribers; the expiry interval is in `expires_at`.
    pub(in crate::broker) properties: Properties,
    /// The end of its life, in seconds of Unix time.
    pub(in crate::broker) expires_at: Option<u64>,
    /// The client that published it; `None` for one of the broker's own.
    pub(in crate::broker) source: Option<SnapshotSource>,
}

/// A client as the messages that it published name it.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::broker) struct SnapshotSource {
    pub(in crate::broker) client_id: Text,
    pub(in crate::broker) username: Option<Text>,
    pub(in crate::broker) port: Option<NonZeroU16>,
}

/// Something in the file that has no place in a [`Snapshot`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::broker) enum SnapshotWarning {
    /// A chunk of a type that Mosquitto 2.0 does not know.
    UnknownChunk {
        /// The offset of its first byte.
        offset: usize,
        /// Its type.
        kind: u32,
    },
    /// The user name of this client is no text.
    Username(Text),
    /// A subscription or a message of a client that is not in the file.
    UnknownClient {
        /// The offset of the chunk.
        offset: usize,
        /// The client that it names.
        client_id: Text,
    },
}

/// Why bytes are not a `mosquitto.db`. Offsets count bytes from the start of the file.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(in crate::broker) enum SnapshotError {
    /// The file is something else.
    #[error("byte 0: not a Mosquitto database")]
    Signature,
    /// The file is older or newer than what can be read.
    #[error(
        "byte 19: format version {0} instead of 6; let Mosquitto 2.0 or 2.1 load and save it first"
    )]
    Version(u32),
    /// The file, or a chunk of it, ends too early.
    #[error("byte {offset}: {field} expected, but the data ends here")]
    Truncated {
        /// The offset of the field.
        offset: usize,
        /// The field that was expected.
        field: &'static str,
    },
    /// A field is not what it must be.
    #[error("byte {offset}: {field} expected: {problem}")]
    Invalid {
        /// The offset of the field.
        offset: usize,
        /// The field that was expected.
        field: &'static str,
        /// The fault.
        problem: String,
    },
}

impl fmt::Display for SnapshotWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownChunk { offset, kind } => {
                write!(f, "byte {offset}: a chunk of the unknown type {kind}")
            }
            Self::Username(client_id) => {
                write!(f, "the user name of client {client_id} is no text")
            }
            Self::UnknownClient { offset, client_id } => write!(
                f,
                "byte {offset}: something that belongs to client {client_id}, which is not in the file"
            ),
        }
    }
}
