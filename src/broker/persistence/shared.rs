use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::{Condvar, Mutex};

use super::pending::Pending;
use crate::broker::ground::Clock;
use crate::broker::log::Log;

/// State shared by the records, the tickets and the storing thread.
pub(super) struct Shared {
    pub(super) pending: Mutex<Pending>,
    /// Wakes the storing thread when something is pending sooner than it knew.
    pub(super) work: Condvar,
    pub(super) last_number: AtomicU64,
    pub(super) clock: Clock,
    pub(super) log: Log,
    pub(super) has_failed: AtomicBool,
}

impl Shared {
    pub(super) fn new(last_number: u64, clock: Clock, log: Log) -> Self {
        Self {
            pending: Mutex::default(),
            work: Condvar::new(),
            last_number: AtomicU64::new(last_number),
            clock,
            log,
            has_failed: AtomicBool::new(false),
        }
    }

    /// Notes whether the store refuses commits.
    pub(super) fn set_failed(&self, has_failed: bool) {
        self.has_failed.store(has_failed, Ordering::Relaxed);
    }

    /// Changes what is pending, and wakes the storing thread if it has to know.
    pub(super) fn change(&self, change: impl FnOnce(&mut Pending) -> bool) {
        let mut pending = self.pending.lock();
        let sooner = change(&mut pending);
        drop(pending);
        if sooner {
            self.work.notify_one();
        }
    }
}
