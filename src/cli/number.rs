/// Parses a whole number; `None` if it is not one, or too large.
pub(super) fn integer(value: &[u8]) -> Option<i64> {
    std::str::from_utf8(value).ok()?.trim().parse().ok()
}

/// Parses a number.
pub(super) fn decimal(value: &[u8]) -> Option<f64> {
    std::str::from_utf8(value).ok()?.trim().parse().ok()
}

/// Parses a number with C's prefixes: `0x` for hexadecimal, `0` for octal.
pub(super) fn integer_with_base(value: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(value).ok()?.trim();
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let hexadecimal = digits
        .strip_prefix("0x")
        .or_else(|| digits.strip_prefix("0X"));
    let (digits, base) = match hexadecimal {
        Some(digits) => (digits, 16),
        None if digits.len() > 1 && digits.starts_with('0') => (&digits[1..], 8),
        None => (digits, 10),
    };
    if digits.starts_with(['+', '-']) {
        return None;
    }
    let number = i64::from_str_radix(digits, base).ok()?;
    Some(if negative { -number } else { number })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_must_be_a_number() {
        assert_eq!(integer(b"12"), Some(12));
        assert_eq!(integer(b"-1"), Some(-1));
        assert_eq!(integer(b"12x"), None);
        assert_eq!(integer(b""), None);
        assert_eq!(decimal(b"0.5"), Some(0.5));
    }

    #[test]
    fn prefixes_change_the_base() {
        assert_eq!(integer_with_base(b"0x10"), Some(16));
        assert_eq!(integer_with_base(b"010"), Some(8));
        assert_eq!(integer_with_base(b"-1"), Some(-1));
        assert_eq!(integer_with_base(b"0"), Some(0));
        assert_eq!(integer_with_base(b"10s"), None);
        assert_eq!(integer_with_base(b"--1"), None);
    }
}
