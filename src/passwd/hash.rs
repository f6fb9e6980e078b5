//! Password hashes: parsing, verifying and making them.
//!
//! | scheme | text | read | written |
//! |---|---|---|---|
//! | [`Scheme::Sha512Pbkdf2`] | `$7$iterations$salt$hash` | Mosquitto 1.6 to 2.1 | salt of 12 bytes |
//! | [`Scheme::Sha512`] | `$6$salt$hash` | all Mosquitto versions | salt of 12 bytes |
//! | [`Scheme::Argon2id`] | `$argon2id$v=19$m=…,t=…,p=…$salt$hash` | Mosquitto 2.1 built with argon2 | `m=47104,t=1,p=1` |
//! | [`Scheme::Bcrypt`] | `$2b$cost$…`, also `$2a$` and `$2y$` | `htpasswd -B` | `$2b$10$…` |
//!
//! A password file may come from anywhere, so the work it can ask for is bounded when it is parsed:
//! see [`MAX_ITERATIONS`], [`MAX_ARGON2_MEMORY`], [`MAX_ARGON2_PASSES`], [`MAX_ARGON2_LANES`] and
//! [`MAX_BCRYPT_COST`]. At these limits one check takes some seconds on an ordinary machine.

mod argon2id;
mod bcrypt;
mod cost;
mod encoding;
mod error;
mod limits;
mod salt;
mod sha512;

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

pub use self::cost::{Cost, Iterations};
pub use self::error::{CreateHashError, ParseHashError};
pub use self::limits::{
    MAX_ARGON2_LANES, MAX_ARGON2_MEMORY, MAX_ARGON2_PASSES, MAX_BCRYPT_COST, MAX_BCRYPT_PASSWORD,
    MAX_ITERATIONS,
};

use self::argon2id::Argon2id;
use self::bcrypt::Bcrypt;
use self::sha512::{Sha512, Sha512Pbkdf2};

/// The ways to hash a password.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scheme {
    /// `$7$`: PBKDF2-HMAC-SHA512, which every Mosquitto since 1.6 can read.
    #[default]
    Sha512Pbkdf2,
    /// `$6$`: one round of SHA-512 over password and salt, weak, for files of Mosquitto before 1.6.
    Sha512,
    /// `$argon2id$`, which Mosquitto 2.1 reads if it was built with argon2.
    Argon2id,
    /// `$2b$`: bcrypt, which Mosquitto does not read.
    Bcrypt,
}

impl Scheme {
    /// Every scheme, the default first.
    pub const ALL: [Scheme; 4] = [
        Scheme::Sha512Pbkdf2,
        Scheme::Sha512,
        Scheme::Argon2id,
        Scheme::Bcrypt,
    ];

    /// Returns the name on the command line (`-H`).
    pub fn name(self) -> &'static str {
        match self {
            Scheme::Sha512Pbkdf2 => "sha512-pbkdf2",
            Scheme::Sha512 => "sha512",
            Scheme::Argon2id => "argon2id",
            Scheme::Bcrypt => "bcrypt",
        }
    }

    /// Returns the scheme that `text` claims by its first characters, whether or not the rest is sound.
    pub fn claimed_by(text: &str) -> Option<Scheme> {
        const PREFIXES: [(&str, Scheme); 6] = [
            ("$7$", Scheme::Sha512Pbkdf2),
            ("$6$", Scheme::Sha512),
            ("$argon2id$", Scheme::Argon2id),
            ("$2b$", Scheme::Bcrypt),
            ("$2a$", Scheme::Bcrypt),
            ("$2y$", Scheme::Bcrypt),
        ];
        PREFIXES
            .iter()
            .find(|(prefix, _)| text.starts_with(prefix))
            .map(|(_, scheme)| *scheme)
    }
}

impl FromStr for Scheme {
    type Err = UnknownScheme;

