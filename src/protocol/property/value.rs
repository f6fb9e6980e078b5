use std::num::{NonZeroU16, NonZeroU32};

use bytes::Bytes;

use super::super::{QoS, Text};

/// One property.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Property {
    /// True if the payload is UTF-8 text.
    PayloadFormatIndicator(bool),
    /// Seconds until the message expires.
    MessageExpiryInterval(u32),
    /// The type of the payload, usually a MIME type.
    ContentType(Text),
    /// The topic for a response.
    ResponseTopic(Text),
    /// The data by which a requester recognises the response.
    CorrelationData(Bytes),
    /// The subscription for which the server sent the message.
    SubscriptionIdentifier(SubscriptionId),
    /// Seconds between the end of the connection and the end of the session; `u32::MAX` is
    /// for ever.
    SessionExpiryInterval(u32),
    /// The client identifier that the server chose.
    AssignedClientIdentifier(Text),
    /// The keep alive that the server demands instead of the client's, in seconds.
    ServerKeepAlive(u16),
    /// The name of an enhanced authentication method.
    AuthenticationMethod(Text),
    /// The data of an enhanced authentication.
    AuthenticationData(Bytes),
    /// True if reason strings and user properties may come with any packet.
    RequestProblemInformation(bool),
    /// Seconds between the loss of the connection and the will.
    WillDelayInterval(u32),
    /// True if the client asks for response information.
    RequestResponseInformation(bool),
    /// The base of a client's response topics.
    ResponseInformation(Text),
    /// Another server to use.
    ServerReference(Text),
    /// A reason for people to read.
    ReasonString(Text),
    /// The number of QoS 1 and 2 messages that the sender takes at once.
    ReceiveMaximum(NonZeroU16),
    /// The highest topic alias that the sender takes.
    TopicAliasMaximum(u16),
    /// A number that stands for the topic.
    TopicAlias(NonZeroU16),
    /// The maximum QoS of the server; without the property it is 2.
    MaximumQoS(QoS),
    /// True if the server keeps retained messages.
    RetainAvailable(bool),
    /// A name and a value of the user.
    UserProperty(Text, Text),
    /// The maximum size of a packet to the sender, in bytes.
    MaximumPacketSize(NonZeroU32),
    /// True if the server takes filters with wildcards.
    WildcardSubscriptionAvailable(bool),
    /// True if the server takes subscription identifiers.
    SubscriptionIdentifierAvailable(bool),
    /// True if the server takes shared subscriptions.
    SharedSubscriptionAvailable(bool),
}

/// A subscription identifier: 1 to 268,435,455.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SubscriptionId(NonZeroU32);

impl SubscriptionId {
    /// Returns the identifier with this number if it is in range.
    pub fn new(number: u32) -> Option<Self> {
        NonZeroU32::new(number)
            .filter(|number| number.get() <= 268_435_455)
            .map(Self)
    }

    /// Returns the number, 1 to 268,435,455.
    pub fn get(self) -> u32 {
        self.0.get()
    }
}
