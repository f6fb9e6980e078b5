//! A connection that may break at any moment: whoever uses it takes up its session again.

use std::io::{self, BufReader, ErrorKind, Write};
use std::net::TcpStream;

use crate::support::LIMIT;
use crate::support::scripted_broker::read_packet;
use crate::wire::{Connect, V5, V311, Version};

/// What a client can read nothing more from: the broker is gone.
pub(crate) type Broken = io::Error;

/// The reason code of a session that another connection has taken over.
const TAKEN_OVER: u8 = 0x8e;

/// A packet: its first byte and its body.
pub(crate) type Packet = (u8, Vec<u8>);

/// The versions take turns.
pub(crate) fn client_version(number: usize) -> Version {
    [V311, V5][number % 2]
}

/// Does `work` while nothing strikes any more. It may break nevertheless: what a client
/// had sent before the last strike may reach the broker behind its next CONNECT.
///
/// # Panics
///
/// When it breaks again and again.
pub(crate) fn in_peace(mut work: impl FnMut() -> Result<(), Broken>) {
    const ATTEMPTS: usize = 3;
    let broken = (0..ATTEMPTS).map_while(|_| work().err());
    let broken: Vec<Broken> = broken.collect();
    assert!(broken.len() < ATTEMPTS, "the broker is gone: {broken:?}");
}

/// A connection of a persistent session.
pub(crate) struct Connection {
    stream: BufReader<TcpStream>,
    /// What waits to be sent.
    out: Vec<u8>,
    pub(crate) session_present: bool,
}

impl Connection {
    /// Connects and takes up the session of `client_id`, or begins it.
    ///
    /// # Panics
    ///
    /// When the broker refuses.
    pub(crate) fn resume(port: u16, version: Version, client_id: &str) -> Result<Self, Broken> {
        Self::open(port, &version.persistent(client_id))
    }

    /// Connects in this way.
    ///
    /// # Panics
    ///
    /// When the broker refuses.
    pub(crate) fn open(port: u16, connect: &Connect) -> Result<Self, Broken> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(LIMIT))?;
        let mut connection = Self {
            stream: BufReader::new(stream),
            out: connect.bytes(),
            session_present: false,
        };
        let (first, body) = connection.packet()?;
        assert_eq!((first, body[1]), (0x20, 0), "{body:02x?}");
        connection.session_present = body[0] == 1;
        Ok(connection)
    }

    /// Sends something, at the latest before the next wait for a packet.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.out.extend_from_slice(bytes.as_ref());
    }

    /// Sends what waits to be sent.
    pub(crate) fn flush(&mut self) -> Result<(), Broken> {
        self.stream.get_mut().write_all(&self.out)?;
        self.out.clear();
        Ok(())
    }

    /// The next packet: its first byte and its body.
    ///
    /// # Panics
    ///
    /// When the broker is there and says nothing.
    pub(crate) fn packet(&mut self) -> Result<Packet, Broken> {
        let packet = self.packet_or_silence()?;
        Ok(packet.unwrap_or_else(|| panic!("the broker says nothing for {LIMIT:?}")))
    }

    /// The next packet; `None` when the broker is there and says nothing.
    pub(crate) fn packet_or_silence(&mut self) -> Result<Option<Packet>, Broken> {
        if self.stream.buffer().is_empty() {
            self.flush()?;
        }
        match read_packet(&mut self.stream) {
            // A CONNECT of ours that was cut off reached the broker behind a later one.
            Ok((0xe0, body)) if body.first() == Some(&TAKEN_OVER) => {
                Err(ErrorKind::ConnectionAborted.into())
            }
            Ok(packet) => Ok(Some(packet)),
            Err(error) => match error.kind() {
                ErrorKind::WouldBlock | ErrorKind::TimedOut => Ok(None),
                _ => Err(error),
            },
        }
    }
}
