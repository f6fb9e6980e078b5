//! The formats of `-F`.

use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::ZonedDateTime;
use thiserror::Error;

use super::form::Form;
use super::{json, number, time};
use crate::client::Report;
use crate::protocol::{PacketId, Publish};

/// A format: text with fields of the message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Format(Vec<Segment>);

/// A reason that a format is invalid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum FormatError {
    /// It ends within a field.
    #[error("Incomplete format specifier.")]
    IncompleteField,
    /// A field has an unknown letter.
    #[error("Invalid format specifier '{0}'.")]
    UnknownField(char),
    /// It ends with a backslash.
    #[error("Incomplete escape specifier.")]
    IncompleteEscape,
    /// A backslash stands before an unknown letter.
    #[error("Invalid escape specifier '{0}'.")]
    UnknownEscape(char),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    Text(Vec<u8>),
    Field(Field, Layout),
    /// A conversion of `strftime`.
    Time(u8),
    Nanoseconds,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    TopicAlias,
    ContentType,
    CorrelationData,
    MessageExpiryInterval,
    PayloadFormatIndicator,
    IsoTime,
    Json,
    JsonOfJson,
    PayloadLength,
    PacketId,
    Payload,
    UserProperties,
    Qos,
    Retain,
    ResponseTopic,
    SubscriptionIdentifier,
    Topic,
    UnixTime,
    HexLower,
    HexUpper,
    Base64,
    Float,
    Double,
}

/// The characters between `%` and the letter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Layout {
    left: bool,
    zero: bool,
    /// The minimum width; 0 if there is none.
    width: usize,
    precision: Option<usize>,
    /// The character between groups of hexadecimal digits.
    separator: Option<u8>,
}

impl Field {
    /// Gives the text of the field, which begins at `start`, the form that it needs.
    fn reshape(self, publish: &Publish, form: Form, start: usize, out: &mut Vec<u8>) {
        let is_json = matches!(self, Self::Json | Self::JsonOfJson);
        if is_json && form.pretty {
            let compact = out.split_off(start);
            json::pretty(&compact, out);
        }
        if !form.escaped {
            return;
        }
        let text = out.split_off(start);
        if self == Self::Payload && std::str::from_utf8(&publish.payload).is_err() {
            form.payload(&publish.payload, out);
        } else {
            form.text(&text, is_json || self == Self::Payload, out);
        }
    }
}

impl Format {
    /// Parses a format.
    pub fn parse(format: &[u8]) -> Result<Self, FormatError> {
        let mut segments = Vec::new();
        let mut text = Vec::new();
        let mut rest = format;
        while let Some((&byte, after)) = rest.split_first() {
            rest = after;
            let segment = match byte {
                b'%' => match field(&mut rest)? {
                    None => {
                        text.push(b'%');
                        continue;
                    }
                    Some(segment) => segment,
                },
                b'@' => match take(&mut rest).ok_or(FormatError::IncompleteField)? {
                    b'@' => {
                        text.push(b'@');
                        continue;
                    }
                    b'N' => Segment::Nanoseconds,
                    letter => Segment::Time(letter),
                },
                b'\\' => {
                    text.push(escape(&mut rest)?);
                    continue;
                }
                byte => {
                    text.push(byte);
                    continue;
                }
            };
            if !text.is_empty() {
                segments.push(Segment::Text(std::mem::take(&mut text)));
            }
            segments.push(segment);
        }
        if !text.is_empty() {
            segments.push(Segment::Text(text));
        }
        Ok(Self(segments))
    }

    /// Appends a message to `out`.
    pub(super) fn print(&self, publish: &Publish, form: Form, report: Report, out: &mut Vec<u8>) {
        let mut fields = Fields {
            publish,
            report,
            now: None,
        };
        for segment in &self.0 {
            match segment {
                Segment::Text(text) => out.extend_from_slice(text),
                Segment::Time(letter) => time::conversion(*letter, fields.now(), out),
                Segment::Nanoseconds => {
                    let now = fields.now().timestamp();
                    let _ = write!(out, "{:09}", now.subsec_nanosecond());
                }
                Segment::Field(field, layout) => {
                    let start = out.len();
                    fields.print(*field, *layout, out);
                    field.reshape(publish, form, start, out);
                }
            }
        }
    }
}

fn take(rest: &mut &[u8]) -> Option<u8> {
    let (&byte, after) = rest.split_first()?;
    *rest = after;
    Some(byte)
}

fn take_if(rest: &mut &[u8], wanted: impl FnOnce(u8) -> bool) -> Option<u8> {
    let (&byte, after) = rest.split_first()?;
    if !wanted(byte) {
        return None;
    }
    *rest = after;
    Some(byte)
}

fn take_number(rest: &mut &[u8]) -> usize {
    let mut number = 0_usize;
    while let Some(digit) = take_if(rest, |byte| byte.is_ascii_digit()) {
        number = number
            .saturating_mul(10)
            .saturating_add(usize::from(digit - b'0'));
    }
    number
}

