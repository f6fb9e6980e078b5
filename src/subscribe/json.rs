//! Messages as JSON, byte for byte as Mosquitto's programs print it, but always valid.
//!
//! Bytes that are not text have a key that ends in `_base64`.

mod pretty;
mod reprint;
mod string;

use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::ZonedDateTime;

use self::string::string;
use super::time;
use crate::protocol::{Properties, Property, Publish, QoS};

/// The form of the payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Payload {
    /// A string.
    Text,
    /// The JSON that it is.
    Json,
}

pub(super) use pretty::pretty;

/// The error that a payload is not JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotJson;

/// Returns JSON in its shortest form; `None` if it is invalid.
pub(super) fn compact(json: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(json.len());
    reprint::reprint(json, &mut out).map(|()| out)
}

/// Appends a message to `out`.
///
/// # Errors
///
/// The payload must be JSON and is not. Then `out` is unchanged.
pub(super) fn message(
    publish: &Publish,
    now: &ZonedDateTime,
    payload: Payload,
    out: &mut Vec<u8>,
) -> Result<(), NotJson> {
    let start = out.len();
    let topic = publish
        .topic
        .as_ref()
        .map_or(&[][..], |topic| topic.as_bytes());
    let _ = write!(out, "{{\"tst\":\"{}\",\"topic\":", time::iso_micros(now));
    string(topic, out);
    let qos = publish.delivery.qos();
    let _ = write!(
        out,
        ",\"qos\":{},\"retain\":{},\"payloadlen\":{}",
        u8::from(qos),
        publish.retain,
        publish.payload.len()
    );
    if let (Some(packet_id), true) = (publish.delivery.packet_id(), qos != QoS::AtMostOnce) {
        let _ = write!(out, ",\"mid\":{packet_id}");
    }
    if !publish.properties.is_empty() {
        out.extend_from_slice(b",\"properties\":{");
        properties(&publish.properties, out);
        out.push(b'}');
    }
    out.push(b',');
    match payload {
        _ if publish.payload.is_empty() => out.extend_from_slice(b"\"payload\":null"),
        Payload::Text => text_or_base64("payload", &publish.payload, out),
        Payload::Json => {
            out.extend_from_slice(b"\"payload\":");
            if reprint::reprint(&publish.payload, out).is_none() {
                out.truncate(start);
                return Err(NotJson);
            }
        }
    }
    out.push(b'}');
    Ok(())
}

fn properties(properties: &Properties, out: &mut Vec<u8>) {
    let mut first = true;
    let mut user_properties_done = false;
    for property in properties {
        if matches!(property, Property::UserProperty(..)) && user_properties_done {
            continue;
        }
        if !first {
            out.push(b',');
        }
        first = false;
        let name = property.id().name();
        match &property {
            Property::UserProperty(..) => {
                user_properties_done = true;
                user_properties(properties, out);
            }
            Property::CorrelationData(data) => text_or_base64(name, data, out),
            Property::PayloadFormatIndicator(value) => number(name, u32::from(*value), out),
            Property::MessageExpiryInterval(value) => number(name, *value, out),
            Property::SubscriptionIdentifier(value) => number(name, value.get(), out),
            Property::TopicAlias(value) => number(name, u32::from(value.get()), out),
            Property::ContentType(value) | Property::ResponseTopic(value) => {
                text_or_base64(name, value.as_bytes(), out);
            }
            // No PUBLISH has another property.
            _ => first = true,
        }
    }
}

/// Appends all user properties, as an array of objects with one key each.
fn user_properties(properties: &Properties, out: &mut Vec<u8>) {
    out.extend_from_slice(b"\"user-properties\":[");
    for (index, (name, value)) in properties.user_properties().enumerate() {
        out.extend_from_slice(if index == 0 { b"{" } else { b",{" });
        string(name.as_bytes(), out);
        out.push(b':');
        string(value.as_bytes(), out);
        out.push(b'}');
    }
    out.push(b']');
}

fn number(name: &str, value: u32, out: &mut Vec<u8>) {
    let _ = write!(out, "\"{name}\":{value}");
}

fn text_or_base64(name: &str, bytes: &[u8], out: &mut Vec<u8>) {
    if std::str::from_utf8(bytes).is_ok() {
        let _ = write!(out, "\"{name}\":");
        string(bytes, out);
    } else {
        let _ = write!(out, "\"{name}_base64\":\"{}\"", BASE64.encode(bytes));
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::protocol::{Delivery, PacketId, Text, TopicName};

    fn printed(payload: &[u8], kind: Payload, properties: Vec<Property>) -> Option<String> {
        let publish = Publish {
            dup: false,
            delivery: Delivery::AtLeastOnce(PacketId::FIRST),
            retain: false,
            topic: Some(TopicName::try_from("t/\"x\"").unwrap()),
            properties: Properties::from(properties),
            payload: Bytes::copy_from_slice(payload),
        };
        let now: jiff::Timestamp = "2026-02-03T04:05:06.000001Z".parse().unwrap();
        let now = now.to_zoned_datetime(jiff::tz::TimeZone::UTC);
        let mut out = Vec::new();
        message(&publish, &now, kind, &mut out).ok()?;
        Some(String::from_utf8(out).unwrap())
    }

    const HEAD: &str =
        r#"{"tst":"2026-02-03T04:05:06.000001+0000","topic":"t/\"x\"","qos":1,"retain":false"#;

    #[test]
    fn the_keys_come_in_mosquittos_order() {
        let text = |text: &str| Text::try_from(text).unwrap();
        let properties = vec![
            Property::ContentType(text("text/plain")),
            Property::UserProperty(text("a"), text("b")),
            Property::MessageExpiryInterval(9),
            Property::UserProperty(text("c"), text("d")),
        ];
        assert_eq!(
            printed(b"a\nb\x01", Payload::Text, properties).unwrap(),
            format!(
                r#"{HEAD},"payloadlen":4,"mid":1,"properties":{{"content-type":"text/plain","user-properties":[{{"a":"b"}},{{"c":"d"}}],"message-expiry-interval":9}},"payload":"a\nb\u0001"}}"#
            )
        );
    }

    #[test]
    fn a_payload_that_is_no_text_is_printed_as_base64() {
        assert_eq!(
            printed(b"\xff\x00", Payload::Text, vec![]).unwrap(),
            format!(r#"{HEAD},"payloadlen":2,"mid":1,"payload_base64":"/wA="}}"#)
        );
        assert_eq!(
            printed(b"", Payload::Json, vec![]).unwrap(),
            format!(r#"{HEAD},"payloadlen":0,"mid":1,"payload":null}}"#)
        );
    }

    #[test]
    fn a_payload_that_is_not_json_prints_nothing() {
        assert_eq!(printed(b"hello", Payload::Json, vec![]), None);
    }
}
