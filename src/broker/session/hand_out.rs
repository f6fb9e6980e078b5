//! The retained messages for a new subscription, found as the connection takes them.

use std::sync::Arc;

use super::Session;
use super::online::OUTBOX_MARK;
use super::presence::Presence;
use super::queue::Front;
use super::queued::Queued;
use super::receiver::Receiver;
use super::state::SessionState;
use super::stored::Recorder;
use crate::broker::env::Env;
use crate::broker::ground::{GrantedOptions, Identity, Millis};
use crate::broker::retained::{Retained, RetainedCursor};
use crate::broker::statistics::Counter;
use crate::protocol::{QoS, TopicFilter};

/// The retained messages that a subscription is still to bring [MQTT-3.3.1-9].
///
/// It has a place in the session's queue: behind what waits already, before what is published
/// later.
#[derive(Debug)]
pub(in crate::broker) struct HandOut {
    cursor: RetainedCursor,
    granted: GrantedOptions,
    number: u64,
}

impl HandOut {
    pub(in crate::broker) fn new(cursor: RetainedCursor, granted: GrantedOptions) -> Self {
        Self {
            cursor,
            granted,
            number: 0,
        }
    }

    pub(super) fn numbered(self, number: u64) -> Self {
        Self { number, ..self }
    }

    pub(super) fn number(&self) -> u64 {
        self.number
    }

    pub(super) fn filter(&self) -> &TopicFilter {
        self.cursor.filter()
    }

    pub(super) fn memory_bytes(&self) -> usize {
        size_of::<Self>() + self.cursor.memory_bytes()
    }

    /// Returns the message as the client gets it, or `None` if it may not or does not want to.
    fn to_queued(&self, retained: Retained, reader: &Reader<'_>) -> Option<Queued> {
        let Retained { message, source } = retained;
        let Reader {
            session, env, now, ..
        } = reader;
        let own = message.publisher == Some(session.number());
        if message.is_expired(*now) || (self.granted.no_local && own) {
            return None;
        }
        let access = &env.access;
        if access.is_restricted() {
            let source = source.filter(|_| env.options.check_retain_source());
            let is_allowed = access.may_read(&reader.identity, &message.topic)
                && source.is_none_or(|source| access.may_write(&source, &message.topic));
            if !is_allowed {
                return None;
            }
        }
        Some(Queued {
            qos: granted_qos(&self.granted, message.qos, env),
            message,
            retain: true,
            granted: self.granted,
            // The retained message is held anyway.
            held: 0,
            record: None,
        })
    }
}

/// The client that gets retained messages.
pub(super) struct Reader<'a> {
    session: &'a Session,
    identity: Arc<Identity>,
    env: &'a Env,
    now: Millis,
}

impl<'a> Reader<'a> {
    pub(super) fn new(session: &'a Session, env: &'a Env, now: Millis) -> Self {
        let identity = session.identity();
        Self {
            session,
            identity,
            env,
            now,
        }
    }
}

fn granted_qos(granted: &GrantedOptions, published: QoS, env: &Env) -> QoS {
    match env.options.upgrade_outgoing_qos() {
        true => granted.qos,
        false => granted.qos.min(published),
    }
}

impl Session {
    /// Begins to hand out retained messages for a new subscription.
    pub(in crate::broker) fn begin_hand_out(
        &self,
        state: &mut SessionState,
        hand_out: HandOut,
        env: &Env,
    ) {
        if env.options.queue_limits().admit_by_size(state.waiting()) {
            state.queue.push_hand_out(hand_out);
        } else {
            env.statistics.add(Counter::PublishesDropped, 1);
            self.log_drops(1, env);
        }
    }
}

impl SessionState {
    /// Returns whether retained messages can be handed out now; the connection then refills.
    pub(in crate::broker) fn can_hand_out(&mut self, env: &Env) -> bool {
        if self.queue.is_empty()
            || self.unwritten >= OUTBOX_MARK
            || !matches!(self.presence, Presence::Online(_))
        {
            return false;
        }
        let limits = env.options.queue_limits();
        let Some(Front::HandOut(hand_out)) = self.queue.front() else {
            return false;
        };
        let granted = hand_out.granted;
        let Some(found) = hand_out.cursor.peek(&mut 0) else {
            return true;
        };
        let message = Arc::clone(&found.message);
        granted_qos(&granted, message.qos, env) == QoS::AtMostOnce
            || self.has_room_for(&message, &limits)
    }

    /// Sends the next message of the hand-out at the front of the queue.
    ///
    /// Returns false when there is no room, or when `steps` are used up: the connection's task
    /// then continues after others had their turn.
    pub(super) fn hand_out(
        &mut self,
        receiver: &Receiver,
        reader: &Reader<'_>,
        recorder: &mut Recorder<'_>,
        steps: &mut usize,
    ) -> bool {
        let (env, limits) = (reader.env, reader.env.options.queue_limits());
        let Some(Front::HandOut(hand_out)) = self.queue.front() else {
            return false;
        };
        let Some(found) = hand_out.cursor.peek(steps).cloned() else {
            let is_finished = hand_out.cursor.is_finished();
            if is_finished {
                let filter = hand_out.filter().clone();
                self.end_hand_out(&filter, recorder);
            }
            return is_finished;
        };
        let Some(queued) = hand_out.to_queued(found, reader) else {
            hand_out.cursor.take();
            return true;
        };
        if queued.qos != QoS::AtMostOnce && !self.has_room_for(&queued.message, &limits) {
            return false;
        }
        if let Some(Front::HandOut(hand_out)) = self.queue.front() {
            hand_out.cursor.take();
        }
        let (message, qos) = (Arc::clone(&queued.message), queued.qos);
        self.send(queued, receiver, env, recorder, reader.now);
        if qos != QoS::AtMostOnce {
            recorder.message(&message);
        }
        true
    }

    /// Ends the hand-out for a filter whose subscription changes.
    pub(in crate::broker) fn abandon_hand_out(&mut self, filter: &TopicFilter) {
        self.queue.abandon(filter);
    }

    fn end_hand_out(&mut self, filter: &TopicFilter, recorder: &Recorder<'_>) {
        self.queue.abandon(filter);
        if let Some(stored) = self.subscriptions.get(filter) {
            stored.store(filter, false, recorder.ticket());
        }
    }
}
