//! Publishers that do not wait for subscribers, but for the socket.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use super::server::Server;
use super::window::{WINDOW, publish_with_window};
use super::wire::{Client, publish};
use crate::report::Figure;

/// The names of what a throughput is told by.
pub const RATE: &str = "thousand messages a second";
pub const CPU: &str = "broker CPU seconds for a million";
/// Messages that are written at once.
const CHUNK: u64 = 64;

/// QoS 0 from `publishers` to `subscribers`: everybody gets everything.
pub fn open_loop(
    server: &Server,
    time: Duration,
    publishers: usize,
    subscribers: usize,
) -> Result<Vec<Figure>, String> {
    let received = Arc::new(AtomicU64::new(0));
    let stop = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (0..subscribers)
        .map(|index| {
            let mut client = subscriber(server.address, index, 0)?;
            let (received, stop) = (Arc::clone(&received), Arc::clone(&stop));
            Ok(thread::spawn(move || {
                read_all(&mut client, publishers, &received, &stop)
            }))
        })
        .collect::<io::Result<_>>()
        .map_err(|error| error.to_string())?;
    let barrier = Arc::new(Barrier::new(publishers + 1));
    let writers: Vec<_> = (0..publishers)
        .map(|index| {
            let (barrier, stop, address) =
                (Arc::clone(&barrier), Arc::clone(&stop), server.address);
            thread::spawn(move || write_all(address, index, &barrier, &stop))
        })
        .collect();
    barrier.wait();
    // What is on its way at first is not measured.
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
    for writer in writers {
        writer
            .join()
            .map_err(|_| "a publisher failed")?
            .map_err(|error| error.to_string())?;
    }
    for reader in readers {
        reader.join().map_err(|_| "a subscriber failed")??;
    }
    Ok(rates(count, seconds, cpu))
}

/// QoS 1 from many publishers, each with a few messages in flight, to one subscriber.
pub fn many_to_one(
    server: &Server,
    time: Duration,
    publishers: usize,
) -> Result<Vec<Figure>, String> {
    let text = |error: io::Error| error.to_string();
    let received = Arc::new(AtomicU64::new(0));
    let stop = Arc::new(AtomicBool::new(false));
    let mut client = subscriber(server.address, 0, 1).map_err(text)?;
    let reader = {
        let (received, stop) = (Arc::clone(&received), Arc::clone(&stop));
        thread::spawn(move || read_all(&mut client, publishers, &received, &stop))
    };
    let writers: Vec<_> = (0..publishers)
        .map(|index| {
            let mut client = Client::connect(server.address, &format!("publisher{index}"))?;
            let stop = Arc::clone(&stop);
            Ok(thread::spawn(move || {
                publish_with_window(&mut client, index, WINDOW, &stop)
            }))
        })
        .collect::<io::Result<_>>()
        .map_err(text)?;
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
    for writer in writers {
        writer
            .join()
            .map_err(|_| "a publisher failed")?
            .map_err(text)?;
    }
    reader.join().map_err(|_| "a subscriber failed")??;
    Ok(rates(count, seconds, cpu))
}

pub fn rates(count: u64, seconds: f64, cpu: f64) -> Vec<Figure> {
    let count = count as f64;
    vec![
        Figure {
            name: RATE,
            value: count / seconds / 1_000.0,
        },
        Figure {
            name: CPU,
            value: cpu * 1_000_000.0 / count,
        },
    ]
}

pub fn subscriber(address: SocketAddr, index: usize, qos: u8) -> io::Result<Client> {
    let mut client = Client::connect(address, &format!("subscriber{index}"))?;
    client.subscribe("bench", qos)?;
    Ok(client)
}

/// Counts messages, acknowledges those of QoS 1, and looks that none comes twice or out
/// of order, until nothing comes any more.
pub fn read_all(
    client: &mut Client,
    publishers: usize,
    received: &AtomicU64,
    stop: &AtomicBool,
) -> Result<(), String> {
    let text = |error: io::Error| error.to_string();
    client
        .socket
        .set_read_timeout(Some(Duration::from_millis(200)))
        .map_err(text)?;
    let mut next = vec![0; publishers];
    loop {
        let (mut count, mut answers, mut wrong) = (0, Vec::new(), None);
        let result = client.read_frames(|frame| {
            if !frame.is_publish() {
                return;
            }
            count += 1;
            if frame.first & 0b110 != 0 {
                let [high, low] = frame.publish_id();
                answers.extend_from_slice(&[0x40, 2, high, low]);
            }
            let (publisher, sequence) = (frame.sequence() >> 40, frame.sequence() & 0xff_ffff_ffff);
            let expected = &mut next[publisher as usize];
            if sequence < *expected {
                wrong = Some(format!("message {sequence} after {expected}"));
            }
            *expected = sequence + 1;
        });
        received.fetch_add(count, Ordering::Relaxed);
        if let Some(wrong) = wrong {
            return Err(wrong);
        }
        client.socket.write_all(&answers).map_err(text)?;
        match result {
            Ok(()) => {}
            Err(error) if is_timeout(&error) => {
                if stop.load(Ordering::Relaxed) {
                    return Ok(());
                }
            }
            Err(error) => return Err(text(error)),
        }
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
    )
}

fn write_all(
    address: SocketAddr,
    index: usize,
    barrier: &Barrier,
    stop: &AtomicBool,
) -> io::Result<()> {
    let client = Client::connect(address, &format!("publisher{index}"));
    barrier.wait();
    let mut client = client?;
    let mut sequence = (index as u64) << 40;
    let mut chunk = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        chunk.clear();
        for _ in 0..CHUNK {
            publish(&mut chunk, "bench", 0, 0, sequence);
            sequence += 1;
        }
        client.socket.write_all(&chunk)?;
    }
    Ok(())
}
