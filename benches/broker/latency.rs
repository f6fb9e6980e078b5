//! How long a message is on its way at 2,000 messages a second.

use std::io::{self, Write};
use std::thread;
use std::time::{Duration, Instant};

use super::fan::subscriber;
use super::server::Server;
use super::wire::{Client, publish};
use crate::report::Figure;

pub const P50: &str = "p50 ms";
pub const P99: &str = "p99 ms";
pub const P99_9: &str = "p99.9 ms";
const INTERVAL: Duration = Duration::from_micros(500);

/// One publisher, one subscriber; the payload carries the time of sending.
pub fn run(server: &Server, time: Duration, qos: u8) -> Result<Vec<Figure>, String> {
    measure(server, time, qos).map_err(|error| error.to_string())
}

fn measure(server: &Server, time: Duration, qos: u8) -> io::Result<Vec<Figure>> {
    let mut receiver = subscriber(server.address, 0, qos)?;
    let mut sender = Client::connect(server.address, "publisher")?;
    let acknowledgements = sender.socket.try_clone()?;
    let count = (time.as_micros() / INTERVAL.as_micros()) as u16;
    let begin = Instant::now();
    let publisher = thread::spawn(move || -> io::Result<()> {
        let mut packet = Vec::new();
        for index in 0..count {
            let due = INTERVAL * u32::from(index);
            if let Some(wait) = due.checked_sub(begin.elapsed()) {
                thread::sleep(wait);
            }
            packet.clear();
            let now = begin.elapsed().as_nanos() as u64;
            publish(&mut packet, "bench", qos, index % 60_000 + 1, now);
            sender.socket.write_all(&packet)?;
        }
        Ok(())
    });
    // The publisher's acknowledgements are read away, or they would fill its socket.
    let drain = thread::spawn(move || {
        let mut socket = acknowledgements;
        let mut bytes = [0; 4096];
        while matches!(io::Read::read(&mut socket, &mut bytes), Ok(1..)) {}
    });
    let mut delays = Vec::with_capacity(usize::from(count));
    while delays.len() < usize::from(count) {
        let mut answers = Vec::new();
        receiver.read_frames(|frame| {
            let now = begin.elapsed().as_nanos() as u64;
            delays.push((now - frame.sequence()) as f64 / 1e6);
            if qos > 0 {
                let [high, low] = frame.publish_id();
                answers.extend_from_slice(&[0x40, 2, high, low]);
            }
        })?;
        receiver.socket.write_all(&answers)?;
    }
    publisher
        .join()
        .map_err(|_| io::Error::other("the publisher failed"))??;
    drop(receiver);
    drop(drain);
    Ok(percentiles(delays))
}

/// What is told of the delays of many messages, in milliseconds.
pub fn percentiles(mut delays: Vec<f64>) -> Vec<Figure> {
    delays.sort_by(f64::total_cmp);
    let percentile = |name, share: f64| Figure {
        name,
        value: delays[(delays.len() as f64 * share) as usize],
    };
    vec![
        percentile(P50, 0.5),
        percentile(P99, 0.99),
        percentile(P99_9, 0.999),
    ]
}
