//! One line of the log: its length, and the time before it.

use std::fmt::{self, Write};
use std::time::{SystemTime, UNIX_EPOCH};

use jiff::fmt::strtime::{BrokenDownTime, Config};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ZonedDateTime};

/// The longest line, in bytes, with its time and without its end. The rest is cut off.
pub(super) const LONGEST_LINE: usize = 999;

/// The text of a line, no longer than it can be used. What a client sent may be part of
/// it; a line end in there becomes `?`, so that nobody writes lines of their own.
pub(super) fn text(arguments: fmt::Arguments<'_>) -> String {
    let mut line = Capped(String::new());
    // A full line ends the formatting by this error; there is none besides.
    let _ = line.write_fmt(arguments);
    let is_unfit = |character: char| character.is_control() && character != '\t';
    if line.0.contains(is_unfit) {
        return line.0.replace(is_unfit, "?");
    }
    line.0
}

/// Takes text until the line is full.
struct Capped(String);

impl Write for Capped {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = LONGEST_LINE - self.0.len();
        if text.len() <= room {
            self.0.push_str(text);
            return Ok(());
        }
        self.0.push_str(cut(text, room));
        Err(fmt::Error)
    }
}

/// As much of `text` as fits in `length` bytes in whole characters.
pub(super) fn cut(text: &str, length: usize) -> &str {
    let mut end = length.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// The beginning of a line, before its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Prefix {
    /// Nothing.
    None,
    /// Seconds since 1970.
    Epoch,
    /// Local time in the notation of `strftime`.
    Format(String),
}

/// Puts lines together. The time is written out once for all lines of a second.
pub(super) struct LineWriter {
    prefix: Prefix,
    second: Option<i64>,
    time: String,
}

impl LineWriter {
    pub(super) fn new(prefix: Prefix) -> Self {
        Self {
            prefix,
            second: None,
            time: String::new(),
        }
    }

    /// The whole line, with the time `at` but without a line end.
    pub(super) fn line(&mut self, at: SystemTime, text: &str) -> String {
        let second = seconds_since_epoch(at);
        if self.second != Some(second) {
            self.second = Some(second);
            self.time = match &self.prefix {
                Prefix::None => String::new(),
                Prefix::Epoch => format!("{second}: "),
                Prefix::Format(format) => format!("{}: ", formatted(format, second)),
            };
        }
        let mut line = String::with_capacity(self.time.len() + text.len() + 1);
        line.push_str(cut(&self.time, LONGEST_LINE));
        line.push_str(cut(text, LONGEST_LINE - line.len()));
        line
    }
}

fn seconds_since_epoch(at: SystemTime) -> i64 {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// `second` in local time; `format` itself where it cannot be followed.
pub(super) fn formatted(format: &str, second: i64) -> String {
    let Ok(timestamp) = Timestamp::from_second(second) else {
        return format.to_owned();
    };
    let local: ZonedDateTime = timestamp.to_zoned_datetime(TimeZone::system());
    BrokenDownTime::from(&local)
        .to_string_with_config(&Config::new().lenient(true), format)
        .unwrap_or_else(|_| format.to_owned())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(second: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(second)
    }

    #[test]
    fn a_line_begins_with_the_seconds_since_1970() {
        let mut writer = LineWriter::new(Prefix::Epoch);
        assert_eq!(writer.line(at(1_700_000_000), "one"), "1700000000: one");
        assert_eq!(writer.line(at(1_700_000_000), "two"), "1700000000: two");
        assert_eq!(writer.line(at(1_700_000_001), "three"), "1700000001: three");
    }

    #[test]
    fn a_line_begins_with_the_time_as_the_format_says() {
        let mut writer = LineWriter::new(Prefix::Format("%Y-%m-%dT%H:%M:%S".to_owned()));
        let line = writer.line(at(1_700_000_000), "text");
        let (time, text) = line.split_at("2023-11-14T22:13:20".len());
        assert!(time.starts_with("2023-11-1"), "{time}");
        assert!(time.ends_with(":20"), "{time}");
        assert_eq!(text, ": text");
    }

    #[test]
    fn a_format_with_unknown_letters_is_kept_as_it_is() {
        let mut writer = LineWriter::new(Prefix::Format("%J %S".to_owned()));
        assert_eq!(writer.line(at(1_700_000_020), "text"), "%J 40: text");
    }

    #[test]
    fn a_line_end_within_a_line_does_not_make_two() {
        assert_eq!(
            text(format_args!("{}", "\tid\r\n1700000000: forged \x1b[31m")),
            "\tid??1700000000: forged ?[31m"
        );
    }

    #[test]
    fn a_line_is_cut_at_999_bytes_and_never_within_a_character() {
        let long = "é".repeat(2000);
        let text = text(format_args!("{long}"));
        assert_eq!(text.len(), 998);
        let line = LineWriter::new(Prefix::Epoch).line(at(1_700_000_000), &text);
        assert_eq!(line.len(), 998);
        assert!(line.ends_with('é'));
        let line = LineWriter::new(Prefix::None).line(at(0), &"x".repeat(2000));
        assert_eq!(line.len(), LONGEST_LINE);
    }
}
