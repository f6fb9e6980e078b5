use std::borrow::Borrow;
use std::fmt;
use std::num::{NonZeroU16, NonZeroU32};

use bytes::{BufMut, Bytes, BytesMut};

use super::super::codec::reader::Reader;
use super::super::{QoS, Text};
use super::table::{PropertyId, PropertyKind};
use super::value::{Property, SubscriptionId};
use super::wire::{decode_one, encode_one};

/// The properties of a packet or a will, in the order of transmission.
///
/// They are kept as they are on the wire: a PUBLISH may have a hundred thousand of a few bytes
/// each, and most are passed on unread.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Properties {
    bytes: Bytes,
    /// A property whose data was too long to be added, which cannot be sent.
    too_long: Option<PropertyId>,
}

impl Properties {
    /// No properties.
    pub const EMPTY: Self = Self::from_wire(Bytes::new());

    /// Makes properties of bytes that were checked.
    pub(in crate::protocol) const fn from_wire(bytes: Bytes) -> Self {
        Self {
            bytes,
            too_long: None,
        }
    }

    /// Returns the properties as they are on the wire, without their length.
    pub(in crate::protocol) fn as_wire(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns the property that cannot be sent because its data is too long, if there is one.
    pub(in crate::protocol) fn too_long(&self) -> Option<PropertyId> {
        self.too_long
    }

    /// Returns whether there are none.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty() && self.too_long.is_none()
    }

    /// Iterates over the properties in order.
    pub fn iter(&self) -> Iter<'_> {
        Iter(Reader::new(&self.bytes, 0, self.bytes.len()))
    }

    /// Appends a property.
    pub fn push(&mut self, property: Property) {
        self.extend([property]);
    }

    /// Keeps the properties for which `keep` is true.
    pub fn retain(&mut self, keep: impl Fn(PropertyId) -> bool) {
        if self.parts().all(|(id, _)| keep(id)) {
            return;
        }
        let kept = self.parts().filter(|(id, _)| keep(*id));
        let mut bytes = BytesMut::with_capacity(self.bytes.len());
        kept.for_each(|(_, part)| bytes.put_slice(part));
        self.bytes = bytes.freeze();
    }

    /// Copies the properties into an allocation of their exact size.
    ///
    /// The copy keeps no larger buffer alive.
    pub fn to_owned_properties(&self) -> Self {
        Self {
            bytes: Bytes::copy_from_slice(&self.bytes),
            too_long: self.too_long,
        }
    }

    /// Returns the memory that the properties hold, in bytes.
    pub fn held_size(&self) -> usize {
        self.bytes.len()
    }

    /// Iterates over the subscription identifiers, the only numbers that may be repeated.
    pub fn subscription_identifiers(&self) -> impl Iterator<Item = SubscriptionId> + '_ {
        let found = self.find_all(PropertyId::SubscriptionIdentifier);
        found.filter_map(|property| match property {
            Property::SubscriptionIdentifier(id) => Some(id),
            _ => None,
        })
    }

    /// Iterates over the names and values of the user properties in order [MQTT-3.3.2-18].
    pub fn user_properties(&self) -> impl Iterator<Item = (Text, Text)> + '_ {
        let found = self.find_all(PropertyId::UserProperty);
        found.filter_map(|property| match property {
            Property::UserProperty(name, value) => Some((name, value)),
            _ => None,
        })
    }

    fn find_all(&self, wanted: PropertyId) -> impl Iterator<Item = Property> + '_ {
        let mut reader = Reader::new(&self.bytes, 0, self.bytes.len());
        std::iter::from_fn(move || {
            loop {
                let id = next_id(&mut reader)?;
                if id == wanted {
                    return decode_one(id, &mut reader).ok();
                }
                skip(id, &mut reader)?;
            }
        })
    }

    /// Iterates over the properties undecoded, with their identifiers.
    fn parts(&self) -> impl Iterator<Item = (PropertyId, &[u8])> {
        let mut reader = Reader::new(&self.bytes, 0, self.bytes.len());
        std::iter::from_fn(move || {
            let start = self.bytes.len() - reader.remaining();
            let id = next_id(&mut reader)?;
            skip(id, &mut reader)?;
            let end = self.bytes.len() - reader.remaining();
            Some((id, &self.bytes[start..end]))
        })
    }
}

/// An iterator over properties.
pub struct Iter<'a>(Reader<'a>);

impl Iterator for Iter<'_> {
    type Item = Property;

    fn next(&mut self) -> Option<Property> {
        let id = next_id(&mut self.0)?;
        decode_one(id, &mut self.0).ok()
    }
}

/// Reads the identifier of the next property; `None` at the end.
fn next_id(reader: &mut Reader<'_>) -> Option<PropertyId> {
    PropertyId::from_u8(reader.u8("").ok()?)
}

/// Passes over the value of a property.
fn skip(id: PropertyId, reader: &mut Reader<'_>) -> Option<()> {
    let skipped = match id.kind() {
        PropertyKind::Byte => reader.u8("").map(drop),
        PropertyKind::TwoByteInteger => reader.u16("").map(drop),
        PropertyKind::FourByteInteger => reader.u32("").map(drop),
        PropertyKind::VariableByteInteger => reader.varint("").map(drop),
        PropertyKind::BinaryData | PropertyKind::Utf8String => reader.skip_binary(""),
        PropertyKind::Utf8StringPair => {
            reader.skip_binary("").and_then(|()| reader.skip_binary(""))
        }
    };
    skipped.ok()
}

