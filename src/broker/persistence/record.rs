//! Records and their encoding.

use std::fmt;
use std::num::NonZeroU16;
use std::sync::Weak;

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::broker::ground::{Clock, Expiry, Identity, ListenerName, Millis, SessionNumber};
use crate::protocol::{
    Decoder, Delivery, MAX_REMAINING_LENGTH, Packet, PacketId, Properties, ProtocolVersion,
    PublishHead, QoS, RetainHandling, SubscriptionId, SubscriptionOptions, Text, TopicFilter,
    TopicName, encode_publish_head,
};

/// One record of the store.
#[derive(Debug)]
pub(in crate::broker) enum Record {
    /// A session that outlives its connection.
    Session(Box<SessionRecord>),
    /// A subscription.
    Subscription(Box<SubscriptionRecord>),
    /// A QoS 2 message that was accepted and not yet released.
    Incoming,
    /// A will.
    Will(Box<WillRecord>),
    /// A message, also a retained one.
    Message(Box<MessageRecord>),
    /// A message, if anybody has still to get it.
    IfReferenced(Weak<dyn StoredMessage>),
    /// A message that a session is still to receive.
    Delivery(DeliveryRecord),
}

/// A message in memory whose record is made when it is written, so that one which goes
/// before costs nothing.
pub(in crate::broker) trait StoredMessage: fmt::Debug + Send + Sync {
    fn to_record(&self) -> MessageRecord;
}

/// A session.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::broker) struct SessionRecord {
    /// The user who opened or last resumed it.
    pub(in crate::broker) identity: Identity,
    /// Set when the client spoke MQTT 5.0.
    pub(in crate::broker) v5: bool,
    /// The client's Receive Maximum.
    pub(in crate::broker) receive_maximum: NonZeroU16,
    pub(in crate::broker) expiry: Expiry,
    pub(in crate::broker) presence: StoredPresence,
}

/// Presence of a session's client when the record was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::broker) enum StoredPresence {
    Online,
    Offline {
        /// `None` is never.
        expires_at: Option<Millis>,
    },
}

/// A subscription.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::broker) struct SubscriptionRecord {
    pub(in crate::broker) filter: TopicFilter,
    pub(in crate::broker) options: SubscriptionOptions,
    /// The QoS that was granted.
    pub(in crate::broker) qos: QoS,
    pub(in crate::broker) subscription_id: Option<SubscriptionId>,
    /// The number by which deliveries name a shared subscription; 0 for any other.
    pub(in crate::broker) share: u64,
    /// Set if it is still to bring retained messages.
    pub(in crate::broker) hands_out: bool,
}

/// A message.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::broker) struct MessageRecord {
    pub(in crate::broker) topic: TopicName,
    pub(in crate::broker) payload: Bytes,
    pub(in crate::broker) qos: QoS,
    pub(in crate::broker) retain: bool,
    pub(in crate::broker) properties: Properties,
    pub(in crate::broker) expires_at: Option<Millis>,
    pub(in crate::broker) publisher: Option<SessionNumber>,
    /// The publisher, where its rights are asked again at delivery.
    pub(in crate::broker) source: Option<Identity>,
}

/// A will.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::broker) struct WillRecord {
    /// The user who left it.
    pub(in crate::broker) identity: Identity,
    pub(in crate::broker) message: MessageRecord,
    /// Seconds between the end of the connection and the will.
    pub(in crate::broker) delay: u32,
    /// Seconds for which the will counts once it is published.
    pub(in crate::broker) expiry: Option<u32>,
    /// The time at which it is due, once the connection has ended.
    pub(in crate::broker) due: Option<Millis>,
}

/// A message for one session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::broker) struct DeliveryRecord {
    /// The number of the message.
    pub(in crate::broker) message: u64,
    pub(in crate::broker) qos: QoS,
    pub(in crate::broker) retain: bool,
    pub(in crate::broker) subscription_id: Option<SubscriptionId>,
    /// The shared subscription that brought it; 0 for none.
    pub(in crate::broker) share: u64,
    pub(in crate::broker) stage: Stage,
}

/// Stage of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::broker) enum Stage {
    /// Not sent yet, or nobody noted that it was.
    Waiting,
    /// Sent with this packet identifier.
    Sent(PacketId),
    /// The receiver has it, and is owed a PUBREL.
    Released(PacketId),
}

