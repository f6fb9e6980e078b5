//! Delays of addresses whose logins fail.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// The delay after the first failure; each further failure doubles it.
///
/// It is short, as everybody mistypes a password.
const FIRST_DELAY: Duration = Duration::from_millis(100);
/// The longest delay. Honest clients may have the same address, behind a router for example.
const MAX_DELAY: Duration = Duration::from_secs(5);
/// The time after which failures are forgotten.
const MEMORY: Duration = Duration::from_secs(60);
/// The most addresses whose failures are remembered.
const MAX_ADDRESSES: usize = 4096;

/// Failed logins of each address, or /64 network of IPv6.
#[derive(Debug, Default)]
pub(super) struct Failures(HashMap<Option<IpAddr>, Record>);

#[derive(Clone, Copy, Debug)]
struct Record {
    count: u32,
    last: Instant,
}

impl Record {
    fn delay(self) -> Duration {
        let doublings = self.count.saturating_sub(1).min(6);
        (FIRST_DELAY * 2_u32.pow(doublings)).min(MAX_DELAY)
    }

    fn is_over(self, now: Instant) -> bool {
        now.saturating_duration_since(self.last) >= MEMORY
    }
}

impl Failures {
    /// Counts a failure. Returns the number of failures so far, and the delay that the next
    /// check has for them.
    pub(super) fn add(&mut self, network: Option<IpAddr>, now: Instant) -> (u32, Duration) {
        let begin = Record {
            count: 0,
            last: now,
        };
        if self.0.len() >= MAX_ADDRESSES && !self.0.contains_key(&network) {
            self.make_room(now);
        }
        let record = self.0.entry(network).or_insert(begin);
        if record.is_over(now) {
            *record = begin;
        }
        record.count = record.count.saturating_add(1);
        record.last = now;
        (record.count, record.delay())
    }

    /// Forgives half of the failures.
    ///
    /// Not all of them: whoever has one valid login could guess others without delay.
    pub(super) fn forgive(&mut self, network: Option<IpAddr>) {
        if let Some(record) = self.0.get_mut(&network) {
            record.count /= 2;
            if record.count == 0 {
                self.0.remove(&network);
            }
        }
    }

    /// Returns the time before which the address gets no check; `None` without failures.
    pub(super) fn delayed_until(&self, network: Option<IpAddr>, now: Instant) -> Option<Instant> {
        let record = self.0.get(&network)?;
        (!record.is_over(now)).then(|| record.last + record.delay())
    }

    fn make_room(&mut self, now: Instant) {
        self.0.retain(|_, record| !record.is_over(now));
        if self.0.len() >= MAX_ADDRESSES {
            let oldest = self.0.iter().min_by_key(|(_, record)| record.last);
            if let Some(network) = oldest.map(|(network, _)| *network) {
                self.0.remove(&network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(number: u32) -> Option<IpAddr> {
        Some(IpAddr::from(number.to_be_bytes()))
    }

    #[test]
    fn an_address_waits_longer_after_each_failure_up_to_a_limit() {
        let (mut failures, now) = (Failures::default(), Instant::now());
        let delays: Vec<_> = (0..9)
            .map(|_| failures.add(network(1), now).1.as_millis())
            .collect();
        let expected = [100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000];
        assert_eq!(delays, expected);
        assert_eq!(
            failures.delayed_until(network(1), now),
            Some(now + MAX_DELAY)
        );
        assert_eq!(failures.delayed_until(network(2), now), None);
    }

    #[test]
    fn failures_are_forgotten_after_a_quiet_minute() {
        let (mut failures, now) = (Failures::default(), Instant::now());
        for _ in 0..9 {
            failures.add(network(1), now);
        }
        assert_eq!(failures.delayed_until(network(1), now + MEMORY), None);
        assert_eq!(failures.add(network(1), now + MEMORY).0, 1);
    }

    #[test]
    fn a_login_that_passes_forgives_half_of_the_failures() {
        let (mut failures, now) = (Failures::default(), Instant::now());
        for _ in 0..9 {
            failures.add(network(1), now);
        }
        failures.forgive(network(1));
        assert_eq!(failures.add(network(1), now).0, 5);
        for _ in 0..3 {
            failures.forgive(network(1));
        }
        assert!(failures.0.is_empty());
    }

    #[test]
    fn a_flood_of_addresses_takes_no_more_memory() {
        let (mut failures, now) = (Failures::default(), Instant::now());
        for number in 0..2 * MAX_ADDRESSES as u32 {
            failures.add(network(number), now + Duration::from_micros(number.into()));
        }
        assert_eq!(failures.0.len(), MAX_ADDRESSES);
        let last = network(2 * MAX_ADDRESSES as u32 - 1);
        assert!(failures.delayed_until(last, now).is_some());
        assert!(failures.delayed_until(network(0), now).is_none());
    }
}
