//! Sending of new messages, of repeated ones, and of those that a lost connection gave back.
//! back.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite};

use super::message::without_topic_alias;
use super::trace::trace;
use super::{Client, Error, Message, Publication, PublishError};
use crate::protocol::{
    Acknowledgement, Delivery, EncodeError, Packet, PacketId, ProtocolVersion, PublishHead,
    PublishSummary, QoS, ReasonCode, encode_publish_head, publish_size,
};
use crate::qos::Resend;

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    /// Sends a message and returns its packet identifier.
    ///
    /// At QoS 0 the identifier is only for the log.
    ///
    /// # Panics
    ///
    /// [`Client::has_room`] is false for the message's QoS.
    pub fn publish(
        &mut self,
        publication: &Arc<Publication>,
        payload: Bytes,
    ) -> Result<Option<PacketId>, PublishError> {
        if publication.qos > self.link.limits.maximum_qos {
            return Err(PublishError::QosNotSupported);
        }
        if !publication.properties.is_empty() && !self.link.options.version.is_v5() {
            return Err(PublishError::NotSupported);
        }
        if !self.link.is_connected() {
            return Err(PublishError::NotConnected);
        }
        self.check_size(publication, payload.len())?;
        if publication.qos == QoS::AtMostOnce {
            let packet_id = self.outgoing.skip_packet_id();
            self.send_publish(publication, &payload, Delivery::AtMostOnce, false)?;
            return Ok(packet_id);
        }
        let message = Message {
            publication: Arc::clone(publication),
            payload: payload.clone(),
        };
        let length = payload.len();
        let delivery = self.outgoing.send(publication.qos, message);
        self.bytes_in_flight += length;
        self.send_publish(publication, &payload, delivery, false)?;
        Ok(delivery.packet_id())
    }

    /// Sends a message now or as soon as there is room for it, without a bound.
    pub fn enqueue(&mut self, publication: Arc<Publication>, payload: Bytes) {
        if self.has_room(publication.qos) {
            // Only a message that can never be sent fails.
            let _ = self.publish(&publication, payload);
        } else {
            self.waiting.push_back(Message {
                publication,
                payload,
            });
        }
    }

    /// Sends again what the broker has not acknowledged.
    ///
    /// If the broker has forgotten the session, the messages are new ones.
    pub(super) fn resume(&mut self, session_present: bool) -> Result<(), Error> {
        // MQTT 3.1 does not say; the session is assumed to live on.
        let unknown =
            self.link.options.version == ProtocolVersion::V31 && !self.link.options.clean_start;
        if session_present || unknown {
            self.outgoing.resume(self.link.limits.receive_maximum);
        } else {
            self.incoming.clear();
            // PUBRECs arrive in the order of the messages, so released messages are older.
            let released = self.released.drain(..).map(|(_, message)| message);
            let unacknowledged = released.chain(self.outgoing.drain()).collect::<Vec<_>>();
            self.bytes_in_flight = 0;
            for message in unacknowledged.into_iter().rev() {
                self.waiting.push_front(message);
            }
            self.outgoing.resume(self.link.limits.receive_maximum);
        }
        self.send_waiting()
    }

    /// Sends again, and sends what waits, as far as there is room.
    pub(super) fn send_waiting(&mut self) -> Result<(), Error> {
        loop {
            let (delivery, message) = match self.outgoing.next_resend() {
                Some(Resend::Publish(delivery, message)) => (delivery, message.clone()),
                Some(Resend::PubRel(packet_id)) => {
                    self.send_pubrel(packet_id, ReasonCode::Success)?;
                    continue;
                }
                None => break,
            };
            let Message {
                publication,
                payload,
            } = message;
            self.send_publish(&publication, &payload, delivery, true)
                .map_err(|_| Error::Protocol)?;
        }
        while let Some(message) = self.waiting.pop_front() {
            let qos = message.publication.qos;
            if qos != QoS::AtMostOnce && !self.outgoing.has_room() {
                self.waiting.push_front(message);
                break;
            }
            self.publish(&message.publication, message.payload)
                .map_err(|_| Error::Protocol)?;
        }
        Ok(())
    }

    /// Gives up the connection; messages that were not sent wait for the next one.
    pub(super) fn lose_connection(&mut self) {
        self.sent_aliases.clear();
        let Some(connection) = self.link.take_connection() else {
            return;
        };
        let mut last_topic = None;
        let mut unsent = VecDeque::new();
        for publish in connection.into_unsent() {
            // An alias stands for the topic that was sent before it.
            let Some(topic) = publish.topic.or_else(|| last_topic.clone()) else {
                continue;
            };
            last_topic = Some(topic.clone());
            unsent.push_back(Message {
                publication: Arc::new(Publication {
                    topic,
                    qos: QoS::AtMostOnce,
                    retain: publish.retain,
                    properties: publish.properties,
                }),
                payload: publish.payload,
            });
        }
        // These messages are older than those that still wait.
        unsent.append(&mut self.waiting);
        self.waiting = unsent;
    }

    fn check_size(
        &self,
        publication: &Publication,
        payload_length: usize,
    ) -> Result<(), PublishError> {
        if self.link.limits.maximum_packet_size == u32::MAX {
            return Ok(());
        }
        let delivery = match publication.qos {
            QoS::AtMostOnce => Delivery::AtMostOnce,
            QoS::AtLeastOnce | QoS::ExactlyOnce => Delivery::AtLeastOnce(PacketId::FIRST),
        };
        let head = PublishHead {
            dup: false,
            delivery,
            retain: publication.retain,
            topic: publication.topic.as_bytes(),
            properties: &publication.properties,
            more_properties: &[],
            payload_length,
        };
        let size = publish_size(&head, self.link.options.version);
        let limit = self.link.limits.maximum_packet_size;
        if size > limit as usize {
            return Err(PublishError::PacketTooLarge { size, limit });
        }
        Ok(())
    }

    fn send_publish(
        &mut self,
        publication: &Publication,
        payload: &[u8],
        delivery: Delivery,
        dup: bool,
    ) -> Result<(), PublishError> {
        let retain = publication.retain && self.link.limits.retain_available;
        let mut topic = publication.topic.as_bytes();
        let mut properties = &publication.properties;
        let unaliased;
        if let Some(alias) = properties.topic_alias() {
            if alias.get() > self.link.limits.topic_alias_maximum {
                // [MQTT-3.1.2-26]
                unaliased = without_topic_alias(properties);
                properties = &unaliased;
            } else if self.sent_aliases.get(&alias) == Some(&publication.topic) {
                topic = &[];
            } else {
                self.sent_aliases.insert(alias, publication.topic.clone());
            }
        }
        let summary = PublishSummary {
            dup,
            qos: publication.qos,
            retain,
            // At QoS 0 this is the one that was skipped.
            packet_id: delivery.packet_id().or(self.outgoing.last_packet_id()),
            topic: match topic {
                [] => "(null)",
                _ => publication.topic.as_str(),
            },
            payload_length: payload.len(),
        };
        trace!(self.link, "sending PUBLISH {summary}");
        let head = PublishHead {
            dup,
            delivery,
            retain,
            topic,
            properties,
            more_properties: &[],
            payload_length: payload.len(),
        };
        let Some(connection) = &mut self.link.connection else {
            return Err(PublishError::NotConnected);
        };
        let output = connection.output();
        match encode_publish_head(&head, self.link.options.version, output) {
            Ok(_) => output.extend_from_slice(payload),
            Err(EncodeError::PacketTooLarge) => {
                return Err(PublishError::PayloadTooLarge);
            }
            Err(_) => return Err(PublishError::Property),
        }
        Ok(())
    }

    pub(super) fn send_pubrel(
        &mut self,
        packet_id: PacketId,
        reason: ReasonCode,
    ) -> Result<(), Error> {
        trace!(self.link, "sending PUBREL (m{packet_id})",);
        let pubrel = Acknowledgement::new(packet_id, reason);
        self.link.send(&Packet::PubRel(pubrel))
    }
}
