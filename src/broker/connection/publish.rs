//! What a client publishes, and its part of QoS 1 and 2.

use super::client::Connection;
use super::closed::Closed;
use crate::broker::fanout::Fanout;
use crate::broker::ground::{Millis, SessionNumber, forwarded_properties};
use crate::broker::log::LogType;
use crate::broker::log::rate_limit::LineKind;
use crate::broker::message::{Message, Publication, expires_at};
use crate::broker::persistence::Ticket;
use crate::protocol::{
    Acknowledgement, Delivery, Packet, PacketId, Publish, ReasonCode, TopicName,
};
use crate::qos::{PubRecOutcome, Received};

/// What a topic may become behind a mount point.
const TOO_LONG: Closed = Closed::Refused(
    ReasonCode::TopicNameInvalid,
    "PUBLISH: topic too long behind the mount point",
);

/// The end of a client that sends an acknowledgement which is not the one due
/// [MQTT-4.13.1-1].
pub(super) fn unexpected_ack() -> Closed {
    Closed::protocol_error("acknowledgement of the wrong kind for the message in flight")
}

impl Connection {
    pub(super) fn publish(
        &mut self,
        publish: Publish,
        fanout: &mut Fanout<'_>,
        now: Millis,
    ) -> Result<(), Closed> {
        let mut topic = self.topic(&publish)?;
        if let Some(mount_point) = self.permit.listener.mount_point() {
            topic = mount_point.mounted_name(&topic).map_err(|_| TOO_LONG)?;
        }
        if self.permit.broker.log().enabled(LogType::Debug) {
            self.debug_publish("Received", &publish, &topic);
        }
        self.check_allowed(&publish)?;
        let delivery = publish.delivery;
        if !self.is_new(delivery)? {
            // It may be on its way into the store since the last connection.
            fanout.ticket().wait_for_all();
            return self.answer(delivery, ReasonCode::Success);
        }
        let options = self.permit.broker.live_options();
        if options.is_too_large(&publish.payload) {
            return self.refuse(delivery, ReasonCode::PacketTooLarge);
        }
        if !self.may_publish(&topic) {
            self.debug_publish("Denied", &publish, &topic);
            return self.refuse(delivery, ReasonCode::NotAuthorized);
        }
        if publish.retain && !self.may_retain(&topic, &publish) {
            return self.refuse(delivery, ReasonCode::QuotaExceeded);
        }
        let is_source_asked =
            publish.retain && self.permit.broker.live_options().check_retain_source();
        let source = is_source_asked.then(|| self.session.identity());
        let publication = Publication::new(Message {
            topic,
            payload: publish.payload,
            qos: delivery.qos(),
            retain: publish.retain,
            expires_at: expires_at(&publish.properties, now),
            properties: forwarded_properties(publish.properties),
            publisher: Some(self.session.number()),
            stored: Default::default(),
        });
        let publication = publication
            .published_by(source)
            .with_origin(self.origin(delivery));
        let matched = fanout.publish(publication);
        let reason = match (matched, delivery) {
            (false, Delivery::AtLeastOnce(_)) => ReasonCode::NoMatchingSubscribers,
            _ => ReasonCode::Success,
        };
        self.answer(delivery, reason)
    }

    /// Returns whether a PUBLISH brings a message that the session has not taken yet, and takes
    /// the identifier of QoS 2.
    fn is_new(&self, delivery: Delivery) -> Result<bool, Closed> {
        let Delivery::ExactlyOnce(packet_id) = delivery else {
            return Ok(true);
        };
        let received = self
            .session
            .state()
            .registration
            .incoming
            .publish(packet_id, ());
        match received {
            Received::New => Ok(true),
            Received::Duplicate => Ok(false),
            Received::QuotaExceeded => {
                self.warn_of_quota();
                Err(Closed::Refused(
                    ReasonCode::ReceiveMaximumExceeded,
                    "PUBLISH: more than the Receive Maximum",
                ))
            }
        }
    }

    /// Acknowledges a message that is not passed on, and forgets its identifier.
    fn refuse(&mut self, delivery: Delivery, reason: ReasonCode) -> Result<(), Closed> {
        if let Delivery::ExactlyOnce(packet_id) = delivery {
            self.session.state().registration.incoming.refuse(packet_id);
        }
        self.answer(delivery, reason)
    }

    /// Returns whether there is room for the message to be retained.
    fn may_retain(&self, topic: &TopicName, publish: &Publish) -> bool {
        let broker = &self.permit.broker;
        let bytes = publish.payload.len() + publish.properties.held_size();
        publish.payload.is_empty()
            || broker
                .env
                .memory
                .admits_retained(bytes, || broker.retained.contains(topic))
    }

    /// Which QoS 2 PUBLISH brings a message, where that outlives the broker.
    fn origin(&self, delivery: Delivery) -> Option<(SessionNumber, PacketId)> {
        match delivery {
            Delivery::ExactlyOnce(packet_id) if self.session.is_stored() => {
                Some((self.session.number(), packet_id))
            }
            _ => None,
        }
    }

