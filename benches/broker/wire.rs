//! Raw packets over blocking sockets: a load generator that costs little.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Every message has this payload: a sequence number and filling.
pub const PAYLOAD: usize = 256;
/// How long a socket may be silent before a measurement fails.
const SILENCE: Duration = Duration::from_secs(10);

/// A connected client that speaks MQTT 3.1.1 in literal bytes.
pub struct Client {
    pub socket: TcpStream,
    buffer: Vec<u8>,
    start: usize,
}

/// One frame of the input: its first byte and its body.
pub struct Frame<'a> {
    pub first: u8,
    pub body: &'a [u8],
}

impl Client {
    pub fn connect(address: SocketAddr, client_id: &str) -> io::Result<Self> {
        const CLEAN_SESSION: u8 = 2;
        Self::connect_with(address, client_id, CLEAN_SESSION)
    }

    /// Connects with these connect flags.
    pub fn connect_with(address: SocketAddr, client_id: &str, flags: u8) -> io::Result<Self> {
        let mut client = Self::connect_only(address, client_id, flags)?;
        client.expect_connack()?;
        Ok(client)
    }

    /// Sends the CONNECT and does not wait for its answer.
    fn connect_only(address: SocketAddr, client_id: &str, flags: u8) -> io::Result<Self> {
        let socket = TcpStream::connect(address)?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(SILENCE))?;
        socket.set_write_timeout(Some(SILENCE))?;
        let id = client_id.as_bytes();
        let mut packet = vec![0x10, 12 + id.len() as u8, 0, 4];
        packet.extend_from_slice(b"MQTT\x04");
        packet.extend_from_slice(&[flags, 0, 60]);
        packet.extend_from_slice(&(id.len() as u16).to_be_bytes());
        packet.extend_from_slice(id);
        (&socket).write_all(&packet)?;
        Ok(Self {
            socket,
            buffer: Vec::new(),
            start: 0,
        })
    }

    fn expect_connack(&mut self) -> io::Result<()> {
        let mut answer = [0; 4];
        self.socket.read_exact(&mut answer)?;
        match answer {
            [0x20, 2, _, 0] => Ok(()),
            other => Err(io::Error::other(format!("CONNACK {other:02x?}"))),
        }
    }

    pub fn subscribe(&mut self, filter: &str, qos: u8) -> io::Result<()> {
        let mut packet = vec![0x82, (5 + filter.len()) as u8, 0, 1];
        packet.extend_from_slice(&(filter.len() as u16).to_be_bytes());
        packet.extend_from_slice(filter.as_bytes());
        packet.push(qos);
        self.socket.write_all(&packet)?;
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
        const READ: usize = 256 * 1024;
        if self.start > 0 {
            self.buffer.drain(..self.start);
            self.start = 0;
        }
        let filled = self.buffer.len();
        self.buffer.resize(filled + READ, 0);
        let length = self.socket.read(&mut self.buffer[filled..]);
        self.buffer
            .truncate(filled + *length.as_ref().unwrap_or(&0));
        if length? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        while let Some((header, end)) = whole_frame(&self.buffer[self.start..]) {
            let frame = &self.buffer[self.start..self.start + end];
            handle(Frame {
                first: frame[0],
                body: &frame[header..],
            });
            self.start += end;
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
