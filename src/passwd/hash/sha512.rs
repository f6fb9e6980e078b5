//! Mosquitto's own schemes: `$7$` (PBKDF2-HMAC-SHA512) and `$6$` (one SHA-512).

use std::fmt;

use base64::Engine;
use sha2::Digest;
use subtle::ConstantTimeEq;

use super::cost::{Cost, Iterations};
use super::encoding::{PADDED, decode, number};
use super::error::{CreateHashError, ParseHashError};
use super::limits::MAX_ITERATIONS;
use super::salt::salt;

const HASH_LENGTH: usize = 64;

/// The salt that is written: the only length that Mosquitto before 2.1 reads, which 2.1 reads as well.
const SALT_LENGTH: usize = 12;

/// The salt that Mosquitto 2.1 writes.
const LONG_SALT_LENGTH: usize = 64;

/// `$7$iterations$salt$hash`
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Sha512Pbkdf2 {
    iterations: Iterations,
    digest: Salted,
}

impl Sha512Pbkdf2 {
    pub(super) fn create(iterations: Iterations, password: &[u8]) -> Result<Self, CreateHashError> {
        let salt = salt::<SALT_LENGTH>()?;
        let hash = pbkdf2_sha512(iterations, password, &salt);
        Ok(Sha512Pbkdf2 {
            iterations,
            digest: Salted {
                salt: salt.to_vec(),
                hash,
            },
        })
    }

    pub(super) fn parse(text: &str) -> Result<Self, ParseHashError> {
        let mut parts = text.split('$').skip(2);
        let count = number(parts.next(), "the iteration count", 1..=MAX_ITERATIONS)?;
        let iterations =
            Iterations::new(count).ok_or(ParseHashError::Malformed("the iteration count"))?;
        Ok(Sha512Pbkdf2 {
            iterations,
            digest: Salted::parse(parts)?,
        })
    }

    pub(super) fn cost(&self) -> Cost {
        Cost::Sha512Pbkdf2(self.iterations)
    }

    pub(super) fn verify(&self, password: &[u8]) -> bool {
        let hash = pbkdf2_sha512(self.iterations, password, &self.digest.salt);
        hash.ct_eq(&self.digest.hash).into()
    }
}

impl fmt::Display for Sha512Pbkdf2 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "$7${}{}", self.iterations.count(), self.digest)
    }
}

/// `$6$salt$hash`
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Sha512(Salted);

impl Sha512 {
    pub(super) fn create(password: &[u8]) -> Result<Self, CreateHashError> {
        let salt = salt::<SALT_LENGTH>()?;
        let hash = sha512(password, &salt);
        Ok(Sha512(Salted {
            salt: salt.to_vec(),
            hash,
        }))
    }

    pub(super) fn parse(text: &str) -> Result<Self, ParseHashError> {
        Salted::parse(text.split('$').skip(2)).map(Sha512)
    }

    pub(super) fn verify(&self, password: &[u8]) -> bool {
        sha512(password, &self.0.salt).ct_eq(&self.0.hash).into()
    }
}

impl fmt::Display for Sha512 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "$6{}", self.0)
    }
}

/// `$salt$hash`, the end of both texts.
#[derive(Clone, PartialEq, Eq)]
struct Salted {
    salt: Vec<u8>,
    hash: [u8; HASH_LENGTH],
}

impl Salted {
    fn parse<'a>(mut parts: impl Iterator<Item = &'a str>) -> Result<Self, ParseHashError> {
        let salt = decode(&PADDED, parts.next(), "the salt")?;
        let hash = decode(&PADDED, parts.next(), "the hash")?;
        if parts.next().is_some() {
            return Err(ParseHashError::Malformed("the hash"));
        }
        if salt.len() != SALT_LENGTH && salt.len() != LONG_SALT_LENGTH {
            return Err(ParseHashError::Length {
                part: "the salt",
                length: salt.len(),
            });
        }
        let hash = hash
            .try_into()
            .map_err(|hash: Vec<u8>| ParseHashError::Length {
                part: "the hash",
                length: hash.len(),
            })?;
        Ok(Salted { salt, hash })
    }
}

impl fmt::Display for Salted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "${}${}",
            PADDED.encode(&self.salt),
            PADDED.encode(self.hash)
        )
    }
}

fn pbkdf2_sha512(iterations: Iterations, password: &[u8], salt: &[u8]) -> [u8; HASH_LENGTH] {
    pbkdf2::pbkdf2_hmac_array::<sha2::Sha512, HASH_LENGTH>(password, salt, iterations.count())
}

