//! Packets from the remote broker.

use std::sync::Arc;

use bytes::BytesMut;
use tokio::time::Instant;

use super::relay::Relay;
use crate::broker::fanout::{Fanout, Finished};
use crate::broker::ground::{MAXIMUM_HOPS, Millis, forwarded_properties, hops, with_next_hop};
use crate::broker::log::rate_limit::LineKind;
use crate::broker::message::{Message, Publication, expires_at};
use crate::broker::session::AckedRecords;
use crate::broker::statistics::Tally;
use crate::client::Error;
use crate::protocol::{
    Acknowledgement, DecodeError, Delivery, Packet, Publish, QoS, ReasonCode, SubAck, TopicName,
    encode,
};
use crate::qos::{PubRecOutcome, Received};

/// State shared by packets that arrived together.
struct Batch<'a> {
    fanout: Fanout<'a>,
    settled: AckedRecords,
    replies: BytesMut,
    received: Tally,
    is_acknowledged: bool,
    now: Millis,
}

impl Relay {
    /// Handles the packets that have arrived.
    pub(super) fn read_packets(&mut self) -> Result<(), Error> {
        let Some(first) = self.link.next_packet()? else {
            return Ok(());
        };
        let broker = Arc::clone(&self.broker);
        let now = broker.clock().now();
        let session = Arc::clone(&self.session);
        let Some(_turn) = session.lock_batch(self.number) else {
            return Ok(());
        };
        let mut batch = Batch {
            fanout: Fanout::new(&broker, now),
            settled: AckedRecords::default(),
            replies: BytesMut::new(),
            received: Tally::default(),
            is_acknowledged: false,
            now,
        };
        let mut next = Some(first);
        let result = loop {
            let Some(packet) = next.take() else {
                break Ok(());
            };
            if let Err(error) = self.handle(packet, &mut batch) {
                break Err(error);
            }
            match self.link.next_packet() {
                Ok(packet) => next = packet,
                Err(error) => break Err(error),
            }
        };
        let Batch {
            fanout,
            settled,
            replies,
            received,
            is_acknowledged,
            ..
        } = batch;
        settled.forget(broker.persistence());
        // What was accepted before an error is delivered all the same.
        let Finished { congested, ticket } = fanout.finish();
        let number = ticket.number();
        drop(ticket);
        self.reply_after(number, replies);
        broker.env.statistics.received(received);
        if received.publishes > 0 {
            self.status.received(received.publishes);
            self.last_message = Instant::now();
        }
        for session in congested {
            if !self
                .congested
                .iter()
                .any(|known| Arc::ptr_eq(known, &session))
            {
                self.congested.push(session);
            }
        }
        if is_acknowledged {
            let mut state = self.session.state();
            state.progress(&self.session, &broker.env, now);
        }
        result
    }

