use std::collections::HashMap;
use std::num::NonZeroU16;
use std::task::Waker;

use foldhash::fast::RandomState;

use super::presence::{ActiveConnection, Ending, Presence};
use super::queue::Queue;
use super::queued::Queued;
use super::subscription::StoredSubscription;
use super::will::StoredWill;
use crate::broker::ground::{ConnectionNumber, Expiry, Millis, after_seconds};
use crate::broker::persistence::StoredRecord;
use crate::broker::wire::{Outbox, TopicAliases};
use crate::protocol::{PacketId, TopicFilter};
use crate::qos::{Incoming, Outgoing};

/// What changes about a session.
pub(in crate::broker) struct SessionState {
    pub(in crate::broker) presence: Presence,
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
            presence: Presence::Offline { expires_at: None },
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
    pub(in crate::broker) fn active_connection(
        &mut self,
        connection: ConnectionNumber,
    ) -> Option<&mut ActiveConnection> {
        match &mut self.presence {
            Presence::Online(active_connection) if active_connection.connection == connection => {
                Some(active_connection)
            }
            _ => None,
        }
    }

    /// Tells the connection, if there is one, to end, and wakes it.
    pub(in crate::broker) fn end_connection(&mut self, ending: Ending) {
        if let Presence::Online(active_connection) = &mut self.presence {
            active_connection.ending.get_or_insert(ending);
            if let Some(waker) = active_connection.waker.take() {
                waker.wake();
            }
        }
    }

    /// Has the connection, if there is one, handle what its socket holds; returns whether there
    /// is one.
    pub(in crate::broker) fn read_last_input(&mut self) -> bool {
        let Presence::Online(active_connection) = &mut self.presence else {
            return false;
        };
        active_connection.reads_last_input = true;
        active_connection.wake();
        true
    }

    /// Returns whether the connection has not yet handled what its socket holds.
    pub(in crate::broker) fn reads_last_input(&self) -> bool {
        matches!(&self.presence, Presence::Online(active_connection) if active_connection.reads_last_input)
    }

    /// Takes the will of a connection that has ended, unless it waits for its delay or for the
    /// end of the session [MQTT-3.1.3-9].
    pub(in crate::broker) fn take_will_at(
        &mut self,
        now: Millis,
        expires_at: Option<Millis>,
    ) -> Option<Box<StoredWill>> {
        match &mut self.will {
            Some(will) if will.delay > 0 => {
                let due = after_seconds(now, will.delay);
                will.due = Some(expires_at.map_or(due, |end| due.min(end)));
                will.store(None);
                None
            }
            will => will.take(),
        }
    }

    /// Whether the session outlives its connection.
    pub(in crate::broker) fn is_persistent(&self) -> bool {
        self.expiry != Expiry::AtDisconnect
    }

    /// Ends the connection's part: what it has not written is forgotten.
    pub(super) fn clear_output(&mut self) {
        self.shut_down_after_rest();
        self.outbox.clear();
        self.unwritten = 0;
    }

    /// Shuts the socket down if a packet was written in part, as nothing can follow it.
    pub(super) fn shut_down_after_rest(&self) {
        if let Presence::Online(active_connection) = &self.presence
            && let Some(socket) = active_connection
                .socket
                .as_ref()
                .filter(|_| self.outbox.has_rest())
        {
            let _ = socket.shut_down();
        }
    }

    /// Forgets the bytes of messages in flight that were taken out.
    pub(super) fn forget_kept(&mut self) {
        (self.kept_bytes, self.in_flight_bytes) = (0, 0);
    }

    pub(super) fn wake_paused_publishers(&mut self) {
        let paused = self.paused_publishers.take();
        paused
            .into_iter()
            .flat_map(|paused| *paused)
            .for_each(Waker::wake);
    }
}