fn sha512(password: &[u8], salt: &[u8]) -> [u8; HASH_LENGTH] {
    sha2::Sha512::new()
        .chain_update(password)
        .chain_update(salt)
        .finalize()
        .into()
}

#[cfg(test)]
mod tests {
    use super::super::PasswordHash;
    use super::*;

    // Written by mosquitto_passwd 2.0.11.
    const PBKDF2_OF_2_0: &str = "$7$101$rWz/tDainbPK2q0b$n2ai+xHXjuClNuu0/yc58iWzED4ItGFKQwuhGaN5XP9/dVQIBSpv+WnMXyivkI1h7htUu4mlJLLuCjQDv/xlqg==";
    const PBKDF2_OF_2_0_ACCENTS: &str = "$7$101$0Efdq4HdX5ms6/PC$/s//S9sbi8/bUAAhCUfZfXCwS2kZCSTaG80qGR45n/b4fVWH5ESNbiFs1FMiVhVhJNlZWPTsLTEiR17mF6iiMw==";
    const SHA512_OF_2_0: &str = "$6$+iCFQDwcRbbs2Ecr$dCOu0dP9FpalMxHNmsO+DrD6deq83phQVhbd2s2VbeS4/Ho3PXER3DbZ4VORaqVIJgHVZEFN15B6aWxgPBLevw==";
    // The salt of 64 bytes that Mosquitto 2.1 writes; the hash computed with Python's hashlib.
    const PBKDF2_OF_2_1: &str = "$7$1000$AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw==$j5aX3DstWRgO5cjjfvKvsf7Z/KK812T4wGDMih+DCHQg8P7++fmj4sZcMp1smkEafZL0QZ29tE5ezahL/nyffw==";

    fn parse(text: &str) -> Result<PasswordHash, ParseHashError> {
        text.parse()
    }

    #[test]
    fn the_hashes_of_mosquitto_verify_and_are_written_back_as_they_were() {
        for (text, password) in [
            (PBKDF2_OF_2_0, "secret"),
            (PBKDF2_OF_2_0_ACCENTS, "h@lló wörld"),
            (PBKDF2_OF_2_1, "secret"),
            (SHA512_OF_2_0, "secret"),
        ] {
            let hash = parse(text).unwrap();
            assert!(hash.verify(password.as_bytes()), "{text}");
            assert!(!hash.verify(b"Secret"), "{text}");
            assert_eq!(hash.to_string(), text);
        }
    }

    #[test]
    fn the_iterations_asked_for_are_written() {
        let iterations = Iterations::new(7).unwrap();
        let hash = Sha512Pbkdf2::create(iterations, b"a").unwrap().to_string();
        assert!(hash.starts_with("$7$7$"), "{hash}");
        assert!(parse(&hash).unwrap().verify(b"a"));
    }

    #[test]
    fn a_salt_is_12_or_64_bytes_and_a_hash_64() {
        let hash = PADDED.encode([0; 64]);
        for length in [0, 11, 13, 63, 65] {
            let salt = PADDED.encode(vec![0; length]);
            let expected = Err(ParseHashError::Length {
                part: "the salt",
                length,
            });
            assert_eq!(parse(&format!("$6${salt}${hash}")), expected);
            assert_eq!(parse(&format!("$7$1${salt}${hash}")), expected);
        }
        let salt = PADDED.encode([0; 12]);
        let short = PADDED.encode([0; 63]);
        let expected = Err(ParseHashError::Length {
            part: "the hash",
            length: 63,
        });
        assert_eq!(parse(&format!("$6${salt}${short}")), expected);
    }

    #[test]
    fn absurd_iteration_counts_are_refused_when_parsed() {
        for count in ["0", "10000001", "4294967296", "999999999999999999999"] {
            let text = PBKDF2_OF_2_0.replace("$101$", &format!("${count}$"));
            assert_eq!(
                parse(&text).unwrap_err().to_string(),
                "the iteration count is not within 1 to 10000000",
            );
        }
    }

    #[test]
    fn missing_and_surplus_parts_are_malformed() {
        for text in [
            "$7$",
            "$7$101",
            "$7$101$rWz/tDainbPK2q0b",
            "$7$-1$a$b",
            "$6$",
            "$6$!$!",
        ] {
            assert!(
                matches!(parse(text), Err(ParseHashError::Malformed(_))),
                "{text}"
            );
        }
        assert_eq!(
            parse(&format!("{SHA512_OF_2_0}$x")),
            Err(ParseHashError::Malformed("the hash"))
        );
    }
}
