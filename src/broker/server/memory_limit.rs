//! `memory_limit`: what is kept for clients takes no more memory than allowed.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use crate::broker::Broker;
use crate::broker::log::LineKind;

/// How often what is kept is added up.
const INTERVAL: Duration = Duration::from_millis(50);

/// Adds up what is kept, for as long as the broker runs, where there is a limit.
pub(super) async fn watch_memory(broker: Arc<Broker>) {
    let Some(limit) = broker.config().limits.memory_limit else {
        return;
    };
    let mut interval = interval(INTERVAL);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        let is_short =
            kept_bytes(&broker) > limit && resident_bytes().is_none_or(|now| now > limit);
        let was_short = broker.env.memory.set_short(is_short);
        match (was_short, is_short) {
            (false, true) => broker.env.limited_log.write(
                LineKind::MemoryShort,
                (),
                format_args!(
                    "Warning: 'memory_limit' is reached: who publishes is cut until clients have \
                     fetched what waits for them."
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
    let mut bytes = broker.retained.size().1;
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
