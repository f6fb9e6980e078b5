//! A thousand conversations at once.

use std::io::{self, Write};
use std::thread;
use std::time::{Duration, Instant};

use super::crowd::Crowd;
use super::latency::percentiles;
use super::server::Server;
use super::wire::{Client, publish};
use crate::report::Figure;

const PAIRS: usize = 1_000;
/// Between two messages of any: 10,000 a second.
const INTERVAL: Duration = Duration::from_micros(100);

/// Each of a thousand publishers has a subscriber; the payload carries the time of sending.
pub fn run(server: &Server, time: Duration) -> Result<Vec<Figure>, String> {
    measure(server, time).map_err(|error| error.to_string())
}

fn measure(server: &Server, time: Duration) -> io::Result<Vec<Figure>> {
    let mut subscribers = Vec::new();
    let mut publishers = Vec::new();
    for index in 0..PAIRS {
        let mut subscriber = Client::connect(server.address, &format!("subscriber{index}"))?;
        subscriber.subscribe(&topic(index), 0)?;
        subscribers.push(subscriber);
        publishers.push(Client::connect(
            server.address,
            &format!("publisher{index}"),
        )?);
    }
    let count = (time.as_micros() / INTERVAL.as_micros()) as usize;
    let begin = Instant::now();
    let publisher = thread::spawn(move || -> io::Result<()> {
        let mut packet = Vec::new();
        for index in 0..count {
            if let Some(wait) = (INTERVAL * index as u32).checked_sub(begin.elapsed()) {
                thread::sleep(wait);
            }
            packet.clear();
            let now = begin.elapsed().as_nanos() as u64;
            publish(&mut packet, &topic(index % PAIRS), 0, 0, now);
            publishers[index % PAIRS].socket.write_all(&packet)?;
        }
        Ok(())
    });
    let mut crowd = Crowd::new(subscribers)?;
    let mut delays = Vec::with_capacity(count);
    while delays.len() < count {
        let came = crowd.read(|_, frame| {
            let now = begin.elapsed().as_nanos() as u64;
            delays.push((now - frame.sequence()) as f64 / 1e6);
        })?;
        if !came {
            let arrived = delays.len();
            return Err(io::Error::other(format!("{arrived} of {count} arrived")));
        }
    }
    publisher
        .join()
        .map_err(|_| io::Error::other("the publisher failed"))??;
    Ok(percentiles(delays))
}

fn topic(pair: usize) -> String {
    format!("pair/{pair}")
}
