//! The fields of a line: the first two, split at colons, without the blanks around them.

use std::ops::Range;

/// The positions of a line's fields, without the blanks around them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fields {
    pub(super) username: Range<usize>,
    /// The hash, or a plain password, up to a second colon.
    pub(super) password: Range<usize>,
}

/// The meaning of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// A comment that begins with `#`, or a blank line.
    Remark,
    /// A line without a colon.
    NoColon,
    /// A user name and a password, either of which may be empty.
    Entry(Fields),
}

impl Line {
    /// Parses `line`, which may end in a newline.
    pub(super) fn parse(line: &[u8]) -> Line {
        if line.starts_with(b"#") || line.trim_ascii().is_empty() {
            return Line::Remark;
        }
        let Some(colon) = memchr::memchr(b':', line) else {
            return Line::NoColon;
        };
        let end = memchr::memchr(b':', &line[colon + 1..])
            .map_or(line.len(), |next_colon| colon + 1 + next_colon);
        Line::Entry(Fields {
            username: trimmed(line, 0..colon),
            password: trimmed(line, colon + 1..end),
        })
    }
}

/// Returns text from a file without control characters, fit for a terminal or a log.
pub(super) fn printable(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).replace(char::is_control, "\u{fffd}")
}

/// Returns `range` without the blanks at both ends.
fn trimmed(line: &[u8], range: Range<usize>) -> Range<usize> {
    let field = &line[range.clone()];
    let start = range.start + (field.len() - field.trim_ascii_start().len());
    let length = field.trim_ascii().len();
    start..start + length
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(line: &str) -> (&str, &str) {
        match Line::parse(line.as_bytes()) {
            Line::Entry(fields) => (&line[fields.username], &line[fields.password]),
            other => panic!("{line:?} is {other:?}"),
        }
    }

    #[test]
    fn blanks_around_the_fields_and_further_fields_do_not_count() {
        assert_eq!(fields("a:b"), ("a", "b"));
        assert_eq!(fields(" a b : c d \r\n"), ("a b", "c d"));
        assert_eq!(fields("a:b:c:d\n"), ("a", "b"));
        assert_eq!(fields("  # a:b\n"), ("# a", "b"));
    }

    #[test]
    fn fields_may_be_empty() {
        assert_eq!(fields("a:\n"), ("a", ""));
        assert_eq!(fields(":b"), ("", "b"));
        assert_eq!(fields(" : : "), ("", ""));
    }

    #[test]
    fn what_is_shown_of_a_file_cannot_steer_a_terminal() {
        assert_eq!(
            printable(b"\x1b[2Jj\xc3\xa9\xff"),
            "\u{fffd}[2Jj\u{e9}\u{fffd}"
        );
    }

    #[test]
    fn comments_and_blank_lines_are_remarks() {
        for line in ["", "\n", " \t\r\n", "#", "# a:b\n"] {
            assert_eq!(Line::parse(line.as_bytes()), Line::Remark, "{line:?}");
        }
        assert_eq!(Line::parse(b"word\n"), Line::NoColon);
    }
}
