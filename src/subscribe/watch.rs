use std::collections::HashMap;
use std::io::Write;

use super::terminal::Terminal;
use crate::protocol::TopicName;

/// The line below that of the broker.
const FIRST_LINE: usize = 2;

/// The last message of each topic, in lines that stay.
///
/// To a file or a pipe this writes what Mosquitto writes. At a terminal a long line is cut at
/// the edge, and a shorter line replaces a longer one completely.
pub(super) struct Watch {
    place: String,
    terminal: Terminal,
    lines: HashMap<TopicName, usize>,
    texts: Vec<Vec<u8>>,
}

impl Watch {
    pub(super) fn new(place: String, terminal: Terminal) -> Self {
        Self {
            place,
            terminal,
            lines: HashMap::new(),
            texts: Vec::new(),
        }
    }

    /// Clears the screen and writes everything that is known.
    pub(super) fn draw(&self, out: &mut Vec<u8>) {
        if self.terminal.present {
            // Lines do not wrap.
            out.extend_from_slice(b"\x1b[?7l");
        }
        let _ = writeln!(out, "\x1b[2J\x1b[1;1HBroker: {}", self.place);
        for index in 0..self.texts.len() {
            self.draw_line(index, out);
        }
    }

    /// Writes the message of a topic.
    pub(super) fn message(&mut self, topic: TopicName, mut text: Vec<u8>, out: &mut Vec<u8>) {
        if self.terminal.present {
            for byte in &mut text {
                if matches!(byte, b'\n' | b'\r' | b'\t') {
                    *byte = b' ';
                }
            }
        }
        let index = *self.lines.entry(topic).or_insert(self.texts.len());
        if index == self.texts.len() {
            self.texts.push(text);
        } else {
            self.texts[index] = text;
        }
        self.draw_line(index, out);
    }

    /// Restores the terminal.
    pub(super) fn end(&self, out: &mut Vec<u8>) {
        if self.terminal.present {
            out.extend_from_slice(b"\x1b[?7h");
        }
    }

    fn draw_line(&self, index: usize, out: &mut Vec<u8>) {
        let _ = write!(out, "\x1b[{};1H", FIRST_LINE + index);
        out.extend_from_slice(&self.texts[index]);
        if self.terminal.present {
            out.extend_from_slice(b"\x1b[K");
        }
        let _ = writeln!(out, "\x1b[{};1H", FIRST_LINE + self.texts.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watched(terminal: Terminal) -> String {
        let mut watch = Watch::new("h".to_owned(), terminal);
        let mut out = Vec::new();
        watch.draw(&mut out);
        for (topic, text) in [("a", "long\ntext"), ("b", "2"), ("a", "3")] {
            let topic = TopicName::try_from(topic).unwrap();
            watch.message(topic, text.into(), &mut out);
        }
        watch.end(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn each_topic_has_a_line_of_its_own() {
        assert_eq!(
            watched(Terminal::default()),
            "\x1b[2J\x1b[1;1HBroker: h\n\
             \x1b[2;1Hlong\ntext\x1b[3;1H\n\x1b[3;1H2\x1b[4;1H\n\x1b[2;1H3\x1b[4;1H\n"
        );
    }

    #[test]
    fn at_a_terminal_lines_are_cut_and_cleared() {
        let terminal = Terminal {
            present: true,
            colours: true,
        };
        let text = watched(terminal);
        assert!(
            text.starts_with("\x1b[?7l") && text.ends_with("\x1b[?7h"),
            "{text:?}"
        );
        assert!(text.contains("long text\x1b[K"), "{text:?}");
    }
}
