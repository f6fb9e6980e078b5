use std::fmt;

use bytes::Bytes;
use thiserror::Error;

/// A UTF-8 encoded string of MQTT.
///
/// It has at most 65,535 bytes, is well-formed and without U+0000 [MQTT-1.5.4-1]
/// [MQTT-1.5.4-2].
#[derive(Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Text(Bytes);

/// A reason that bytes are not an MQTT string.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TextError {
    /// It is longer than 65,535 bytes.
    #[error("longer than 65,535 bytes")]
    TooLong,
    /// It is not well-formed UTF-8, or has a NUL character.
    #[error("malformed UTF-8")]
    Malformed,
}

impl Text {
    /// The empty string.
    pub const EMPTY: Self = Self(Bytes::new());

    /// Makes a string of the bytes without copying them.
    pub fn from_bytes(bytes: Bytes) -> Result<Self, TextError> {
        if bytes.len() > usize::from(u16::MAX) {
            return Err(TextError::TooLong);
        }
        if std::str::from_utf8(&bytes).is_err() || memchr::memchr(0, &bytes).is_some() {
            return Err(TextError::Malformed);
        }
        Ok(Self(bytes))
    }

    /// Returns the string's bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Returns the string.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("checked when it was made")
    }

    /// Returns whether the string is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the length in bytes.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Copies the string into an allocation of its exact size.
    ///
    /// The copy keeps no larger buffer alive.
    pub fn to_owned_text(&self) -> Self {
        Self(Bytes::copy_from_slice(&self.0))
    }
}

impl TryFrom<&str> for Text {
    type Error = TextError;

    fn try_from(string: &str) -> Result<Self, TextError> {
        Self::from_bytes(Bytes::copy_from_slice(string.as_bytes()))
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

/// Returns whether a string may stand in a topic or a client identifier.
///
/// Beyond what [`Text`] forbids it has no control characters and no non-characters, as in
/// Mosquitto. [MQTT-1.5.4] lets a receiver refuse them.
pub(crate) fn is_plain(bytes: &[u8]) -> bool {
    if bytes.iter().all(|byte| (0x20..0x7f).contains(byte)) {
        return true;
    }
    let Ok(string) = std::str::from_utf8(bytes) else {
        return false;
    };
    !string.chars().any(|character| {
        let code = u32::from(character);
        character.is_control() || code & 0xfffe == 0xfffe || (0xfdd0..=0xfdef).contains(&code)
    })
}

impl Text {
    /// Returns whether the string has neither control characters nor non-characters.
    ///
    /// A client identifier may have none.
    pub fn is_plain(&self) -> bool {
        is_plain(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nul_and_a_surrogate_are_refused() {
        for bytes in [&b"a\0b"[..], &[0xed, 0xa0, 0x80], &[0xff]] {
            assert_eq!(
                Text::from_bytes(Bytes::copy_from_slice(bytes)),
                Err(TextError::Malformed)
            );
        }
    }

    #[test]
    fn a_byte_order_mark_is_kept() {
        // [MQTT-1.5.4-3]
        let text = Text::try_from("\u{feff}x").unwrap();
        assert_eq!(text.len(), 4);
    }

    #[test]
    fn the_longest_string_has_65535_bytes() {
        assert!(Text::from_bytes(Bytes::from(vec![b'a'; 65_535])).is_ok());
        assert_eq!(
            Text::from_bytes(Bytes::from(vec![b'a'; 65_536])),
            Err(TextError::TooLong)
        );
    }

    #[test]
    fn control_characters_and_non_characters_are_not_plain() {
        for string in [
            "a\tb",
            "\u{7f}",
            "\u{85}",
            "\u{fffe}",
            "\u{1ffff}",
            "\u{fdd0}",
        ] {
            assert!(!Text::try_from(string).unwrap().is_plain(), "{string:?}");
        }
        assert!(Text::try_from("été/salon 🌡").unwrap().is_plain());
    }
}
