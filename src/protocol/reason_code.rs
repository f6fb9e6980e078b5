//! Reason codes: each value is the number on the wire and has a text.

macro_rules! reason_codes {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $text:literal;)*) => {
        /// A reason code of MQTT 5.0 (section 2.4); 3.1.1's SUBACK uses three of them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum ReasonCode {
            $(#[doc = $text] $name = $number,)*
        }

        impl ReasonCode {
            /// Every reason code.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Returns the reason code with this number.
            pub fn from_u8(number: u8) -> Option<Self> {
                match number {
                    $($number => Some(Self::$name),)*
                    _ => None,
                }
            }

            /// Returns the text that the programs print.
            pub fn text(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

reason_codes! {
    Success = 0x00, "Success";
    GrantedQos1 = 0x01, "Granted QoS 1";
    GrantedQos2 = 0x02, "Granted QoS 2";
    DisconnectWithWill = 0x04, "Disconnect with Will Message";
    NoMatchingSubscribers = 0x10, "No matching subscribers";
    NoSubscriptionExisted = 0x11, "No subscription existed";
    ContinueAuthentication = 0x18, "Continue authentication";
    Reauthenticate = 0x19, "Re-authenticate";
    UnspecifiedError = 0x80, "Unspecified error";
    MalformedPacket = 0x81, "Malformed Packet";
    ProtocolError = 0x82, "Protocol Error";
    ImplementationSpecificError = 0x83, "Implementation specific error";
    UnsupportedProtocolVersion = 0x84, "Unsupported Protocol Version";
    ClientIdentifierNotValid = 0x85, "Client Identifier not valid";
    BadUserNameOrPassword = 0x86, "Bad User Name or Password";
    NotAuthorized = 0x87, "Not authorized";
    ServerUnavailable = 0x88, "Server unavailable";
    ServerBusy = 0x89, "Server busy";
    Banned = 0x8a, "Banned";
    ServerShuttingDown = 0x8b, "Server shutting down";
    BadAuthenticationMethod = 0x8c, "Bad authentication method";
    KeepAliveTimeout = 0x8d, "Keep Alive timeout";
    SessionTakenOver = 0x8e, "Session taken over";
    TopicFilterInvalid = 0x8f, "Topic Filter invalid";
    TopicNameInvalid = 0x90, "Topic Name invalid";
    PacketIdentifierInUse = 0x91, "Packet Identifier in use";
    PacketIdentifierNotFound = 0x92, "Packet Identifier not found";
    ReceiveMaximumExceeded = 0x93, "Receive Maximum exceeded";
    TopicAliasInvalid = 0x94, "Topic Alias invalid";
    PacketTooLarge = 0x95, "Packet too large";
    MessageRateTooHigh = 0x96, "Message rate too high";
    QuotaExceeded = 0x97, "Quota exceeded";
    AdministrativeAction = 0x98, "Administrative action";
    PayloadFormatInvalid = 0x99, "Payload format invalid";
    RetainNotSupported = 0x9a, "Retain not supported";
    QosNotSupported = 0x9b, "QoS not supported";
    UseAnotherServer = 0x9c, "Use another server";
    ServerMoved = 0x9d, "Server moved";
    SharedSubscriptionsNotSupported = 0x9e, "Shared Subscriptions not supported";
    ConnectionRateExceeded = 0x9f, "Connection rate exceeded";
    MaximumConnectTime = 0xa0, "Maximum connect time";
    SubscriptionIdentifiersNotSupported = 0xa1, "Subscription identifiers not supported";
    WildcardSubscriptionsNotSupported = 0xa2, "Wildcard Subscriptions not supported";
}

impl ReasonCode {
    /// Returns whether the code reports a failure: 0x80 or greater.
    pub fn is_error(self) -> bool {
        self as u8 >= 0x80
    }
}

impl From<ReasonCode> for u8 {
    fn from(reason: ReasonCode) -> Self {
        reason as u8
    }
}

impl From<super::QoS> for ReasonCode {
    /// Returns the code by which a SUBACK grants this QoS.
    fn from(qos: super::QoS) -> Self {
        match qos {
            super::QoS::AtMostOnce => Self::Success,
            super::QoS::AtLeastOnce => Self::GrantedQos1,
            super::QoS::ExactlyOnce => Self::GrantedQos2,
        }
    }
}

/// The return code of an MQTT 3.1 or 3.1.1 CONNACK.
///
/// Servers in use send other numbers than the six of the standard, so the number is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ConnectReturnCode(pub u8);

impl ConnectReturnCode {
    /// Connection accepted.
    pub const ACCEPTED: Self = Self(0);
    /// The server does not support the protocol level.
    pub const UNACCEPTABLE_PROTOCOL_VERSION: Self = Self(1);
    /// The client identifier is not allowed.
    pub const IDENTIFIER_REJECTED: Self = Self(2);
    /// The MQTT service is unavailable.
    pub const SERVER_UNAVAILABLE: Self = Self(3);
    /// The user name or password is malformed.
    pub const BAD_USER_NAME_OR_PASSWORD: Self = Self(4);
    /// The client is not authorised to connect.
    pub const NOT_AUTHORISED: Self = Self(5);

    /// Returns the text that Mosquitto's clients print.
    pub fn text(self) -> &'static str {
        match self.0 {
            0 => "Connection Accepted.",
            1 => "Connection Refused: unacceptable protocol version.",
            2 => "Connection Refused: identifier rejected.",
            3 => "Connection Refused: broker unavailable.",
            4 => "Connection Refused: bad user name or password.",
            5 => "Connection Refused: not authorised.",
            _ => "Connection Refused: unknown reason.",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_code_is_found_by_its_number() {
        for &reason in ReasonCode::ALL {
            assert_eq!(ReasonCode::from_u8(reason.into()), Some(reason));
        }
        assert_eq!(ReasonCode::from_u8(0x03), None);
    }
}
