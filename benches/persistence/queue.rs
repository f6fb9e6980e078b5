//! QoS 1 to one session that outlives its connection.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::broker::Broker;
use super::cases::Extent;
use crate::report::Figure;
use crate::wire::{Client, publish};

/// How many messages reach the subscriber, or are acknowledged where it is away.
pub const RATE: &str = "thousand messages a second";

/// Messages that the publisher has in flight.
const WINDOW: u64 = 1_000;
/// A drained store gives its room back by then.
const TIDIED_WITHIN: Duration = Duration::from_secs(15);

fn text(error: io::Error) -> String {
    error.to_string()
}

/// The subscriber is connected and keeps up.
pub fn connected(broker: &Broker, extent: &Extent) -> Result<Vec<Figure>, String> {
    let address = broker.server.address;
    let mut subscriber = session(address).map_err(text)?;
    let received = Arc::new(AtomicU64::new(0));
    let stop = Arc::new(AtomicBool::new(false));
    let publisher = {
        let stop = Arc::clone(&stop);
        thread::spawn(move || publish_until(address, u64::MAX, &stop, &AtomicU64::new(0)))
    };
    let reader = {
        let (received, stop) = (Arc::clone(&received), Arc::clone(&stop));
        thread::spawn(move || drain(&mut subscriber, &received, &stop))
    };
    let rate = measure(broker, &received, extent.duration);
    stop.store(true, Ordering::Relaxed);
    let sent = publisher
        .join()
        .map_err(|_| "the publisher failed")?
        .map_err(text)?;
    reader
        .join()
        .map_err(|_| "the subscriber failed")?
        .map_err(text)?;
    check(sent, received.load(Ordering::Relaxed))?;
    Ok(rate)
}

/// The subscriber is away; afterwards it comes and gets everything.
pub fn away(broker: &Broker, extent: &Extent) -> Result<Vec<Figure>, String> {
    let address = broker.server.address;
    drop(session(address).map_err(text)?);
    let acknowledged = Arc::new(AtomicU64::new(0));
    let stop = Arc::new(AtomicBool::new(false));
    let publisher = {
        let (stop, acknowledged) = (Arc::clone(&stop), Arc::clone(&acknowledged));
        thread::spawn(move || publish_until(address, u64::MAX, &stop, &acknowledged))
    };
    let mut figures = measure(broker, &acknowledged, extent.duration);
    stop.store(true, Ordering::Relaxed);
    let sent = publisher
        .join()
        .map_err(|_| "the publisher failed")?
        .map_err(text)?;
    let full = broker.disk();
    let received = AtomicU64::new(0);
    let mut subscriber = resume(address).map_err(text)?;
    drain(&mut subscriber, &received, &stop).map_err(text)?;
    check(sent, received.load(Ordering::Relaxed))?;
    if !extent.tidies {
        return Ok(figures);
    }
    let begin = Instant::now();
    while broker.disk() > full / 4.0 && begin.elapsed() < TIDIED_WITHIN {
        thread::sleep(Duration::from_millis(100));
    }
    figures.extend([
        Figure {
            name: "MB on disk with the queue",
            value: full,
        },
        Figure {
            name: "MB on disk after it drained",
            value: broker.disk(),
        },
    ]);
    Ok(figures)
}

/// The broker is killed with so many messages in a queue and as many retained ones, and
/// starts again.
pub fn restart(broker: Broker, backlog: u64) -> Result<Vec<Figure>, String> {
    let address = broker.server.address;
    drop(session(address).map_err(text)?);
    let stop = AtomicBool::new(false);
    let sent = publish_until(address, backlog, &stop, &AtomicU64::new(0)).map_err(text)?;
    retain(address, backlog).map_err(text)?;
    let (disk, memory) = (broker.disk(), broker.server.memory());
    let broker = broker.restart();
    let started = broker.server.started_in.as_secs_f64();
    let after = broker.server.memory();
    let received = AtomicU64::new(0);
    let mut subscriber = resume(broker.server.address).map_err(text)?;
    stop.store(true, Ordering::Relaxed);
    drain(&mut subscriber, &received, &stop).map_err(text)?;
    check(sent, received.load(Ordering::Relaxed))?;
    check(
        backlog,
        count_retained(broker.server.address).map_err(text)?,
    )?;
    Ok(vec![
        Figure {
            name: "thousand messages queued, and as many retained",
            value: sent as f64 / 1e3,
        },
        Figure {
            name: "seconds from the start to the first CONNACK",
            value: started,
        },
        Figure {
            name: "MB on disk",
            value: disk,
        },
        Figure {
            name: "MB of memory before",
            value: memory,
        },
        Figure {
            name: "MB of memory after",
            value: after,
        },
    ])
}

