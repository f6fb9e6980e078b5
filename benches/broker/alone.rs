//! One publisher and one subscriber in one thread, which leaves the broker the other
//! processor of two.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

use super::fan::{rates, subscriber};
use super::server::Server;
use super::wire::{Client, Frame, publish};
use crate::report::Figure;

/// One write takes so many messages at most, so that nobody waits for a full socket.
const CHUNK: u64 = 64;
/// How long nothing may come before the measurement fails.
const SILENCE_MS: u16 = 10_000;
const PUBLISHER: u64 = 0;
const SUBSCRIBER: u64 = 1;

/// What is under way between the two.
struct Load {
    qos: u8,
    /// How many messages may be.
    window: u64,
    sent: u64,
    /// Messages whose acknowledgement is complete.
    done: u64,
    received: u64,
    packet_id: u16,
    /// What goes to the broker next from either.
    publisher: Vec<u8>,
    subscriber: Vec<u8>,
    wrong: Option<String>,
}

/// Messages of one QoS, never more than `window` of them under way.
pub fn run(server: &Server, time: Duration, qos: u8, window: u64) -> Result<Vec<Figure>, String> {
    measure(server, time, qos, window).map_err(|error| error.to_string())
}

fn measure(server: &Server, time: Duration, qos: u8, window: u64) -> io::Result<Vec<Figure>> {
    let mut subscriber = subscriber(server.address, 0, qos)?;
    let mut publisher = Client::connect(server.address, "publisher")?;
    let epoll = Epoll::new(EpollCreateFlags::empty())?;
    let readable = |key| EpollEvent::new(EpollFlags::EPOLLIN, key);
    epoll.add(&publisher.socket, readable(PUBLISHER))?;
    epoll.add(&subscriber.socket, readable(SUBSCRIBER))?;
    let mut load = Load::new(qos, window);
    let begin = Instant::now();
    let (warm, end) = (time / 10, time / 10 + time);
    let mut first = None;
    let mut figures = None;
    while figures.is_none() || load.received < load.sent || load.done < load.acknowledged() {
        let now = begin.elapsed();
        if first.is_none() && now >= warm {
            first = Some((Instant::now(), load.received, server.cpu_seconds()));
        }
        if let Some((start, received, cpu)) = first.filter(|_| figures.is_none() && now >= end) {
            let seconds = start.elapsed().as_secs_f64();
            let cpu = server.cpu_seconds() - cpu;
            figures = Some(rates(load.received - received, seconds, cpu));
            // All may have arrived already, and then nothing comes to be waited for.
            continue;
        }
        if figures.is_none() {
            load.publish();
        }
        publisher.socket.write_all(&load.publisher)?;
        load.publisher.clear();
        let mut events = [EpollEvent::empty(); 2];
        let wait = match figures.is_none() && load.may_publish() {
            true => EpollTimeout::ZERO,
            false => EpollTimeout::from(SILENCE_MS),
        };
        let count = epoll.wait(&mut events, wait)?;
        if count == 0 && !load.may_publish() {
            return Err(io::Error::other(format!(
                "{} of {} messages arrived",
                load.received, load.sent
            )));
        }
        for event in &events[..count] {
            if event.data() == PUBLISHER {
                publisher.read_frames(|frame| load.acknowledge(&frame))?;
            } else {
                subscriber.read_frames(|frame| load.receive(&frame))?;
                subscriber.socket.write_all(&load.subscriber)?;
                load.subscriber.clear();
            }
        }
        if let Some(wrong) = load.wrong.take() {
            return Err(io::Error::other(wrong));
        }
    }
    Ok(figures.unwrap_or_default())
}

impl Load {
    fn new(qos: u8, window: u64) -> Self {
        Self {
            qos,
            window,
            sent: 0,
            done: 0,
            received: 0,
            packet_id: 0,
            publisher: Vec::new(),
            subscriber: Vec::new(),
            wrong: None,
        }
    }

    /// How many messages are to be acknowledged.
    fn acknowledged(&self) -> u64 {
        if self.qos == 0 { 0 } else { self.sent }
    }

    /// At QoS 0 the subscriber's progress is what counts, else the broker's.
    fn may_publish(&self) -> bool {
        let settled = if self.qos == 0 {
            self.received
        } else {
            self.done
        };
        self.sent - settled < self.window
    }

    fn publish(&mut self) {
        let mut count = 0;
        while self.may_publish() && count < CHUNK {
            self.packet_id = self.packet_id % 60_000 + 1;
            let out = &mut self.publisher;
            publish(out, "bench", self.qos, self.packet_id, self.sent);
            self.sent += 1;
            count += 1;
        }
    }

    /// What comes to the publisher.
    fn acknowledge(&mut self, frame: &Frame<'_>) {
        match frame.first >> 4 {
            4 | 7 => self.done += 1,
            5 => self
                .publisher
                .extend_from_slice(&[0x62, 2, frame.body[0], frame.body[1]]),
            _ => {}
        }
    }

    /// What comes to the subscriber: each message once and in order.
    fn receive(&mut self, frame: &Frame<'_>) {
        if !frame.is_publish() {
            if frame.first >> 4 == 6 {
                let answer = [0x70, 2, frame.body[0], frame.body[1]];
                self.subscriber.extend_from_slice(&answer);
            }
            return;
        }
        if frame.sequence() != self.received {
            let (sequence, expected) = (frame.sequence(), self.received);
            self.wrong = Some(format!("message {sequence} instead of {expected}"));
        }
        self.received += 1;
        let answer = match frame.first >> 1 & 0b11 {
            0 => return,
            1 => 0x40,
            _ => 0x50,
        };
        let [high, low] = frame.publish_id();
        self.subscriber.extend_from_slice(&[answer, 2, high, low]);
    }
}
