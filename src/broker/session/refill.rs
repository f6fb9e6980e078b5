//! From a session's queue to its connection.

use bytes::Bytes;

use super::context::{BatchContext, DeliveryContext};
use super::outbound::{OUTBOX_MARK, Outbound};
use super::presence::Presence;
use super::queue::Front;
use super::queued::Queued;
use super::receiver::Receiver;
use super::shared::Session;
use super::state::SessionState;
use crate::broker::env::Env;
use crate::broker::ground::Millis;
use crate::broker::persistence::Ticket;
use crate::broker::wire::{Alias, OutgoingPublish};
use crate::protocol::{Delivery, PacketId, QoS, TopicName};
use crate::qos::Resend;

/// The retained messages that one turn of a connection looks at: half a millisecond's work.
const HAND_OUT_STEPS: usize = 512;

impl SessionState {
    /// Makes ready what has to be sent again, and then what is queued, as far as the
    /// window and the outbox have room.
    pub(in crate::broker) fn refill(&mut self, session: &Session, env: &Env, now: Millis) {
        self.refill_with(session, env, now, 0);
    }

    /// As [`SessionState::refill`], and hands out a bounded number of retained messages.
    pub(in crate::broker) fn refill_handing_out(
        &mut self,
        session: &Session,
        env: &Env,
        now: Millis,
    ) {
        self.refill_with(session, env, now, HAND_OUT_STEPS);
    }

    fn refill_with(&mut self, session: &Session, env: &Env, now: Millis, hand_out_steps: usize) {
        let Presence::Online(active_connection) = &self.presence else {
            return;
        };
        let ticket = Ticket::new(env.persistence());
        let batch = BatchContext {
            env,
            ticket: &ticket,
            now,
        };
        let is_persistent = self.registration.is_persistent();
        let mut context = DeliveryContext::new(session, &batch, is_persistent);
        let receiver = &active_connection.receiver;
        self.outbound.refill(receiver, &mut context, hand_out_steps);
        self.registration.finish(context);
    }
}

impl Outbound {
    /// Makes ready what there is room for; looks at so many retained messages at most.
    pub(super) fn refill(
        &mut self,
        receiver: &Receiver,
        context: &mut DeliveryContext<'_>,
        mut hand_out_steps: usize,
    ) {
        self.resend(receiver, context);
        while self.outbox.unwritten() < OUTBOX_MARK {
            match self.queue.front() {
                None => break,
                Some(Front::HandOut(_)) => {
                    if self.hand_out(receiver, context, &mut hand_out_steps) {
                        continue;
                    }
                    break;
                }
                Some(Front::Message { qos, payload_bytes }) => {
                    let is_qos_0 = qos == QoS::AtMostOnce;
                    if !is_qos_0 && !self.has_room_for(payload_bytes, &context.limits) {
                        break;
                    }
                }
            }
            let Some(queued) = self.queue.pop() else {
                break;
            };
            if queued.message.is_expired(context.now) {
                context.recorder.discard(queued);
            } else {
                self.send(queued, receiver, context);
            }
        }
    }

    /// Makes ready what was sent on an earlier connection and must be sent again.
    fn resend(&mut self, receiver: &Receiver, context: &mut DeliveryContext<'_>) {
        let (version, now) = (receiver.version, context.now);
        let ticket = context.recorder.ticket();
        let bridge = self.bridge.clone();
        let bridge = bridge.as_deref();
        while self.outbox.unwritten() < OUTBOX_MARK {
            let has_stored_releases = self.window.has_stored_releases();
            let Some(resend) = self.window.next_resend() else {
                break;
            };
            match resend {
                Resend::Publish(delivery, Some(queued)) => {
                    let topic = receiver.topic(queued, bridge);
                    let single = topic.as_deref().map(|topic| OutgoingPublish {
                        dup: true,
                        ..queued.packet(topic, delivery, bridge)
                    });
                    let single = single.filter(|single| receiver.takes(single.size(version, now)));
                    match (single, delivery.packet_id()) {
                        (Some(single), _) => {
                            if queued.record.is_some() && queued.qos == QoS::ExactlyOnce {
                                self.outbox.gate_for_all(ticket);
                            }
                            self.outbox
                                .push_encoded(|out| single.encode(version, now, out));
                        }
                        (None, Some(packet_id)) => self.forget(packet_id),
                        // Nothing else is ever sent again.
                        (None, None) => {}
                    }
                }
                // Only sessions that end with their connection keep no message.
                Resend::Publish(_, None) => {}
                Resend::PubRel(packet_id) => {
                    if has_stored_releases {
                        self.outbox.gate_for_all(ticket);
                    }
                    self.outbox.push_pubrel(packet_id);
                }
            }
        }
    }

    /// Sends a message for which there is room.
    pub(super) fn send(
        &mut self,
        mut queued: Queued,
        receiver: &Receiver,
        context: &mut DeliveryContext<'_>,
    ) {
        let (version, now) = (receiver.version, context.now);
        let bridge = self.bridge.clone();
        let bridge = bridge.as_deref();
        queued.qos = bridge.map_or(queued.qos, |bridge| queued.qos.min(bridge.maximum_qos));
        let unrecorded = queued.unrecorded();
        let Some(topic) = receiver.topic(&unrecorded, bridge) else {
            return context.recorder.discard(queued);
        };
        let aliases = self.topic_aliases.as_deref_mut();
        // An alias stands for the name that the receiver knows.
        let renamed = bridge
            .filter(|_| aliases.is_some())
            .and_then(|_| TopicName::from_bytes(Bytes::copy_from_slice(&topic)).ok());
        let aliased = renamed.as_ref().unwrap_or(&unrecorded.message.topic);
        let mut alias = aliases
            .as_ref()
            .map_or(Alias::None, |aliases| aliases.of(aliased));
        // Any packet identifier takes the same two bytes.
        let example = match queued.qos {
            QoS::AtMostOnce => Delivery::AtMostOnce,
            QoS::AtLeastOnce | QoS::ExactlyOnce => Delivery::AtLeastOnce(PacketId::FIRST),
        };
        let mut single = unrecorded.packet(&topic, example, bridge);
        let fits = |alias| receiver.takes(single.with_alias(alias).size(version, now));
        if matches!(alias, Alias::New(_)) && !fits(alias) {
            alias = Alias::None;
        }
        if !fits(alias) {
            // [MQTT-3.1.2-25]
            let (session, size) = (context.session(), single.size(version, now));
            session.log_too_large(&queued.message, size, context.env);
            return context.recorder.discard(queued);
        }
        if let (Some(aliases), Alias::New(alias)) = (aliases, alias) {
            aliases.give(aliased, alias);
        }
        single.delivery = match queued.qos {
            QoS::AtMostOnce => {
                // A message whose QoS was lowered may have a record.
                if queued.record.is_some() {
                    context.recorder.discard(queued);
                }
                Delivery::AtMostOnce
            }
            _ if context.keeps(queued.granted) => self.send_kept(queued, context),
            qos => {
                context.recorder.discard(queued);
                self.window.send_unkept(qos)
            }
        };
        let single = single.with_alias(alias);
        self.outbox
            .push_encoded(|out| single.encode(version, now, out));
    }

    /// Treats a message that the client does not take as sent [MQTT-3.1.2-25].
    fn forget(&mut self, packet_id: PacketId) {
        self.window.puback(packet_id);
        self.window.pubrec(packet_id, true);
    }
}
