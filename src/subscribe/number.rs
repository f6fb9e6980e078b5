//! Numbers in the forms of C's `printf`.

use std::io::Write;

/// Formats a number with `%.*f`.
pub(super) fn fixed(number: f64, precision: usize) -> String {
    if number.is_finite() {
        return format!("{number:.precision$}");
    }
    let sign = if number.is_sign_negative() { "-" } else { "" };
    let word = if number.is_nan() { "nan" } else { "inf" };
    format!("{sign}{word}")
}

/// Appends a number as cJSON prints it.
///
/// Whole numbers that fit into 32 bits are printed as such, others with 15 digits, or with 17
/// if 15 are not the same number.
pub(super) fn json(number: f64, out: &mut Vec<u8>) {
    if !number.is_finite() {
        out.extend_from_slice(b"null");
        return;
    }
    if number.trunc() == number && number.abs() <= f64::from(i32::MAX) {
        // This includes -0, which is printed as 0.
        let _ = write!(out, "{}", number as i32);
        return;
    }
    let short = general(number, 15);
    let same = short.parse::<f64>().is_ok_and(|parsed| {
        (parsed - number).abs() <= parsed.abs().max(number.abs()) * f64::EPSILON
    });
    let text = if same { short } else { general(number, 17) };
    out.extend_from_slice(text.as_bytes());
}

/// Formats a finite number with `%.*g`.
fn general(number: f64, precision: usize) -> String {
    let scientific = format!("{number:.*e}", precision - 1);
    let Some((mantissa, exponent)) = scientific.split_once('e') else {
        return scientific;
    };
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let digits = i32::try_from(precision).unwrap_or(i32::MAX);
    if exponent < -4 || exponent >= digits {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!(
            "{}e{sign}{:02}",
            without_trailing_zeros(mantissa),
            exponent.unsigned_abs()
        );
    }
    let decimals = usize::try_from(digits - 1 - exponent).unwrap_or(0);
    without_trailing_zeros(&format!("{number:.decimals$}")).to_owned()
}

fn without_trailing_zeros(number: &str) -> &str {
    if number.contains('.') {
        number.trim_end_matches('0').trim_end_matches('.')
    } else {
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_mosquittos_json_printer_does() {
        for (number, text) in [
            (1.0, "1"),
            (2.5, "2.5"),
            (f64::INFINITY, "null"),
            (9_007_199_254_740_993.0, "9.00719925474099e+15"),
            (0.1, "0.1"),
            (1e5, "100000"),
            (1e11, "100000000000"),
            (1e-7, "1e-07"),
            (123_456_789.123, "123456789.123"),
            (-2_147_483_649.0, "-2147483649"),
            (1e300, "1e+300"),
        ] {
            let mut out = Vec::new();
            json(number, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), text);
        }
    }

    #[test]
    fn what_is_no_number_is_written_as_c_does() {
        assert_eq!(fixed(1.0, 6), "1.000000");
        assert_eq!(fixed(f64::NAN, 6), "nan");
        assert_eq!(fixed(f64::NEG_INFINITY, 6), "-inf");
    }
}