    fn from_str(name: &str) -> Result<Self, UnknownScheme> {
        Scheme::ALL
            .into_iter()
            .find(|scheme| scheme.name() == name)
            .ok_or(UnknownScheme)
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is none of the names of [`Scheme::ALL`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not one of sha512-pbkdf2, sha512, argon2id, bcrypt")]
pub struct UnknownScheme;

/// The hash of one password, with everything needed to verify it.
///
/// [`Display`](fmt::Display) gives the text of the password file; [`Debug`] gives only the scheme, so
/// that no log ever holds a hash.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(Form);

#[derive(Clone, PartialEq, Eq)]
enum Form {
    Sha512Pbkdf2(Sha512Pbkdf2),
    Sha512(Sha512),
    Argon2id(Argon2id),
    Bcrypt(Bcrypt),
}

impl PasswordHash {
    /// Hashes `password` with a fresh random salt. `iterations` counts for [`Scheme::Sha512Pbkdf2`] only.
    ///
    /// # Errors
    ///
    /// The system gives no random bytes, or bcrypt cannot tell the password from a shorter one.
    pub fn create(
        scheme: Scheme,
        iterations: Iterations,
        password: &[u8],
    ) -> Result<PasswordHash, CreateHashError> {
        let form = match scheme {
            Scheme::Sha512Pbkdf2 => Form::Sha512Pbkdf2(Sha512Pbkdf2::create(iterations, password)?),
            Scheme::Sha512 => Form::Sha512(Sha512::create(password)?),
            Scheme::Argon2id => Form::Argon2id(Argon2id::create(password)?),
            Scheme::Bcrypt => Form::Bcrypt(Bcrypt::create(password)?),
        };
        Ok(PasswordHash(form))
    }

    /// Returns the scheme of this hash.
    pub fn scheme(&self) -> Scheme {
        match self.0 {
            Form::Sha512Pbkdf2(_) => Scheme::Sha512Pbkdf2,
            Form::Sha512(_) => Scheme::Sha512,
            Form::Argon2id(_) => Scheme::Argon2id,
            Form::Bcrypt(_) => Scheme::Bcrypt,
        }
    }

    /// Returns what a verification of this hash costs.
    pub fn cost(&self) -> Cost {
        match &self.0 {
            Form::Sha512Pbkdf2(hash) => hash.cost(),
            Form::Sha512(_) => Cost::Sha512,
            Form::Argon2id(hash) => hash.cost(),
            Form::Bcrypt(hash) => hash.cost(),
        }
    }

    /// Returns whether this is the hash of `password`.
    ///
    /// This is slow on purpose. The comparison takes constant time.
    pub fn verify(&self, password: &[u8]) -> bool {
        match &self.0 {
            Form::Sha512Pbkdf2(hash) => hash.verify(password),
            Form::Sha512(hash) => hash.verify(password),
            Form::Argon2id(hash) => hash.verify(password),
            Form::Bcrypt(hash) => hash.verify(password),
        }
    }
}

impl FromStr for PasswordHash {
    type Err = ParseHashError;

    fn from_str(text: &str) -> Result<Self, ParseHashError> {
        let form = match Scheme::claimed_by(text).ok_or(ParseHashError::UnknownScheme)? {
            Scheme::Sha512Pbkdf2 => Form::Sha512Pbkdf2(Sha512Pbkdf2::parse(text)?),
            Scheme::Sha512 => Form::Sha512(Sha512::parse(text)?),
            Scheme::Argon2id => Form::Argon2id(Argon2id::parse(text)?),
            Scheme::Bcrypt => Form::Bcrypt(Bcrypt::parse(text)?),
        };
        Ok(PasswordHash(form))
    }
}

impl fmt::Display for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Form::Sha512Pbkdf2(hash) => hash.fmt(f),
            Form::Sha512(hash) => hash.fmt(f),
            Form::Argon2id(hash) => hash.fmt(f),
            Form::Bcrypt(hash) => hash.fmt(f),
        }
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PasswordHash({})", self.scheme())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scheme_verifies_what_it_made_and_nothing_else() {
        for scheme in Scheme::ALL {
            let made = PasswordHash::create(scheme, Iterations::default(), b"s\xe9same").unwrap();
            let read: PasswordHash = made.to_string().parse().unwrap();
            assert!(read == made, "{scheme}");
            assert_eq!(read.scheme(), scheme);
            assert!(read.verify(b"s\xe9same"), "{scheme}");
            assert!(!read.verify(b"sesame"), "{scheme}");
            assert!(!read.verify(b""), "{scheme}");
        }
    }

    #[test]
    fn two_hashes_of_one_password_differ() {
        for scheme in Scheme::ALL {
            let hash = || PasswordHash::create(scheme, Iterations::default(), b"same").unwrap();
            assert!(hash() != hash(), "{scheme}");
        }
    }

    #[test]
    fn a_plain_text_is_no_hash() {
        for text in [
            "",
            "secret",
            "$",
            "$5$abc",
            "$2x$10$abc",
            "$argon2i$v=19",
            "7$101$a$b",
        ] {
            assert_eq!(
                text.parse::<PasswordHash>(),
                Err(ParseHashError::UnknownScheme),
                "{text}"
            );
        }
    }

    #[test]
    fn a_hash_never_shows_in_debug_output() {
        let hash = PasswordHash::create(Scheme::Sha512, Iterations::default(), b"a").unwrap();
        assert_eq!(format!("{hash:?}"), "PasswordHash(sha512)");
    }

    #[test]
    fn the_names_of_the_schemes_are_those_of_the_command_line() {
        for scheme in Scheme::ALL {
            assert_eq!(scheme.name().parse(), Ok(scheme));
        }
        assert_eq!("SHA512".parse::<Scheme>(), Err(UnknownScheme));
        assert_eq!(Scheme::default(), Scheme::Sha512Pbkdf2);
    }

    #[test]
    fn iterations_lie_between_one_and_the_limit() {
        assert_eq!(Iterations::default().count(), 1000);
        assert_eq!(Iterations::new(0), None);
        assert_eq!(
            Iterations::new(MAX_ITERATIONS).map(Iterations::count),
            Some(MAX_ITERATIONS)
        );
        assert_eq!(Iterations::new(MAX_ITERATIONS + 1), None);
    }
}
