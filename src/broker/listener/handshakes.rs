//! Connections that have not sent their CONNECT yet.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::timeout;

/// The time that a handshake may take before it makes room for others. Most take a few round
/// trips at most.
const PROTECTED: Duration = Duration::from_secs(1);
/// The longest wait until the limit is looked at again.
const RECHECK: Duration = Duration::from_millis(100);

/// The handshakes of all listeners, from an accepted socket to a whole CONNECT.
///
/// Nobody has to log in to occupy a place here. So at the limit, the address with the most
/// handshakes makes room: its oldest one ends. It had more time than most need. A newcomer has
/// to wait for a place only while all handshakes are young.
#[derive(Debug, Default)]
pub(in crate::broker) struct Handshakes {
    count: AtomicU32,
    /// Those that wait for their peer, by address and in the order of their age.
    waiting: Mutex<Waiting>,
    /// A handshake has ended.
    ended: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    by_network: HashMap<Option<IpAddr>, BTreeMap<Age, Arc<Notify>>>,
    last_number: u64,
}

/// The begin of a handshake, and a number that tells apart those that began together.
type Age = (Instant, u64);

impl Handshakes {
    /// Waits until there are fewer handshakes than `limit`, and begins one. `report` is called
    /// if the limit was reached.
    pub(in crate::broker) async fn begin(
        self: &Arc<Self>,
        limit: Option<u32>,
        report: impl FnOnce(),
    ) -> Handshake {
        let limit = limit.unwrap_or(u32::MAX);
        if let Some(handshake) = self.try_begin(limit) {
            return handshake;
        }
        report();
        loop {
            let ended = self.ended.notified();
            if let Some(handshake) = self.try_begin(limit) {
                return handshake;
            }
            self.make_room(Instant::now());
            let _ = timeout(RECHECK, ended).await;
        }
    }

    /// Begins a handshake, unless there are as many as `limit`.
    fn try_begin(self: &Arc<Self>, limit: u32) -> Option<Handshake> {
        let more = |count: u32| (count < limit).then_some(count + 1);
        let relaxed = Ordering::Relaxed;
        let begun = self.count.fetch_update(relaxed, relaxed, more);
        begun.is_ok().then(|| Handshake(Arc::clone(self)))
    }

    /// Ends the oldest handshake of the address with the most, unless it is young.
    fn make_room(&self, now: Instant) {
        let waiting = self.waiting.lock();
        let old = waiting.by_network.values().filter(|handshakes| {
            let oldest = handshakes.first_key_value();
            oldest.is_some_and(|((since, _), _)| *since + PROTECTED <= now)
        });
        let oldest = old
            .max_by_key(|handshakes| handshakes.len())
            .and_then(BTreeMap::first_key_value);
        if let Some((_, ends)) = oldest {
            ends.notify_one();
        }
    }
}

/// A handshake, which is counted until this is dropped.
#[derive(Debug)]
pub(in crate::broker) struct Handshake(Arc<Handshakes>);

impl Handshake {
    /// Waits until the handshake has to make room for another one. It began at `since`, and
    /// its peer is in `network`.
    pub(in crate::broker) async fn make_room(&self, network: Option<IpAddr>, since: Instant) {
        let ends = Arc::new(Notify::new());
        let _entry = self.enter(network, since, Arc::clone(&ends));
        ends.notified().await;
    }

    fn enter(&self, network: Option<IpAddr>, since: Instant, ends: Arc<Notify>) -> Entry<'_> {
        let mut waiting = self.0.waiting.lock();
        waiting.last_number += 1;
        let age = (since, waiting.last_number);
        let handshakes = waiting.by_network.entry(network).or_default();
        handshakes.insert(age, ends);
        Entry {
            handshakes: &self.0,
            network,
            age,
        }
    }
}

impl Drop for Handshake {
    fn drop(&mut self) {
        self.0.count.fetch_sub(1, Ordering::Relaxed);
        self.0.ended.notify_waiters();
    }
}

/// A handshake among those that wait for their peer.
struct Entry<'a> {
    handshakes: &'a Handshakes,
    network: Option<IpAddr>,
    age: Age,
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        let mut waiting = self.handshakes.waiting.lock();
        if let Some(handshakes) = waiting.by_network.get_mut(&self.network) {
            handshakes.remove(&self.age);
            if handshakes.is_empty() {
                waiting.by_network.remove(&self.network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::pin::{Pin, pin};
    use std::task::{Context, Waker};

    use super::*;

    fn network(last: u8) -> Option<IpAddr> {
        Some(IpAddr::from([192, 0, 2, last]))
    }

    fn is_ready(future: Pin<&mut impl Future>) -> bool {
        let mut cx = Context::from_waker(Waker::noop());
        future.poll(&mut cx).is_ready()
    }

    #[test]
    fn the_oldest_handshake_of_the_address_with_the_most_makes_room() {
        let handshakes = Arc::new(Handshakes::default());
        let begun: Vec<_> = (0..3).filter_map(|_| handshakes.try_begin(3)).collect();
        assert!(handshakes.try_begin(3).is_none());
        let start = Instant::now();
        let later = start + Duration::from_millis(1);
        let mut lone = pin!(begun[0].make_room(network(1), start));
        let mut newer = pin!(begun[1].make_room(network(2), later));
        let mut older = pin!(begun[2].make_room(network(2), start));
        assert!(!is_ready(lone.as_mut()) && !is_ready(newer.as_mut()) && !is_ready(older.as_mut()));
        handshakes.make_room(start);
        assert!(!is_ready(older.as_mut()), "it is young");
        handshakes.make_room(start + PROTECTED);
        assert!(!is_ready(lone.as_mut()) && !is_ready(newer.as_mut()));
        assert!(is_ready(older.as_mut()));
    }

    #[tokio::test]
    async fn a_newcomer_waits_until_another_handshake_has_ended() {
        let handshakes = Arc::new(Handshakes::default());
        let first = handshakes.begin(Some(1), || panic!("there is room")).await;
        let is_reported = Cell::new(false);
        let mut second = pin!(handshakes.begin(Some(1), || is_reported.set(true)));
        let early = timeout(Duration::from_millis(1), second.as_mut()).await;
        assert!(early.is_err());
        drop(first);
        drop(second.await);
        assert!(is_reported.get());
        assert_eq!(handshakes.count.load(Ordering::Relaxed), 0);
        assert!(handshakes.waiting.lock().by_network.is_empty());
    }
}