    fn handle(&mut self, packet: Packet, batch: &mut Batch<'_>) -> Result<(), Error> {
        match &packet {
            Packet::Publish(publish) => batch.received.publish(publish.payload.len()),
            _ => batch.received.packets += 1,
        }
        batch.is_acknowledged |= matches!(
            packet,
            Packet::PubAck(_) | Packet::PubRec(_) | Packet::PubComp(_)
        );
        match packet {
            Packet::Publish(publish) => self.publish(publish, batch),
            Packet::PubAck(ack) => {
                let mut state = self.session.state();
                if !state.reply(ack.packet_id) && !state.puback(ack.packet_id, &mut batch.settled) {
                    return Err(Error::Protocol);
                }
                drop(state);
                self.report_refusal(ack.reason);
                Ok(())
            }
            Packet::PubRec(ack) => self.pubrec(&ack, batch),
            Packet::PubRel(ack) => {
                self.session
                    .state()
                    .registration
                    .incoming
                    .release(ack.packet_id);
                let ticket = batch.fanout.ticket();
                if let Some(persistence) = ticket.persistence()
                    && persistence.remove_incoming(self.session.number(), ack.packet_id)
                {
                    // The identifier may be used for another message after the PUBCOMP.
                    ticket.wait_for_all();
                }
                let pubcomp = Packet::PubComp(Acknowledgement::success(ack.packet_id));
                self.answer(&pubcomp, batch)
            }
            Packet::PubComp(ack) => match self.session.state().pubcomp(ack.packet_id) {
                true => Ok(()),
                false => Err(Error::Protocol),
            },
            Packet::SubAck(suback) => {
                self.session.state().reply(suback.packet_id);
                self.subscribed(&suback);
                Ok(())
            }
            Packet::UnsubAck(unsuback) => {
                self.session.state().reply(unsuback.packet_id);
                Ok(())
            }
            Packet::Disconnect(disconnect) if self.link.options().version.is_v5() => {
                self.report_disconnect(disconnect.reason);
                Err(Error::ConnectionLost)
            }
            Packet::Auth(_) => Err(Error::NotSupported),
            Packet::Connect(_)
            | Packet::ConnAck(_)
            | Packet::Subscribe(_)
            | Packet::Unsubscribe(_)
            | Packet::PingReq
            | Packet::PingResp
            | Packet::Disconnect(_) => Err(Error::Protocol),
        }
    }

    fn publish(&mut self, publish: Publish, batch: &mut Batch<'_>) -> Result<(), Error> {
        let delivery = publish.delivery;
        let Some(topic) = publish.topic.as_ref() else {
            return Err(Error::Protocol);
        };
        if let Delivery::ExactlyOnce(packet_id) = delivery {
            match self
                .session
                .state()
                .registration
                .incoming
                .publish(packet_id, ())
            {
                Received::New => {}
                Received::Duplicate => {
                    // It may be on its way into the store since the last connection.
                    batch.fanout.ticket().wait_for_all();
                    return self.acknowledge(delivery, batch);
                }
                Received::QuotaExceeded => {
                    return Err(Error::Malformed(DecodeError::Invalid {
                        reason: ReasonCode::ReceiveMaximumExceeded,
                        place: "PUBLISH",
                    }));
                }
            }
        }
        if let Some((topic, qos)) = self.local_name(topic, &publish) {
            self.pass_on(topic, qos, publish, batch);
        } else if let Delivery::ExactlyOnce(packet_id) = delivery {
            // Nothing of it is stored. The PUBREL is answered whether it is known or not.
            self.session
                .state()
                .registration
                .incoming
                .release(packet_id);
        }
        // What is not passed on is acknowledged, too: it must not come again.
        self.acknowledge(delivery, batch)
    }

