//! The retained messages for a new subscription, found as the connection takes them.

use std::sync::Arc;

use super::context::DeliveryContext;
use super::outbound::{OUTBOX_MARK, Outbound};
use super::presence::Presence;
use super::queue::Front;
use super::queued::Queued;
use super::receiver::Receiver;
use super::retained_place::HandOut;
use super::shared::Session;
use super::state::SessionState;
use crate::broker::env::Env;
use crate::broker::ground::GrantedOptions;
use crate::broker::persistence::Urgency;
use crate::broker::retained::Retained;
use crate::broker::statistics::Counter;
use crate::protocol::{QoS, TopicFilter};

impl Session {
    /// Begins to hand out retained messages for a new subscription.
    pub(in crate::broker) fn begin_hand_out(
        &self,
        state: &mut SessionState,
        hand_out: HandOut,
        env: &Env,
    ) {
        let outbound = &mut state.outbound;
        if env.options.queue_limits().admit_by_size(outbound.waiting()) {
            outbound.queue.push_hand_out(hand_out);
        } else {
            env.statistics.add(Counter::PublishesDropped, 1);
            self.log_drops(1, env);
        }
    }
}

impl SessionState {
    /// Returns whether retained messages can be handed out now; the connection then refills.
    pub(in crate::broker) fn can_hand_out(&mut self, env: &Env) -> bool {
        matches!(self.presence, Presence::Online(_)) && self.outbound.can_hand_out(env)
    }

    /// Ends the hand-out for a filter whose subscription changes.
    pub(in crate::broker) fn abandon_hand_out(&mut self, filter: &TopicFilter) {
        self.outbound.queue.abandon(filter);
    }
}

impl Outbound {
    fn can_hand_out(&mut self, env: &Env) -> bool {
        if self.queue.is_empty() || self.outbox.unwritten() >= OUTBOX_MARK {
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
        let published = found.message.qos;
        let payload_bytes = found.message.payload.len();
        let is_qos_0 = match env.options.upgrade_outgoing_qos() {
            true => granted.qos == QoS::AtMostOnce,
            false => granted.qos.min(published) == QoS::AtMostOnce,
        };
        is_qos_0 || self.has_room_for(payload_bytes, &limits)
    }

    /// Sends the next message of the hand-out at the front of the queue.
    ///
    /// Returns false when there is no room, or when `steps` are used up: the connection's task
    /// then continues after others had their turn.
    pub(super) fn hand_out(
        &mut self,
        receiver: &Receiver,
        context: &mut DeliveryContext<'_>,
        steps: &mut usize,
    ) -> bool {
        let Some(Front::HandOut(hand_out)) = self.queue.front() else {
            return false;
        };
        let Some(found) = hand_out.cursor.peek(steps).cloned() else {
            let is_finished = hand_out.cursor.is_finished();
            if is_finished {
                let filter = hand_out.filter().clone();
                self.queue.abandon(&filter);
                context.handed_out.push(filter);
            }
            return is_finished;
        };
        let Some(queued) = to_queued(found, hand_out.granted, context) else {
            hand_out.cursor.take();
            return true;
        };
        let payload_bytes = queued.message.payload.len();
        if queued.qos != QoS::AtMostOnce && !self.has_room_for(payload_bytes, &context.limits) {
            return false;
        }
        if let Some(Front::HandOut(hand_out)) = self.queue.front() {
            hand_out.cursor.take();
        }
        if self.bridge.is_some() {
            self.hand_out_copies(&queued, receiver, context);
            return true;
        }
        let (message, qos) = (Arc::clone(&queued.message), queued.qos);
        self.send(queued, receiver, context);
        if qos != QoS::AtMostOnce {
            context.recorder.message(&message);
        }
        true
    }

    /// Hands out a message to a bridge, which may have several names for its topic.
    fn hand_out_copies(
        &mut self,
        retained: &Queued,
        receiver: &Receiver,
        context: &mut DeliveryContext<'_>,
    ) {
        let message = &retained.message;
        self.for_each_copy(&message.topic, retained.granted, |outbound, granted| {
            let qos = context.qos(granted, message.qos);
            let mut copy = Queued {
                qos,
                granted,
                ..retained.unrecorded()
            };
            if qos == QoS::AtMostOnce {
                return outbound.send(copy, receiver, context);
            }
            if outbound.has_room_for(message.payload.len(), &context.limits) {
                outbound.send(copy, receiver, context);
            } else {
                context.recorder.queued(&mut copy, Urgency::Deferred);
                outbound.queue.push(copy);
            }
            context.recorder.message(message);
        });
    }
}

/// Returns the message as the client gets it, or `None` if it may not or does not want to.
fn to_queued(
    retained: Retained,
    granted: GrantedOptions,
    context: &mut DeliveryContext<'_>,
) -> Option<Queued> {
    let Retained { message, source } = retained;
    let own = message.publisher == Some(context.session().number());
    if message.is_expired(context.now) || (granted.no_local && own) {
        return None;
    }
    let env = context.env;
    if env.access.is_restricted() {
        let source = source.filter(|_| env.options.check_retain_source());
        let is_allowed = env.access.may_read(context.identity(), &message.topic)
            && source.is_none_or(|source| env.access.may_write(&source, &message.topic));
        if !is_allowed {
            return None;
        }
    }
    Some(Queued {
        qos: context.qos(granted, message.qos),
        message,
        retain: true,
        granted,
        // The retained message is held anyway.
        held: 0,
        record: None,
    })
}