/// The subscriber, with a session that outlives its connection.
fn resume(address: SocketAddr) -> io::Result<Client> {
    const NO_FLAGS: u8 = 0;
    Client::connect_with(address, "subscriber", NO_FLAGS)
}

/// The subscriber's session, connected.
fn session(address: SocketAddr) -> io::Result<Client> {
    let mut client = resume(address)?;
    client.subscribe("bench", 1)?;
    Ok(client)
}

/// How fast messages are counted, and what that costs the broker.
fn measure(broker: &Broker, count: &AtomicU64, time: Duration) -> Vec<Figure> {
    thread::sleep(time / 10);
    let (first, cpu) = (count.load(Ordering::Relaxed), broker.server.cpu_seconds());
    let begin = Instant::now();
    thread::sleep(time);
    let done = (count.load(Ordering::Relaxed) - first) as f64;
    let (elapsed, cpu) = (begin.elapsed(), broker.server.cpu_seconds() - cpu);
    vec![
        Figure {
            name: RATE,
            value: done / elapsed.as_secs_f64() / 1e3,
        },
        Figure {
            name: "broker CPU seconds for a million",
            value: cpu / done * 1e6,
        },
    ]
}

/// Publishes until it is stopped or has sent so many, and waits for all to be
/// acknowledged.
fn publish_until(
    address: SocketAddr,
    limit: u64,
    stop: &AtomicBool,
    acknowledged: &AtomicU64,
) -> io::Result<u64> {
    let mut client = Client::connect(address, "publisher")?;
    let (mut sent, mut done) = (0_u64, 0_u64);
    let mut out = Vec::new();
    loop {
        let is_over = |sent| sent >= limit || stop.load(Ordering::Relaxed);
        while sent - done < WINDOW && !is_over(sent) {
            let packet_id = (sent % 60_000) as u16 + 1;
            publish(&mut out, "bench", 1, packet_id, sent);
            sent += 1;
        }
        client.socket.write_all(&out)?;
        out.clear();
        if is_over(sent) && sent == done {
            return Ok(sent);
        }
        client.read_frames(|frame| done += u64::from(frame.first >> 4 == 4))?;
        acknowledged.store(done, Ordering::Relaxed);
    }
}

/// Leaves retained messages, each on a topic of its own.
fn retain(address: SocketAddr, count: u64) -> io::Result<()> {
    const RETAIN: u8 = 1;
    let mut client = Client::connect(address, "retainer")?;
    let (mut sent, mut done) = (0, 0);
    let mut out = Vec::new();
    while done < count {
        while sent < count && sent - done < WINDOW {
            let (start, packet_id) = (out.len(), (sent % 60_000) as u16 + 1);
            publish(&mut out, &format!("retained/{sent}"), 1, packet_id, sent);
            out[start] |= RETAIN;
            sent += 1;
        }
        client.socket.write_all(&out)?;
        out.clear();
        client.read_frames(|frame| done += u64::from(frame.first >> 4 == 4))?;
    }
    Ok(())
}

/// How many retained messages there are.
fn count_retained(address: SocketAddr) -> io::Result<u64> {
    let mut client = Client::connect(address, "counter")?;
    client.subscribe("retained/#", 0)?;
    let received = AtomicU64::new(0);
    drain(&mut client, &received, &AtomicBool::new(true))?;
    Ok(received.into_inner())
}

/// Takes and acknowledges messages, each once and in order, until nothing comes any more.
fn drain(client: &mut Client, received: &AtomicU64, stop: &AtomicBool) -> io::Result<()> {
    client
        .socket
        .set_read_timeout(Some(Duration::from_millis(500)))?;
    let mut next = 0;
    loop {
        let (mut answers, mut wrong) = (Vec::new(), None);
        let result = client.read_frames(|frame| {
            if !frame.is_publish() {
                return;
            }
            let is_acknowledged = frame.first & 0b110 != 0;
            if is_acknowledged {
                let [high, low] = frame.publish_id();
                answers.extend_from_slice(&[0x40, 2, high, low]);
            }
            // Retained messages come in any order.
            if is_acknowledged && frame.sequence() != next {
                wrong = Some(format!("message {} instead of {next}", frame.sequence()));
            }
            next += 1;
        });
        received.store(next, Ordering::Relaxed);
        if let Some(wrong) = wrong {
            return Err(io::Error::other(wrong));
        }
        client.socket.write_all(&answers)?;
        match result {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                if stop.load(Ordering::Relaxed) {
                    return Ok(());
                }
            }
            Err(error) => return Err(error),
        }
    }
}

fn check(sent: u64, received: u64) -> Result<(), String> {
    match sent == received {
        true => Ok(()),
        false => Err(format!("{received} of {sent} messages arrived")),
    }
}
