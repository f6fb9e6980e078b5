//! The limit of the machine: a forwarder that copies frames and answers
//! acknowledgements, and does nothing else that a broker does.
//!
//! One thread waits for all sockets. Whoever subscribes gets every PUBLISH of everybody;
//! there are no topics. A subscriber that takes nothing stops everybody.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::ops::Range;
use std::os::fd::AsRawFd;
use std::time::Duration;

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

use super::wire::whole_frame;

/// One read takes so much at most.
const READ_SIZE: usize = 256 * 1024;
/// Who takes nothing for so long is given up.
const PATIENCE: Duration = Duration::from_secs(10);

pub fn serve(address: &str) {
    let listener = TcpListener::bind(address).expect("the port is free");
    let mut forwarder = Forwarder::new().expect("there is room for an epoll instance");
    forwarder.serve(&listener).expect("epoll goes on");
}

struct Forwarder {
    epoll: Epoll,
    clients: HashMap<u64, Client>,
    subscribers: Vec<u64>,
    buffer: Vec<u8>,
    answers: Vec<u8>,
    runs: Vec<Range<usize>>,
}

struct Client {
    socket: TcpStream,
    /// The beginning of a frame whose rest has not arrived.
    partial: Vec<u8>,
}

impl Forwarder {
    fn new() -> io::Result<Self> {
        Ok(Self {
            epoll: Epoll::new(EpollCreateFlags::empty())?,
            clients: HashMap::new(),
            subscribers: Vec::new(),
            buffer: vec![0; READ_SIZE],
            answers: Vec::new(),
            runs: Vec::new(),
        })
    }

    fn serve(&mut self, listener: &TcpListener) -> io::Result<()> {
        const LISTENER: u64 = u64::MAX;
        let readable = |data| EpollEvent::new(EpollFlags::EPOLLIN, data);
        self.epoll.add(listener, readable(LISTENER))?;
        let mut events = [EpollEvent::empty(); 256];
        loop {
            let count = self.epoll.wait(&mut events, EpollTimeout::NONE)?;
            for event in &events[..count] {
                if event.data() == LISTENER {
                    let (socket, _) = listener.accept()?;
                    socket.set_nodelay(true)?;
                    socket.set_write_timeout(Some(PATIENCE))?;
                    let key = socket.as_raw_fd() as u64;
                    self.epoll.add(&socket, readable(key))?;
                    let partial = Vec::new();
                    self.clients.insert(key, Client { socket, partial });
                } else if self.forward(event.data()).is_err() {
                    self.clients.remove(&event.data());
                    self.subscribers.retain(|&other| other != event.data());
                }
            }
        }
    }

    /// Reads once from a client, and forwards and answers all whole frames.
    fn forward(&mut self, key: u64) -> io::Result<()> {
        let Some(client) = self.clients.get_mut(&key) else {
            return Ok(());
        };
        let begin = client.partial.len();
        self.buffer[..begin].copy_from_slice(&client.partial);
        let length = client.socket.read(&mut self.buffer[begin..])?;
        if length == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let filled = begin + length;
        let end = self.answer_frames(key, filled);
        for &subscriber in &self.subscribers {
            if let Some(subscriber) = self.clients.get_mut(&subscriber) {
                for run in &self.runs {
                    // One that has gone is noticed when it is read.
                    let _ = subscriber.socket.write_all(&self.buffer[run.clone()]);
                }
            }
        }
        let Some(client) = self.clients.get_mut(&key) else {
            return Ok(());
        };
        client.partial.clear();
        client.partial.extend_from_slice(&self.buffer[end..filled]);
        client.socket.write_all(&self.answers)
    }

    /// Notes the answers and the runs of PUBLISH packets of all whole frames, and says
    /// where those end.
    fn answer_frames(&mut self, key: u64, filled: usize) -> usize {
        self.answers.clear();
        self.runs.clear();
        let answers = &mut self.answers;
        let mut end = 0;
        while let Some((header, length)) = whole_frame(&self.buffer[end..filled]) {
            let frame = &self.buffer[end..end + length];
            end += length;
            match frame[0] >> 4 {
                1 => answers.extend_from_slice(&[0x20, 2, 0, 0]),
                3 => {
                    let at = header + 2 + usize::from(frame[header + 1]);
                    match frame[0] >> 1 & 0b11 {
                        1 => answers.extend_from_slice(&[0x40, 2, frame[at], frame[at + 1]]),
                        2 => answers.extend_from_slice(&[0x50, 2, frame[at], frame[at + 1]]),
                        _ => {}
                    }
                    match self.runs.last_mut() {
                        // Frames that follow each other are one write.
                        Some(run) if run.end == end - length => run.end = end,
                        _ => self.runs.push(end - length..end),
                    }
                }
                5 => answers.extend_from_slice(&[0x62, 2, frame[2], frame[3]]),
                6 => answers.extend_from_slice(&[0x70, 2, frame[2], frame[3]]),
                8 => {
                    answers.extend_from_slice(&[0x90, 3, 0, 1, frame[length - 1]]);
                    self.subscribers.push(key);
                }
                _ => {}
            }
        }
        end
    }
}
