use bytes::{Bytes, BytesMut};

use super::aliases::Alias;
use crate::broker::ground::{GrantedOptions, Millis, with_next_hop};
use crate::broker::message::{Message, Publication};
use crate::protocol::{
    Delivery, PacketId, Property, ProtocolVersion, PublishHead, QoS, encode_publish_head,
    publish_size,
};

/// Payloads from this size on are not copied but become chunks of their own.
const LARGE_PAYLOAD: usize = 16 * 1024;

/// What the bytes of a PUBLISH depend on besides the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::broker) struct PublishFormat {
    pub(in crate::broker) version: ProtocolVersion,
    pub(in crate::broker) granted: GrantedOptions,
    /// Whether messages go out at the subscription's QoS even if they came at a lower.
    pub(in crate::broker) upgrade_qos: bool,
}

impl PublishFormat {
    /// The QoS at which a message goes out.
    pub(in crate::broker) fn qos(self, message: &Message) -> QoS {
        if self.upgrade_qos {
            self.granted.qos
        } else {
            self.granted.qos.min(message.qos)
        }
    }

    /// The retain flag of a message that goes out as it comes in [MQTT-3.3.1-12].
    pub(in crate::broker) fn retain(self, message: &Message) -> bool {
        self.granted.retain_as_published && message.retain
    }
}

/// A burst of messages in one publish format.
#[derive(Debug)]
pub(in crate::broker) struct EncodedBurst {
    format: PublishFormat,
    /// The packets one after the other, but for large payloads.
    bytes: Bytes,
    messages: Vec<EncodedMessage>,
    /// The bytes of all payloads.
    payload_bytes: usize,
    /// How long the longest packet is.
    longest: usize,
    /// Whether every packet is QoS 0 and all of it in `bytes`.
    plain: bool,
}

/// Place of one packet in a burst.
#[derive(Debug)]
pub(in crate::broker) struct EncodedMessage {
    pub(in crate::broker) start: usize,
    pub(in crate::broker) end: usize,
    pub(in crate::broker) qos: QoS,
    /// Where the packet identifier stands, counted from `start`; 0 at QoS 0.
    pub(in crate::broker) packet_id_at: usize,
    pub(in crate::broker) payload_length: usize,
    /// The payload when it is large.
    pub(in crate::broker) payload: Option<Bytes>,
}

impl EncodedMessage {
    pub(in crate::broker) fn size(&self) -> usize {
        self.end - self.start + self.payload.as_ref().map_or(0, Bytes::len)
    }
}

impl EncodedBurst {
    pub(super) fn new(format: PublishFormat, publications: &[Publication], now: Millis) -> Self {
        const HEAD: usize = 16;
        let sizes = publications.iter().map(|publication| {
            let message = &publication.message;
            HEAD + message.topic.as_bytes().len() + message.payload.len().min(LARGE_PAYLOAD)
        });
        let mut out = BytesMut::with_capacity(sizes.sum());
        let mut messages = Vec::with_capacity(publications.len());
        for publication in publications {
            let message = &publication.message;
            let qos = format.qos(message);
            let packet = OutgoingPublish::new(message, format);
            let start = out.len();
            let absent = EncodedMessage {
                start,
                end: start,
                qos,
                packet_id_at: 0,
                payload_length: 0,
                payload: None,
            };
            messages.push(
                packet
                    .encode(format.version, now, &mut out)
                    .unwrap_or(absent),
            );
        }
        Self {
            format,
            payload_bytes: messages.iter().map(|message| message.payload_length).sum(),
            longest: messages.iter().map(EncodedMessage::size).max().unwrap_or(0),
            plain: messages
                .iter()
                .all(|message| message.qos == QoS::AtMostOnce && message.payload.is_none()),
            bytes: out.freeze(),
            messages,
        }
    }

    pub(in crate::broker) fn format(&self) -> PublishFormat {
        self.format
    }

    pub(in crate::broker) fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    pub(in crate::broker) fn messages(&self) -> &[EncodedMessage] {
        &self.messages
    }

    pub(in crate::broker) fn payload_bytes(&self) -> usize {
        self.payload_bytes
    }

    pub(in crate::broker) fn longest(&self) -> usize {
        self.longest
    }

    pub(in crate::broker) fn is_plain(&self) -> bool {
        self.plain
    }
}

