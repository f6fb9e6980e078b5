use std::sync::atomic::{AtomicBool, Ordering};

/// Whether memory is short, as the task that watches `memory_limit` found it last.
#[derive(Debug, Default)]
pub(super) struct Memory {
    is_short: AtomicBool,
}

impl Memory {
    /// Whether more is kept than allowed. Then nothing new is taken in: who publishes is
    /// cut, and there are no new sessions; who has something to fetch may come.
    pub(super) fn is_short(&self) -> bool {
        self.is_short.load(Ordering::Relaxed)
    }

    /// Notes whether more is kept than allowed; returns what was so before.
    pub(super) fn set_short(&self, is_short: bool) -> bool {
        self.is_short.swap(is_short, Ordering::Relaxed)
    }
}
