//! Numbers that tell sessions, connections and shared subscriptions apart.

use std::num::NonZeroU64;
use std::sync::atomic::{AtomicU64, Ordering};

static LAST_SESSION: AtomicU64 = AtomicU64::new(0);
static LAST_CONNECTION: AtomicU64 = AtomicU64::new(0);
static NEXT_SHARE: AtomicU64 = AtomicU64::new(1);

/// Number of a session, also of those that had the same client identifier one after the
/// other. Never given twice, also not after a restart with what was stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(in crate::broker) struct SessionNumber(u64);

impl SessionNumber {
    /// A number that no session had before.
    pub(in crate::broker) fn unused() -> Self {
        Self(LAST_SESSION.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// The number of a session that was stored; no other gets it.
    pub(in crate::broker) fn from_stored(number: u64) -> Self {
        LAST_SESSION.fetch_max(number, Ordering::Relaxed);
        Self(number)
    }

    pub(in crate::broker) fn get(self) -> u64 {
        self.0
    }
}

/// Number of a connection of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::broker) struct ConnectionNumber(u64);

impl ConnectionNumber {
    /// A number that no connection had before.
    pub(in crate::broker) fn unused() -> Self {
        Self(LAST_CONNECTION.fetch_add(1, Ordering::Relaxed) + 1)
    }
}

/// Number of a shared subscription of a session.
///
/// By it the messages that the subscription brought go to another member when the session ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::broker) struct ShareId(NonZeroU64);

impl ShareId {
    /// An identifier that no subscription had before.
    pub(in crate::broker) fn unused() -> Self {
        let number = NEXT_SHARE.fetch_add(1, Ordering::Relaxed);
        Self(NonZeroU64::new(number).unwrap_or(NonZeroU64::MIN))
    }

    /// The identifier of a subscription that was stored; no other gets it.
    pub(in crate::broker) fn from_stored(number: u64) -> Option<Self> {
        let number = NonZeroU64::new(number)?;
        NEXT_SHARE.fetch_max(number.get().saturating_add(1), Ordering::Relaxed);
        Some(Self(number))
    }

    pub(in crate::broker) fn get(self) -> u64 {
        self.0.get()
    }
}
