use super::form::Form;
use super::terminal::Terminal;
use super::{Format, json};
use crate::client::Report;
use crate::protocol::Publish;

/// The way in which messages are printed.
#[derive(Clone, Debug)]
pub struct Print {
    /// The parts of a message to print.
    pub style: Style,
    /// True if a line end follows each message.
    pub newline: bool,
    /// True if JSON is printed over several lines.
    ///
    /// That is the JSON of `%j` and `%J`, and at a terminal also a payload that is JSON.
    pub pretty: bool,
    /// True if a terminal gets control characters and binary payloads as they are.
    pub raw: bool,
}

/// The parts of a message to print.
#[derive(Clone, Debug)]
pub enum Style {
    /// The payload; an empty one is not printed at all.
    Payload,
    /// The topic, a blank and the payload.
    TopicAndPayload,
    /// The text of a format.
    Format(Format),
}

impl Print {
    /// Appends a message to `out`.
    pub(super) fn message(
        &self,
        publish: &Publish,
        terminal: Terminal,
        report: Report,
        out: &mut Vec<u8>,
    ) {
        let form = Form {
            pretty: self.pretty,
            escaped: terminal.present && !self.raw,
        };
        match &self.style {
            Style::Payload => {
                if publish.payload.is_empty() {
                    return;
                }
                payload(&publish.payload, form, terminal, out);
            }
            Style::TopicAndPayload => {
                if publish.payload.is_empty() && !self.newline {
                    return;
                }
                topic(publish, form, terminal, out);
                out.push(b' ');
                if publish.payload.is_empty() {
                    out.extend_from_slice(b"(null)");
                } else {
                    payload(&publish.payload, form, terminal, out);
                }
            }
            Style::Format(format) => format.print(publish, form, report, out),
        }
        if self.newline {
            out.push(b'\n');
        }
    }
}

fn payload(payload: &[u8], form: Form, terminal: Terminal, out: &mut Vec<u8>) {
    let compact = match form.pretty && terminal.present {
        true => json::compact(payload),
        false => None,
    };
    let Some(compact) = compact else {
        return form.payload(payload, out);
    };
    let mut pretty = Vec::new();
    json::pretty(&compact, &mut pretty);
    form.payload(&pretty, out);
}

fn topic(publish: &Publish, form: Form, terminal: Terminal, out: &mut Vec<u8>) {
    let Some(topic) = &publish.topic else {
        return;
    };
    if terminal.colours {
        out.extend_from_slice(b"\x1b[36m");
        form.text(topic.as_bytes(), false, out);
        out.extend_from_slice(b"\x1b[0m");
    } else {
        form.text(topic.as_bytes(), false, out);
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::protocol::{Delivery, Properties, TopicName};

    fn printed_at(terminal: Terminal, print: &Print, payload: &'static [u8]) -> String {
        let publish = Publish {
            dup: false,
            delivery: Delivery::AtMostOnce,
            retain: false,
            topic: Some(TopicName::try_from("été/salon").unwrap()),
            properties: Properties::EMPTY,
            payload: Bytes::from_static(payload),
        };
        let mut out = Vec::new();
        print.message(&publish, terminal, Report::new(true), &mut out);
        String::from_utf8(out).unwrap()
    }

    fn printed(style: Style, newline: bool, payload: &'static [u8]) -> String {
        let print = Print {
            style,
            newline,
            pretty: true,
            raw: false,
        };
        printed_at(Terminal::default(), &print, payload)
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

    #[test]
    fn colours_and_pretty_payloads_are_for_terminals_only() {
        let terminal = Terminal {
            present: true,
            colours: true,
        };
        let print = Print {
            style: Style::TopicAndPayload,
            newline: true,
            pretty: true,
            raw: false,
        };
        assert_eq!(
            printed_at(terminal, &print, b"{\"a\": 1}"),
            "\x1b[36mété/salon\x1b[0m {\n\t\"a\":\t1\n}\n"
        );
        assert_eq!(
            printed_at(Terminal::default(), &print, b"{\"a\": 1}"),
            "été/salon {\"a\": 1}\n"
        );
    }
}
