//! Connects a second, and what idle connections cost.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use super::server::Server;
use super::wire::Client;
use crate::report::Figure;

const CONNECTS: usize = 10_000;
const THREADS: usize = 4;
const IDLE: usize = 5_000;

/// Connects, waits for the CONNACK and closes, from a few threads.
pub fn rate(server: &Server) -> Result<Vec<Figure>, String> {
    let cpu = server.cpu_seconds();
    let begin = Instant::now();
    let threads: Vec<_> = (0..THREADS)
        .map(|thread| {
            let address = server.address;
            thread::spawn(move || -> io::Result<()> {
                for index in 0..CONNECTS / THREADS {
                    Client::connect(address, &format!("c{thread}-{index}"))?;
                }
                Ok(())
            })
        })
        .collect();
    for thread in threads {
        let result = thread.join().map_err(|_| "a client failed")?;
        result.map_err(|error| error.to_string())?;
    }
    let rate = CONNECTS as f64 / begin.elapsed().as_secs_f64() / 1_000.0;
    Ok(vec![
        Figure {
            name: "thousand connects a second",
            value: rate,
        },
        Figure {
            name: "broker CPU seconds",
            value: server.cpu_seconds() - cpu,
        },
        Figure {
            name: "start to first CONNACK ms",
            value: server.started_in.as_secs_f64() * 1e3,
        },
    ])
}

/// The broker's memory with thousands of clients that say nothing.
pub fn idle(server: &Server) -> Result<Vec<Figure>, String> {
    let clients: Vec<Client> = (0..IDLE)
        .map(|index| Client::connect(server.address, &format!("idle{index:06}")))
        .collect::<io::Result<_>>()
        .map_err(|error| error.to_string())?;
    thread::sleep(Duration::from_millis(200));
    let memory = server.memory();
    drop(clients);
    Ok(vec![Figure {
        name: "MB",
        value: memory,
    }])
}
