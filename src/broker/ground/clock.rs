use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A moment, in milliseconds since the broker started.
pub(in crate::broker) type Millis = u64;

/// The broker's time: monotonic, and small enough to keep with every session.
#[derive(Clone, Copy, Debug)]
pub(in crate::broker) struct Clock {
    started: Instant,
    /// The same moment in milliseconds since 1970.
    started_unix: Millis,
}

impl Clock {
    pub(in crate::broker) fn new() -> Self {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH);
        Self {
            started: Instant::now(),
            started_unix: unix.unwrap_or_default().as_millis() as Millis,
        }
    }

    pub(in crate::broker) fn now(self) -> Millis {
        self.started.elapsed().as_millis() as Millis
    }

    /// The moment in milliseconds since 1970, for what is read after a restart.
    pub(in crate::broker) fn to_unix(self, at: Millis) -> Millis {
        self.started_unix.saturating_add(at)
    }

    /// The moment that [`Clock::to_unix`] wrote down. What was before the broker's start
    /// is as good as at its start.
    pub(in crate::broker) fn at_unix(self, unix: Millis) -> Millis {
        unix.saturating_sub(self.started_unix)
    }

    /// Returns the moment of a Unix time in seconds, of which any number may be in a file.
    pub(in crate::broker) fn at_unix_seconds(self, seconds: u64) -> Millis {
        self.at_unix(seconds.saturating_mul(1_000))
    }

    /// The moment as the runtime's timers want it.
    pub(in crate::broker) fn instant(self, at: Millis) -> tokio::time::Instant {
        (self.started + Duration::from_millis(at)).into()
    }
}

/// The moment `seconds` after `now`.
pub(in crate::broker) fn after_seconds(now: Millis, seconds: u32) -> Millis {
    now + Millis::from(seconds) * 1_000
}
