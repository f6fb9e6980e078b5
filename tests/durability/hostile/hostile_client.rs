//! A client that does what it likes.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::fd::AsFd;
use std::thread;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use socket2::{Domain, Socket, Type};

use crate::support::random::Random;
use crate::wire::*;

/// The longest wait for an answer, and for a socket that takes nothing.
const PATIENCE: Duration = Duration::from_secs(2);

/// One of the hostile clients of an attack.
pub(super) struct Hostile {
    /// Its number, from 0.
    pub(super) number: usize,
    pub(super) random: Random,
    pub(super) port: u16,
    pub(super) other_port: Option<u16>,
    pub(super) websocket_port: Option<u16>,
    pub(super) broker: u32,
    pub(super) rounds: usize,
    pub(super) time: Duration,
    /// The end of its time.
    pub(super) deadline: Instant,
}

impl Hostile {
    /// The numbers of its rounds. Its time begins now, and ends them.
    pub(super) fn rounds(&mut self) -> impl Iterator<Item = usize> + use<> {
        let deadline = Instant::now() + self.time;
        self.deadline = deadline;
        (0..self.rounds).take_while(move |_| Instant::now() < deadline)
    }

    /// Returns whether its time is not over yet.
    pub(super) fn has_time(&self) -> bool {
        Instant::now() < self.deadline
    }

    /// Keeps its connections open until its time is over.
    pub(super) fn wait_until_its_time_is_over(&self) {
        thread::sleep(self.deadline.saturating_duration_since(Instant::now()));
    }

    /// A client identifier of its own.
    pub(super) fn id(&self) -> String {
        format!("hostile-{}", self.number)
    }

    /// A connection that has said nothing.
    pub(super) fn dial(&self) -> io::Result<Wire> {
        Wire::dial(self.port, Ipv4Addr::LOCALHOST)
    }

    /// The same from this address.
    pub(super) fn dial_from(&self, from: [u8; 4]) -> io::Result<Wire> {
        Wire::dial(self.port, Ipv4Addr::from(from))
    }

    /// An accepted connection of MQTT 5.0 with its own client identifier and a clean session.
    pub(super) fn connect(&self) -> io::Result<Wire> {
        self.connect_with(&V5.connect(&self.id()))
    }

    /// An accepted connection.
    pub(super) fn connect_with(&self, connect: &Connect) -> io::Result<Wire> {
        let mut wire = self.dial()?;
        wire.send(connect.bytes())?;
        wire.wait_for(0x20)?;
        Ok(wire)
    }
}

/// A connection that reads what comes and forgets it.
pub(super) struct Wire {
    stream: TcpStream,
    /// Set if it reads while it writes.
    pub(super) reads: bool,
    input: Vec<u8>,
}

impl Wire {
    /// Connects from an address of the loopback network.
    pub(super) fn dial(port: u16, from: Ipv4Addr) -> io::Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.bind(&SocketAddr::from((from, 0)).into())?;
        socket.connect(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into())?;
        socket.set_tcp_nodelay(true)?;
        socket.set_nonblocking(true)?;
        Ok(Self {
            stream: socket.into(),
            reads: true,
            input: Vec::new(),
        })
    }

    /// Sends bytes, and meanwhile reads what comes.
    pub(super) fn send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        let mut bytes = bytes.as_ref();
        let deadline = Instant::now() + PATIENCE;
        while !bytes.is_empty() {
            match self.stream.write(bytes) {
                Ok(written) => bytes = &bytes[written..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.wait(PollFlags::POLLOUT, deadline)?;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Waits for a packet that begins with this byte, and forgets those before it.
    pub(super) fn wait_for(&mut self, first: u8) -> io::Result<Vec<u8>> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            while let Some((came, body)) = self.take_packet() {
                // Messages may come once more.
                if came & 0xf7 == first {
                    return Ok(body);
                }
            }
            self.wait(PollFlags::empty(), deadline)?;
        }
    }

    /// Reads one byte, if there is one.
    pub(super) fn read_a_byte(&mut self) {
        let _ = self.stream.read(&mut [0]);
    }

    /// Waits until the broker has handled what was sent so far.
    pub(super) fn settle(&mut self) -> io::Result<()> {
        self.send([0xc0, 0])?;
        self.wait_for(0xd0).map(drop)
    }

    /// Waits for output if wanted, and for input if the client reads.
    fn wait(&mut self, mut flags: PollFlags, deadline: Instant) -> io::Result<()> {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        if self.reads {
            flags |= PollFlags::POLLIN;
        }
        let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
        let mut polled = [PollFd::new(self.stream.as_fd(), flags)];
        poll(&mut polled, timeout)?;
        let readable = polled[0].revents().unwrap_or(PollFlags::empty());
        if self.reads && readable.intersects(PollFlags::POLLIN | PollFlags::POLLHUP) {
            self.read_some()?;
        }
        Ok(())
    }

    fn read_some(&mut self) -> io::Result<()> {
        let mut chunk = [0; 65_536];
        match self.stream.read(&mut chunk) {
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => {
                self.input.extend_from_slice(&chunk[..read]);
                // Nothing is waited for while more comes than that.
                if self.input.len() > 4 << 20 {
                    while self.take_packet().is_some() {}
                }
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn take_packet(&mut self) -> Option<(u8, Vec<u8>)> {
        let (mut length, mut at) = (0, 1);
        loop {
            let byte = *self.input.get(at)?;
            length |= usize::from(byte & 0x7f) << (7 * (at - 1));
            at += 1;
            if byte & 0x80 == 0 {
                break;
            }
        }
        let packet = (self.input.len() >= at + length).then(|| {
            let body = self.input[at..at + length].to_vec();
            (self.input[0], body)
        })?;
        self.input.drain(..at + length);
        Some(packet)
    }
}

/// A PUBLISH of MQTT 5.0 at QoS 0 without properties.
pub(super) fn publish(topic: &str, payload: &[u8]) -> Vec<u8> {
    publish_with(V5, 0, topic, 0, &[], payload)
}

/// A retained one.
pub(super) fn retained(topic: &str, payload: &[u8]) -> Vec<u8> {
    publish_with(V5, 1, topic, 0, &[], payload)
}

/// A SUBSCRIBE of MQTT 5.0 to filters at one QoS.
pub(super) fn subscribe_to<S: AsRef<str>>(qos: u8, filters: &[S]) -> Vec<u8> {
    let filters: Vec<_> = filters
        .iter()
        .map(|filter| (filter.as_ref(), qos))
        .collect();
    subscribe(V5, 1, &[], &filters)
}
