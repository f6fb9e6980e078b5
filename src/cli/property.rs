//! `-D COMMAND NAME VALUE`: MQTT 5 properties.

use std::num::{NonZeroU16, NonZeroU32};

use bytes::Bytes;

use super::UsageError;
use super::number::integer;
use crate::protocol::{Properties, Property, PropertyId, PropertyKind, SubscriptionId, Text};

/// The properties on the command line, by their packet.
#[derive(Debug, Default)]
pub(super) struct PropertyLists {
    pub(super) connect: Properties,
    pub(super) publish: Properties,
    pub(super) will: Properties,
    pub(super) subscribe: Properties,
    pub(super) unsubscribe: Properties,
    pub(super) disconnect: Properties,
}

/// The packets to which a user can add properties.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Command {
    Connect,
    Publish,
    Will,
    Subscribe,
    Unsubscribe,
    Disconnect,
}

/// Commands that exist but do not take properties from a user.
const UNSUPPORTED: [&str; 7] = [
    "auth", "puback", "pubrec", "pubrel", "pubcomp", "suback", "unsuback",
];

/// Parses the three or four words of an option.
pub(super) fn parse_property(
    words: &[Vec<u8>],
    lists: &mut PropertyLists,
) -> Result<(), UsageError> {
    let [command, name, value, rest @ ..] = words else {
        return Err(UsageError::new(
            "Error: --property argument given but not enough arguments specified.\n\n",
        ));
    };
    let command_text = String::from_utf8_lossy(command);
    let name_text = String::from_utf8_lossy(name);
    let lower = command_text.to_ascii_lowercase();
    let command = Command::from_name(&lower);
    if command.is_none() && lower != "connack" && !UNSUPPORTED.contains(&lower.as_str()) {
        return Err(UsageError::new(format!(
            "Error: Invalid command {command_text} given in --property argument.\n\n"
        )));
    }
    let id = PropertyId::from_name(&name_text).ok_or_else(|| {
        UsageError::new(format!(
            "Error: Invalid property name {name_text} given in --property argument.\n\n"
        ))
    })?;
    let Some(command) = command else {
        return Err(match lower.as_str() {
            "connack" => UsageError::new(""),
            _ => unsupported(id, &command_text),
        });
    };
    if command == Command::Publish && id == PropertyId::SubscriptionIdentifier {
        return Err(unsupported(id, &command_text));
    }
    if !command.allows(id) {
        return Err(UsageError::new(format!(
            "Error: {} property not allowed for {command_text} in --property argument.\n\n",
            id.name()
        )));
    }
    let property = property(id, value, rest.first().map(Vec::as_slice))?;
    let list = command.list(lists);
    let repeated = list.iter().any(|other| other.id() == id);
    if repeated && id != PropertyId::UserProperty {
        return Err(UsageError::new(
            "Error: Duplicate property in property list.\n",
        ));
    }
    list.push(property);
    Ok(())
}

