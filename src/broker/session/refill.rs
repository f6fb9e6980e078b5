//! From a session's queue to its connection.

use super::Session;
use super::hand_out::Reader;
use super::online::OUTBOX_MARK;
use super::presence::Presence;
use super::queue::Front;
use super::queued::Queued;
use super::receiver::Receiver;
use super::state::SessionState;
use super::stored::Recorder;
use crate::broker::env::Env;
use crate::broker::ground::Millis;
use crate::broker::persistence::Ticket;
use crate::broker::wire::Alias;
use crate::protocol::{Delivery, PacketId, QoS};
use crate::qos::{PubAckOutcome, PubRecOutcome, Resend};

/// The retained messages that one turn of a connection looks at: half a millisecond's work.
const HAND_OUT_STEPS: usize = 512;

impl SessionState {
    /// Makes ready what has to be sent again, and then what is queued, as far as the
    /// window and the outbox have room.
    pub(in crate::broker) fn refill(&mut self, session: &Session, env: &Env, now: Millis) {
        let ticket = Ticket::new(env.persistence());
        let mut recorder = Recorder::new(session, &ticket);
        self.refill_with(env, &mut recorder, 0, now);
        recorder.finish();
    }

    /// As [`SessionState::refill`], and hands out a bounded number of retained messages.
    pub(in crate::broker) fn refill_handing_out(
        &mut self,
        session: &Session,
        env: &Env,
        now: Millis,
    ) {
        let ticket = Ticket::new(env.persistence());
        let mut recorder = Recorder::new(session, &ticket);
        self.refill_with(env, &mut recorder, HAND_OUT_STEPS, now);
        recorder.finish();
    }

    /// Makes ready what there is room for; looks at so many retained messages at most.
    pub(super) fn refill_with(
        &mut self,
        env: &Env,
        recorder: &mut Recorder<'_>,
        hand_out_steps: usize,
        now: Millis,
    ) {
        let Presence::Online(active_connection) = &self.presence else {
            return;
        };
        let receiver = Receiver {
            version: active_connection.version,
            maximum_packet_size: active_connection.maximum_packet_size as usize,
            mount_point: active_connection.mount_point.clone(),
        };
        let (version, maximum) = (receiver.version, receiver.maximum_packet_size);
        while self.unwritten < OUTBOX_MARK {
            let Some(resend) = self.outgoing.next_resend() else {
                break;
            };
            let pushed = match resend {
                Resend::Publish(delivery, Some(queued)) => {
                    let single = receiver.single(queued, delivery, true);
                    let single = single.filter(|single| single.size(version, now) <= maximum);
                    match (single, delivery.packet_id()) {
                        (Some(single), _) => {
                            if queued.record.is_some() && queued.qos == QoS::ExactlyOnce {
                                self.outbox.gate_for_all(recorder.ticket());
                            }
                            Ok(self
                                .outbox
                                .push_encoded(|out| single.encode(version, now, out)))
                        }
                        (None, Some(packet_id)) => Err(packet_id),
                        // Nothing else is ever sent again.
                        (None, None) => Ok(0),
                    }
                }
                // Only sessions that end with their connection keep no message.
                Resend::Publish(_, None) => Ok(0),
                Resend::PubRel(packet_id) => {
                    if self.released.is_some() {
                        self.outbox.gate_for_all(recorder.ticket());
                    }
                    Ok(self.outbox.push_pubrel(packet_id))
                }
            };
            match pushed {
                Ok(bytes) => self.unwritten += bytes,
                Err(packet_id) => self.forget(packet_id),
            }
        }
        self.refill_from_queue(&receiver, env, recorder, hand_out_steps, now);
    }

    fn refill_from_queue(
        &mut self,
        receiver: &Receiver,
        env: &Env,
        recorder: &mut Recorder<'_>,
        mut hand_out_steps: usize,
        now: Millis,
    ) {
        let limits = env.options.queue_limits();
        let mut reader = None;
        while self.unwritten < OUTBOX_MARK {
            match self.queue.front() {
                None => break,
                Some(Front::HandOut(_)) => {
                    let reader =
                        reader.get_or_insert_with(|| Reader::new(recorder.session(), env, now));
                    if self.hand_out(receiver, reader, recorder, &mut hand_out_steps) {
                        continue;
                    }
                    break;
                }
                Some(Front::Message { qos, payload_bytes }) => {
                    if qos != QoS::AtMostOnce && !self.has_room_for_bytes(payload_bytes, &limits) {
                        break;
                    }
                }
            }
            let Some(queued) = self.queue.pop() else {
                break;
            };
            if queued.message.is_expired(now) {
                recorder.discard(queued);
            } else {
                self.send(queued, receiver, env, recorder, now);
            }
        }
    }

    pub(super) fn send(
        &mut self,
        queued: Queued,
        receiver: &Receiver,
        env: &Env,
        recorder: &mut Recorder<'_>,
        now: Millis,
    ) {
        let (version, maximum_packet_size) = (receiver.version, receiver.maximum_packet_size);
        let topic = &queued.message.topic;
        let aliases = self.topic_aliases.as_deref_mut();
        let mut alias = aliases
            .as_ref()
            .map_or(Alias::None, |aliases| aliases.of(topic));
        // Any packet identifier takes the same two bytes.
        let example = match queued.qos {
            QoS::AtMostOnce => Delivery::AtMostOnce,
            QoS::AtLeastOnce | QoS::ExactlyOnce => Delivery::AtLeastOnce(PacketId::FIRST),
        };
        let Some(single) = receiver.single(&queued, example, false) else {
            return;
        };
        let fits = |alias| single.with_alias(alias).size(version, now) <= maximum_packet_size;
        if matches!(alias, Alias::New(_)) && !fits(alias) {
            alias = Alias::None;
        }
        if !fits(alias) {
            // [MQTT-3.1.2-25]
            let size = single.size(version, now);
            recorder.session().log_too_large(&queued.message, size, env);
            return recorder.discard(queued);
        }
        if let (Some(aliases), Alias::New(alias)) = (aliases, alias) {
            aliases.give(topic, alias);
        }
        let unrecorded = queued.unrecorded();
        let delivery = match queued.qos {
            QoS::AtMostOnce => Delivery::AtMostOnce,
            qos if self.keeps(queued.granted, &env.options.queue_limits()) => {
                self.send_kept(qos, queued, recorder)
            }
            qos => {
                recorder.discard(queued);
                self.outgoing.send(qos, None)
            }
        };
        let Some(single) = receiver.single(&unrecorded, delivery, false) else {
            return;
        };
        let single = single.with_alias(alias);
        self.unwritten += self
            .outbox
            .push_encoded(|out| single.encode(version, now, out));
    }

    /// Treats a message that the client does not take as sent [MQTT-3.1.2-25].
    fn forget(&mut self, packet_id: PacketId) {
        if let PubAckOutcome::Delivered(kept) = self.outgoing.puback(packet_id) {
            self.count_out(kept.as_ref());
        }
        if let PubRecOutcome::Refused(kept) = self.outgoing.pubrec(packet_id, true) {
            self.count_out(kept.as_ref());
        }
    }
}
