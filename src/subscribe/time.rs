//! Times of messages in the forms of C's `strftime`.

use std::io::Write;

use jiff::{ZonedDateTime, fmt::strtime};

/// Formats a time with `%FT%T%z`.
pub(super) fn iso(now: &ZonedDateTime) -> String {
    now.strftime("%FT%T%z").to_string()
}

/// Formats the `tst` of a JSON message, with microseconds.
pub(super) fn iso_micros(now: &ZonedDateTime) -> String {
    now.strftime("%FT%T.%6f%z").to_string()
}

/// Appends the seconds since 1970 with nine decimals.
pub(super) fn unix(now: &ZonedDateTime, out: &mut Vec<u8>) {
    let timestamp = now.timestamp();
    let _ = write!(
        out,
        "{}.{:09}",
        timestamp.as_second(),
        timestamp.subsec_nanosecond()
    );
}

/// Appends a conversion of `strftime` in the C locale.
///
/// Unknown conversions are left as they are.
pub(super) fn conversion(letter: u8, now: &ZonedDateTime, out: &mut Vec<u8>) {
    let format: &[u8] = match letter {
        b'c' => b"%a %b %e %H:%M:%S %Y",
        b'r' => b"%I:%M:%S %p",
        b'x' => b"%m/%d/%y",
        b'X' => b"%H:%M:%S",
        b'n' => b"\n",
        b't' => b"\t",
        b'a' | b'A' | b'b' | b'B' | b'C' | b'd' | b'D' | b'e' | b'F' | b'g' | b'G' | b'h'
        | b'H' | b'I' | b'j' | b'k' | b'l' | b'm' | b'M' | b'p' | b'P' | b'R' | b's' | b'S'
        | b'T' | b'u' | b'U' | b'V' | b'w' | b'W' | b'y' | b'Y' | b'z' | b'Z' => &[b'%', letter],
        _ => {
            out.extend_from_slice(&[b'%', letter]);
            return;
        }
    };
    if let Ok(text) = strtime::format(format, now) {
        out.extend_from_slice(text.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use jiff::tz::{TimeZone, offset};

    use super::*;

    fn at(timestamp: &str, hours: i8) -> ZonedDateTime {
        let zone = match hours {
            0 => TimeZone::UTC,
            hours => TimeZone::fixed(offset(hours)),
        };
        timestamp
            .parse::<Timestamp>()
            .unwrap()
            .to_zoned_datetime(zone)
    }

    fn converted(letter: u8) -> String {
        let now = at("2026-02-03T04:05:06.123456789Z", 0);
        let mut out = Vec::new();
        conversion(letter, &now, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn conversions_are_those_of_the_c_locale() {
        for (letter, text) in [
            (b'c', "Tue Feb  3 04:05:06 2026"),
            (b'x', "02/03/26"),
            (b'X', "04:05:06"),
            (b'r', "04:05:06 AM"),
            (b'j', "034"),
            (b'k', " 4"),
            (b'l', " 4"),
            (b'P', "am"),
            (b'C', "20"),
            (b'z', "+0000"),
            (b'Z', "UTC"),
            (b'u', "2"),
            (b'V', "06"),
            (b's', "1770091506"),
            (b'Q', "%Q"),
            (b'+', "%+"),
        ] {
            assert_eq!(converted(letter), text, "{}", letter as char);
        }
    }

    #[test]
    fn a_json_time_has_microseconds() {
        let now = at("2026-02-03T03:05:06.123456789Z", 1);
        assert_eq!(iso_micros(&now), "2026-02-03T04:05:06.123456+0100");
        let mut out = Vec::new();
        unix(&now, &mut out);
        assert_eq!(out, b"1770087906.123456789");
    }
}
