//! What one client costs the others.

use std::thread;
use std::time::{Duration, Instant};

use super::fan::rates;
use super::flood::Floods;
use super::latency;
use super::server::Server;
use super::wire::Client;
use crate::report::Figure;

/// A client that takes nothing counts as stalled after so long.
const STALLED: Duration = Duration::from_millis(1_500);

/// The delays of 2,000 messages a second while another publisher sends to another
/// subscriber what its socket takes.
pub fn beside_a_flood(server: &Server, time: Duration) -> Result<Vec<Figure>, String> {
    let floods = Floods::start(server.address, 1).map_err(|error| error.to_string())?;
    thread::sleep(time / 10);
    let (begin, first) = (Instant::now(), floods.received());
    let figures = latency::run(server, time, 0);
    let flooded = (floods.received() - first) as f64 / begin.elapsed().as_secs_f64();
    floods.stop()?;
    let mut figures = figures?;
    figures.push(Figure {
        name: "the flood, thousand messages a second",
        value: flooded / 1_000.0,
    });
    Ok(figures)
}

/// What a subscriber gets while another one, with the same filter, reads nothing at all.
pub fn beside_a_stalled_one(server: &Server, time: Duration) -> Result<Vec<Figure>, String> {
    let mut stalled = Client::connect(server.address, "stalled").map_err(|e| e.to_string())?;
    let subscribed = stalled.subscribe(&Floods::topic(0), 0);
    subscribed.map_err(|error| error.to_string())?;
    let floods = Floods::start(server.address, 1).map_err(|error| error.to_string())?;
    thread::sleep(STALLED);
    let (begin, cpu) = (Instant::now(), server.cpu_seconds());
    let count = floods.count(time);
    let (seconds, cpu) = (begin.elapsed().as_secs_f64(), server.cpu_seconds() - cpu);
    let memory = server.memory();
    // Whoever waits for the stalled one gets its turn now.
    drop(stalled);
    floods.stop()?;
    let mut figures = rates(count, seconds, cpu);
    figures.push(Figure {
        name: "MB at the end",
        value: memory,
    });
    Ok(figures)
}
