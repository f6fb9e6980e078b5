//! The rates at which a client may send.

use std::pin::Pin;

use tokio::time::Sleep;

use crate::broker::config::Limits;
use crate::broker::ground::Millis;

/// The work that a client may do ahead of its rate: that of one second.
const AHEAD: u64 = 1_000_000;

/// Amount that a client has sent lately.
pub(super) struct Rate {
    messages: Meter,
    bytes: Meter,
    /// Ends when the client may be read again.
    pub(super) timer: Option<Pin<Box<Sleep>>>,
}

impl Rate {
    /// Returns `None` if the client may send at any rate.
    pub(super) fn new(limits: &Limits) -> Option<Box<Self>> {
        let (messages, bytes) = (limits.max_messages_per_second, limits.max_bytes_per_second);
        (messages.is_some() || bytes.is_some()).then(|| {
            Box::new(Self {
                messages: Meter::new(messages),
                bytes: Meter::new(bytes),
                timer: None,
            })
        })
    }

    /// Counts messages.
    pub(super) fn add_messages(&mut self, messages: usize, now: Millis) {
        self.messages.add(messages, now);
    }

    /// Returns the number of messages that the client may publish now.
    pub(super) fn allowance(&self, now: Millis) -> usize {
        self.messages.allowance(now)
    }

    /// Counts bytes.
    pub(super) fn add_bytes(&mut self, bytes: usize, now: Millis) {
        self.bytes.add(bytes, now);
    }

    /// Returns when the client may be read again, if that is not now.
    pub(super) fn resumes_at(&self, now: Millis) -> Option<Millis> {
        let at = self.messages.within_at().max(self.bytes.within_at());
        (at > now).then_some(at)
    }
}

/// The time until which the work so far takes, at the rate that is allowed.
struct Meter {
    per_second: Option<u32>,
    /// In microseconds.
    busy_until: u64,
}

impl Meter {
    fn new(per_second: Option<u32>) -> Self {
        Self {
            per_second,
            busy_until: 0,
        }
    }

    fn add(&mut self, count: usize, now: Millis) {
        if let Some(per_second) = self.per_second {
            let time = (count as u64).saturating_mul(1_000_000) / u64::from(per_second);
            self.busy_until = self.busy_until.max(now * 1_000).saturating_add(time);
        }
    }

    /// Returns how much may be added before the rate is exceeded, and one more.
    fn allowance(&self, now: Millis) -> usize {
        let Some(per_second) = self.per_second else {
            return usize::MAX;
        };
        let left = (now * 1_000 + AHEAD).saturating_sub(self.busy_until.max(now * 1_000));
        1 + usize::try_from(left * u64::from(per_second) / 1_000_000).unwrap_or(usize::MAX - 1)
    }

    /// Returns when the rate is kept again.
    fn within_at(&self) -> Millis {
        self.busy_until.saturating_sub(AHEAD).div_ceil(1_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_read_again_when_its_rate_is_kept() {
        let limits = Limits {
            max_messages_per_second: Some(10),
            ..Limits::default()
        };
        let mut rate = Rate::new(&limits).unwrap();
        let now = 5_000;
        rate.add_bytes(1 << 30, now);
        assert_eq!(rate.allowance(now), 11);
        rate.add_messages(10, now);
        assert_eq!(rate.allowance(now), 1);
        assert_eq!(rate.resumes_at(now), None);
        rate.add_messages(5, now);
        assert_eq!(rate.resumes_at(now), Some(now + 500));
        assert_eq!(rate.resumes_at(now + 500), None);
        assert!(Rate::new(&Limits::default()).is_none());
    }
}
