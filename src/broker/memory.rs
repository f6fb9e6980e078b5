//! Shortage of memory, as the thread that watches `memory_limit` found it last.

use std::sync::atomic::{AtomicBool, Ordering};

/// Larger messages are not retained while memory is short, even in the place of another.
const SMALL_MESSAGE: usize = 1024;
/// The beginning of a packet may not grow beyond this while memory is short.
const SMALL_PACKET: usize = 256 * 1024;

/// Shortage of memory, and what is refused then.
#[derive(Debug, Default)]
pub(super) struct Memory {
    is_short: AtomicBool,
}

impl Memory {
    /// Returns whether memory is short.
    ///
    /// Then there are no new sessions and no new subscriptions, and sessions that hold much
    /// may not hold more.
    pub(super) fn is_short(&self) -> bool {
        self.is_short.load(Ordering::Relaxed)
    }

    /// Notes whether memory is short; returns what was so before.
    pub(super) fn set_short(&self, is_short: bool) -> bool {
        self.is_short.swap(is_short, Ordering::Relaxed)
    }

    /// Returns whether a message of `bytes` may be retained.
    ///
    /// While memory is short, only a small one may, in the place of another.
    pub(super) fn admits_retained(
        &self,
        bytes: usize,
        is_replacement: impl FnOnce() -> bool,
    ) -> bool {
        !self.is_short() || bytes <= SMALL_MESSAGE && is_replacement()
    }

    /// Returns whether the beginning of a packet may have this many bytes.
    pub(super) fn admits_partial_packet(&self, bytes: usize) -> bool {
        bytes <= SMALL_PACKET || !self.is_short()
    }
}
