use std::time::Duration;

use crate::broker::config::RestartTimeout;

/// The delays between attempts to connect.
#[derive(Debug)]
pub(super) struct Backoff {
    timeout: RestartTimeout,
    last: Duration,
}

impl Backoff {
    pub(super) fn new(timeout: RestartTimeout) -> Self {
        Self {
            timeout,
            last: match timeout {
                RestartTimeout::Constant(delay) => delay,
                RestartTimeout::Jitter { base, .. } => base,
            },
        }
    }

    /// Returns the delay before the next attempt; `random` is from 0 to 1.
    pub(super) fn next(&mut self, random: f64) -> Duration {
        let RestartTimeout::Jitter { base, cap, .. } = self.timeout else {
            return self.last;
        };
        let most = (self.last * 3).min(cap).max(base);
        self.last = base + (most - base).mul_f64(random.clamp(0.0, 1.0));
        self.last
    }

    /// Begins again after a connection that lasted so long; returns whether that was stable.
    pub(super) fn reset_after(&mut self, lasted: Duration) -> bool {
        match self.timeout {
            RestartTimeout::Jitter { base, stable, .. } if lasted >= stable => {
                self.last = base;
                true
            }
            RestartTimeout::Constant(_) | RestartTimeout::Jitter { .. } => false,
        }
    }

    /// Returns the shortest delay.
    pub(super) fn shortest(&self) -> Duration {
        match self.timeout {
            RestartTimeout::Constant(delay) => delay,
            RestartTimeout::Jitter { base, .. } => base,
        }
    }

    /// Returns whether the delays are random.
    pub(super) fn is_random(&self) -> bool {
        matches!(self.timeout, RestartTimeout::Jitter { .. })
    }
}

/// Returns a number from 0 to 1.
pub(super) fn random() -> f64 {
    let number = getrandom::u32().unwrap_or(u32::MAX / 2);
    f64::from(number) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(number: u64) -> Duration {
        Duration::from_secs(number)
    }

    #[test]
    fn random_delays_grow_to_the_cap_and_begin_again_after_a_stable_connection() {
        let mut backoff = Backoff::new(RestartTimeout::Jitter {
            base: seconds(5),
            cap: seconds(30),
            stable: seconds(60),
        });
        assert_eq!(backoff.next(0.0), seconds(5));
        assert_eq!(backoff.next(1.0), seconds(15));
        assert_eq!(backoff.next(0.5), Duration::from_millis(17_500));
        assert_eq!(backoff.next(1.0), seconds(30));
        assert!(!backoff.reset_after(seconds(59)));
        assert_eq!(backoff.next(1.0), seconds(30));
        assert!(backoff.reset_after(seconds(60)));
        assert_eq!(backoff.next(1.0), seconds(15));
    }

    #[test]
    fn a_constant_delay_stays_the_same() {
        let mut backoff = Backoff::new(RestartTimeout::Constant(seconds(7)));
        assert_eq!([backoff.next(0.0), backoff.next(1.0)], [seconds(7); 2]);
        assert!(!backoff.reset_after(seconds(100)));
    }
}