macro_rules! accessors {
    ($($(#[$doc:meta])* $name:ident: $variant:ident => $type:ty;)*) => {
        impl Properties {
            $($(#[$doc])*
            pub fn $name(&self) -> Option<$type> {
                let mut found = self.find_all(PropertyId::$variant);
                found.find_map(|property| match property {
                    Property::$variant(value) => Some(value),
                    _ => None,
                })
            })*
        }
    };
}

accessors! {
    /// True if the payload is UTF-8 text.
    payload_format_indicator: PayloadFormatIndicator => bool;
    /// Seconds until the message expires.
    message_expiry_interval: MessageExpiryInterval => u32;
    /// The type of the payload.
    content_type: ContentType => Text;
    /// The topic for a response.
    response_topic: ResponseTopic => Text;
    /// The data by which a requester recognises the response.
    correlation_data: CorrelationData => Bytes;
    /// Seconds between the end of the connection and the end of the session.
    session_expiry_interval: SessionExpiryInterval => u32;
    /// The client identifier that the server chose.
    assigned_client_identifier: AssignedClientIdentifier => Text;
    /// The keep alive that the server demands, in seconds.
    server_keep_alive: ServerKeepAlive => u16;
    /// The name of an enhanced authentication method.
    authentication_method: AuthenticationMethod => Text;
    /// The data of an enhanced authentication.
    authentication_data: AuthenticationData => Bytes;
    /// True if reason strings and user properties may come with any packet.
    request_problem_information: RequestProblemInformation => bool;
    /// Seconds between the loss of the connection and the will.
    will_delay_interval: WillDelayInterval => u32;
    /// True if the client asks for response information.
    request_response_information: RequestResponseInformation => bool;
    /// A reason for people to read.
    reason_string: ReasonString => Text;
    /// The number of QoS 1 and 2 messages that the sender takes at once.
    receive_maximum: ReceiveMaximum => NonZeroU16;
    /// The highest topic alias that the sender takes.
    topic_alias_maximum: TopicAliasMaximum => u16;
    /// A number that stands for the topic.
    topic_alias: TopicAlias => NonZeroU16;
    /// The maximum QoS of the server.
    maximum_qos: MaximumQoS => QoS;
    /// True if the server keeps retained messages.
    retain_available: RetainAvailable => bool;
    /// The maximum size of a packet to the sender, in bytes.
    maximum_packet_size: MaximumPacketSize => NonZeroU32;
}

impl From<Vec<Property>> for Properties {
    fn from(properties: Vec<Property>) -> Self {
        properties.into_iter().collect()
    }
}

impl FromIterator<Property> for Properties {
    fn from_iter<I: IntoIterator<Item = Property>>(properties: I) -> Self {
        let mut collected = Self::EMPTY;
        collected.extend(properties);
        collected
    }
}

impl<P: Borrow<Property>> Extend<P> for Properties {
    fn extend<I: IntoIterator<Item = P>>(&mut self, properties: I) {
        let mut out = BytesMut::from(std::mem::take(&mut self.bytes));
        for property in properties {
            let property = property.borrow();
            match property {
                Property::CorrelationData(data) | Property::AuthenticationData(data)
                    if data.len() > usize::from(u16::MAX) =>
                {
                    self.too_long = Some(property.id());
                }
                _ => encode_one(property, &mut out),
            }
        }
        self.bytes = out.freeze();
    }
}

impl<'a> IntoIterator for &'a Properties {
    type Item = Property;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Debug for Properties {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(name: &str, value: &str) -> Property {
        Property::UserProperty(name.try_into().unwrap(), value.try_into().unwrap())
    }

    #[test]
    fn properties_come_back_in_their_order() {
        let given = vec![
            user("a", "1"),
            Property::MessageExpiryInterval(9),
            Property::CorrelationData(Bytes::from_static(b"\0\xff")),
            Property::SubscriptionIdentifier(SubscriptionId::new(268_435_455).unwrap()),
            user("", ""),
            Property::TopicAlias(NonZeroU16::MIN),
        ];
        let mut properties = Properties::from(given.clone());
        assert_eq!(properties.iter().collect::<Vec<_>>(), given);
        assert_eq!(properties.message_expiry_interval(), Some(9));
        assert_eq!(properties.topic_alias(), Some(NonZeroU16::MIN));
        assert_eq!(properties.content_type(), None);
        let names = properties.user_properties().map(|(name, _)| name);
        assert_eq!(
            names.collect::<Vec<_>>(),
            ["a", ""].map(|name| name.try_into().unwrap())
        );
        properties.retain(|id| id == PropertyId::UserProperty);
        assert_eq!(properties, vec![given[0].clone(), given[4].clone()].into());
        properties.push(given[1].clone());
        assert_eq!(properties.held_size(), 7 + 5 + 5);
    }

    #[test]
    fn data_that_is_too_long_is_remembered_as_a_fault() {
        let long = Property::CorrelationData(Bytes::from(vec![0; 65_536]));
        let properties = Properties::from(vec![long]);
        assert_eq!(properties.too_long(), Some(PropertyId::CorrelationData));
        assert!(!properties.is_empty());
    }
}
