//! bcrypt: `$2b$`, and `$2a$` and `$2y$`, which other programs write for the same computation.

use std::fmt;

use base64::Engine;
use subtle::ConstantTimeEq;

use super::cost::Cost;
use super::encoding::{CRYPT, decode, number};
use super::error::{CreateHashError, ParseHashError};
use super::limits::{MAX_BCRYPT_COST, MAX_BCRYPT_PASSWORD};
use super::salt::salt;

const LEAST_COST: u32 = 4;
const NEW_COST: u32 = 10;
const SALT_TEXT_LENGTH: usize = 22;
const HASH_LENGTH: usize = 23;

/// `$2b$cost$` and then salt and hash with nothing between them.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Bcrypt {
    variant: Variant,
    cost: u32,
    salt: [u8; 16],
    hash: [u8; HASH_LENGTH],
}

/// The program that wrote the hash. All three mean the same computation.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Variant {
    A,
    B,
    Y,
}

impl Bcrypt {
    pub(super) fn create(password: &[u8]) -> Result<Self, CreateHashError> {
        if password.len() > MAX_BCRYPT_PASSWORD {
            return Err(CreateHashError::TooLongForBcrypt {
                length: password.len(),
            });
        }
        let key = key(password).ok_or(CreateHashError::NulForBcrypt)?;
        let salt = salt()?;
        Ok(Bcrypt {
            variant: Variant::B,
            cost: NEW_COST,
            salt,
            hash: bcrypt(NEW_COST, salt, &key),
        })
    }

    pub(super) fn parse(text: &str) -> Result<Self, ParseHashError> {
        let mut parts = text.split('$').skip(1);
        let variant = match parts.next() {
            Some("2a") => Variant::A,
            Some("2b") => Variant::B,
            Some("2y") => Variant::Y,
            _ => return Err(ParseHashError::UnknownScheme),
        };
        let cost = number(parts.next(), "bcrypt's cost", LEAST_COST..=MAX_BCRYPT_COST)?;
        let salt_and_hash = parts.next().unwrap_or_default();
        let salt = decode(&CRYPT, salt_and_hash.get(..SALT_TEXT_LENGTH), "the salt")?;
        let hash = decode(&CRYPT, salt_and_hash.get(SALT_TEXT_LENGTH..), "the hash")?;
        if parts.next().is_some() {
            return Err(ParseHashError::Malformed("the hash"));
        }
        Ok(Bcrypt {
            variant,
            cost,
            salt: exactly(salt, "the salt")?,
            hash: exactly(hash, "the hash")?,
        })
    }

    pub(super) fn cost(&self) -> Cost {
        Cost::Bcrypt(self.cost)
    }

    pub(super) fn verify(&self, password: &[u8]) -> bool {
        key(password).is_some_and(|key| bcrypt(self.cost, self.salt, &key).ct_eq(&self.hash).into())
    }
}

impl fmt::Display for Bcrypt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let variant = match self.variant {
            Variant::A => "2a",
            Variant::B => "2b",
            Variant::Y => "2y",
        };
        let salt = CRYPT.encode(self.salt);
        let hash = CRYPT.encode(self.hash);
        write!(f, "${variant}${:02}${salt}{hash}", self.cost)
    }
}

/// Returns the key of bcrypt's cipher: the password and a NUL, 72 bytes at most.
///
/// `None` for a password that bcrypt cannot tell from another one: beyond 72 bytes it sees nothing,
/// and since it repeats its key, `a` NUL `a` is the same to it as `a`.
fn key(password: &[u8]) -> Option<Vec<u8>> {
    if password.len() > MAX_BCRYPT_PASSWORD || password.contains(&0) {
        return None;
    }
    let mut key = password.to_vec();
    key.push(0);
    key.truncate(MAX_BCRYPT_PASSWORD);
    Some(key)
}

