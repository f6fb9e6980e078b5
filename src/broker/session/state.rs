use std::collections::HashMap;
use std::num::{NonZeroU16, NonZeroU32};
use std::sync::Arc;
use std::task::Waker;

use foldhash::fast::RandomState;

use super::direct::Writer;
use super::queue::Queue;
use crate::broker::auth::Credentials;
use crate::broker::ground::{ConnectionNumber, Expiry, Identity, Millis, MountPoint, Terms};
use crate::broker::message::Message;
use crate::broker::persistence::StoredRecord;
use crate::broker::wire::{Outbox, TopicAliases};
use crate::protocol::{PacketId, ProtocolVersion, QoS, SubscriptionOptions, TopicFilter};
use crate::session::{Incoming, Outgoing};
use crate::transport::shared_tcp::SharedTcpStream;

/// Whether a client is there.
pub(in crate::broker) enum Link {
    /// Nobody is connected; the session ends at the deadline, if there is one.
    Offline {
        /// `None` is never.
        expires_at: Option<Millis>,
    },
    /// A connection's task serves the client.
    Online(Attachment),
    /// The session is over and no longer known; whoever still holds it lets go.
    Ended,
}

/// The connection that serves a session.
pub(in crate::broker) struct Attachment {
    pub(in crate::broker) connection: ConnectionNumber,
    pub(in crate::broker) version: ProtocolVersion,
    /// The largest packet that the client takes; `u32::MAX` is more than any has.
    pub(in crate::broker) maximum_packet_size: u32,
    /// The longest silence that is allowed, in milliseconds.
    pub(in crate::broker) keep_alive: Option<NonZeroU32>,
    /// The connection's task, when it waits.
    pub(in crate::broker) waker: Option<Waker>,
    /// Whether it waits for output too, and not only for its end: a socket that takes
    /// nothing is no reason to wake up for more.
    pub(in crate::broker) wants_output: bool,
    /// The socket, where somebody else than the task may write to it.
    pub(in crate::broker) socket: Option<SharedTcpStream>,
    /// Who may write to it now.
    pub(in crate::broker) writer: Writer,
    /// What the client does not see of its topics.
    pub(in crate::broker) mount_point: Option<MountPoint>,
    /// How the client logged in, to be checked again when the rights change.
    pub(in crate::broker) credentials: Option<Box<Credentials>>,
    /// Set when the connection is to end.
    pub(in crate::broker) ending: Option<Ending>,
    /// Whether the log was told that messages are dropped.
    pub(in crate::broker) told_of_drops: bool,
}

impl Attachment {
    /// Has the waker woken when the connection is to end, and for output if it wants that.
    pub(in crate::broker) fn wait(&mut self, waker: &Waker, wants_output: bool) {
        self.wants_output = wants_output;
        match &mut self.waker {
            Some(known) => known.clone_from(waker),
            none => *none = Some(waker.clone()),
        }
    }
}

/// Why the broker ends a connection from outside its task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::broker) enum Ending {
    /// Another connection has the client identifier now [MQTT-3.1.4-3].
    TakenOver,
    /// Nothing was heard for one and a half keep alive times [MQTT-3.1.2-22].
    KeepAlive,
    /// The login that it began with is no longer good.
    LoginRevoked,
    /// The broker stops.
    ShuttingDown,
}

/// A will that waits for the connection to end.
#[derive(Debug)]
pub(in crate::broker) struct StoredWill {
    pub(in crate::broker) message: Arc<Message>,
    /// Who left it.
    pub(in crate::broker) identity: Arc<Identity>,
    /// Seconds between the end of the connection and the will.
    pub(in crate::broker) delay: u32,
    /// The message's own expiry interval, which begins when it is published.
    pub(in crate::broker) expiry: Option<u32>,
    /// When it is due, once the connection has ended.
    pub(in crate::broker) due: Option<Millis>,
    /// What the store has of it.
    pub(in crate::broker) record: Option<Box<StoredRecord>>,
}

/// A subscription as its session knows it.
#[derive(Debug)]
pub(in crate::broker) struct StoredSubscription {
    pub(in crate::broker) options: SubscriptionOptions,
    pub(in crate::broker) terms: Terms,
    /// What the store has of it.
    pub(in crate::broker) record: Option<Box<StoredRecord>>,
}

/// A message that waits for one session.
#[derive(Debug)]
pub(super) struct Queued {
    pub(super) message: Arc<Message>,
    pub(super) qos: QoS,
    pub(super) retain: bool,
    pub(super) terms: Terms,
    /// How much memory is held for it: a retained message is held anyway.
    pub(super) held: usize,
    /// That the session has still to get it, as the store knows it.
    pub(super) record: Option<Box<StoredRecord>>,
}

