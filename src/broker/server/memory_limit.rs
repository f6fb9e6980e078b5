//! `memory_limit`: what is kept for clients takes no more memory than allowed.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use crate::broker::Broker;
use crate::broker::log::rate_limit::LineKind;

/// Time between two measurements.
const INTERVAL: Duration = Duration::from_millis(50);
/// Time until a reload that sets a limit is noticed.
const WITHOUT_LIMIT: Duration = Duration::from_secs(1);

/// Measures the memory in use for as long as the broker runs, if there is a limit.
pub(super) async fn watch_memory(broker: Arc<Broker>) {
    loop {
        let limit = broker.config().limits.memory_limit;
        sleep(limit.map_or(WITHOUT_LIMIT, |_| INTERVAL)).await;
        let is_short = limit.is_some_and(|limit| {
            kept_bytes(&broker) > limit && resident_bytes().is_none_or(|now| now > limit)
        });
        let was_short = broker.env.memory.set_short(is_short);
        match (was_short, is_short) {
            (false, true) => broker.env.limited_log.write(
                LineKind::MemoryShort,
                (),
                format_args!(
                    "Warning: 'memory_limit' is reached. Publishers are disconnected until queued \
                     messages have been delivered."
                ),
            ),
            (true, false) => broker.env.limited_log.write(
                LineKind::MemoryRelieved,
                (),
                format_args!("Memory is below 'memory_limit' again."),
            ),
            _ => {}
        }
    }
}

/// About what sessions and retained messages hold. A message that several sessions
/// share counts for each, which is why the process's own size has a say, too.
fn kept_bytes(broker: &Broker) -> usize {
    let mut bytes = broker.retained.memory_bytes() + broker.router.memory_bytes();
    broker
        .sessions
        .for_each(|session| bytes += session.state().held_bytes());
    bytes
}

/// What the process holds in memory, where the system tells.
fn resident_bytes() -> Option<usize> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let size = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: usize = size.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes * 1024)
}
