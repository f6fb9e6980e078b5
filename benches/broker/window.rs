//! Publishers that keep a bounded number of messages in flight.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::fan::{rates, read_all, subscriber};
use super::server::Server;
use super::wire::{Client, publish};
use crate::report::Figure;

/// QoS 0 messages between publisher and subscriber.
const IN_FLIGHT: u64 = 1_000;
/// QoS 1 and 2 messages that the publisher has in flight: as many as Mosquitto's clients.
const WINDOW: u16 = 20;

/// One publisher and some subscribers, at one QoS.
pub fn run(
    server: &Server,
    time: Duration,
    qos: u8,
    subscribers: usize,
) -> Result<Vec<Figure>, String> {
    let text = |error: io::Error| error.to_string();
    let received = Arc::new(AtomicU64::new(0));
    let stop = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (0..subscribers)
        .map(|index| {
            let mut client = subscriber(server.address, index, qos)?;
            let (received, stop) = (Arc::clone(&received), Arc::clone(&stop));
            Ok(thread::spawn(move || match qos {
                2 => read_exactly_once(&mut client, &received, &stop),
                _ => read_all(&mut client, 1, &received, &stop),
            }))
        })
        .collect::<io::Result<_>>()
        .map_err(text)?;
    let writer = {
        let mut client = Client::connect(server.address, "publisher").map_err(text)?;
        let (received, stop) = (Arc::clone(&received), Arc::clone(&stop));
        thread::spawn(move || match qos {
            0 => publish_in_step(&mut client, &received, &stop),
            _ => publish_with_window(&mut client, 0, qos, WINDOW, &stop),
        })
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
    if qos > 0 && arrived != sent * subscribers as u64 {
        return Err(format!(
            "{arrived} of {} messages arrived",
            sent * subscribers as u64
        ));
    }
    Ok(rates(count, seconds, cpu))
}

/// QoS 0, never more than a thousand messages ahead of the subscriber.
fn publish_in_step(
    client: &mut Client,
    received: &AtomicU64,
    stop: &AtomicBool,
) -> io::Result<u64> {
    let mut sent = 0;
    let mut chunk = Vec::new();
    let begin = received.load(Ordering::Relaxed);
    while !stop.load(Ordering::Relaxed) {
        let ahead = sent - (received.load(Ordering::Relaxed) - begin);
        if ahead >= IN_FLIGHT {
            thread::yield_now();
            continue;
        }
        chunk.clear();
        for _ in 0..IN_FLIGHT - ahead {
            publish(&mut chunk, "bench", 0, 0, sent);
            sent += 1;
        }
        client.socket.write_all(&chunk)?;
    }
    Ok(sent)
}

/// QoS 1 or 2 with a window; returns how many messages were acknowledged to the end.
pub fn publish_with_window(
    client: &mut Client,
    index: usize,
    qos: u8,
    window: u16,
    stop: &AtomicBool,
) -> io::Result<u64> {
    let (mut sent, mut done, mut packet_id) = (0_u64, 0_u64, 0_u16);
    let mut out = Vec::new();
    loop {
        let stopping = stop.load(Ordering::Relaxed);
        while !stopping && sent - done < u64::from(window) {
            packet_id = packet_id % 60_000 + 1;
            publish(
                &mut out,
                "bench",
                qos,
                packet_id,
                (index as u64) << 40 | sent,
            );
            sent += 1;
        }
        client.socket.write_all(&out)?;
        out.clear();
        if stopping && sent == done {
            return Ok(done);
        }
        client.read_frames(|frame| match frame.first >> 4 {
            4 | 7 => done += 1,
            5 => out.extend_from_slice(&[0x62, 2, frame.body[0], frame.body[1]]),
            _ => {}
        })?;
    }
}

/// Answers QoS 2 messages; each must come once and in order.
fn read_exactly_once(
    client: &mut Client,
    received: &AtomicU64,
    stop: &AtomicBool,
) -> Result<(), String> {
    let text = |error: io::Error| error.to_string();
    client
        .socket
        .set_read_timeout(Some(Duration::from_millis(200)))
        .map_err(text)?;
    let mut next = 0;
    loop {
        let (mut answers, mut wrong) = (Vec::new(), None);
        let result = client.read_frames(|frame| {
            if frame.is_publish() {
                let [high, low] = frame.publish_id();
                answers.extend_from_slice(&[0x50, 2, high, low]);
                if frame.sequence() != next {
                    wrong = Some(format!("message {} instead of {next}", frame.sequence()));
                }
                next += 1;
            } else if frame.first >> 4 == 6 {
                answers.extend_from_slice(&[0x70, 2, frame.body[0], frame.body[1]]);
            }
        });
        received.store(next, Ordering::Relaxed);
        if let Some(wrong) = wrong {
            return Err(wrong);
        }
        client.socket.write_all(&answers).map_err(text)?;
        match result {
            Ok(()) => {}
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
                ) =>
            {
                if stop.load(Ordering::Relaxed) {
                    return Ok(());
                }
            }
            Err(error) => return Err(text(error)),
        }
    }
}