    /// Returns the topic and the QoS of a message on this broker; `None` for one that is not
    /// passed on, which the log says.
    fn local_name(&self, topic: &TopicName, publish: &Publish) -> Option<(TopicName, QoS)> {
        let (name, env) = (&self.name, &self.broker.env);
        let refuse = |text: std::fmt::Arguments<'_>| {
            env.limited_log
                .write(LineKind::BridgeRefusal, self.session.number(), text);
            None
        };
        if hops(&publish.properties) >= MAXIMUM_HOPS {
            return refuse(format_args!(
                "Bridge {name} drops a message on {topic} that has crossed {MAXIMUM_HOPS} \
                 bridges: do they form a circle?"
            ));
        }
        if env.options.is_too_large(&publish.payload) {
            return refuse(format_args!(
                "Bridge {name} drops a message on {topic} that is larger than message_size_limit."
            ));
        }
        let local = self.topics.local_name(topic);
        let local = match self.accepts_unasked {
            true => local.or_else(|| Some((topic.clone(), QoS::ExactlyOnce))),
            false => local,
        };
        local.or_else(|| {
            refuse(format_args!(
                "Bridge {name} drops a message on {topic}: no topic line asks for it. \
                 bridge_accept_unasked true accepts such messages."
            ))
        })
    }

    fn pass_on(&self, topic: TopicName, qos: QoS, publish: Publish, batch: &mut Batch<'_>) {
        let properties = match self.link.options().version.is_v5() {
            true => with_next_hop(&publish.properties),
            false => publish.properties,
        };
        let options = &self.broker.env.options;
        let source = publish.retain && options.check_retain_source();
        let source = source.then(|| self.session.identity());
        let origin = match publish.delivery {
            Delivery::ExactlyOnce(packet_id) if self.session.is_stored() => {
                Some((self.session.number(), packet_id))
            }
            _ => None,
        };
        let publication = Publication::new(Message {
            topic,
            payload: publish.payload,
            qos: qos.min(publish.delivery.qos()),
            retain: publish.retain && options.retain_available(),
            expires_at: expires_at(&properties, batch.now),
            properties: forwarded_properties(properties),
            publisher: Some(self.session.number()),
            stored: Default::default(),
        });
        batch
            .fanout
            .publish(publication.published_by(source).with_origin(origin));
    }

    fn pubrec(&mut self, ack: &Acknowledgement, batch: &mut Batch<'_>) -> Result<(), Error> {
        let is_refused = ack.reason.is_error();
        let ticket = batch.fanout.ticket();
        let outcome = self
            .session
            .state()
            .pubrec(ack.packet_id, is_refused, ticket);
        let reason = match outcome {
            PubRecOutcome::Unexpected => return Err(Error::Protocol),
            PubRecOutcome::Refused(()) => {
                self.report_refusal(ack.reason);
                return Ok(());
            }
            PubRecOutcome::Unknown if is_refused => return Ok(()),
            PubRecOutcome::Unknown => ReasonCode::PacketIdentifierNotFound,
            PubRecOutcome::Received(()) | PubRecOutcome::Repeated => ReasonCode::Success,
        };
        let pubrel = Packet::PubRel(Acknowledgement::new(ack.packet_id, reason));
        self.answer(&pubrel, batch)
    }

    fn acknowledge(&self, delivery: Delivery, batch: &mut Batch<'_>) -> Result<(), Error> {
        let packet = match delivery {
            Delivery::AtMostOnce => return Ok(()),
            Delivery::AtLeastOnce(packet_id) => Packet::PubAck(Acknowledgement::success(packet_id)),
            Delivery::ExactlyOnce(packet_id) => Packet::PubRec(Acknowledgement::success(packet_id)),
        };
        self.answer(&packet, batch)
    }

    /// Appends an answer to those that wait for the end of the batch.
    fn answer(&self, packet: &Packet, batch: &mut Batch<'_>) -> Result<(), Error> {
        let version = self.link.options().version;
        encode(packet, version, &mut batch.replies)?;
        Ok(())
    }

    fn subscribed(&mut self, suback: &SubAck) {
        let filter = self.subscribing.remove(&suback.packet_id);
        let reason = suback.reasons.first().filter(|reason| reason.is_error());
        if let (Some(filter), Some(reason)) = (filter, reason) {
            let (name, text) = (&self.name, reason.text());
            self.broker.log().warning(format_args!(
                "Warning: The remote broker refuses the subscription of bridge {name} to \
                 {filter}: {text}."
            ));
        }
    }

    /// Logs that the remote broker did not take a message.
    fn report_refusal(&self, reason: ReasonCode) {
        if reason.is_error() {
            let (name, text) = (&self.name, reason.text());
            self.broker.env.limited_log.write(
                LineKind::BridgeRefusal,
                self.session.number(),
                format_args!("The remote broker refuses a message of bridge {name}: {text}."),
            );
        }
    }

    fn report_disconnect(&self, reason: ReasonCode) {
        let (name, text) = (&self.name, reason.text());
        self.broker.log().notice(format_args!(
            "The remote broker ends the connection of bridge {name}: {text}."
        ));
    }
}
