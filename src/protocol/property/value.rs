use std::num::{NonZeroU16, NonZeroU32};

use bytes::Bytes;

use super::super::{QoS, Text};

/// One property.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Property {
    /// Whether the payload is UTF-8 text.
    PayloadFormatIndicator(bool),
    /// Seconds until the message expires.
    MessageExpiryInterval(u32),
    /// What the payload is, usually a MIME type.
    ContentType(Text),
    /// The topic that a response goes to.
    ResponseTopic(Text),
    /// What tells the requester which request a response answers.
    CorrelationData(Bytes),
    /// The subscription that made the server send the message.
    SubscriptionIdentifier(SubscriptionId),
    /// Seconds that the session outlives its connection; `u32::MAX` is for ever.
    SessionExpiryInterval(u32),
    /// The client identifier that the server chose.
    AssignedClientIdentifier(Text),
    /// Seconds of keep alive that the server wants instead of the client's.
    ServerKeepAlive(u16),
    /// The name of an enhanced authentication method.
    AuthenticationMethod(Text),
    /// The data of an enhanced authentication.
    AuthenticationData(Bytes),
    /// Whether reason strings and user properties may come with any packet.
    RequestProblemInformation(bool),
    /// Seconds between the loss of the connection and the will.
    WillDelayInterval(u32),
    /// Whether the client asks for response information.
    RequestResponseInformation(bool),
    /// What a client may base response topics on.
    ResponseInformation(Text),
    /// Another server to use.
    ServerReference(Text),
    /// A reason for people to read.
    ReasonString(Text),
    /// How many QoS 1 and 2 messages the sender takes at once.
    ReceiveMaximum(NonZeroU16),
    /// The highest topic alias that the sender takes.
    TopicAliasMaximum(u16),
    /// A number that stands for the topic.
    TopicAlias(NonZeroU16),
    /// The highest QoS of the server; QoS 2 is said by leaving the property out.
    MaximumQoS(QoS),
    /// Whether the server keeps retained messages.
    RetainAvailable(bool),
    /// A name and a value of the user's own.
    UserProperty(Text, Text),
    /// The largest packet that the sender takes, in bytes.
    MaximumPacketSize(NonZeroU32),
    /// Whether the server takes filters with wildcards.
    WildcardSubscriptionAvailable(bool),
    /// Whether the server takes subscription identifiers.
    SubscriptionIdentifierAvailable(bool),
    /// Whether the server takes shared subscriptions.
    SharedSubscriptionAvailable(bool),
}

/// A subscription identifier: 1 to 268,435,455.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SubscriptionId(NonZeroU32);

impl SubscriptionId {
    /// The identifier with this number when it is in range.
    pub fn new(number: u32) -> Option<Self> {
        NonZeroU32::new(number)
            .filter(|number| number.get() <= 268_435_455)
            .map(Self)
    }

    /// The number, 1 to 268,435,455.
    pub fn get(self) -> u32 {
        self.0.get()
    }
}

impl Property {
    /// A copy whose strings and data stand in allocations of their own.
    pub(super) fn to_owned_property(&self) -> Self {
        let owned = |data: &Bytes| Bytes::copy_from_slice(data);
        match self {
            Self::ContentType(text) => Self::ContentType(text.to_owned_text()),
            Self::ResponseTopic(text) => Self::ResponseTopic(text.to_owned_text()),
            Self::CorrelationData(data) => Self::CorrelationData(owned(data)),
            Self::AssignedClientIdentifier(text) => {
                Self::AssignedClientIdentifier(text.to_owned_text())
            }
            Self::AuthenticationMethod(text) => Self::AuthenticationMethod(text.to_owned_text()),
            Self::AuthenticationData(data) => Self::AuthenticationData(owned(data)),
            Self::ResponseInformation(text) => Self::ResponseInformation(text.to_owned_text()),
            Self::ServerReference(text) => Self::ServerReference(text.to_owned_text()),
            Self::ReasonString(text) => Self::ReasonString(text.to_owned_text()),
            Self::UserProperty(name, value) => {
                Self::UserProperty(name.to_owned_text(), value.to_owned_text())
            }
            number => number.clone(),
        }
    }
}