impl Command {
    fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "connect" => Self::Connect,
            "publish" => Self::Publish,
            "will" => Self::Will,
            "subscribe" => Self::Subscribe,
            "unsubscribe" => Self::Unsubscribe,
            "disconnect" => Self::Disconnect,
            _ => return None,
        })
    }

    fn allows(self, id: PropertyId) -> bool {
        use PropertyId as Id;
        if id == Id::UserProperty {
            return true;
        }
        let allowed: &[Id] = match self {
            Self::Connect => &[
                Id::SessionExpiryInterval,
                Id::AuthenticationMethod,
                Id::AuthenticationData,
                Id::RequestProblemInformation,
                Id::RequestResponseInformation,
                Id::ReceiveMaximum,
                Id::TopicAliasMaximum,
                Id::MaximumPacketSize,
            ],
            Self::Publish => &[
                Id::PayloadFormatIndicator,
                Id::MessageExpiryInterval,
                Id::ContentType,
                Id::ResponseTopic,
                Id::CorrelationData,
                Id::TopicAlias,
            ],
            Self::Will => &[
                Id::PayloadFormatIndicator,
                Id::MessageExpiryInterval,
                Id::ContentType,
                Id::ResponseTopic,
                Id::CorrelationData,
                Id::WillDelayInterval,
            ],
            Self::Subscribe => &[Id::SubscriptionIdentifier],
            Self::Unsubscribe => &[],
            Self::Disconnect => &[
                Id::SessionExpiryInterval,
                Id::ServerReference,
                Id::ReasonString,
            ],
        };
        allowed.contains(&id)
    }

    fn list(self, lists: &mut PropertyLists) -> &mut Properties {
        match self {
            Self::Connect => &mut lists.connect,
            Self::Publish => &mut lists.publish,
            Self::Will => &mut lists.will,
            Self::Subscribe => &mut lists.subscribe,
            Self::Unsubscribe => &mut lists.unsubscribe,
            Self::Disconnect => &mut lists.disconnect,
        }
    }
}

fn unsupported(id: PropertyId, command: &str) -> UsageError {
    UsageError::new(format!(
        "Error: {} property not supported for {command} in --property argument.\n\n",
        id.name()
    ))
}

fn property(id: PropertyId, value: &[u8], second: Option<&[u8]>) -> Result<Property, UsageError> {
    use PropertyId as Id;
    Ok(match id {
        Id::PayloadFormatIndicator => Property::PayloadFormatIndicator(flag(id, value)?),
        Id::MessageExpiryInterval => Property::MessageExpiryInterval(number(id, value)?),
        Id::ContentType => Property::ContentType(text(id, value)?),
        Id::ResponseTopic => Property::ResponseTopic(topic_name(id, value)?),
        Id::CorrelationData => Property::CorrelationData(binary(id, value)?),
        Id::SubscriptionIdentifier => Property::SubscriptionIdentifier(
            SubscriptionId::new(number(id, value)?).ok_or_else(|| rejected(id))?,
        ),
        Id::SessionExpiryInterval => Property::SessionExpiryInterval(number(id, value)?),
        Id::AuthenticationMethod => Property::AuthenticationMethod(text(id, value)?),
        Id::AuthenticationData => Property::AuthenticationData(binary(id, value)?),
        Id::RequestProblemInformation => Property::RequestProblemInformation(flag(id, value)?),
        Id::WillDelayInterval => Property::WillDelayInterval(number(id, value)?),
        Id::RequestResponseInformation => Property::RequestResponseInformation(flag(id, value)?),
        Id::ServerReference => Property::ServerReference(text(id, value)?),
        Id::ReasonString => Property::ReasonString(text(id, value)?),
        Id::ReceiveMaximum => Property::ReceiveMaximum(non_zero_short(id, value)?),
        Id::TopicAliasMaximum => Property::TopicAliasMaximum(short(id, value)?),
        Id::TopicAlias => Property::TopicAlias(non_zero_short(id, value)?),
        Id::UserProperty => {
            Property::UserProperty(text(id, value)?, text(id, second.unwrap_or_default())?)
        }
        Id::MaximumPacketSize => Property::MaximumPacketSize(
            NonZeroU32::new(number(id, value)?).ok_or_else(|| protocol_error(id))?,
        ),
        // No command allows another one.
        _ => return Err(protocol_error(id)),
    })
}

fn flag(id: PropertyId, value: &[u8]) -> Result<bool, UsageError> {
    match in_range(id, value, u8::MAX.into())? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(protocol_error(id)),
    }
}

fn short(id: PropertyId, value: &[u8]) -> Result<u16, UsageError> {
    let number = in_range(id, value, u16::MAX.into())?;
    u16::try_from(number).map_err(|_| protocol_error(id))
}

fn non_zero_short(id: PropertyId, value: &[u8]) -> Result<NonZeroU16, UsageError> {
    NonZeroU16::new(short(id, value)?).ok_or_else(|| protocol_error(id))
}

