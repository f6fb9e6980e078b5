use super::value::Property;

/// A packet that may have properties, or the will inside a CONNECT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PropertyScope {
    Connect = 1 << 0,
    Will = 1 << 1,
    ConnAck = 1 << 2,
    Publish = 1 << 3,
    PubAck = 1 << 4,
    PubRec = 1 << 5,
    PubRel = 1 << 6,
    PubComp = 1 << 7,
    Subscribe = 1 << 8,
    SubAck = 1 << 9,
    Unsubscribe = 1 << 10,
    UnsubAck = 1 << 11,
    Disconnect = 1 << 12,
    Auth = 1 << 13,
}

const CONNECT: u16 = PropertyScope::Connect as u16;
const WILL: u16 = PropertyScope::Will as u16;
const CONNACK: u16 = PropertyScope::ConnAck as u16;
const PUBLISH: u16 = PropertyScope::Publish as u16;
const SUBSCRIBE: u16 = PropertyScope::Subscribe as u16;
const DISCONNECT: u16 = PropertyScope::Disconnect as u16;
const AUTH: u16 = PropertyScope::Auth as u16;
const ACKNOWLEDGEMENTS: u16 = PropertyScope::PubAck as u16
    | PropertyScope::PubRec as u16
    | PropertyScope::PubRel as u16
    | PropertyScope::PubComp as u16
    | PropertyScope::SubAck as u16
    | PropertyScope::UnsubAck as u16;
const ANYWHERE: u16 = (1 << 14) - 1;

/// The encoding of a property's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PropertyKind {
    /// One byte, 0 or 1 in every property that has it.
    Byte,
    /// Two bytes, big endian.
    TwoByteInteger,
    /// Four bytes, big endian.
    FourByteInteger,
    /// One to four bytes, seven bits each.
    VariableByteInteger,
    /// A length in two bytes and that many bytes.
    BinaryData,
    /// A UTF-8 string.
    Utf8String,
    /// Two UTF-8 strings.
    Utf8StringPair,
}

macro_rules! property_ids {
    ($($variant:ident = $id:literal, $name:literal, $kind:ident, $scopes:expr;)*) => {
        /// The identifier of a property.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum PropertyId {
            $(#[doc = $name] $variant = $id,)*
        }

        impl PropertyId {
            /// Every identifier, in the order of the standard's table.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Returns the property with this identifier.
            pub fn from_u8(id: u8) -> Option<Self> {
                match id {
                    $($id => Some(Self::$variant),)*
                    _ => None,
                }
            }

            /// Returns the name in the options and formats of the programs.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// Returns the encoding of the value.
            pub fn kind(self) -> PropertyKind {
                match self {
                    $(Self::$variant => PropertyKind::$kind,)*
                }
            }

            pub(crate) fn may_stand_in(self, scope: PropertyScope) -> bool {
                let scopes = match self {
                    $(Self::$variant => $scopes,)*
                };
                scopes & scope as u16 != 0
            }
        }

        impl Property {
            /// Returns the property's identifier.
            pub fn id(&self) -> PropertyId {
                match self {
                    $(Self::$variant { .. } => PropertyId::$variant,)*
                }
            }
        }
    };
}

property_ids! {
    PayloadFormatIndicator = 0x01, "payload-format-indicator", Byte, PUBLISH | WILL;
    MessageExpiryInterval = 0x02, "message-expiry-interval", FourByteInteger, PUBLISH | WILL;
    ContentType = 0x03, "content-type", Utf8String, PUBLISH | WILL;
    ResponseTopic = 0x08, "response-topic", Utf8String, PUBLISH | WILL;
    CorrelationData = 0x09, "correlation-data", BinaryData, PUBLISH | WILL;
    SubscriptionIdentifier = 0x0b, "subscription-identifier", VariableByteInteger, PUBLISH | SUBSCRIBE;
    SessionExpiryInterval = 0x11, "session-expiry-interval", FourByteInteger, CONNECT | CONNACK | DISCONNECT;
    AssignedClientIdentifier = 0x12, "assigned-client-identifier", Utf8String, CONNACK;
    ServerKeepAlive = 0x13, "server-keep-alive", TwoByteInteger, CONNACK;
    AuthenticationMethod = 0x15, "authentication-method", Utf8String, CONNECT | CONNACK | AUTH;
    AuthenticationData = 0x16, "authentication-data", BinaryData, CONNECT | CONNACK | AUTH;
    RequestProblemInformation = 0x17, "request-problem-information", Byte, CONNECT;
    WillDelayInterval = 0x18, "will-delay-interval", FourByteInteger, WILL;
    RequestResponseInformation = 0x19, "request-response-information", Byte, CONNECT;
    ResponseInformation = 0x1a, "response-information", Utf8String, CONNACK;
    ServerReference = 0x1c, "server-reference", Utf8String, CONNACK | DISCONNECT;
    ReasonString = 0x1f, "reason-string", Utf8String, CONNACK | ACKNOWLEDGEMENTS | DISCONNECT | AUTH;
    ReceiveMaximum = 0x21, "receive-maximum", TwoByteInteger, CONNECT | CONNACK;
    TopicAliasMaximum = 0x22, "topic-alias-maximum", TwoByteInteger, CONNECT | CONNACK;
    TopicAlias = 0x23, "topic-alias", TwoByteInteger, PUBLISH;
    MaximumQoS = 0x24, "maximum-qos", Byte, CONNACK;
    RetainAvailable = 0x25, "retain-available", Byte, CONNACK;
    UserProperty = 0x26, "user-property", Utf8StringPair, ANYWHERE;
    MaximumPacketSize = 0x27, "maximum-packet-size", FourByteInteger, CONNECT | CONNACK;
    WildcardSubscriptionAvailable = 0x28, "wildcard-subscription-available", Byte, CONNACK;
    SubscriptionIdentifierAvailable = 0x29, "subscription-identifier-available", Byte, CONNACK;
    SharedSubscriptionAvailable = 0x2a, "shared-subscription-available", Byte, CONNACK;
}

impl PropertyId {
    /// Finds a property by its name in the programs' options, in any case.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|id| id.name().eq_ignore_ascii_case(name))
    }

    /// Returns whether a packet may have the property more than once.
    ///
    /// User properties may be repeated anywhere, subscription identifiers in what a server
    /// sends.
    pub(crate) fn may_repeat_in(self, scope: PropertyScope) -> bool {
        match self {
            Self::UserProperty => true,
            Self::SubscriptionIdentifier => scope == PropertyScope::Publish,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_27_properties_each_found_by_number_and_name() {
        assert_eq!(PropertyId::ALL.len(), 27);
        for &id in PropertyId::ALL {
            assert_eq!(PropertyId::from_u8(id as u8), Some(id));
            assert_eq!(PropertyId::from_name(&id.name().to_uppercase()), Some(id));
        }
        assert_eq!(PropertyId::from_u8(0x04), None);
    }
}
