//! Connects a second, and what idle connections cost.

use std::io;
use std::net::Ipv4Addr;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use super::server::Server;
use super::wire::Client;
use crate::report::Figure;

pub const RATE: &str = "thousand connects a second";
pub const CPU: &str = "broker CPU seconds for 10000";
pub const START: &str = "start to first CONNACK ms";
pub const MEMORY: &str = "MB";
const THREADS: usize = 4;
/// File descriptors that neither side can use for connections.
const OTHER_DESCRIPTORS: usize = 200;
/// Connections from one address, which has some 28,000 ports.
const PER_ADDRESS: usize = 20_000;

/// Connects, waits for the CONNACK and closes, from a few threads.
pub fn rate(server: &Server, time: Duration) -> Result<Vec<Figure>, String> {
    let cpu = server.cpu_seconds();
    let begin = Instant::now();
    let threads: Vec<_> = (0..THREADS)
        .map(|thread| {
            let address = server.address;
            thread::spawn(move || -> io::Result<usize> {
                let mut count = 0;
                while begin.elapsed() < time {
                    Client::connect(address, &format!("c{thread}-{count}"))?.reset()?;
                    count += 1;
                }
                Ok(count)
            })
        })
        .collect();
    let mut count = 0;
    for thread in threads {
        let result = thread.join().map_err(|_| "a client failed")?;
        count += result.map_err(|error| error.to_string())?;
    }
    let count = count as f64;
    Ok(vec![
        Figure {
            name: RATE,
            value: count / begin.elapsed().as_secs_f64() / 1_000.0,
        },
        Figure {
            name: CPU,
            value: (server.cpu_seconds() - cpu) * 10_000.0 / count,
        },
        Figure {
            name: START,
            value: server.started_in.as_secs_f64() * 1e3,
        },
    ])
}

/// The broker's memory with thousands of clients that say nothing: `wanted`, or as many as
/// the machine lets a process have.
pub fn idle(server: &Server, wanted: usize) -> Result<Vec<Figure>, String> {
    let limit = descriptors().saturating_sub(OTHER_DESCRIPTORS);
    let count = wanted.min(limit);
    if count < wanted {
        println!("{count} instead of {wanted} idle connections: RLIMIT_NOFILE allows no more");
    }
    let before = server.memory();
    let clients: Vec<Client> = (0..count)
        .map(|index| {
            let source = Ipv4Addr::new(127, 0, 0, 1 + (index / PER_ADDRESS) as u8);
            Client::connect_from(source, server.address, &format!("idle{index:06}"))
        })
        .collect::<io::Result<_>>()
        .map_err(|error| error.to_string())?;
    // What the brokers still do with the last of them.
    thread::sleep(Duration::from_millis(200));
    let memory = server.memory();
    for client in clients {
        client.reset().map_err(|error| error.to_string())?;
    }
    Ok(vec![
        Figure {
            name: MEMORY,
            value: memory,
        },
        Figure {
            name: "KB for each",
            value: (memory - before) * 1024.0 / count as f64,
        },
    ])
}

/// How many file descriptors a process may have; brokers inherit what was allowed here.
fn descriptors() -> usize {
    getrlimit(Resource::RLIMIT_NOFILE).map_or(1024, |(soft, _)| soft as usize)
}

/// Allows this process, and those that it starts, as many file descriptors as it may.
pub fn raise_descriptors() {
    if let Ok((_, hard)) = getrlimit(Resource::RLIMIT_NOFILE) {
        // Where it is refused, the cases that need them say so.
        let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
    }
}
