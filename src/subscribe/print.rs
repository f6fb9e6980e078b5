use super::Format;
use crate::client::Report;
use crate::protocol::Publish;

/// How messages are printed.
#[derive(Clone, Debug)]
pub struct Print {
    /// What is printed of a message.
    pub style: Style,
    /// Whether a line end follows it.
    pub newline: bool,
}

/// What is printed of a message.
#[derive(Clone, Debug)]
pub enum Style {
    /// The payload; an empty one is not printed at all.
    Payload,
    /// The topic, a blank and the payload.
    TopicAndPayload,
    /// What a format says.
    Format(Format),
}

impl Print {
    /// Appends a message to `out`.
    pub(super) fn message(&self, publish: &Publish, report: Report, out: &mut Vec<u8>) {
        match &self.style {
            Style::Payload => {
                if publish.payload.is_empty() {
                    return;
                }
                out.extend_from_slice(&publish.payload);
            }
            Style::TopicAndPayload => {
                let topic = publish
                    .topic
                    .as_ref()
                    .map_or(&[][..], |topic| topic.as_bytes());
                if !publish.payload.is_empty() {
                    out.extend_from_slice(topic);
                    out.push(b' ');
                    out.extend_from_slice(&publish.payload);
                } else if self.newline {
                    out.extend_from_slice(topic);
                    out.extend_from_slice(b" (null)");
                } else {
                    return;
                }
            }
            Style::Format(format) => format.print(publish, report, out),
        }
        if self.newline {
            out.push(b'\n');
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::protocol::{Delivery, Properties, TopicName};

    fn printed(style: Style, newline: bool, payload: &'static [u8]) -> String {
        let publish = Publish {
            dup: false,
            delivery: Delivery::AtMostOnce,
            retain: false,
            topic: Some(TopicName::try_from("été/salon").unwrap()),
            properties: Properties::EMPTY,
            payload: Bytes::from_static(payload),
        };
        let mut out = Vec::new();
        let print = Print { style, newline };
        print.message(&publish, Report::new(true), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn an_empty_payload_prints_nothing_unless_verbose() {
        assert_eq!(printed(Style::Payload, true, b"x"), "x\n");
        assert_eq!(printed(Style::Payload, true, b""), "");
        assert_eq!(
            printed(Style::TopicAndPayload, true, b""),
            "été/salon (null)\n"
        );
        assert_eq!(printed(Style::TopicAndPayload, false, b""), "");
        assert_eq!(printed(Style::TopicAndPayload, false, b"x"), "été/salon x");
    }
}
