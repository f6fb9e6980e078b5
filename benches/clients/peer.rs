//! The other end of the line, in literal bytes: it answers the protocol and does nothing
//! else.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

pub const TOPIC: &str = "bench";
/// How many bytes each message has.
pub const PAYLOAD: usize = 32;
/// How long a program may be silent before a measurement fails.
const SILENCE: Duration = Duration::from_secs(20);
const READ: usize = 256 * 1024;
/// Messages that are written at once.
const CHUNK: u64 = 1_000;

/// Takes QoS 0 messages.
pub struct Sink(TcpListener);

impl Sink {
    pub fn bind() -> io::Result<(Self, u16)> {
        let (listener, port) = bind()?;
        Ok((Self(listener), port))
    }

    /// Counts messages until the client says good-bye; also when the last one came.
    pub fn receive(self) -> io::Result<(u64, Instant)> {
        let mut client = accept(&self.0)?;
        let mut buffer = vec![0; READ];
        let mut filled = 0;
        let (mut count, mut last) = (0, Instant::now());
        loop {
            let length = client.read(&mut buffer[filled..])?;
            let now = Instant::now();
            filled += length;
            let mut start = 0;
            while let Some(end) = packet_end(&buffer[start..filled]) {
                match buffer[start] >> 4 {
                    3 => (count, last) = (count + 1, now),
                    14 => return Ok((count, last)),
                    other => return Err(io::Error::other(format!("packet {other}"))),
                }
                start += end;
            }
            if length == 0 {
                return Ok((count, last));
            }
            buffer.copy_within(start..filled, 0);
            filled -= start;
        }
    }
}

/// Sends QoS 0 messages.
pub struct Blaster(TcpListener);

impl Blaster {
    pub fn bind() -> io::Result<(Self, u16)> {
        let (listener, port) = bind()?;
        Ok((Self(listener), port))
    }

    /// Sends so many messages; returns the time until the client says good-bye.
    pub fn blast(self, messages: u64) -> io::Result<Duration> {
        let mut client = accept(&self.0)?;
        let subscribe = read_packet(&mut client)?;
        client.write_all(&[0x90, 3, subscribe[2], subscribe[3], 0])?;
        let length = 2 + TOPIC.len() + PAYLOAD;
        let mut message = vec![0x30, length as u8, 0, TOPIC.len() as u8];
        message.extend_from_slice(TOPIC.as_bytes());
        message.resize(2 + length, b'x');
        let chunk = message.repeat(CHUNK as usize);
        let begin = Instant::now();
        for _ in 0..messages / CHUNK {
            client.write_all(&chunk)?;
        }
        match read_packet(&mut client)?[0] >> 4 {
            14 => Ok(begin.elapsed()),
            other => Err(io::Error::other(format!("packet {other}"))),
        }
    }
}

fn bind() -> io::Result<(TcpListener, u16)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let port = listener.local_addr()?.port();
    Ok((listener, port))
}

/// Takes a client and answers its CONNECT.
fn accept(listener: &TcpListener) -> io::Result<TcpStream> {
    let (mut client, _) = listener.accept()?;
    client.set_nodelay(true)?;
    client.set_read_timeout(Some(SILENCE))?;
    client.set_write_timeout(Some(SILENCE))?;
    read_packet(&mut client)?;
    client.write_all(b"\x20\x02\x00\x00")?;
    Ok(client)
}

/// A short packet.
fn read_packet(client: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut packet = vec![0; 2];
    client.read_exact(&mut packet)?;
    packet.resize(2 + usize::from(packet[1]), 0);
    client.read_exact(&mut packet[2..])?;
    Ok(packet)
}

/// Where the short packet at the front of `bytes` ends, if it is whole.
fn packet_end(bytes: &[u8]) -> Option<usize> {
    let end = 2 + usize::from(*bytes.get(1)?);
    (bytes.len() >= end).then_some(end)
}
