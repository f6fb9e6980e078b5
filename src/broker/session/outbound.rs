use std::num::NonZeroU16;
use std::sync::Arc;
use std::task::Waker;

use super::queue::Queue;
use super::window::Window;
use crate::broker::ground::{BridgeTopics, Millis};
use crate::broker::live_options::{QueueLimits, Waiting};
use crate::broker::message::Message;
use crate::broker::wire::{Outbox, TopicAliases};
use crate::protocol::QoS;

/// Unwritten bytes from which further QoS 1 and 2 messages wait in the queue, where they cost
/// less to keep.
pub(super) const OUTBOX_MARK: usize = 256 * 1024;

/// Messages on their way to the client, from the queue through the window to the outbox.
pub(in crate::broker) struct Outbound {
    pub(in crate::broker) outbox: Outbox,
    pub(super) window: Window,
    /// Messages that wait for room in the window or the outbox, in order.
    pub(super) queue: Queue,
    /// Aliases given on the present connection, if its client takes any.
    pub(super) topic_aliases: Option<Box<TopicAliases>>,
    /// The topics that a bridge carries, if this is the session of one.
    pub(super) bridge: Option<Arc<BridgeTopics>>,
    /// The time at which the client last took something, or something began to wait for it.
    pub(super) last_progress: Millis,
    /// Publishers that wait until the session has less.
    #[expect(
        clippy::box_collection,
        reason = "hardly any session has them, and all pay for the room"
    )]
    pub(super) paused_publishers: Option<Box<Vec<Waker>>>,
}

impl Outbound {
    pub(super) fn new(receive_maximum: NonZeroU16) -> Self {
        Self {
            outbox: Outbox::default(),
            window: Window::new(receive_maximum),
            queue: Queue::default(),
            topic_aliases: None,
            bridge: None,
            last_progress: 0,
            paused_publishers: None,
        }
    }

    pub(super) fn waiting(&self) -> Waiting {
        Waiting {
            messages: self.queue.messages(),
            payload_bytes: self.queue.payload_bytes(),
            held_bytes: self.queue.held_bytes()
                + self.window.held_bytes()
                + self.outbox.unwritten(),
            in_flight_bytes: self.window.payload_bytes(),
        }
    }

    pub(super) fn is_idle(&self) -> bool {
        self.outbox.unwritten() == 0 && self.queue.is_empty() && self.window.is_empty()
    }

    /// Returns whether a message may be encoded now.
    pub(super) fn is_ready_for(&self, qos: QoS, message: &Message, limits: &QueueLimits) -> bool {
        match qos {
            QoS::AtMostOnce => limits.admit_by_size(self.waiting()),
            _ => {
                self.outbox.unwritten() < OUTBOX_MARK
                    && self.has_room_for(message.payload.len(), limits)
            }
        }
    }

    /// Returns whether a QoS 1 or 2 message may be sent now.
    pub(super) fn has_room_for(&self, payload_bytes: usize, limits: &QueueLimits) -> bool {
        self.window.has_room() && limits.admit_in_flight(self.waiting(), payload_bytes)
    }

    /// Returns whether the limits allow one more message; `allowance` is what the window of a
    /// connected client adds to them.
    pub(super) fn admits(&self, qos: QoS, limits: &QueueLimits, allowance: usize) -> bool {
        match qos {
            QoS::AtMostOnce => limits.admit_by_size(self.waiting()),
            _ => limits.admit(self.waiting(), allowance),
        }
    }

    /// Lets publishers that paused for the session continue when little enough is left.
    pub(super) fn wake_if_relieved(&mut self, limits: &QueueLimits) {
        if self.paused_publishers.is_some() && limits.is_relieved(self.waiting()) {
            self.wake_paused_publishers();
        }
    }

    pub(super) fn wake_paused_publishers(&mut self) {
        let paused = self.paused_publishers.take();
        paused
            .into_iter()
            .flat_map(|paused| *paused)
            .for_each(Waker::wake);
    }
}
