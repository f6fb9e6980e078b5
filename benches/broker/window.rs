//! Publishers that keep a bounded number of messages in flight at QoS 1.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::fan::{rates, read_all, subscriber};
use super::server::Server;
use super::wire::{Client, publish};
use crate::report::Figure;

/// Messages that a publisher has in flight: as many as Mosquitto's clients.
pub const WINDOW: u16 = 20;

/// One publisher and some subscribers at QoS 1.
pub fn run(server: &Server, time: Duration, subscribers: usize) -> Result<Vec<Figure>, String> {
    let text = |error: io::Error| error.to_string();
    let received = Arc::new(AtomicU64::new(0));
    let stop = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (0..subscribers)
        .map(|index| {
            let mut client = subscriber(server.address, index, 1)?;
            let (received, stop) = (Arc::clone(&received), Arc::clone(&stop));
            Ok(thread::spawn(move || {
                read_all(&mut client, 1, &received, &stop)
            }))
        })
        .collect::<io::Result<_>>()
        .map_err(text)?;
    let writer = {
        let mut client = Client::connect(server.address, "publisher").map_err(text)?;
        let stop = Arc::clone(&stop);
        thread::spawn(move || publish_with_window(&mut client, 0, WINDOW, &stop))
    };
    thread::sleep(time / 10);
    let (begin, first, cpu) = (
        Instant::now(),
        received.load(Ordering::Relaxed),
        server.cpu_seconds(),
    );
    thread::sleep(time);
    let count = received.load(Ordering::Relaxed) - first;
    let (seconds, cpu) = (begin.elapsed().as_secs_f64(), server.cpu_seconds() - cpu);
    stop.store(true, Ordering::Relaxed);
    let sent = writer
        .join()
        .map_err(|_| "the publisher failed")?
        .map_err(text)?;
    for reader in readers {
        reader.join().map_err(|_| "a subscriber failed")??;
    }
    let arrived = received.load(Ordering::Relaxed);
    if arrived != sent * subscribers as u64 {
        return Err(format!(
            "{arrived} of {} messages arrived",
            sent * subscribers as u64
        ));
    }
    Ok(rates(count, seconds, cpu))
}

/// QoS 1 with a window; returns how many messages were acknowledged to the end.
pub fn publish_with_window(
    client: &mut Client,
    index: usize,
    window: u16,
    stop: &AtomicBool,
) -> io::Result<u64> {
    let (mut sent, mut done, mut packet_id) = (0_u64, 0_u64, 0_u16);
    let mut out = Vec::new();
    loop {
        let stopping = stop.load(Ordering::Relaxed);
        while !stopping && sent - done < u64::from(window) {
            packet_id = packet_id % 60_000 + 1;
            publish(&mut out, "bench", 1, packet_id, (index as u64) << 40 | sent);
            sent += 1;
        }
        client.socket.write_all(&out)?;
        out.clear();
        if stopping && sent == done {
            return Ok(done);
        }
        client.read_frames(|frame| done += u64::from(frame.first >> 4 == 4))?;
    }
}
