//! Errors of password hashes.

use thiserror::Error;

use super::limits::MAX_BCRYPT_PASSWORD;

/// A reason why a text is not a hash.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ParseHashError {
    /// It begins like none of the schemes; a plain-text password lands here.
    #[error("not a hash of a known type ($7$, $6$, $argon2id$, $2b$)")]
    UnknownScheme,
    /// A part is missing, or it is not in the scheme's encoding.
    #[error("{0} is missing or malformed")]
    Malformed(&'static str),
    /// A salt or a hash has a length that the scheme does not know.
    #[error("{part} is {length} bytes long")]
    Length {
        /// The part.
        part: &'static str,
        /// Its length in bytes.
        length: usize,
    },
    /// A parameter asks for more work, or less, than is accepted.
    #[error("{parameter} is not within {minimum} to {maximum}")]
    OutOfRange {
        /// The parameter.
        parameter: &'static str,
        /// The least accepted value.
        minimum: u32,
        /// The greatest accepted value.
        maximum: u32,
    },
}

/// A reason why a password could not be hashed.
#[derive(Debug, Error)]
pub enum CreateHashError {
    /// The system gave no random bytes for the salt.
    #[error("no random bytes: {0}")]
    Random(getrandom::Error),
    /// bcrypt would silently cut the password.
    #[error("bcrypt takes at most {MAX_BCRYPT_PASSWORD} bytes, this password has {length}")]
    TooLongForBcrypt {
        /// The length of the password in bytes.
        length: usize,
    },
    /// bcrypt would take the password for a shorter one.
    #[error("bcrypt takes no password with a NUL byte")]
    NulForBcrypt,
}
