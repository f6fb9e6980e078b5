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
mod encoding;
mod sha512;

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

pub use self::argon2id::{MAX_ARGON2_LANES, MAX_ARGON2_MEMORY, MAX_ARGON2_PASSES};
pub use self::bcrypt::{MAX_BCRYPT_COST, MAX_BCRYPT_PASSWORD};

use self::argon2id::Argon2id;
use self::bcrypt::Bcrypt;
use self::sha512::{Sha512, Sha512Pbkdf2};

/// The most PBKDF2 iterations that a `$7$` hash may ask for.
pub const MAX_ITERATIONS: u32 = 10_000_000;

/// How a password is hashed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scheme {
    /// `$7$`: PBKDF2-HMAC-SHA512, what every Mosquitto since 1.6 can read.
    #[default]
    Sha512Pbkdf2,
    /// `$6$`: one round of SHA-512 over password and salt, weak, for files of Mosquitto before 1.6.
    Sha512,
    /// `$argon2id$`: what Mosquitto 2.1 reads when it was built with argon2.
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

    /// The name on the command line (`-H`).
    pub fn name(self) -> &'static str {
        match self {
            Scheme::Sha512Pbkdf2 => "sha512-pbkdf2",
            Scheme::Sha512 => "sha512",
            Scheme::Argon2id => "argon2id",
            Scheme::Bcrypt => "bcrypt",
        }
    }

    /// The scheme that `text` claims by its first characters, whether or not the rest is sound.
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
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// A name that is none of the names of [`Scheme::ALL`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not one of sha512-pbkdf2, sha512, argon2id, bcrypt")]
pub struct UnknownScheme;

/// The number of PBKDF2 iterations: 1 to [`MAX_ITERATIONS`], 1000 by default as in Mosquitto.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Iterations(u32);

impl Iterations {
    /// `count` iterations; `None` when it is 0 or more than [`MAX_ITERATIONS`].
    pub const fn new(count: u32) -> Option<Iterations> {
        if count == 0 || count > MAX_ITERATIONS {
            return None;
        }
        Some(Iterations(count))
    }

    /// The count, 1 to [`MAX_ITERATIONS`].
    pub const fn count(self) -> u32 {
        self.0
    }
}

impl Default for Iterations {
    fn default() -> Self {
        Iterations(1000)
    }
}

/// What a verification costs: all that decides how long it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cost {
    /// PBKDF2 with so many iterations.
    Sha512Pbkdf2(Iterations),
    /// One SHA-512.
    Sha512,
    /// argon2id.
    Argon2id {
        /// Memory in KiB.
        memory: u32,
        /// Passes over it.
        passes: u32,
        /// Lanes, which one thread computes one after the other.
        lanes: u32,
    },
    /// bcrypt with 2 to this power rounds.
    Bcrypt(u32),
}

impl Cost {
    /// Estimates the time in microseconds, to compare costs of different schemes.
    pub fn microseconds(self) -> u64 {
        match self {
            Self::Sha512Pbkdf2(iterations) => u64::from(iterations.count()),
            Self::Sha512 => 1,
            Self::Argon2id { memory, passes, .. } => u64::from(memory) * u64::from(passes),
            Self::Bcrypt(power) => 50 << power,
        }
    }
}

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
    /// When the system gives no random bytes, or when bcrypt cannot tell the password from a shorter one.
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

    /// The scheme of this hash.
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

    /// Whether this is the hash of `password`. Slow on purpose; the comparison takes constant time.
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
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Form::Sha512Pbkdf2(hash) => hash.fmt(formatter),
            Form::Sha512(hash) => hash.fmt(formatter),
            Form::Argon2id(hash) => hash.fmt(formatter),
            Form::Bcrypt(hash) => hash.fmt(formatter),
        }
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "PasswordHash({})", self.scheme())
    }
}

/// Why a text is not a hash.
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
        /// Which part.
        part: &'static str,
        /// Its length in bytes.
        length: usize,
    },
    /// A parameter asks for more work, or less, than is accepted.
    #[error("{parameter} is not within {minimum} to {maximum}")]
    OutOfRange {
        /// Which parameter.
        parameter: &'static str,
        /// The least accepted value.
        minimum: u32,
        /// The greatest accepted value.
        maximum: u32,
    },
}

/// Why a password could not be hashed.
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

/// Random bytes for a salt.
fn salt<const LENGTH: usize>() -> Result<[u8; LENGTH], CreateHashError> {
    let mut salt = [0; LENGTH];
    getrandom::fill(&mut salt).map_err(CreateHashError::Random)?;
    Ok(salt)
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
