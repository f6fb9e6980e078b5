//! Credentials of a client, and reasons to refuse them.

use bytes::Bytes;
use thiserror::Error;

use crate::protocol::Text;

/// A user name and a password, as a CONNECT brought them.
#[derive(Clone)]
pub(in crate::broker) struct Credentials {
    username: Text,
    password: Bytes,
}

impl Credentials {
    /// Copies them into memory of their own; `None` for an anonymous client. A missing
    /// password counts as an empty one, which never passes.
    pub(in crate::broker) fn new(username: Option<&Text>, password: Option<&[u8]>) -> Option<Self> {
        let username = username?.to_owned_text();
        let password = Bytes::copy_from_slice(password.unwrap_or_default());
        Some(Self { username, password })
    }

    pub(in crate::broker) fn username(&self) -> &Text {
        &self.username
    }

    pub(super) fn password(&self) -> &[u8] {
        &self.password
    }
}

/// Reasons not to let a client in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(in crate::broker) enum LoginFault {
    #[error("no user name")]
    NoUsername,
    #[error("unknown user")]
    UnknownUser,
    #[error("wrong password")]
    WrongPassword,
    /// Its password was not checked, as too many others wait for that.
    #[error("too many logins at once")]
    TooManyLogins,
}
