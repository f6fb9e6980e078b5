use crate::broker::config::{DEFAULT_QUEUE_BYTES, Limits};

/// What waits for a session makes its publishers pause from here on.
const CONGESTION_MARK: usize = 1024 * 1024;

/// What may wait for one session.
#[derive(Clone, Copy, Debug)]
pub(in crate::broker) struct QueueLimits {
    /// QoS 1 and 2 messages, as `max_queued_messages` counts them.
    messages: Option<usize>,
    /// Payload bytes of QoS 1 and 2 messages, as `max_queued_bytes` counts them.
    payload_bytes: Option<usize>,
    /// Bytes of memory; what holds for QoS 0 in any case.
    held_bytes: Option<usize>,
    /// Payload bytes of QoS 1 and 2 messages that are sent and not yet received.
    in_flight_bytes: Option<usize>,
    /// Bytes of memory for whatever waits, while memory is short.
    share: Option<usize>,
}

/// What waits for one session.
#[derive(Clone, Copy, Debug)]
pub(in crate::broker) struct Waiting {
    /// QoS 1 and 2 messages in the queue.
    pub(in crate::broker) messages: usize,
    /// Their payload bytes.
    pub(in crate::broker) payload_bytes: usize,
    /// Bytes of memory: queue, messages in flight, and what is encoded but unwritten.
    pub(in crate::broker) held_bytes: usize,
    /// Payload bytes of the messages in flight that are kept.
    pub(in crate::broker) in_flight_bytes: usize,
}

impl QueueLimits {
    pub(in crate::broker) fn new(limits: &Limits, share: Option<usize>) -> Self {
        let bound =
            |limit: Option<u32>| limit.filter(|&limit| limit > 0).map(|limit| limit as usize);
        let configured = limits.max_queued_messages.is_some() || limits.max_queued_bytes.is_some();
        let payload_bytes = bound(limits.max_queued_bytes);
        Self {
            messages: bound(limits.max_queued_messages),
            payload_bytes,
            held_bytes: if configured {
                payload_bytes
            } else {
                Some(DEFAULT_QUEUE_BYTES)
            },
            in_flight_bytes: bound(limits.max_inflight_bytes),
            share,
        }
    }

    /// Whether one more QoS 1 or 2 message may wait. Where limits are configured they
    /// count as Mosquitto counts: `in_flight_allowance` is what the window of a
    /// connected client adds to them, and a limit may be overshot by one message.
    pub(in crate::broker) fn admit(&self, waiting: Waiting, in_flight_allowance: usize) -> bool {
        if !self.is_within_share(waiting) {
            return false;
        }
        let configured = self.messages.is_some() || self.payload_bytes.is_some();
        if !configured {
            return self
                .held_bytes
                .is_none_or(|limit| waiting.held_bytes < limit);
        }
        self.messages
            .is_none_or(|limit| waiting.messages < limit + in_flight_allowance)
            && self
                .payload_bytes
                .is_none_or(|limit| waiting.payload_bytes < limit)
    }

    /// Whether the bytes of messages in flight are counted.
    pub(in crate::broker) fn counts_in_flight_bytes(&self) -> bool {
        self.in_flight_bytes.is_some()
    }

    /// Whether a QoS 1 or 2 message with so many bytes may be sent. One always may, or a
    /// large one could never go.
    pub(in crate::broker) fn admit_in_flight(
        &self,
        waiting: Waiting,
        payload_bytes: usize,
    ) -> bool {
        let fits = |limit| {
            waiting.in_flight_bytes == 0 || waiting.in_flight_bytes + payload_bytes <= limit
        };
        self.in_flight_bytes.is_none_or(fits)
    }

    /// Whether one more message may wait for which only memory counts: at QoS 0, and a
    /// retained one for a new subscription.
    pub(in crate::broker) fn admit_by_size(&self, waiting: Waiting) -> bool {
        let limit = self.held_bytes.unwrap_or(DEFAULT_QUEUE_BYTES);
        waiting.held_bytes < limit && self.is_within_share(waiting)
    }

    fn is_within_share(&self, waiting: Waiting) -> bool {
        self.share.is_none_or(|share| waiting.held_bytes < share)
    }

    /// Whether so much waits that publishers should pause.
    pub(in crate::broker) fn is_congested(&self, waiting: Waiting) -> bool {
        let mark = self
            .held_bytes
            .map_or(CONGESTION_MARK, |limit| CONGESTION_MARK.min(limit / 2));
        waiting.held_bytes > mark
            || self
                .messages
                .is_some_and(|limit| waiting.messages > limit / 2)
            || self
                .payload_bytes
                .is_some_and(|limit| waiting.payload_bytes > limit / 2)
    }

    /// Whether so little waits that publishers may go on.
    pub(in crate::broker) fn is_relieved(&self, waiting: Waiting) -> bool {
        let twice = Waiting {
            messages: waiting.messages * 2,
            payload_bytes: waiting.payload_bytes * 2,
            held_bytes: waiting.held_bytes * 2,
            ..waiting
        };
        !self.is_congested(twice)
    }
}
