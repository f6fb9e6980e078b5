//! A password between its user and its hash.

use std::fmt;

use thiserror::Error;

/// The maximum length in bytes, as MQTT's binary data allows it [MQTT-1.5.6].
pub(super) const MAX_LENGTH: usize = 65_535;

/// A password that a client can send, hidden from debug output.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Password(Vec<u8>);

impl Password {
    pub(super) fn new(bytes: Vec<u8>) -> Result<Password, PasswordTooLong> {
        if bytes.len() > MAX_LENGTH {
            return Err(PasswordTooLong);
        }
        Ok(Password(bytes))
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// A password of more than 65,535 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("Error: Password must be less than 65536 characters long.")]
pub struct PasswordTooLong;