fn number(id: PropertyId, value: &[u8]) -> Result<u32, UsageError> {
    in_range(id, value, u32::MAX)
}

fn in_range(id: PropertyId, value: &[u8], maximum: u32) -> Result<u32, UsageError> {
    integer(value)
        .and_then(|number| u32::try_from(number).ok())
        .filter(|&number| number <= maximum)
        .ok_or_else(|| {
            UsageError::new(format!(
                "Error: Property value ({}) out of range for property {}.\n\n",
                String::from_utf8_lossy(value),
                id.name()
            ))
        })
}

fn text(id: PropertyId, value: &[u8]) -> Result<Text, UsageError> {
    Text::from_bytes(Bytes::copy_from_slice(value)).map_err(|_| rejected(id))
}

/// Parses a topic without wildcards [MQTT-3.3.2-14].
fn topic_name(id: PropertyId, value: &[u8]) -> Result<Text, UsageError> {
    if memchr::memchr2(b'+', b'#', value).is_some() {
        return Err(protocol_error(id));
    }
    text(id, value)
}

fn binary(id: PropertyId, value: &[u8]) -> Result<Bytes, UsageError> {
    if value.len() > usize::from(u16::MAX) {
        return Err(UsageError::new(format!(
            "Error: Property value too long for property {}.\n\n",
            id.name()
        )));
    }
    Ok(Bytes::copy_from_slice(value))
}

/// Returns an error in which Mosquitto names the kind of the property by its number.
fn rejected(id: PropertyId) -> UsageError {
    let kind = match id.kind() {
        PropertyKind::Byte => 1,
        PropertyKind::TwoByteInteger => 2,
        PropertyKind::FourByteInteger => 3,
        PropertyKind::VariableByteInteger => 4,
        PropertyKind::BinaryData => 5,
        PropertyKind::Utf8String => 6,
        PropertyKind::Utf8StringPair => 7,
    };
    UsageError::new(format!("Error adding property {} {kind}\n", id.name()))
}

/// Returns the error for a value of the right type that the standard forbids.
fn protocol_error(id: PropertyId) -> UsageError {
    UsageError::new(format!(
        "Error: Property value not allowed for property {}.\n",
        id.name()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Result<PropertyLists, String> {
        let words: Vec<_> = words.iter().map(|word| word.as_bytes().to_vec()).collect();
        let mut lists = PropertyLists::default();
        parse_property(&words, &mut lists)
            .map(|()| lists)
            .map_err(|error| error.text().to_owned())
    }

    #[test]
    fn commands_and_names_are_taken_in_any_case() {
        let lists = parse(&["PUBLISH", "Content-Type", "text/plain"]).unwrap();
        assert_eq!(lists.publish.content_type().unwrap().as_str(), "text/plain");
        let lists = parse(&["will", "user-property", "a", "b"]).unwrap();
        assert_eq!(lists.will.user_properties().count(), 1);
    }

    #[test]
    fn wrong_properties_get_mosquittos_errors() {
        for (words, text) in [
            (
                ["foo", "content-type", "x"],
                "Error: Invalid command foo given in --property argument.",
            ),
            (
                ["publish", "foo", "x"],
                "Error: Invalid property name foo given in --property argument.",
            ),
            (
                ["connect", "content-type", "x"],
                "Error: content-type property not allowed for connect in --property argument.",
            ),
            (
                ["puback", "reason-string", "x"],
                "Error: reason-string property not supported for puback in --property argument.",
            ),
            (
                ["connect", "receive-maximum", "70000"],
                "Error: Property value (70000) out of range for property receive-maximum.",
            ),
            (
                ["publish", "response-topic", "a/+"],
                "Error: Property value not allowed for property response-topic.",
            ),
            (["connack", "reason-string", "x"], ""),
        ] {
            assert_eq!(parse(&words).unwrap_err(), text);
        }
    }
}
