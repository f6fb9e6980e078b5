//! Many topic filters with wildcards, each of which some message matches.

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::crowd::Crowd;
use super::fan::rates;
use super::server::Server;
use super::wire::{Client, publish};
use crate::report::Figure;

const CLIENTS: usize = 1_000;
const FILTERS_EACH: usize = 100;
const FILTERS: u64 = (CLIENTS * FILTERS_EACH) as u64;
/// Messages on their way at once.
const IN_FLIGHT: u64 = 1_000;

/// Publishes one message for each filter in turn: no topic comes twice within 100,000.
pub fn run(server: &Server, time: Duration) -> Result<Vec<Figure>, String> {
    measure(server, time).map_err(|error| error.to_string())
}

fn measure(server: &Server, time: Duration) -> io::Result<Vec<Figure>> {
    let subscribing = Instant::now();
    let clients: Vec<Client> = (0..CLIENTS)
        .map(|index| subscriber(server, index))
        .collect::<io::Result<_>>()?;
    let subscribed = subscribing.elapsed().as_secs_f64();
    let memory = server.memory();
    let received = Arc::new(AtomicU64::new(0));
    let stop = Arc::new(AtomicBool::new(false));
    let publisher = {
        let mut client = Client::connect(server.address, "publisher")?;
        let (received, stop) = (Arc::clone(&received), Arc::clone(&stop));
        thread::spawn(move || publish_in_step(&mut client, &received, &stop))
    };
    let mut crowd = Crowd::new(clients)?;
    let (begin, cpu) = (Instant::now(), server.cpu_seconds());
    let mut misled = None;
    while begin.elapsed() < time {
        let mut count = 0;
        let came = crowd.read(|client, frame| {
            count += 1;
            if owner(frame.sequence()) != client {
                misled = Some(client);
            }
        })?;
        received.fetch_add(count, Ordering::Relaxed);
        if !came {
            break;
        }
    }
    let (seconds, cpu) = (begin.elapsed().as_secs_f64(), server.cpu_seconds() - cpu);
    stop.store(true, Ordering::Relaxed);
    publisher
        .join()
        .map_err(|_| io::Error::other("the publisher failed"))??;
    if let Some(client) = misled {
        let text = format!("client {client} got a message of another");
        return Err(io::Error::other(text));
    }
    let count = received.load(Ordering::Relaxed);
    if count < IN_FLIGHT {
        return Err(io::Error::other(format!("only {count} messages arrived")));
    }
    let mut figures = rates(count, seconds, cpu);
    figures.push(Figure {
        name: "seconds to subscribe",
        value: subscribed,
    });
    figures.push(Figure {
        name: "MB with the filters",
        value: memory,
    });
    Ok(figures)
}

/// A client with its filters, all of them in one SUBSCRIBE.
fn subscriber(server: &Server, index: usize) -> io::Result<Client> {
    let mut client = Client::connect(server.address, &format!("subscriber{index}"))?;
    let mut body = vec![0, 1];
    for filter in 0..FILTERS_EACH {
        let filter = format!("site/{index}/+/{filter}/#");
        body.extend_from_slice(&(filter.len() as u16).to_be_bytes());
        body.extend_from_slice(filter.as_bytes());
        body.push(0);
    }
    let mut packet = vec![
        0x82,
        (body.len() & 0x7f) as u8 | 0x80,
        (body.len() >> 7) as u8,
    ];
    packet.extend_from_slice(&body);
    client.socket.write_all(&packet)?;
    let mut answer = [0; 4 + FILTERS_EACH];
    client.socket.read_exact(&mut answer)?;
    match answer[0] {
        0x90 => Ok(client),
        other => Err(io::Error::other(format!("{other:#x} instead of a SUBACK"))),
    }
}

/// The client whose filter matches a message.
fn owner(sequence: u64) -> usize {
    (sequence % FILTERS) as usize / FILTERS_EACH
}

fn publish_in_step(client: &mut Client, received: &AtomicU64, stop: &AtomicBool) -> io::Result<()> {
    let (mut sent, mut chunk) = (0, Vec::new());
    while !stop.load(Ordering::Relaxed) {
        let ahead = sent - received.load(Ordering::Relaxed);
        if ahead >= IN_FLIGHT {
            thread::yield_now();
            continue;
        }
        chunk.clear();
        for _ in 0..IN_FLIGHT - ahead {
            let filter = sent % FILTERS % FILTERS_EACH as u64;
            let topic = format!("site/{}/room/{filter}/heat", owner(sent));
            publish(&mut chunk, &topic, 0, 0, sent);
            sent += 1;
        }
        client.socket.write_all(&chunk)?;
    }
    Ok(())
}
