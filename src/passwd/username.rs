//! The user names that `mq-passwd` writes.

use std::fmt;

use thiserror::Error;

/// The longest user name in bytes: MQTT's UTF-8 strings hold no more [MQTT-1.5.4].
const MAX_LENGTH: usize = 65_535;

/// A user name that the broker finds again in the file.
///
/// Readers cut the white space around a name, so `" alice "` would change the password of `alice`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Username(Vec<u8>);

impl Username {
    /// Takes `name`, which must be able to stand in a password file.
    ///
    /// # Errors
    ///
    /// The name cannot stand in a password file. [`Display`](fmt::Display) of the error is Mosquitto's text.
    pub fn new(name: &[u8]) -> Result<Username, UsernameError> {
        if name.len() > MAX_LENGTH {
            return Err(UsernameError::TooLong);
        }
        if name.iter().any(u8::is_ascii_control) {
            return Err(UsernameError::ControlCharacter);
        }
        if name.contains(&b':') {
            return Err(UsernameError::Colon);
        }
        match name.trim_ascii() {
            [] => Err(UsernameError::Empty),
            trimmed if trimmed != name => Err(UsernameError::OuterWhiteSpace),
            [b'#', ..] => Err(UsernameError::Comment),
            _ => Ok(Username(name.to_vec())),
        }
    }

    /// The bytes of the name; a file from elsewhere may hold names that are not UTF-8.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.0))
    }
}

/// A reason why a user name is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum UsernameError {
    /// More than 65,535 bytes.
    #[error("Error: Username must be less than 65536 characters long.")]
    TooLong,
    /// A byte below 0x20, or 0x7F.
    #[error("Error: Username must not contain control characters.")]
    ControlCharacter,
    /// A colon, which would end the name.
    #[error("Error: Username must not contain the ':' character.")]
    Colon,
    /// Nothing, or nothing but white space: the broker refuses the whole file for it.
    #[error("Error: Username must not be empty.")]
    Empty,
    /// White space at either end, which readers of the file cut off.
    #[error("Error: Username must not begin or end with white space.")]
    OuterWhiteSpace,
    /// A `#` first: the broker would take the line for a comment.
    #[error("Error: Username must not begin with the '#' character.")]
    Comment,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_would_break_the_file_is_refused() {
        for (name, error) in [
            (vec![b'a'; 65_536], UsernameError::TooLong),
            (b"a\tb".to_vec(), UsernameError::ControlCharacter),
            (b"a\n".to_vec(), UsernameError::ControlCharacter),
            (b"a\x7f".to_vec(), UsernameError::ControlCharacter),
            (b"a:b".to_vec(), UsernameError::Colon),
            (b"".to_vec(), UsernameError::Empty),
            (b"  ".to_vec(), UsernameError::Empty),
            (b"#a".to_vec(), UsernameError::Comment),
            (b" alice".to_vec(), UsernameError::OuterWhiteSpace),
            (b"alice ".to_vec(), UsernameError::OuterWhiteSpace),
            (b" #a".to_vec(), UsernameError::OuterWhiteSpace),
        ] {
            assert_eq!(Username::new(&name), Err(error));
        }
    }

    #[test]
    fn any_other_bytes_make_a_name() {
        let longest = vec![b'a'; 65_535];
        for name in ["été".as_bytes(), b"\xff\xfe", b"a b", b"a/+#", &longest] {
            assert_eq!(Username::new(name).unwrap().as_bytes(), name);
        }
    }
}