/// One PUBLISH to be encoded.
#[derive(Clone, Copy)]
pub(in crate::broker) struct OutgoingPublish<'a> {
    pub(in crate::broker) message: &'a Message,
    /// The message's topic as the receiver knows it.
    pub(in crate::broker) topic: &'a [u8],
    pub(in crate::broker) delivery: Delivery,
    pub(in crate::broker) dup: bool,
    pub(in crate::broker) retain: bool,
    pub(in crate::broker) granted: GrantedOptions,
    pub(in crate::broker) alias: Alias,
    /// Set if the receiver is the remote broker of a bridge, which counts as a hop.
    pub(in crate::broker) is_bridged: bool,
}

impl<'a> OutgoingPublish<'a> {
    /// The packet in this publish format, with the first packet identifier if it needs one: any
    /// takes the same room.
    pub(in crate::broker) fn new(message: &'a Message, format: PublishFormat) -> Self {
        Self {
            message,
            topic: message.topic.as_bytes(),
            delivery: delivery(format.qos(message), PacketId::FIRST),
            dup: false,
            retain: format.retain(message),
            granted: format.granted,
            alias: Alias::None,
            is_bridged: false,
        }
    }
}

impl OutgoingPublish<'_> {
    /// The same packet with its topic named like this.
    pub(in crate::broker) fn with_alias(self, alias: Alias) -> Self {
        Self { alias, ..self }
    }

    /// Appends the packet, but for a large payload. `None` when MQTT has no room for the
    /// packet, which only properties added on the way could bring about.
    pub(in crate::broker) fn encode(
        &self,
        version: ProtocolVersion,
        now: Millis,
        out: &mut BytesMut,
    ) -> Option<EncodedMessage> {
        self.with_head(version, now, |head| {
            let start = out.len();
            let packet_id_at = encode_publish_head(head, version, out).ok()?;
            let payload = &self.message.payload;
            let large = payload.len() >= LARGE_PAYLOAD;
            if !large {
                out.extend_from_slice(payload);
            }
            Some(EncodedMessage {
                start,
                end: out.len(),
                qos: self.delivery.qos(),
                packet_id_at: packet_id_at.map_or(0, |at| at - start),
                payload_length: payload.len(),
                payload: large.then(|| payload.clone()),
            })
        })
    }

    /// How many bytes the packet takes.
    pub(in crate::broker) fn size(&self, version: ProtocolVersion, now: Millis) -> usize {
        self.with_head(version, now, |head| publish_size(head, version))
    }

    fn with_head<T>(
        &self,
        version: ProtocolVersion,
        now: Millis,
        use_head: impl FnOnce(&PublishHead<'_>) -> T,
    ) -> T {
        let is_counted = self.is_bridged && version.is_v5();
        let bridged = is_counted.then(|| with_next_hop(&self.message.properties));
        let expiry = self.message.remaining_expiry(now);
        let id = self
            .granted
            .subscription_id
            .map(Property::SubscriptionIdentifier);
        let alias = match self.alias {
            Alias::None => None,
            Alias::New(alias) | Alias::Known(alias) => Some(Property::TopicAlias(alias)),
        };
        let more: &[Property] = match (&expiry, &id, &alias) {
            (None, None, None) => &[],
            (Some(one), None, None) | (None, Some(one), None) | (None, None, Some(one)) => {
                std::slice::from_ref(one)
            }
            (Some(expiry), Some(id), None) => &[expiry.clone(), id.clone()],
            _ => &[expiry, id, alias]
                .into_iter()
                .flatten()
                .collect::<Vec<_>>(),
        };
        use_head(&PublishHead {
            dup: self.dup,
            delivery: self.delivery,
            retain: self.retain,
            topic: match self.alias {
                Alias::Known(_) => &[],
                Alias::None | Alias::New(_) => self.topic,
            },
            properties: bridged.as_ref().unwrap_or(&self.message.properties),
            more_properties: more,
            payload_length: self.message.payload.len(),
        })
    }
}

/// A delivery at this QoS.
fn delivery(qos: QoS, packet_id: PacketId) -> Delivery {
    match qos {
        QoS::AtMostOnce => Delivery::AtMostOnce,
        QoS::AtLeastOnce => Delivery::AtLeastOnce(packet_id),
        QoS::ExactlyOnce => Delivery::ExactlyOnce(packet_id),
    }
}