/// A record that this version of the broker cannot read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a record is not as it was written: {0}")]
pub(in crate::broker) struct BadRecord(&'static str);

/// In an identity: a user name counts.
const HAS_USERNAME: u8 = 0x01;
/// In an identity: the listener's name follows. Older stores have its place in the
/// configuration instead, which says nothing once a line is inserted before it.
const NAMES_LISTENER: u8 = 0x02;
/// Beside the retain handling of a subscription: it is still to bring retained messages.
const HANDS_OUT: u8 = 0x80;

/// Reads the fields of a record.
struct Fields(Bytes);

impl Fields {
    fn u8(&mut self, field: &'static str) -> Result<u8, BadRecord> {
        self.0.try_get_u8().map_err(|_| BadRecord(field))
    }

    fn u16(&mut self, field: &'static str) -> Result<u16, BadRecord> {
        self.0.try_get_u16().map_err(|_| BadRecord(field))
    }

    fn u32(&mut self, field: &'static str) -> Result<u32, BadRecord> {
        self.0.try_get_u32().map_err(|_| BadRecord(field))
    }

    fn u64(&mut self, field: &'static str) -> Result<u64, BadRecord> {
        self.0.try_get_u64().map_err(|_| BadRecord(field))
    }

    /// Bytes behind their length.
    fn bytes(&mut self, field: &'static str) -> Result<Bytes, BadRecord> {
        let length = usize::from(self.u16(field)?);
        if length > self.0.len() {
            return Err(BadRecord(field));
        }
        Ok(self.0.split_to(length))
    }

    fn text(&mut self, field: &'static str) -> Result<Text, BadRecord> {
        Text::from_bytes(self.bytes(field)?).map_err(|_| BadRecord(field))
    }

    fn qos(&mut self, field: &'static str) -> Result<QoS, BadRecord> {
        QoS::from_u8(self.u8(field)?).ok_or(BadRecord(field))
    }

    fn flag(&mut self, field: &'static str) -> Result<bool, BadRecord> {
        Ok(self.u8(field)? != 0)
    }

    fn identity(&mut self) -> Result<Identity, BadRecord> {
        let client_id = self.text("client identifier")?;
        let flags = self.u8("user name")?;
        let username = self.text("user name")?;
        let listener = if flags & NAMES_LISTENER != 0 {
            self.listener()?
        } else {
            self.u32("listener")?;
            None
        };
        Ok(Identity {
            client_id,
            username: (flags & HAS_USERNAME != 0).then_some(username),
            listener,
        })
    }

    /// An empty name is none.
    fn listener(&mut self) -> Result<Option<ListenerName>, BadRecord> {
        const FIELD: &str = "listener";
        let bytes = self.bytes(FIELD)?;
        let name = std::str::from_utf8(&bytes).map_err(|_| BadRecord(FIELD))?;
        Ok((!name.is_empty()).then(|| ListenerName::from(name)))
    }

    fn packet_id(&mut self, field: &'static str) -> Result<PacketId, BadRecord> {
        PacketId::new(self.u16(field)?).ok_or(BadRecord(field))
    }

    /// 0 is none.
    fn subscription_id(&mut self) -> Result<Option<SubscriptionId>, BadRecord> {
        const FIELD: &str = "subscription identifier";
        match self.u32(FIELD)? {
            0 => Ok(None),
            number => match SubscriptionId::new(number) {
                None => Err(BadRecord(FIELD)),
                id => Ok(id),
            },
        }
    }

    /// 0 is none; else milliseconds since 1970.
    fn moment(&mut self, clock: Clock, field: &'static str) -> Result<Option<Millis>, BadRecord> {
        let moment = self.u64(field)?;
        Ok((moment != 0).then(|| clock.at_unix(moment)))
    }
}

fn put_bytes(out: &mut BytesMut, bytes: &[u8]) {
    // MQTT strings are no longer than that.
    out.put_u16(u16::try_from(bytes.len()).unwrap_or(u16::MAX));
    out.put_slice(bytes);
}

fn put_identity(out: &mut BytesMut, identity: &Identity) {
    put_bytes(out, identity.client_id.as_bytes());
    out.put_u8(match identity.username {
        Some(_) => NAMES_LISTENER | HAS_USERNAME,
        None => NAMES_LISTENER,
    });
    put_bytes(out, identity.username.as_ref().map_or(&[], Text::as_bytes));
    let listener = identity.listener.as_ref().map_or("", ListenerName::as_str);
    put_bytes(out, listener.as_bytes());
}

fn put_moment(out: &mut BytesMut, moment: Option<Millis>, clock: Clock) {
    out.put_u64(moment.map_or(0, |moment| clock.to_unix(moment).max(1)));
}

fn put_subscription_id(out: &mut BytesMut, id: Option<SubscriptionId>) {
    out.put_u32(id.map_or(0, SubscriptionId::get));
}

impl Record {
    /// The record's bytes.
    pub(super) fn to_bytes(&self, clock: Clock) -> Bytes {
        let mut out = BytesMut::new();
        self.encode(clock, &mut out);
        out.freeze()
    }

    /// Appends the record's bytes; false where nobody needs it any more.
    pub(super) fn encode(&self, clock: Clock, out: &mut BytesMut) -> bool {
        match self {
            Self::Session(session) => session.encode(clock, out),
            Self::Subscription(subscription) => subscription.encode(out),
            Self::Incoming => {}
            Self::Will(will) => will.encode(clock, out),
            Self::Message(message) => message.encode(clock, out),
            Self::IfReferenced(message) => match message.upgrade() {
                Some(message) => message.to_record().encode(clock, out),
                None => return false,
            },
            Self::Delivery(delivery) => delivery.encode(out),
        }
        true
    }
}

impl SessionRecord {
    fn encode(&self, clock: Clock, out: &mut BytesMut) {
        put_identity(out, &self.identity);
        out.put_u8(u8::from(self.v5));
        out.put_u16(self.receive_maximum.get());
        out.put_u32(self.expiry.seconds());
        match self.presence {
            StoredPresence::Online => out.put_u8(1),
            StoredPresence::Offline { expires_at } => {
                out.put_u8(0);
                put_moment(out, expires_at, clock);
            }
        }
    }

    pub(super) fn decode(bytes: Bytes, clock: Clock) -> Result<Self, BadRecord> {
        let mut fields = Fields(bytes);
        Ok(Self {
            identity: fields.identity()?,
            v5: fields.flag("protocol version")?,
            receive_maximum: NonZeroU16::new(fields.u16("receive maximum")?)
                .ok_or(BadRecord("receive maximum"))?,
            expiry: Expiry::from_seconds(fields.u32("session expiry")?),
            presence: match fields.flag("presence")? {
                true => StoredPresence::Online,
                false => StoredPresence::Offline {
                    expires_at: fields.moment(clock, "end of the session")?,
                },
            },
        })
    }
}

impl SubscriptionRecord {
    fn encode(&self, out: &mut BytesMut) {
        put_bytes(out, self.filter.as_bytes());
        let options = &self.options;
        out.put_u8(u8::from(options.qos));
        out.put_u8(u8::from(options.no_local));
        out.put_u8(u8::from(options.retain_as_published));
        let hands_out = if self.hands_out { HANDS_OUT } else { 0 };
        out.put_u8(options.retain_handling as u8 | hands_out);
        out.put_u8(u8::from(self.qos));
        put_subscription_id(out, self.subscription_id);
        out.put_u64(self.share);
    }

    pub(super) fn decode(bytes: Bytes) -> Result<Self, BadRecord> {
        let mut fields = Fields(bytes);
        let filter = fields.bytes("topic filter")?;
        let filter = TopicFilter::from_bytes(filter).map_err(|_| BadRecord("topic filter"))?;
        let qos = fields.qos("QoS asked for")?;
        let no_local = fields.flag("no local")?;
        let retain_as_published = fields.flag("retain as published")?;
        let retain_handling = fields.u8("retain handling")?;
        Ok(Self {
            filter,
            options: SubscriptionOptions {
                qos,
                no_local,
                retain_as_published,
                retain_handling: match retain_handling & !HANDS_OUT {
                    0 => RetainHandling::Always,
                    1 => RetainHandling::New,
                    2 => RetainHandling::Never,
                    _ => return Err(BadRecord("retain handling")),
                },
            },
            qos: fields.qos("granted QoS")?,
            subscription_id: fields.subscription_id()?,
            share: fields.u64("shared subscription")?,
            hands_out: retain_handling & HANDS_OUT != 0,
        })
    }
}

impl MessageRecord {
    fn encode(&self, clock: Clock, out: &mut BytesMut) {
        out.put_u8(u8::from(self.qos));
        put_moment(out, self.expires_at, clock);
        out.put_u64(self.publisher.map_or(0, SessionNumber::get));
        out.put_u8(u8::from(self.source.is_some()));
        if let Some(source) = &self.source {
            put_identity(out, source);
        }
        let head = PublishHead {
            dup: false,
            delivery: Delivery::AtMostOnce,
            retain: self.retain,
            topic: self.topic.as_bytes(),
            properties: &self.properties,
            more_properties: &[],
            payload_length: 0,
        };
        // What came in one PUBLISH goes into another without its payload.
        let _ = encode_publish_head(&head, ProtocolVersion::V5, out);
        out.put_slice(&self.payload);
    }

    pub(super) fn decode(bytes: Bytes, clock: Clock) -> Result<Self, BadRecord> {
        const HEAD: BadRecord = BadRecord("topic and properties");
        let mut fields = Fields(bytes);
        let qos = fields.qos("QoS")?;
        let expires_at = fields.moment(clock, "message expiry")?;
        let publisher = match fields.u64("publisher")? {
            0 => None,
            number => Some(SessionNumber::from_stored(number)),
        };
        let source = match fields.flag("source")? {
            true => Some(fields.identity()?),
            false => None,
        };
        let decoder = &mut Decoder::with_version(ProtocolVersion::V5, MAX_REMAINING_LENGTH);
        let head = decoder.decode_front(&mut fields.0).map_err(|_| HEAD)?;
        let Some(Packet::Publish(head)) = head else {
            return Err(HEAD);
        };
        Ok(Self {
            topic: head.topic.ok_or(HEAD)?,
            payload: fields.0,
            qos,
            retain: head.retain,
            properties: head.properties,
            expires_at,
            publisher,
            source,
        })
    }
}

impl WillRecord {
    fn encode(&self, clock: Clock, out: &mut BytesMut) {
        put_identity(out, &self.identity);
        out.put_u32(self.delay);
        out.put_u8(u8::from(self.expiry.is_some()));
        out.put_u32(self.expiry.unwrap_or(0));
        put_moment(out, self.due, clock);
        self.message.encode(clock, out);
    }

    pub(super) fn decode(bytes: Bytes, clock: Clock) -> Result<Self, BadRecord> {
        let mut fields = Fields(bytes);
        let identity = fields.identity()?;
        let delay = fields.u32("will delay")?;
        let has_expiry = fields.flag("expiry of the will")?;
        let expiry = fields.u32("expiry of the will")?;
        let due = fields.moment(clock, "time of the will")?;
        Ok(Self {
            identity,
            delay,
            expiry: has_expiry.then_some(expiry),
            due,
            message: MessageRecord::decode(fields.0, clock)?,
        })
    }
}

impl DeliveryRecord {
    fn encode(&self, out: &mut BytesMut) {
        out.put_u64(self.message);
        out.put_u8(u8::from(self.qos));
        out.put_u8(u8::from(self.retain));
        put_subscription_id(out, self.subscription_id);
        out.put_u64(self.share);
        match self.stage {
            Stage::Waiting => out.put_u8(0),
            Stage::Sent(packet_id) => {
                out.put_u8(1);
                out.put_u16(packet_id.get());
            }
            Stage::Released(packet_id) => {
                out.put_u8(2);
                out.put_u16(packet_id.get());
            }
        }
    }

    pub(super) fn decode(bytes: Bytes) -> Result<Self, BadRecord> {
        let mut fields = Fields(bytes);
        Ok(Self {
            message: fields.u64("message")?,
            qos: fields.qos("QoS")?,
            retain: fields.flag("retain")?,
            subscription_id: fields.subscription_id()?,
            share: fields.u64("shared subscription")?,
            stage: match fields.u8("stage")? {
                0 => Stage::Waiting,
                1 => Stage::Sent(fields.packet_id("packet identifier")?),
                2 => Stage::Released(fields.packet_id("packet identifier")?),
                _ => return Err(BadRecord("stage")),
            },
        })
    }
}

#[cfg(test)]
mod tests;
