use std::num::{NonZeroU16, NonZeroU32};

use bytes::Bytes;

use super::super::{QoS, Text};
use super::value::{Property, SubscriptionId};

/// The properties of a packet or a will, in the order of transmission.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Properties(Vec<Property>);

impl Properties {
    /// No properties.
    pub const EMPTY: Self = Self(Vec::new());

    /// Returns whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Iterates over the properties in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Property> {
        self.0.iter()
    }

    /// Appends a property.
    pub fn push(&mut self, property: Property) {
        self.0.push(property);
    }

    /// Keeps the properties for which `keep` is true.
    pub fn retain(&mut self, keep: impl FnMut(&Property) -> bool) {
        self.0.retain(keep);
    }

    /// Copies the properties, with strings and data in allocations of their own.
    ///
    /// The copy keeps no larger buffer alive.
    pub fn to_owned_properties(&self) -> Self {
        self.0.iter().map(Property::to_owned_property).collect()
    }

    /// Estimates the memory that the properties hold, in bytes.
    pub fn held_size(&self) -> usize {
        let data = |property: &Property| match property {
            Property::CorrelationData(data) | Property::AuthenticationData(data) => data.len(),
            Property::ContentType(text) | Property::ResponseTopic(text) => text.len(),
            Property::UserProperty(name, value) => name.len() + value.len(),
            _ => 0,
        };
        self.0.capacity() * size_of::<Property>() + self.0.iter().map(data).sum::<usize>()
    }

    /// Iterates over the subscription identifiers, the only numbers that may be repeated.
    pub fn subscription_identifiers(&self) -> impl Iterator<Item = SubscriptionId> + '_ {
        self.0.iter().filter_map(|property| match property {
            Property::SubscriptionIdentifier(id) => Some(*id),
            _ => None,
        })
    }

    /// Iterates over the names and values of the user properties in order [MQTT-3.3.2-18].
    pub fn user_properties(&self) -> impl Iterator<Item = (&Text, &Text)> {
        self.0.iter().filter_map(|property| match property {
            Property::UserProperty(name, value) => Some((name, value)),
            _ => None,
        })
    }
}

macro_rules! accessors {
    ($($(#[$doc:meta])* $name:ident: $variant:ident => $type:ty;)*) => {
        impl Properties {
            $($(#[$doc])*
            pub fn $name(&self) -> Option<$type> {
                self.0.iter().find_map(|property| match property {
                    Property::$variant(value) => Some(value.clone()),
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
        Self(properties)
    }
}

impl FromIterator<Property> for Properties {
    fn from_iter<I: IntoIterator<Item = Property>>(properties: I) -> Self {
        Self(properties.into_iter().collect())
    }
}

impl<'a> IntoIterator for &'a Properties {
    type Item = &'a Property;
    type IntoIter = std::slice::Iter<'a, Property>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}
