//! The parts that the hash texts share: base64 and bounded numbers.

use std::ops::RangeInclusive;

use base64::alphabet::{Alphabet, BCRYPT, STANDARD};
use base64::engine::{DecodePaddingMode, Engine, GeneralPurpose, GeneralPurposeConfig};

use super::error::ParseHashError;

/// Base64 with padding when written; read with or without it.
pub(super) const PADDED: GeneralPurpose = engine(&STANDARD, true);
/// Base64 without padding when written; read with or without it.
pub(super) const UNPADDED: GeneralPurpose = engine(&STANDARD, false);
/// The base64 of bcrypt, with an alphabet of its own.
pub(super) const CRYPT: GeneralPurpose = engine(&BCRYPT, false);

const fn engine(alphabet: &Alphabet, padded: bool) -> GeneralPurpose {
    GeneralPurpose::new(
        alphabet,
        GeneralPurposeConfig::new()
            .with_encode_padding(padded)
            .with_decode_padding_mode(DecodePaddingMode::Indifferent)
            // Some makers of bcrypt hashes leave the unused bits of the last character set.
            .with_decode_allow_trailing_bits(true),
    )
}

/// Decodes `text`, the part of a hash that an error calls `part`.
pub(super) fn decode(
    engine: &GeneralPurpose,
    text: Option<&str>,
    part: &'static str,
) -> Result<Vec<u8>, ParseHashError> {
    text.and_then(|text| engine.decode(text).ok())
        .ok_or(ParseHashError::Malformed(part))
}

/// Reads a decimal number that must lie within `range`.
pub(super) fn number(
    text: Option<&str>,
    parameter: &'static str,
    range: RangeInclusive<u32>,
) -> Result<u32, ParseHashError> {
    let digits = text
        .filter(|text| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()))
        .ok_or(ParseHashError::Malformed(parameter))?;
    // Digits only, so a failure is an overflow, which is out of range as well.
    digits
        .parse()
        .ok()
        .filter(|number| range.contains(number))
        .ok_or(ParseHashError::OutOfRange {
            parameter,
            minimum: *range.start(),
            maximum: *range.end(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_digits_within_its_range() {
        let read = |text| number(Some(text), "the count", 1..=20);
        assert_eq!(read("1"), Ok(1));
        assert_eq!(read("020"), Ok(20));
        for text in ["", "+5", "-5", "5 ", "0x5", "five"] {
            assert_eq!(
                read(text),
                Err(ParseHashError::Malformed("the count")),
                "{text}"
            );
        }
        for text in ["0", "21", "99999999999999999999999999"] {
            assert!(
                matches!(read(text), Err(ParseHashError::OutOfRange { .. })),
                "{text}"
            );
        }
        assert_eq!(
            number(None, "the count", 1..=20),
            Err(ParseHashError::Malformed("the count"))
        );
    }

    #[test]
    fn base64_is_read_with_and_without_padding() {
        for engine in [&PADDED, &UNPADDED] {
            assert_eq!(decode(engine, Some("YQ=="), "x"), Ok(b"a".to_vec()));
            assert_eq!(decode(engine, Some("YQ"), "x"), Ok(b"a".to_vec()));
        }
        assert!(decode(&PADDED, Some("Y!"), "x").is_err());
    }
}
