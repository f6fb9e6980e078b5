//! What the broker has done since its start, counted so that it costs a message next to
//! nothing: each thread counts for itself, and once for a whole batch.

mod bridges;

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use thread_local::ThreadLocal;

pub(super) use self::bridges::{BridgeStatistics, BridgeStatus};

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counter {
    /// MQTT packets of all kinds.
    MessagesReceived,
    MessagesSent,
    BytesReceived,
    BytesSent,
    /// PUBLISH packets, and the bytes of their payloads.
    PublishesReceived,
    PublishesSent,
    PublishesDropped,
    PayloadReceived,
    PayloadSent,
    /// Sockets that were taken.
    Sockets,
    /// CONNECT packets that were answered with success.
    Connections,
    /// Sessions that ended because their time was over.
    Expired,
}

/// Number of counters.
const COUNTERS: usize = Counter::Expired as usize + 1;

/// The counts of all threads.
#[derive(Default)]
pub(super) struct Statistics {
    threads: ThreadLocal<[AtomicU64; COUNTERS]>,
    /// The most sessions that were counted at once.
    maximum_sessions: AtomicUsize,
}

impl Statistics {
    /// Counts `number` more.
    pub(super) fn add(&self, counter: Counter, number: usize) {
        let counts = self.threads.get_or_default();
        let count = &counts[counter as usize];
        // Nobody but this thread writes it.
        count.store(
            count.load(Ordering::Relaxed) + number as u64,
            Ordering::Relaxed,
        );
    }

    /// Counts packets that clients sent.
    pub(super) fn received(&self, tally: Tally) {
        let Tally {
            packets,
            publishes,
            payload_bytes,
        } = tally;
        self.add(Counter::MessagesReceived, packets);
        if publishes > 0 {
            self.add(Counter::PublishesReceived, publishes);
            self.add(Counter::PayloadReceived, payload_bytes);
        }
    }

    /// Counts packets that clients get.
    pub(super) fn sent(&self, tally: Tally) {
        let Tally {
            packets,
            publishes,
            payload_bytes,
        } = tally;
        self.add(Counter::MessagesSent, packets);
        if publishes > 0 {
            self.add(Counter::PublishesSent, publishes);
            self.add(Counter::PayloadSent, payload_bytes);
        }
    }

    /// Notes that there are `number` sessions; returns the most that there were at once.
    pub(super) fn note_sessions(&self, number: usize) -> usize {
        let before = self.maximum_sessions.fetch_max(number, Ordering::Relaxed);
        before.max(number).max(1)
    }

    /// Returns the sums of all threads.
    pub(super) fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        for counts in self.threads.iter() {
            for (total, count) in totals.0.iter_mut().zip(counts) {
                *total += count.load(Ordering::Relaxed);
            }
        }
        totals
    }
}

/// Totals of all counters.
#[derive(Debug, Default)]
pub(super) struct Totals([u64; COUNTERS]);

impl Totals {
    /// Returns the total of one counter.
    pub(super) fn of(&self, counter: Counter) -> u64 {
        self.0[counter as usize]
    }
}

/// PUBLISH and other packets that were counted together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// Packets of all kinds.
    pub(super) packets: usize,
    pub(super) publishes: usize,
    pub(super) payload_bytes: usize,
}

impl Tally {
    /// Counts a PUBLISH.
    pub(super) fn publish(&mut self, payload_bytes: usize) {
        self.publishes(1, payload_bytes);
    }

    /// Counts PUBLISH packets.
    pub(super) fn publishes(&mut self, number: usize, payload_bytes: usize) {
        self.packets += number;
        self.publishes += number;
        self.payload_bytes += payload_bytes;
    }

    /// Adds what was counted elsewhere.
    pub(super) fn add(&mut self, other: Self) {
        self.packets += other.packets;
        self.publishes += other.publishes;
        self.payload_bytes += other.payload_bytes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counts_of_all_threads_are_added_up() {
        let statistics = Statistics::default();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..100 {
                        statistics.add(Counter::BytesSent, 3);
                    }
                });
            }
        });
        assert_eq!(statistics.totals().of(Counter::BytesSent), 1200);
        assert_eq!(statistics.totals().of(Counter::BytesReceived), 0);
    }
}
