//! Expectations of the broker.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use super::attack::LONG;
use super::canary::{Felt, Trip};
use crate::support::Broker;

/// Limits of the canary's round trips.
///
/// An optimised broker is held to the strict ones, by the clock. A debug build is several times
/// slower, and `cargo test` shares the machine with others. So it only shows that nobody is held
/// up for seconds: the limits are thirty times as high then, and the time that a thread of the broker or of the canary waits for a processor does
/// not count.
const P99: Duration = Duration::from_millis(if LONG { 20 } else { 1_000 });
const WORST: Duration = Duration::from_millis(if LONG { 100 } else { 3_000 });
/// The longest that the broker takes to stop.
const STOP: Duration = Duration::from_secs(5);

/// Judges what the canary has felt, the memory and the end of the broker.
#[track_caller]
pub(super) fn judge(broker: Broker, felt: &Felt, ends: &[io::Result<()>], memory_limit: u64) {
    let name = thread::current().name().unwrap_or_default().to_owned();
    let name = name.rsplit("::").next().unwrap_or_default();
    let (p99, worst) = (percentile(&felt.trips, 99), percentile(&felt.trips, 100));
    let connect = percentile(&felt.connects, 100);
    let (peak, left) = (broker.peak_memory(), broker.resident_memory());
    let begin = Instant::now();
    let log = broker.log();
    let code = broker.stop();
    let stopped = begin.elapsed();
    let cut = ends.iter().filter_map(|end| end.as_ref().err());
    let cut: Vec<_> = cut.map(io::Error::kind).collect();
    println!(
        "| {name} | {:.1} | {:.1} | {:.1} | {} | {} | {} trips, {} refused, clients cut: {cut:?}, stopped in {stopped:.1?}",
        milliseconds(p99),
        milliseconds(worst),
        milliseconds(connect),
        peak / 1_000_000,
        left / 1_000_000,
        felt.trips.len(),
        felt.refused,
    );
    let log = || log.lines().rev().take(20).collect::<Vec<_>>().join("\n");
    assert_eq!(code, Some(0), "it stops cleanly:\n{}", log());
    assert!(stopped < STOP, "SIGTERM stops it after {stopped:?}");
    assert!(p99 < P99, "p99 of the round trips: {p99:?}");
    assert!(worst < WORST, "the worst round trip: {worst:?}");
    assert!(connect < WORST, "the worst CONNECT: {connect:?}");
    assert!(peak < memory_limit, "peak memory: {peak} bytes\n{}", log());
}

fn percentile(trips: &[Trip], percent: usize) -> Duration {
    let time = |trip: &Trip| if LONG { trip.elapsed } else { trip.net };
    let mut times: Vec<_> = trips.iter().map(time).collect();
    times.sort_unstable();
    let last = times.len().saturating_sub(1);
    times.get(last * percent / 100).copied().unwrap_or_default()
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}