/// Parses the characters behind a `%`; `None` is a `%` itself.
fn field(rest: &mut &[u8]) -> Result<Option<Segment>, FormatError> {
    let mut layout = Layout {
        left: take_if(rest, |byte| byte == b'-').is_some(),
        ..Layout::default()
    };
    layout.zero = take_if(rest, |byte| byte == b'0').is_some();
    layout.width = take_number(rest);
    if take_if(rest, |byte| byte == b'.').is_some() {
        layout.precision = Some(take_number(rest));
    }
    let is_separator = |byte: u8| byte != b'%' && (byte == b' ' || byte.is_ascii_punctuation());
    layout.separator = take_if(rest, is_separator);
    let letter = take(rest).ok_or(match layout.separator {
        // A separator without a letter is itself the wrong letter.
        Some(separator) => FormatError::UnknownField(char::from(separator)),
        None => FormatError::IncompleteField,
    })?;
    let field = match letter {
        b'%' => return Ok(None),
        b'A' => Field::TopicAlias,
        b'b' => Field::Base64,
        b'C' => Field::ContentType,
        b'D' => Field::CorrelationData,
        b'E' => Field::MessageExpiryInterval,
        b'F' => Field::PayloadFormatIndicator,
        b'I' => Field::IsoTime,
        b'j' => Field::Json,
        b'J' => Field::JsonOfJson,
        b'l' => Field::PayloadLength,
        b'm' => Field::PacketId,
        b'p' => Field::Payload,
        b'P' => Field::UserProperties,
        b'q' => Field::Qos,
        b'r' => Field::Retain,
        b'R' => Field::ResponseTopic,
        b'S' => Field::SubscriptionIdentifier,
        b't' => Field::Topic,
        b'U' => Field::UnixTime,
        b'x' => Field::HexLower,
        b'X' => Field::HexUpper,
        b'f' => Field::Float,
        b'd' => Field::Double,
        letter => return Err(FormatError::UnknownField(char::from(letter))),
    };
    Ok(Some(Segment::Field(field, layout)))
}

fn escape(rest: &mut &[u8]) -> Result<u8, FormatError> {
    Ok(match take(rest).ok_or(FormatError::IncompleteEscape)? {
        b'\\' => b'\\',
        b'0' => 0,
        b'a' => 0x07,
        b'e' => 0x1b,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'v' => 0x0b,
        letter => return Err(FormatError::UnknownEscape(char::from(letter))),
    })
}

/// The fields of one message.
struct Fields<'a> {
    publish: &'a Publish,
    report: Report,
    /// The time of the message, once a field has asked for it.
    now: Option<ZonedDateTime>,
}

impl Fields<'_> {
    fn now(&mut self) -> &ZonedDateTime {
        self.now.get_or_insert_with(ZonedDateTime::now)
    }

    fn topic(&self) -> &[u8] {
        let topic = self.publish.topic.as_ref();
        topic.map_or(&[][..], |topic| topic.as_bytes())
    }

    fn print(&mut self, field: Field, layout: Layout, out: &mut Vec<u8>) {
        let publish = self.publish;
        let (properties, payload) = (&publish.properties, &publish.payload);
        match field {
            Field::TopicAlias
            | Field::MessageExpiryInterval
            | Field::PayloadFormatIndicator
            | Field::SubscriptionIdentifier
            | Field::PayloadLength
            | Field::PacketId => layout.integer(self.integer(field), out),
            Field::ContentType => match properties.content_type() {
                Some(content_type) => layout.text(content_type.as_bytes(), out),
                None => out.resize(out.len() + layout.width, layout.padding()),
            },
            Field::ResponseTopic => {
                if let Some(response_topic) = properties.response_topic() {
                    layout.text(response_topic.as_bytes(), out);
                }
            }
            Field::Topic => layout.text(self.topic(), out),
            Field::IsoTime => layout.text(time::iso(self.now()).as_bytes(), out),
            Field::UnixTime => time::unix(self.now(), out),
            Field::CorrelationData => {
                out.extend_from_slice(&properties.correlation_data().unwrap_or_default());
            }
            Field::UserProperties => {
                for (index, (name, value)) in properties.user_properties().enumerate() {
                    let blank = if index == 0 { "" } else { " " };
                    let _ = write!(out, "{blank}{name}:{value}");
                }
            }
            Field::Qos => out.push(b'0' + u8::from(publish.delivery.qos())),
            Field::Retain => out.push(b'0' + u8::from(publish.retain)),
            Field::Payload => layout.payload(payload, out),
            Field::HexLower => layout.hexadecimal(payload, b"0123456789abcdef", out),
            Field::HexUpper => layout.hexadecimal(payload, b"0123456789ABCDEF", out),
            Field::Base64 => layout.text(BASE64.encode(payload).as_bytes(), out),
            Field::Float => match <[u8; 4]>::try_from(&payload[..]) {
                Ok(bytes) => layout.float(f32::from_le_bytes(bytes).into(), out),
                Err(_) => complain("requested float printing, but non-float data received"),
            },
            Field::Double => match <[u8; 8]>::try_from(&payload[..]) {
                Ok(bytes) => layout.float(f64::from_le_bytes(bytes), out),
                Err(_) => complain("requested double printing, but non-double data received"),
            },
            Field::Json => self.json(json::Payload::Text, out),
            Field::JsonOfJson => self.json(json::Payload::Json, out),
        }
    }

    fn integer(&self, field: Field) -> Option<i64> {
        let properties = &self.publish.properties;
        match field {
            Field::TopicAlias => properties.topic_alias().map(|alias| alias.get().into()),
            Field::MessageExpiryInterval => {
                // Mosquitto prints the number as if it had a sign.
                let seconds = properties.message_expiry_interval();
                seconds.map(|seconds| (seconds as i32).into())
            }
            Field::PayloadFormatIndicator => properties.payload_format_indicator().map(i64::from),
            Field::SubscriptionIdentifier => {
                let first = properties.subscription_identifiers().next();
                first.map(|id| id.get().into())
            }
            Field::PayloadLength => i64::try_from(self.publish.payload.len()).ok(),
            Field::PacketId => {
                let packet_id = self.publish.delivery.packet_id();
                Some(packet_id.map_or(0, PacketId::get).into())
            }
            _ => None,
        }
    }

    fn json(&mut self, payload: json::Payload, out: &mut Vec<u8>) {
        let publish = self.publish;
        if json::message(publish, self.now(), payload, out).is_err() {
            self.report.error(format_args!(
                "Message payload is not valid JSON on topic {}.",
                String::from_utf8_lossy(self.topic())
            ));
        }
    }
}

