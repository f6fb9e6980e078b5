//! What more worker threads bring.

use std::time::{Duration, Instant};

use super::flood::Floods;
use super::server::{Kind, Server};
use crate::report::Figure;

const PAIRS: usize = 50;
/// What is told, and how many worker threads it is for.
const WORKERS: &[(&str, usize)] = &[
    ("thousand messages a second with 1", 1),
    ("thousand messages a second with 2", 2),
    ("thousand messages a second with 4", 4),
    ("thousand messages a second with 8", 8),
    ("thousand messages a second with 16", 16),
];

/// Pairs that have nothing to do with each other, on 1, 2, 4 and more worker threads: up
/// to twice as many as there are processors, which the load generator needs too.
pub fn run(kind: Kind, time: Duration) -> Result<Vec<Figure>, String> {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let sensible = |workers: usize| workers <= 2 * processors;
    let rows = WORKERS.iter().filter(|(_, workers)| sensible(*workers));
    rows.map(|&(name, workers)| {
        let server = Server::start_with_workers(kind, Some(workers));
        let floods = Floods::start(server.address, PAIRS).map_err(|error| error.to_string())?;
        std::thread::sleep(time / 10);
        let begin = Instant::now();
        let count = floods.count(time) as f64;
        let value = count / begin.elapsed().as_secs_f64() / 1_000.0;
        floods.stop()?;
        Ok(Figure { name, value })
    })
    .collect()
}
