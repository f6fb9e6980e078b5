//! Publishers that write what their sockets take, and their subscriber, in one thread: no
//! side of the load gets ahead because another has no processor.

use std::io::{self, ErrorKind, Write};
use std::time::{Duration, Instant};

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

use super::fan::{rates, subscriber};
use super::server::Server;
use super::wire::{Client, publish};
use crate::report::Figure;

/// Messages that a publisher writes at once.
const CHUNK: u64 = 64;
/// The subscriber's place among the events; the publishers have their indices.
const SUBSCRIBER: u64 = u64::MAX;
/// Where the number of the publisher stands in a sequence number.
const PUBLISHER_SHIFT: u32 = 40;
const MAX_EVENTS: usize = 64;

struct Publisher {
    client: Client,
    sequence: u64,
    chunk: Vec<u8>,
    written: usize,
}

/// QoS 0 from `publishers` to one subscriber.
pub fn run(server: &Server, time: Duration, publishers: usize) -> Result<Vec<Figure>, String> {
    measure(server, time, publishers).map_err(|error| error.to_string())
}

fn measure(server: &Server, time: Duration, publishers: usize) -> io::Result<Vec<Figure>> {
    let mut subscriber = subscriber(server.address, 0, 0)?;
    let mut publishers: Vec<_> = (0..publishers)
        .map(|index| Publisher::connect(server, index))
        .collect::<io::Result<_>>()?;
    let epoll = Epoll::new(EpollCreateFlags::empty())?;
    let readable = EpollEvent::new(EpollFlags::EPOLLIN, SUBSCRIBER);
    epoll.add(&subscriber.socket, readable)?;
    for (index, publisher) in publishers.iter().enumerate() {
        let writable = EpollEvent::new(EpollFlags::EPOLLOUT, index as u64);
        epoll.add(&publisher.client.socket, writable)?;
    }
    let mut next = vec![0; publishers.len()];
    let mut received = 0;
    let mut turn = |received: &mut u64| -> io::Result<()> {
        let mut events = [EpollEvent::empty(); MAX_EVENTS];
        let count = epoll.wait(&mut events, EpollTimeout::from(100_u8))?;
        for event in &events[..count] {
            match event.data() {
                SUBSCRIBER => *received += read(&mut subscriber, &mut next)?,
                index => publishers[index as usize].write()?,
            }
        }
        Ok(())
    };
    let begin = Instant::now();
    while begin.elapsed() < time / 10 {
        turn(&mut received)?;
    }
    let (begin, first, cpu) = (Instant::now(), received, server.cpu_seconds());
    while begin.elapsed() < time {
        turn(&mut received)?;
    }
    let (seconds, cpu) = (begin.elapsed().as_secs_f64(), server.cpu_seconds() - cpu);
    Ok(rates(received - first, seconds, cpu))
}

impl Publisher {
    fn connect(server: &Server, index: usize) -> io::Result<Self> {
        let client = Client::connect(server.address, &format!("publisher{index}"))?;
        client.socket.set_nonblocking(true)?;
        Ok(Self {
            client,
            sequence: (index as u64) << PUBLISHER_SHIFT,
            chunk: Vec::new(),
            written: 0,
        })
    }

    fn write(&mut self) -> io::Result<()> {
        if self.written == self.chunk.len() {
            self.chunk.clear();
            self.written = 0;
            for _ in 0..CHUNK {
                publish(&mut self.chunk, "bench", 0, 0, self.sequence);
                self.sequence += 1;
            }
        }
        match self.client.socket.write(&self.chunk[self.written..]) {
            Ok(length) => self.written += length,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

/// Reads once and says how many messages came; none may come twice or out of order.
fn read(subscriber: &mut Client, next: &mut [u64]) -> io::Result<u64> {
    let (mut count, mut wrong) = (0, None);
    subscriber.read_frames(|frame| {
        if !frame.is_publish() {
            return;
        }
        count += 1;
        let publisher = frame.sequence() >> PUBLISHER_SHIFT;
        let sequence = frame.sequence() & ((1 << PUBLISHER_SHIFT) - 1);
        let expected = &mut next[publisher as usize];
        if sequence < *expected {
            wrong = Some(format!("message {sequence} after {expected}"));
        }
        *expected = sequence + 1;
    })?;
    match wrong {
        Some(wrong) => Err(io::Error::other(wrong)),
        None => Ok(count),
    }
}