/// A message of a shared subscription that a session ended with.
#[derive(Debug)]
pub(in crate::broker) struct Unsettled {
    pub(in crate::broker) filter: TopicFilter,
    pub(in crate::broker) message: Arc<Message>,
    /// Keeps it in the store until somebody else has it.
    pub(super) _record: Option<Box<StoredRecord>>,
}

/// What changes about a session.
pub(in crate::broker) struct SessionState {
    pub(in crate::broker) link: Link,
    pub(in crate::broker) expiry: Expiry,
    pub(in crate::broker) outbox: Outbox,
    pub(in crate::broker) incoming: Incoming<()>,
    pub(in crate::broker) subscriptions: HashMap<TopicFilter, StoredSubscription, RandomState>,
    pub(in crate::broker) will: Option<Box<StoredWill>>,
    /// Messages in flight; what ends with the connection need not be kept.
    pub(super) outgoing: Outgoing<Option<Queued>>,
    /// What waits for room in the window or the outbox, in order.
    pub(super) queue: Queue,
    /// Bytes of memory that are held for the messages in flight that are kept.
    pub(super) kept_bytes: usize,
    /// Their payload bytes.
    pub(super) in_flight_bytes: usize,
    /// Those given on the present connection, if its client takes any.
    pub(super) topic_aliases: Option<Box<TopicAliases>>,
    /// Bytes that were encoded for the connection and not yet taken by its socket.
    pub(super) unwritten: usize,
    /// When the client last took something, or began to have something waiting.
    pub(super) last_progress: Millis,
    /// Publishers that wait until this session has less.
    #[expect(
        clippy::box_collection,
        reason = "hardly any session has them, and all pay for the room"
    )]
    pub(super) paused_publishers: Option<Box<Vec<Waker>>>,
    /// What the store has of the session.
    pub(in crate::broker) record: Option<Box<StoredRecord>>,
    /// What the store has of messages whose PUBREL was sent.
    pub(super) released: Option<Box<Released>>,
}

/// Records of deliveries by their packet identifiers.
pub(super) type Released = HashMap<PacketId, Box<StoredRecord>, RandomState>;

impl SessionState {
    /// A new session without a client.
    pub(in crate::broker) fn new(
        expiry: Expiry,
        receive_maximum: NonZeroU16,
        own_receive_maximum: NonZeroU16,
    ) -> Self {
        Self {
            link: Link::Offline { expires_at: None },
            expiry,
            outbox: Outbox::default(),
            incoming: Incoming::new(own_receive_maximum),
            subscriptions: HashMap::default(),
            will: None,
            outgoing: Outgoing::new(receive_maximum),
            queue: Queue::default(),
            kept_bytes: 0,
            in_flight_bytes: 0,
            topic_aliases: None,
            unwritten: 0,
            last_progress: 0,
            paused_publishers: None,
            record: None,
            released: None,
        }
    }

    /// The attachment, if it is this connection's.
    pub(in crate::broker) fn attachment(
        &mut self,
        connection: ConnectionNumber,
    ) -> Option<&mut Attachment> {
        match &mut self.link {
            Link::Online(attachment) if attachment.connection == connection => Some(attachment),
            _ => None,
        }
    }

    /// Tells the connection, if there is one, to end, and wakes it.
    pub(in crate::broker) fn end_connection(&mut self, ending: Ending) {
        if let Link::Online(attachment) = &mut self.link {
            attachment.ending.get_or_insert(ending);
            if let Some(waker) = attachment.waker.take() {
                waker.wake();
            }
        }
    }

    /// Whether the session outlives its connection.
    pub(in crate::broker) fn is_persistent(&self) -> bool {
        self.expiry != Expiry::AtDisconnect
    }

    /// Ends the connection's part: what it has not written is forgotten.
    pub(super) fn clear_output(&mut self) {
        if let Link::Online(attachment) = &self.link
            && let Some(socket) = attachment
                .socket
                .as_ref()
                .filter(|_| self.outbox.has_rest())
        {
            // Nothing can follow what was written in part.
            let _ = socket.shut_down();
        }
        self.outbox.clear();
        self.unwritten = 0;
    }

    pub(super) fn wake_paused_publishers(&mut self) {
        let paused = self.paused_publishers.take();
        paused
            .into_iter()
            .flat_map(|paused| *paused)
            .for_each(Waker::wake);
    }
}
