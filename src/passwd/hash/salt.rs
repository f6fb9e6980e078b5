//! Random salts.

use super::error::CreateHashError;

/// Returns random bytes for a salt.
pub(super) fn salt<const LENGTH: usize>() -> Result<[u8; LENGTH], CreateHashError> {
    let mut salt = [0; LENGTH];
    getrandom::fill(&mut salt).map_err(CreateHashError::Random)?;
    Ok(salt)
}
