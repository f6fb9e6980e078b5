//! Reactions to received packets, and the events that they cause.

use tokio::io::{AsyncRead, AsyncWrite};

use super::trace::trace;
use super::{Client, Error, Event};
use crate::protocol::{
    Acknowledgement, DecodeError, Delivery, Packet, ProtocolVersion, Publish, ReasonCode, TopicName,
};
use crate::qos::{PubAckOutcome, PubCompOutcome, PubRecOutcome, Received};

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    /// Returns the next event from the bytes that were read.
    ///
    /// Answers are appended to the output, which [`Client::drive`] writes. After an error the
    /// connection is gone, and an MQTT 5.0 broker has got the reason.
    pub fn next_event(&mut self) -> Result<Option<Event>, Error> {
        let result = self.try_next_event();
        if let Err(error) = &result {
            self.link.report_error(error);
            self.lose_connection();
        }
        result
    }

    fn try_next_event(&mut self) -> Result<Option<Event>, Error> {
        loop {
            let Some(packet) = self.link.next_packet()? else {
                return Ok(None);
            };
            if let Some(event) = self.receive(packet)? {
                return Ok(Some(event));
            }
        }
    }

    fn receive(&mut self, packet: Packet) -> Result<Option<Event>, Error> {
        match packet {
            Packet::Publish(publish) => self.receive_publish(publish),
            Packet::PubAck(ack) => self.receive_puback(ack),
            Packet::PubRec(ack) => self.receive_pubrec(ack),
            Packet::PubRel(ack) => self.receive_pubrel(ack),
            Packet::PubComp(ack) => self.receive_pubcomp(ack),
            Packet::SubAck(suback) => {
                trace!(self.link, "received SUBACK",);
                let known = self.outgoing.reply(suback.packet_id);
                Ok(known.then_some(Event::Subscribed(suback)))
            }
            Packet::UnsubAck(unsuback) => {
                trace!(self.link, "received UNSUBACK",);
                let known = self.outgoing.reply(unsuback.packet_id);
                Ok(known.then_some(Event::Unsubscribed(unsuback.packet_id)))
            }
            Packet::Disconnect(disconnect) if self.link.options.version == ProtocolVersion::V5 => {
                let reason = disconnect.reason;
                self.link.trace.disconnected(reason.into());
                self.disconnect_reason = Some(reason);
                Ok(Some(Event::Disconnected(reason)))
            }
            Packet::Auth(_) => {
                trace!(self.link, "received AUTH",);
                Err(Error::NotSupported)
            }
            Packet::Connect(_)
            | Packet::ConnAck(_)
            | Packet::Subscribe(_)
            | Packet::Unsubscribe(_)
            | Packet::PingReq
            | Packet::PingResp
            | Packet::Disconnect(_) => Err(Error::Protocol),
        }
    }

    fn receive_publish(&mut self, publish: Publish) -> Result<Option<Event>, Error> {
        let topic = publish.topic.as_ref().map_or("", TopicName::as_str);
        trace!(self.link, "received PUBLISH {}", publish.summary(topic));
        match publish.delivery {
            Delivery::AtMostOnce => {}
            Delivery::AtLeastOnce(packet_id) => {
                trace!(self.link, "sending PUBACK (m{packet_id}, rc0)",);
                self.link
                    .send(&Packet::PubAck(Acknowledgement::success(packet_id)))?;
            }
            Delivery::ExactlyOnce(packet_id) => {
                match self.incoming.publish(packet_id, owned(&publish)) {
                    Received::New | Received::Duplicate => {}
                    Received::QuotaExceeded => {
                        return Err(Error::Malformed(DecodeError::Invalid {
                            reason: ReasonCode::ReceiveMaximumExceeded,
                            place: "PUBLISH",
                        }));
                    }
                }
                trace!(self.link, "sending PUBREC (m{packet_id}, rc0)",);
                self.link
                    .send(&Packet::PubRec(Acknowledgement::success(packet_id)))?;
                return Ok(None);
            }
        }
        Ok(Some(Event::Message(publish)))
    }

    fn receive_puback(&mut self, ack: Acknowledgement) -> Result<Option<Event>, Error> {
        self.log_received("PUBACK", &ack);
        match self.outgoing.puback(ack.packet_id) {
            PubAckOutcome::Delivered(message) => {
                self.bytes_in_flight -= message.payload.len();
                self.send_waiting()?;
                Ok(Some(published(ack)))
            }
            PubAckOutcome::Unknown | PubAckOutcome::Unexpected => Ok(None),
        }
    }

    fn receive_pubrec(&mut self, ack: Acknowledgement) -> Result<Option<Event>, Error> {
        trace!(self.link, "received PUBREC (Mid: {})", ack.packet_id);
        match self.outgoing.pubrec(ack.packet_id, ack.reason.is_error()) {
            PubRecOutcome::Received(message) => {
                self.released.push_back((ack.packet_id, message));
                self.send_pubrel(ack.packet_id, ReasonCode::Success)?;
                Ok(None)
            }
            PubRecOutcome::Repeated => {
                self.send_pubrel(ack.packet_id, ReasonCode::Success)?;
                Ok(None)
            }
            PubRecOutcome::Refused(message) => {
                self.bytes_in_flight -= message.payload.len();
                self.send_waiting()?;
                Ok(Some(published(ack)))
            }
            PubRecOutcome::Unknown | PubRecOutcome::Unexpected => {
                self.link.trace.unknown_pubrec(ack.packet_id.get());
                self.send_pubrel(ack.packet_id, ReasonCode::PacketIdentifierNotFound)?;
                Ok(None)
            }
        }
    }

    fn receive_pubrel(&mut self, ack: Acknowledgement) -> Result<Option<Event>, Error> {
        let packet_id = ack.packet_id;
        trace!(self.link, "received PUBREL (Mid: {packet_id})",);
        let message = self.incoming.release(packet_id);
        trace!(self.link, "sending PUBCOMP (m{packet_id})",);
        self.link
            .send(&Packet::PubComp(Acknowledgement::success(packet_id)))?;
        Ok(message.map(Event::Message))
    }

    fn receive_pubcomp(&mut self, ack: Acknowledgement) -> Result<Option<Event>, Error> {
        self.log_received("PUBCOMP", &ack);
        match self.outgoing.pubcomp(ack.packet_id) {
            PubCompOutcome::Complete => {
                let mut released = self.released.iter();
                let index = released.position(|(packet_id, _)| *packet_id == ack.packet_id);
                if let Some((_, message)) = index.and_then(|index| self.released.remove(index)) {
                    self.bytes_in_flight -= message.payload.len();
                }
                self.send_waiting()?;
                Ok(Some(published(ack)))
            }
            PubCompOutcome::Unknown | PubCompOutcome::Unexpected => Ok(None),
        }
    }

    fn log_received(&mut self, packet: &str, ack: &Acknowledgement) {
        trace!(
            self.link,
            "received {packet} (Mid: {}, RC:{})",
            ack.packet_id,
            u8::from(ack.reason)
        );
    }
}

fn published(ack: Acknowledgement) -> Event {
    Event::Published {
        packet_id: ack.packet_id,
        reason: ack.reason,
        reason_string: ack.properties.reason_string(),
    }
}

/// Copies a message, so that it keeps no read buffer alive until its PUBREL.
fn owned(publish: &Publish) -> Publish {
    Publish {
        topic: publish.topic.as_ref().map(|topic| topic.to_owned_name()),
        payload: bytes::Bytes::copy_from_slice(&publish.payload),
        ..publish.clone()
    }
}
