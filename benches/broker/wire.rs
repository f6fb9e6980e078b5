//! Raw packets over blocking sockets: a load generator that costs little.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use socket2::{Domain, SockRef, Socket, Type};

/// Every message has this payload: a sequence number and filling.
pub const PAYLOAD: usize = 256;
/// The flag of a CONNECT that asks for a session of its own.
pub const CLEAN_SESSION: u8 = 2;
/// How long a socket may be silent before a measurement fails.
const SILENCE: Duration = Duration::from_secs(10);

/// A connected client that speaks MQTT 3.1.1 in literal bytes.
pub struct Client {
    pub socket: TcpStream,
    buffer: Vec<u8>,
    /// What of the buffer is filled.
    filled: usize,
}

/// One frame of the input: its first byte and its body.
pub struct Frame<'a> {
    pub first: u8,
    pub body: &'a [u8],
}

impl Client {
    pub fn connect(address: SocketAddr, client_id: &str) -> io::Result<Self> {
        Self::connect_with(address, client_id, CLEAN_SESSION)
    }

    /// Connects with these connect flags.
    pub fn connect_with(address: SocketAddr, client_id: &str, flags: u8) -> io::Result<Self> {
        Self::begin(TcpStream::connect(address)?, client_id, flags)
    }

    /// Connects from one of the loopback addresses: each has ports of its own.
    pub fn connect_from(
        source: Ipv4Addr,
        address: SocketAddr,
        client_id: &str,
    ) -> io::Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        if source != Ipv4Addr::LOCALHOST {
            socket.bind(&SocketAddr::from((source, 0)).into())?;
        }
        socket.connect(&address.into())?;
        Self::begin(socket.into(), client_id, CLEAN_SESSION)
    }

    fn begin(socket: TcpStream, client_id: &str, flags: u8) -> io::Result<Self> {
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(SILENCE))?;
        socket.set_write_timeout(Some(SILENCE))?;
        (&socket).write_all(&connect(client_id, flags))?;
        let mut client = Self {
            socket,
            buffer: Vec::new(),
            filled: 0,
        };
        client.expect_connack()?;
        Ok(client)
    }

    fn expect_connack(&mut self) -> io::Result<()> {
        let mut answer = [0; 4];
        self.socket.read_exact(&mut answer)?;
        match answer {
            [0x20, 2, _, 0] => Ok(()),
            other => Err(io::Error::other(format!("CONNACK {other:02x?}"))),
        }
    }

    /// Closes the connection without a trace: after an orderly end its port would be busy
    /// for a minute, and thousands of those slow down all that follows.
    pub fn reset(self) -> io::Result<()> {
        SockRef::from(&self.socket).set_linger(Some(Duration::ZERO))
    }

    pub fn subscribe(&mut self, filter: &str, qos: u8) -> io::Result<()> {
        self.socket.write_all(&subscribe(filter, qos))?;
        let mut answer = [0; 5];
        self.socket.read_exact(&mut answer)?;
        if answer[0] == 0x90 {
            Ok(())
        } else {
            Err(io::Error::other("no SUBACK"))
        }
    }

    /// Reads once and calls `handle` for every whole frame.
    pub fn read_frames(&mut self, mut handle: impl FnMut(Frame<'_>)) -> io::Result<()> {
        const FIRST: usize = 4 * 1024;
        const LARGEST: usize = 256 * 1024;
        if self.filled == self.buffer.len() {
            let larger = (self.buffer.len() * 2).clamp(FIRST, LARGEST);
            self.buffer.resize(larger, 0);
        }
        let length = self.socket.read(&mut self.buffer[self.filled..])?;
        if length == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.filled += length;
        let full = self.filled == self.buffer.len();
        let mut start = 0;
        while let Some((header, end)) = whole_frame(&self.buffer[start..self.filled]) {
            let frame = &self.buffer[start..start + end];
            handle(Frame {
                first: frame[0],
                body: &frame[header..],
            });
            start += end;
        }
        self.buffer.copy_within(start..self.filled, 0);
        self.filled -= start;
        if full && self.buffer.len() < LARGEST {
            // There was more to read than fitted in.
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
        Ok(())
    }
}

impl Frame<'_> {
    pub fn is_publish(&self) -> bool {
        self.first >> 4 == 3
    }

    /// The packet identifier of a QoS 1 or 2 PUBLISH.
    pub fn publish_id(&self) -> [u8; 2] {
        let at = 2 + self.topic_length();
        [self.body[at], self.body[at + 1]]
    }

    /// The sequence number with which the payload begins.
    pub fn sequence(&self) -> u64 {
        let packet_id = if self.first & 0b110 == 0 { 0 } else { 2 };
        let at = 2 + self.topic_length() + packet_id;
        u64::from_be_bytes(self.body[at..at + 8].try_into().expect("eight bytes"))
    }

    fn topic_length(&self) -> usize {
        usize::from(u16::from_be_bytes([self.body[0], self.body[1]]))
    }
}

/// The length of the header and of the whole frame at the front of `bytes`.
pub fn whole_frame(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut length = 0;
    for (index, &byte) in bytes.get(1..)?.iter().take(4).enumerate() {
        length |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            let header = index + 2;
            return (bytes.len() >= header + length).then_some((header, header + length));
        }
    }
    None
}

/// A CONNECT of MQTT 3.1.1 with a keep alive of a minute.
pub fn connect(client_id: &str, flags: u8) -> Vec<u8> {
    let id = client_id.as_bytes();
    let mut packet = vec![0x10, 12 + id.len() as u8, 0, 4];
    packet.extend_from_slice(b"MQTT\x04");
    packet.extend_from_slice(&[flags, 0, 60]);
    packet.extend_from_slice(&(id.len() as u16).to_be_bytes());
    packet.extend_from_slice(id);
    packet
}

/// A SUBSCRIBE with one topic filter.
pub fn subscribe(filter: &str, qos: u8) -> Vec<u8> {
    let mut packet = vec![0x82, (5 + filter.len()) as u8, 0, 1];
    packet.extend_from_slice(&(filter.len() as u16).to_be_bytes());
    packet.extend_from_slice(filter.as_bytes());
    packet.push(qos);
    packet
}

/// Appends a PUBLISH; the payload begins with `sequence`.
pub fn publish(out: &mut Vec<u8>, topic: &str, qos: u8, packet_id: u16, sequence: u64) {
    let length = 2 + topic.len() + if qos == 0 { 0 } else { 2 } + PAYLOAD;
    out.push(0x30 | qos << 1);
    out.push((length & 0x7f) as u8 | 0x80);
    out.push((length >> 7) as u8);
    out.extend_from_slice(&(topic.len() as u16).to_be_bytes());
    out.extend_from_slice(topic.as_bytes());
    if qos > 0 {
        out.extend_from_slice(&packet_id.to_be_bytes());
    }
    out.extend_from_slice(&sequence.to_be_bytes());
    out.resize(out.len() + PAYLOAD - 8, b'x');
}