fn bcrypt(cost: u32, salt: [u8; 16], key: &[u8]) -> [u8; HASH_LENGTH] {
    let mut hash = [0; HASH_LENGTH];
    // bcrypt's text has always left out the last byte of its output.
    hash.copy_from_slice(&::bcrypt::bcrypt(cost, salt, key)[..HASH_LENGTH]);
    hash
}

fn exactly<const LENGTH: usize>(
    bytes: Vec<u8>,
    part: &'static str,
) -> Result<[u8; LENGTH], ParseHashError> {
    bytes
        .try_into()
        .map_err(|bytes: Vec<u8>| ParseHashError::Length {
            part,
            length: bytes.len(),
        })
}

#[cfg(test)]
mod tests {
    use super::super::PasswordHash;
    use super::*;

    // Computed by the C library's crypt(3); `$2y$05$` is what `htpasswd -B` writes.
    const OF_HTPASSWD: &str = "$2y$05$Q1w2E3r4T5y6U7i8O9p0AuiFukB0BbBgjWD.zVJEsGONqmcE3C8Ee";
    const OF_ACCENTS: &str = "$2a$04$Q1w2E3r4T5y6U7i8O9p0AuIqqb6kP9IiPWg7V/wj35ZoaDT/bpdYe";
    const OF_72_TIMES_X: &str = "$2b$04$Q1w2E3r4T5y6U7i8O9p0Aui8da9seq/OhfA1FkiWkuZ4nkzKDiQf6";
    const OF_NOTHING: &str = "$2b$04$Q1w2E3r4T5y6U7i8O9p0Aul4TzHMM8opf607upc56AuGAIpgiFfCm";

    fn parse(text: &str) -> Result<PasswordHash, ParseHashError> {
        text.parse()
    }

    #[test]
    fn the_hashes_of_other_programs_verify_and_are_written_back_as_they_were() {
        for (text, password) in [
            (OF_HTPASSWD, "secret"),
            (OF_ACCENTS, "pé"),
            (OF_72_TIMES_X, &"x".repeat(72)),
            (OF_NOTHING, ""),
        ] {
            let hash = parse(text).unwrap();
            assert!(hash.verify(password.as_bytes()), "{text}");
            assert!(!hash.verify(b"other"), "{text}");
            assert_eq!(hash.to_string(), text);
        }
    }

    #[test]
    fn a_password_of_more_than_72_bytes_is_refused_rather_than_cut() {
        assert!(matches!(
            Bcrypt::create(&[b'x'; 73]),
            Err(CreateHashError::TooLongForBcrypt { length: 73 })
        ));
        assert!(!parse(OF_72_TIMES_X).unwrap().verify(&[b'x'; 73]));
    }

    #[test]
    fn a_password_with_a_nul_is_not_taken_for_a_shorter_one() {
        let hash = Bcrypt::create(b"a").unwrap();
        assert!(hash.verify(b"a"));
        assert!(!hash.verify(b"a\0a"));
        assert!(matches!(
            Bcrypt::create(b"a\0a"),
            Err(CreateHashError::NulForBcrypt)
        ));
    }

    #[test]
    fn an_absurd_cost_is_refused_when_parsed() {
        for cost in ["03", "18", "31", "99"] {
            let text = OF_HTPASSWD.replace("$05$", &format!("${cost}$"));
            assert_eq!(
                parse(&text).unwrap_err().to_string(),
                "bcrypt's cost is not within 4 to 17"
            );
        }
    }

    #[test]
    fn a_text_of_the_wrong_length_is_refused() {
        assert!(parse(&OF_HTPASSWD[..59]).is_err());
        assert!(parse(&format!("{OF_HTPASSWD}e")).is_err());
        assert!(parse(&format!("{OF_HTPASSWD}$x")).is_err());
        assert!(parse("$2y$05$").is_err());
        assert!(parse("$2y$05$ééééééééééééééééééé").is_err());
    }
}