    pub(super) fn pubrec(
        &mut self,
        ack: &Acknowledgement,
        ticket: &Ticket<'_>,
    ) -> Result<(), Closed> {
        self.debug_ack("PUBREC", ack);
        let refused = ack.reason.is_error();
        let outcome = self.session.state().pubrec(ack.packet_id, refused, ticket);
        if outcome == PubRecOutcome::Unexpected {
            return Err(unexpected_ack());
        }
        let is_known = outcome != PubRecOutcome::Unknown;
        let (client_id, packet_id) = (self.session.client_id(), ack.packet_id);
        if !is_known {
            self.permit.broker.env.limited_log.write(
                LineKind::UnknownPacketId,
                self.session.number(),
                format_args!(
                    "Warning: Received PUBREC from {client_id} for an unknown packet identifier \
                     {packet_id}."
                ),
            );
        }
        if refused {
            return Ok(());
        }
        let reason = match is_known {
            true => ReasonCode::Success,
            false => ReasonCode::PacketIdentifierNotFound,
        };
        self.debug(format_args!("Sending PUBREL to {client_id} (m{packet_id})"));
        self.reply(&Packet::PubRel(Acknowledgement::new(packet_id, reason)))
    }

    pub(super) fn pubrel(
        &mut self,
        ack: &Acknowledgement,
        ticket: &Ticket<'_>,
    ) -> Result<(), Closed> {
        self.debug_ack("PUBREL", ack);
        let (client_id, packet_id) = (self.session.client_id(), ack.packet_id);
        self.session
            .state()
            .registration
            .incoming
            .release(packet_id);
        if let Some(persistence) = ticket.persistence() {
            let session = self.session.number();
            // The identifier may be used for another message after the PUBCOMP, also after
            // a crash.
            if persistence.remove_incoming(session, packet_id) {
                ticket.wait_for_all();
            }
        }
        self.debug(format_args!(
            "Sending PUBCOMP to {client_id} (m{packet_id})"
        ));
        self.reply(&Packet::PubComp(Acknowledgement::success(packet_id)))
    }

    /// What ends the connection of a client that publishes it.
    fn check_allowed(&self, publish: &Publish) -> Result<(), Closed> {
        if u8::from(publish.delivery.qos()) > self.permit.listener.max_qos() {
            let client_id = self.session.client_id();
            self.permit.broker.env.limited_log.write(
                LineKind::ProtocolError,
                self.peer.network(),
                format_args!("Too high QoS in PUBLISH from {client_id}, disconnecting."),
            );
            return Err(Closed::Refused(ReasonCode::QosNotSupported, "PUBLISH: QoS"));
        }
        if publish.retain && !self.permit.broker.live_options().retain_available() {
            return Err(Closed::Refused(
                ReasonCode::RetainNotSupported,
                "PUBLISH: retain",
            ));
        }
        if publish
            .properties
            .subscription_identifiers()
            .next()
            .is_some()
        {
            // [MQTT-3.3.4-6]
            return Err(Closed::protocol_error("PUBLISH: subscription identifier"));
        }
        Ok(())
    }

    /// Acknowledges a PUBLISH as its QoS wants it [MQTT-4.3.2-4] [MQTT-4.3.3-8].
    fn answer(&mut self, delivery: Delivery, reason: ReasonCode) -> Result<(), Closed> {
        let (name, packet) = match delivery {
            Delivery::AtMostOnce => return Ok(()),
            Delivery::AtLeastOnce(packet_id) => (
                "PUBACK",
                Packet::PubAck(Acknowledgement::new(packet_id, reason)),
            ),
            Delivery::ExactlyOnce(packet_id) => (
                "PUBREC",
                Packet::PubRec(Acknowledgement::new(packet_id, reason)),
            ),
        };
        self.debug(format_args!(
            "Sending {name} to {} (m{}, rc{})",
            self.session.client_id(),
            delivery.packet_id().map_or(0, PacketId::get),
            u8::from(reason)
        ));
        self.reply(&packet)
    }

    fn warn_of_quota(&self) {
        let client_id = self.session.client_id();
        self.permit.broker.env.limited_log.write(
            LineKind::QuotaExceeded,
            self.session.number(),
            format_args!(
                "Client {client_id} has exceeded its receive-maximum quota. \
                 This behaviour must be fixed on the client."
            ),
        );
    }

    pub(super) fn debug_ack(&self, name: &str, ack: &Acknowledgement) {
        let (client_id, packet_id) = (self.session.client_id(), ack.packet_id);
        match name {
            "PUBACK" | "PUBCOMP" => self.debug(format_args!(
                "Received {name} from {client_id} (Mid: {packet_id}, RC:{})",
                u8::from(ack.reason)
            )),
            _ => self.debug(format_args!(
                "Received {name} from {client_id} (Mid: {packet_id})"
            )),
        }
    }

    fn debug_publish(&self, what: &str, publish: &Publish, topic: &TopicName) {
        let client_id = self.session.client_id();
        let summary = publish.summary(topic.as_str());
        self.debug(format_args!("{what} PUBLISH from {client_id} {summary}"));
    }
}
