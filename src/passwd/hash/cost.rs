//! The work that a verification takes.

use super::limits::MAX_ITERATIONS;

/// The number of PBKDF2 iterations: 1 to [`MAX_ITERATIONS`], 1000 by default as in Mosquitto.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Iterations(u32);

impl Iterations {
    /// Returns `count` iterations; `None` if it is 0 or more than [`MAX_ITERATIONS`].
    pub const fn new(count: u32) -> Option<Iterations> {
        if count == 0 || count > MAX_ITERATIONS {
            return None;
        }
        Some(Iterations(count))
    }

    /// Returns the count, 1 to [`MAX_ITERATIONS`].
    pub const fn count(self) -> u32 {
        self.0
    }
}

impl Default for Iterations {
    fn default() -> Self {
        Iterations(1000)
    }
}

/// The cost of a verification: everything that its time depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cost {
    /// PBKDF2 with this number of iterations.
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
