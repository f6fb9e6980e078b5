//! Time that threads wait for a processor, which is not the broker's doing.

use std::collections::HashMap;
use std::fs;
use std::time::Duration;

/// Time that the threads of a process have waited for a processor so far.
#[derive(Default)]
pub(super) struct Waits(HashMap<String, Duration>);

impl Waits {
    /// Those of the process `id`.
    pub(super) fn of_process(id: u32) -> Self {
        let Ok(threads) = fs::read_dir(format!("/proc/{id}/task")) else {
            return Self::default();
        };
        let threads = threads.filter_map(|thread| {
            let thread = thread.ok()?.path();
            let wait = waited(&format!("{}/schedstat", thread.display()))?;
            Some((thread.display().to_string(), wait))
        });
        Self(threads.collect())
    }

    /// The longest that one of the threads has waited since `earlier`.
    pub(super) fn longest_since(&self, earlier: &Self) -> Duration {
        let since = self.0.iter().map(|(thread, wait)| {
            let earlier = earlier.0.get(thread).copied().unwrap_or_default();
            wait.saturating_sub(earlier)
        });
        since.max().unwrap_or_default()
    }
}

/// Time that this thread has waited.
pub(super) fn own_wait() -> Duration {
    waited("/proc/thread-self/schedstat").unwrap_or_default()
}

/// The second number of `schedstat`: nanoseconds in the run queue.
fn waited(path: &str) -> Option<Duration> {
    let text = fs::read_to_string(path).ok()?;
    let nanoseconds = text.split(' ').nth(1)?.parse().ok()?;
    Some(Duration::from_nanos(nanoseconds))
}
