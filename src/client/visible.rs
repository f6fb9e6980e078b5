//! Text from others, made safe for a terminal.

use std::io::Write;

/// The largest character that takes the short form `\x1b`.
const LAST_SHORT: char = '\x1f';

/// Appends text in which characters that a terminal obeys are shown as `\x1b` or `\u009b`.
///
/// Tabs and line ends stay if `keeps_lines` is true. Bytes that are not text are shown as `\xff`.
pub fn show_controls(bytes: &[u8], keeps_lines: bool, out: &mut Vec<u8>) {
    for chunk in bytes.utf8_chunks() {
        let mut rest = chunk.valid().chars().peekable();
        while let Some(character) = rest.next() {
            let ends_line = match character {
                '\n' | '\t' => true,
                '\r' => rest.peek() == Some(&'\n'),
                _ => false,
            };
            if !is_obeyed(character) || (keeps_lines && ends_line) {
                out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            } else if character <= LAST_SHORT {
                let _ = write!(out, "\\x{:02x}", u32::from(character));
            } else {
                let _ = write!(out, "\\u{:04x}", u32::from(character));
            }
        }
        for byte in chunk.invalid() {
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
}

/// Returns whether a terminal does something else than print the character.
///
/// Besides control characters these are the ones that change the direction of the text.
fn is_obeyed(character: char) -> bool {
    character.is_control() || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(bytes: &[u8], keeps_lines: bool) -> String {
        let mut out = Vec::new();
        show_controls(bytes, keeps_lines, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn text_stays_and_controls_are_shown() {
        let text = "été\t20 °C\r\n\x1b[2J\x07\rx\u{7f}\u{9b}\u{202e}😀";
        assert_eq!(
            shown(text.as_bytes(), true),
            "été\t20 °C\r\n\\x1b[2J\\x07\\x0dx\\u007f\\u009b\\u202e😀"
        );
        assert_eq!(shown(b"a\tb\r\nc", false), "a\\x09b\\x0d\\x0ac");
        assert_eq!(shown(b"a\xff\x9bz", true), "a\\xff\\x9bz");
    }
}