/// Complains as Mosquitto does, without a line end.
fn complain(text: &str) {
    let _ = write!(std::io::stderr(), "{text}");
}

impl Layout {
    fn padding(self) -> u8 {
        if self.zero && !self.left { b'0' } else { b' ' }
    }

    /// Appends a number, or blanks of its width.
    fn integer(self, number: Option<i64>, out: &mut Vec<u8>) {
        match number {
            Some(number) => self.number(&number.to_string(), out),
            None => out.resize(out.len() + self.width, self.padding()),
        }
    }

    fn float(self, number: f64, out: &mut Vec<u8>) {
        let text = number::fixed(number, self.precision.unwrap_or(6));
        // C pads words with blanks.
        let zero = self.zero && number.is_finite();
        Self { zero, ..self }.number(&text, out);
    }

    /// Appends a number with zeros between the sign and the digits.
    fn number(self, text: &str, out: &mut Vec<u8>) {
        let room = self.width.saturating_sub(text.len());
        match text.strip_prefix('-') {
            Some(digits) if self.padding() == b'0' => {
                out.push(b'-');
                out.resize(out.len() + room, b'0');
                out.extend_from_slice(digits.as_bytes());
            }
            _ => self.padded(text.as_bytes(), room, self.padding(), out),
        }
    }

    /// Appends a string that is cut at the precision and padded with blanks.
    fn text(self, text: &[u8], out: &mut Vec<u8>) {
        let length = text.len().min(self.precision.unwrap_or(usize::MAX));
        let room = self.width.saturating_sub(length);
        self.padded(&text[..length], room, b' ', out);
    }

    /// Appends a payload that is cut at the width.
    ///
    /// Without a width a payload on the left is followed by as many blanks as it has bytes,
    /// as in Mosquitto.
    fn payload(self, payload: &[u8], out: &mut Vec<u8>) {
        let (length, room) = match (self.width, self.left) {
            (0, true) => (payload.len(), payload.len()),
            (0, false) => (payload.len(), 0),
            (width, _) => (
                payload.len().min(width),
                width.saturating_sub(payload.len()),
            ),
        };
        self.padded(&payload[..length], room, self.padding(), out);
    }

    /// Appends a payload in hexadecimal digits, cut at the width in bytes.
    ///
    /// The precision is the number of digits in a group.
    fn hexadecimal(self, payload: &[u8], digits: &[u8; 16], out: &mut Vec<u8>) {
        let length = match self.width {
            0 => payload.len(),
            width => payload.len().min(width),
        };
        let group = self.precision.unwrap_or(0);
        let separator = self.separator.unwrap_or(b' ');
        let mut text = Vec::with_capacity(2 * length);
        let nibbles = payload[..length]
            .iter()
            .flat_map(|byte| [byte >> 4, byte & 0x0f]);
        for (index, nibble) in nibbles.enumerate() {
            if group != 0 && index != 0 && index % group == 0 {
                text.push(separator);
            }
            text.push(digits[usize::from(nibble)]);
        }
        let room = self.width.saturating_sub(text.len());
        self.padded(&text, room, self.padding(), out);
    }

    fn padded(self, text: &[u8], room: usize, padding: u8, out: &mut Vec<u8>) {
        if !self.left {
            out.resize(out.len() + room, padding);
        }
        out.extend_from_slice(text);
        if self.left {
            out.resize(out.len() + room, b' ');
        }
    }
}

#[cfg(test)]
mod tests;
