//! The most work that a hash may ask for: a password file may come from anywhere.

/// The most PBKDF2 iterations that a `$7$` hash may ask for.
pub const MAX_ITERATIONS: u32 = 10_000_000;
/// The most memory that an argon2id hash may ask for, in KiB: 256 MiB.
pub const MAX_ARGON2_MEMORY: u32 = 256 * 1024;
/// The most passes over its memory that an argon2id hash may ask for.
pub const MAX_ARGON2_PASSES: u32 = 32;
/// The most lanes (degree of parallelism) that an argon2id hash may ask for.
pub const MAX_ARGON2_LANES: u32 = 16;
/// The highest cost that a bcrypt hash may ask for; each step doubles the time.
pub const MAX_BCRYPT_COST: u32 = 17;
/// The longest password that bcrypt reads, in bytes; it would silently cut a longer one.
pub const MAX_BCRYPT_PASSWORD: usize = 72;
