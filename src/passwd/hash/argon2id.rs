//! `$argon2id$`, in the string format of the Password Hashing Competition.

use std::fmt;

use ::argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine;
use subtle::ConstantTimeEq;

use super::cost::Cost;
use super::encoding::{UNPADDED, decode, number};
use super::error::{CreateHashError, ParseHashError};
use super::limits::{MAX_ARGON2_LANES, MAX_ARGON2_MEMORY, MAX_ARGON2_PASSES};
use super::salt::salt;

const SHORTEST_SALT: usize = 8;
const SHORTEST_HASH: usize = 16;
const LONGEST: usize = 64;

/// `$argon2id$v=19$m=memory,t=passes,p=lanes$salt$hash`, base64 without padding.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Argon2id {
    params: Params,
    salt: Vec<u8>,
    hash: Vec<u8>,
}

impl Argon2id {
    pub(super) fn create(password: &[u8]) -> Result<Self, CreateHashError> {
        // What Mosquitto 2.1 writes.
        let params = Params::new(47_104, 1, 1, Some(LONGEST))
            .expect("these parameters lie within argon2's own bounds");
        let salt = salt::<LONGEST>()?.to_vec();
        let hash = argon2id(&params, password, &salt, LONGEST)
            .expect("salt and hash lie within argon2's own bounds");
        Ok(Argon2id { params, salt, hash })
    }

    pub(super) fn parse(text: &str) -> Result<Self, ParseHashError> {
        let mut parts = text.split('$').skip(2);
        if parts.next() != Some("v=19") {
            return Err(ParseHashError::Malformed("argon2's version v=19"));
        }
        let mut parameters = parts.next().unwrap_or_default().split(',');
        let mut parameter = |key, name, maximum| {
            let value = parameters.next().and_then(|pair| pair.strip_prefix(key));
            number(value, name, 1..=maximum)
        };
        let memory = parameter("m=", "argon2's memory in KiB (m)", MAX_ARGON2_MEMORY)?;
        let passes = parameter("t=", "argon2's number of passes (t)", MAX_ARGON2_PASSES)?;
        let lanes = parameter("p=", "argon2's number of lanes (p)", MAX_ARGON2_LANES)?;
        let salt = decode(&UNPADDED, parts.next(), "the salt")?;
        let hash = decode(&UNPADDED, parts.next(), "the hash")?;
        if parameters.next().is_some() || parts.next().is_some() {
            return Err(ParseHashError::Malformed("the argon2id hash"));
        }
        for (part, length, shortest) in [
            ("the salt", salt.len(), SHORTEST_SALT),
            ("the hash", hash.len(), SHORTEST_HASH),
        ] {
            if !(shortest..=LONGEST).contains(&length) {
                return Err(ParseHashError::Length { part, length });
            }
        }
        let params = Params::new(memory, passes, lanes, Some(hash.len())).map_err(|_| {
            // The other bounds are checked: what is left is 8 KiB for each lane.
            ParseHashError::OutOfRange {
                parameter: "argon2's memory in KiB (m)",
                minimum: 8 * lanes,
                maximum: MAX_ARGON2_MEMORY,
            }
        })?;
        Ok(Argon2id { params, salt, hash })
    }

    pub(super) fn cost(&self) -> Cost {
        Cost::Argon2id {
            memory: self.params.m_cost(),
            passes: self.params.t_cost(),
            lanes: self.params.p_cost(),
        }
    }

    pub(super) fn verify(&self, password: &[u8]) -> bool {
        argon2id(&self.params, password, &self.salt, self.hash.len())
            .is_ok_and(|hash| hash.ct_eq(&self.hash).into())
    }
}

impl fmt::Display for Argon2id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "$argon2id$v=19$m={},t={},p={}${}${}",
            self.params.m_cost(),
            self.params.t_cost(),
            self.params.p_cost(),
            UNPADDED.encode(&self.salt),
            UNPADDED.encode(&self.hash),
        )
    }
}

fn argon2id(
    params: &Params,
    password: &[u8],
    salt: &[u8],
    length: usize,
) -> Result<Vec<u8>, ::argon2::Error> {
    let mut hash = vec![0; length];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone())
        .hash_password_into(password, salt, &mut hash)?;
    Ok(hash)
}

#[cfg(test)]
mod tests {
    use super::super::PasswordHash;
    use super::*;

    // From the test vectors of argon2's reference implementation.
    const ONE_LANE: &str =
        "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
    const TWO_LANES: &str =
        "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc";

    fn parse(text: &str) -> Result<PasswordHash, ParseHashError> {
        text.parse()
    }

    #[test]
    fn the_reference_vectors_verify_and_are_written_back_as_they_were() {
        for text in [ONE_LANE, TWO_LANES] {
            let hash = parse(text).unwrap();
            assert!(hash.verify(b"password"));
            assert!(!hash.verify(b"differentpassword"));
            assert_eq!(hash.to_string(), text);
        }
    }

    #[test]
    fn a_new_hash_has_the_parameters_and_lengths_of_mosquitto() {
        let text = Argon2id::create(b"a").unwrap().to_string();
        assert!(
            text.starts_with("$argon2id$v=19$m=47104,t=1,p=1$"),
            "{text}"
        );
        let parts: Vec<&str> = text.split('$').collect();
        assert_eq!(
            (parts[4].len(), parts[5].len()),
            (86, 86),
            "64 bytes each, without padding"
        );
    }

    #[test]
    fn absurd_parameters_are_refused_when_parsed() {
        for (usual, absurd, complaint) in [
            (
                "m=256",
                "m=262145",
                "argon2's memory in KiB (m) is not within 1 to 262144",
            ),
            (
                "m=256",
                "m=4294967295",
                "argon2's memory in KiB (m) is not within 1 to 262144",
            ),
            (
                "m=256",
                "m=7",
                "argon2's memory in KiB (m) is not within 8 to 262144",
            ),
            (
                "t=2",
                "t=33",
                "argon2's number of passes (t) is not within 1 to 32",
            ),
            (
                "t=2",
                "t=0",
                "argon2's number of passes (t) is not within 1 to 32",
            ),
            (
                "p=1",
                "p=17",
                "argon2's number of lanes (p) is not within 1 to 16",
            ),
        ] {
            let text = ONE_LANE.replace(usual, absurd);
            assert_eq!(parse(&text).unwrap_err().to_string(), complaint, "{text}");
        }
    }

    #[test]
    fn other_versions_and_shapes_are_malformed() {
        for (usual, other) in [
            ("v=19", "v=16"),
            ("m=256,t=2", "t=2,m=256"),
            (",p=1", ""),
            (",p=1", ",p=1,data=YQ"),
            ("$nf65", "$!"),
            ("$nf65", "$YQ$nf65"),
        ] {
            let text = ONE_LANE.replace(usual, other);
            assert!(
                matches!(parse(&text), Err(ParseHashError::Malformed(_))),
                "{text}"
            );
        }
        let text = ONE_LANE.replace("c29tZXNhbHQ", "c29tZXM");
        assert_eq!(
            parse(&text),
            Err(ParseHashError::Length {
                part: "the salt",
                length: 5
            })
        );
    }
}
