//! A publisher that writes as fast as its socket takes it, and who reads that.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::fan::read_all;
use super::wire::{Client, publish};

/// Messages that are written at once.
const CHUNK: u64 = 64;

/// Some pairs of a flooding publisher and a subscriber, each with a topic of its own.
pub struct Floods {
    stop: Arc<AtomicBool>,
    received: Arc<AtomicU64>,
    publishers: Vec<JoinHandle<io::Result<()>>>,
    subscribers: Vec<JoinHandle<Result<(), String>>>,
}

impl Floods {
    pub fn start(address: SocketAddr, count: usize) -> io::Result<Self> {
        let mut floods = Self {
            stop: Arc::default(),
            received: Arc::default(),
            publishers: Vec::new(),
            subscribers: Vec::new(),
        };
        for index in 0..count {
            let topic = Self::topic(index);
            let mut subscriber = Client::connect(address, &format!("flooded{index}"))?;
            subscriber.subscribe(&topic, 0)?;
            let (received, stop) = (Arc::clone(&floods.received), Arc::clone(&floods.stop));
            let reader = move || read_all(&mut subscriber, 1, &received, &stop);
            floods.subscribers.push(thread::spawn(reader));
            let publisher = Client::connect(address, &format!("flooding{index}"))?;
            let stop = Arc::clone(&floods.stop);
            let writer = move || flood(publisher, &topic, &stop);
            floods.publishers.push(thread::spawn(writer));
        }
        Ok(floods)
    }

    /// Where a pair meets.
    pub fn topic(index: usize) -> String {
        format!("flood/{index}")
    }

    /// How many messages arrived so far.
    pub fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    /// Lets them run, and says how many messages arrived meanwhile.
    pub fn count(&self, time: Duration) -> u64 {
        let before = self.received();
        thread::sleep(time);
        self.received() - before
    }

    /// Ends them; an error is a message that came twice or out of order.
    pub fn stop(self) -> Result<(), String> {
        self.stop.store(true, Ordering::Relaxed);
        for publisher in self.publishers {
            let result = publisher.join().map_err(|_| "a flood failed")?;
            result.map_err(|error| error.to_string())?;
        }
        for subscriber in self.subscribers {
            subscriber.join().map_err(|_| "a flooded one failed")??;
        }
        Ok(())
    }
}

fn flood(mut client: Client, topic: &str, stop: &AtomicBool) -> io::Result<()> {
    let (mut sequence, mut chunk) = (0, Vec::new());
    while !stop.load(Ordering::Relaxed) {
        chunk.clear();
        for _ in 0..CHUNK {
            publish(&mut chunk, topic, 0, 0, sequence);
            sequence += 1;
        }
        client.socket.write_all(&chunk)?;
    }
    Ok(())
}
