use std::time::{Duration, Instant};

/// A moment, in milliseconds since the broker started.
pub(super) type Millis = u64;

/// The broker's time: monotonic, and small enough to keep with every session.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    started: Instant,
}

impl Clock {
    pub(super) fn new() -> Self {
        Self {
            started: Instant::now(),
        }
    }

    pub(super) fn now(self) -> Millis {
        self.started.elapsed().as_millis() as Millis
    }

    /// The moment as the runtime's timers want it.
    pub(super) fn instant(self, at: Millis) -> tokio::time::Instant {
        (self.started + Duration::from_millis(at)).into()
    }
}

/// The moment `seconds` after `now`.
pub(super) fn after_seconds(now: Millis, seconds: u32) -> Millis {
    now + Millis::from(seconds) * 1_000
}
