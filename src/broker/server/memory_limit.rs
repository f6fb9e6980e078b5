//! `memory_limit`: the process takes no more memory than allowed.
//!
//! The resident size is what the system sees. An eighth of the limit is kept for what is under
//! way: memory counts as short from there on, until a quarter is free. Then nothing grows, the
//! sessions that hold most may hold no more messages, and when that is not enough the largest of
//! the connected ones is disconnected, again and again. All others go on.

use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, Instant};

use crate::broker::Broker;
use crate::broker::log::rate_limit::LineKind;
use crate::broker::process::resident_bytes;
use crate::broker::session::{Ending, Session};

/// Time between two measurements.
const INTERVAL: Duration = Duration::from_millis(50);
/// The same where more than half of the limit is in use.
const SHORT_INTERVAL: Duration = Duration::from_millis(5);
/// Time until a reload that sets a limit is noticed.
const WITHOUT_LIMIT: Duration = Duration::from_secs(1);
/// Bytes that a session may always hold, unless the limit is nearly reached.
const FAIR_SHARE: usize = 64 * 1024;
/// Bytes that a session may hold in any case.
const LEAST_SHARE: usize = 4 * 1024;
/// Sessions that hold less are not disconnected.
const LARGE_SESSION: usize = 1024 * 1024;

/// Watches the memory for as long as the broker runs, if there is a limit.
///
/// A thread does it, because the tasks of the runtime may be what takes the memory.
pub(super) fn watch_memory(broker: &Arc<Broker>) {
    let watched = Arc::downgrade(broker);
    let thread = thread::Builder::new().name("memory".to_owned());
    if let Err(error) = thread.spawn(move || watch(&watched)) {
        broker.log().error(format_args!(
            "Error: Unable to start the thread that watches 'memory_limit': {error}. The limit \
             has no effect."
        ));
    }
}

fn watch(broker: &Weak<Broker>) {
    let mut watch = Watch::default();
    while let Some(broker) = broker.upgrade() {
        let begin = Instant::now();
        let pause = watch.look(&broker);
        drop(broker);
        // A look at many sessions takes a tenth of a processor at most.
        thread::sleep(pause.max(begin.elapsed() * 10));
    }
}

/// Findings so far.
struct Watch {
    /// Bytes that a session may hold; `usize::MAX` while memory is not short.
    share: usize,
    /// The resident size when clients held little: the allocator had not given it back.
    unused: usize,
}

impl Default for Watch {
    fn default() -> Self {
        Self {
            share: usize::MAX,
            unused: 0,
        }
    }
}

/// Bytes that sessions and retained messages hold.
#[derive(Default)]
struct Usage {
    total: usize,
    /// The session that holds most, and how much.
    largest: usize,
    /// The same of those that are connected.
    largest_connected: Option<(usize, Arc<Session>)>,
}

impl Watch {
    /// Measures, and says when to do it again.
    fn look(&mut self, broker: &Broker) -> Duration {
        let Some(limit) = broker.config().limits.memory_limit else {
            self.set_short(broker, false);
            return WITHOUT_LIMIT;
        };
        let was_short = broker.env.memory.is_short();
        // Where the system does not tell the size, what clients hold has to do.
        let resident = resident_bytes().unwrap_or_else(|| usage(broker).total);
        let is_short = match was_short {
            true => !self.is_relieved(broker, resident, limit),
            false => resident >= self.mark(limit),
        };
        self.set_short(broker, is_short);
        if is_short {
            self.reduce(broker, resident, limit);
        }
        match resident > limit / 2 {
            true => SHORT_INTERVAL,
            false => INTERVAL,
        }
    }

    /// The size from which on memory is short.
    fn mark(&self, limit: usize) -> usize {
        let mark = limit - limit / 8;
        mark.max((self.unused + limit / 16).min(limit - limit / 32))
    }

    /// Returns whether memory is no longer short.
    ///
    /// The process has become smaller, or clients hold so little that it uses again what it has.
    fn is_relieved(&mut self, broker: &Broker, resident: usize, limit: usize) -> bool {
        if resident < limit - limit / 4 {
            self.unused = 0;
            return true;
        }
        if resident < limit - limit / 32 && usage(broker).total < limit / 4 {
            self.unused = resident;
            return true;
        }
        false
    }

    fn set_short(&mut self, broker: &Broker, is_short: bool) {
        let was_short = broker.env.memory.set_short(is_short);
        if was_short == is_short {
            return;
        }
        if is_short {
            broker.env.limited_log.write(
                LineKind::MemoryShort,
                (),
                format_args!(
                    "Warning: 'memory_limit' is nearly reached. New clients, subscriptions and \
                     retained messages are refused, and the clients that hold most get no more \
                     messages queued."
                ),
            );
        } else {
            self.share = usize::MAX;
            broker.env.options.set_memory_share(self.share);
            broker.env.limited_log.write(
                LineKind::MemoryRelieved,
                (),
                format_args!("Memory is below 'memory_limit' again."),
            );
        }
    }

    /// Lets those that hold most hold no more, and disconnects one if that is not enough.
    fn reduce(&mut self, broker: &Broker, resident: usize, limit: usize) {
        let usage = usage(broker);
        let is_urgent = resident >= limit - limit / 16;
        let least = if is_urgent { LEAST_SHARE } else { FAIR_SHARE };
        let share = match is_urgent {
            true => self.share.min(usage.largest) / 2,
            false => usage.largest / 2,
        };
        self.share = share.max(least);
        broker.env.options.set_memory_share(self.share);
        if let Some((bytes, session)) = usage.largest_connected.filter(|_| is_urgent)
            && bytes >= LARGE_SESSION
        {
            let client_id = session.client_id();
            broker.env.limited_log.write(
                LineKind::LargestDisconnected,
                (),
                format_args!(
                    "Disconnecting client {client_id}: it holds about {bytes} bytes, more than \
                     any other, and 'memory_limit' is nearly reached."
                ),
            );
            session.state().end_connection(Ending::MemoryShort);
        }
    }
}

/// Adds up what clients hold. A message that several sessions share counts for each.
fn usage(broker: &Broker) -> Usage {
    let mut usage = Usage {
        total: broker.retained.memory_bytes() + broker.router.memory_bytes(),
        ..Usage::default()
    };
    broker.sessions.for_each(|session| {
        let state = session.state();
        let bytes = state.memory_bytes();
        let is_ending = state.is_ending();
        drop(state);
        usage.total += bytes;
        usage.largest = usage.largest.max(bytes);
        let largest = usage.largest_connected.as_ref();
        if session.is_connected() && !is_ending && largest.is_none_or(|known| bytes > known.0) {
            usage.largest_connected = Some((bytes, Arc::clone(session)));
        }
    });
    usage
}
