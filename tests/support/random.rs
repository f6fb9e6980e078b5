//! Random numbers that can be had again: whoever uses them prints the seed.

use std::time::{Duration, SystemTime};

/// Marsaglia's xorshift64, quite random enough to choose moments and places.
#[derive(Clone)]
pub(crate) struct Random {
    state: u64,
}

impl Random {
    /// Numbers from the seed in this environment variable, or from one of the clock's. The
    /// seed is printed; a test that fails shows what it printed.
    pub(crate) fn seeded(variable: &str) -> Self {
        let seed = match std::env::var(variable) {
            Ok(seed) => seed.parse().expect("a seed is a number"),
            Err(_) => SystemTime::now()
                .duration_since(SystemTime::UNIX_EPOCH)
                .map_or(1, |now| now.as_secs() ^ u64::from(now.subsec_nanos()) << 20),
        };
        println!("{variable}={seed}");
        Self::new(seed)
    }

    /// Numbers from this seed.
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = Self {
            state: seed | 1 << 63,
        };
        // Seeds that are alike begin alike.
        for _ in 0..20 {
            random.next();
        }
        random
    }

    /// Another source, for a thread of its own.
    pub(crate) fn fork(&mut self) -> Self {
        Self::new(self.next())
    }

    /// A number below `bound`, which is not 0.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// Whether something happens that happens once in so many times.
    pub(crate) fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    /// A time shorter than this one.
    pub(crate) fn shorter_than(&mut self, limit: Duration) -> Duration {
        let micros = u64::try_from(limit.as_micros()).expect("a short time");
        Duration::from_micros(self.below(micros.max(1)))
    }

    fn next(&mut self) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state
    }
}
