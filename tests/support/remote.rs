//! The remote broker of a bridge, played by the test byte by byte.

use std::io::{Read, Write};
use std::net::{IpAddr, TcpListener, TcpStream};
use std::time::Duration;

use super::LIMIT;
use super::raw_client::{packet, string};
use super::scripted_broker::{Packet, read_packet};

/// A CONNACK of MQTT 3.1.1 that accepts, without a session.
pub(crate) const CONNACK: &[u8] = b"\x20\x02\x00\x00";
/// A CONNACK of MQTT 5.0 that accepts, without a session and without properties.
pub(crate) const CONNACK_V5: &[u8] = b"\x20\x03\x00\x00\x00";

/// A port that a bridge connects to.
pub(crate) struct Remote {
    listener: TcpListener,
}

/// A connection of a bridge.
pub(crate) struct RemoteConnection {
    stream: TcpStream,
}

impl Remote {
    pub(crate) fn new() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free loopback port");
        Self { listener }
    }

    pub(crate) fn port(&self) -> u16 {
        self.listener.local_addr().expect("a bound socket").port()
    }

    /// Waits for the next connection.
    pub(crate) fn accept(&self) -> RemoteConnection {
        let (stream, _) = self.listener.accept().expect("a bridge connects");
        stream.set_read_timeout(Some(LIMIT)).expect("a limit");
        RemoteConnection { stream }
    }

    /// Waits for the next connection, reads its CONNECT and answers it.
    pub(crate) fn accept_with(&self, connack: &[u8]) -> RemoteConnection {
        let mut connection = self.accept();
        let (first, _) = connection.packet();
        assert_eq!(first, 0x10, "a CONNECT");
        connection.send(connack);
        connection
    }

    /// Returns whether nobody has connected.
    pub(crate) fn is_alone(&self) -> bool {
        self.listener
            .set_nonblocking(true)
            .expect("a socket has modes");
        let accepted = self.listener.accept();
        self.listener
            .set_nonblocking(false)
            .expect("a socket has modes");
        accepted.is_err()
    }
}

impl RemoteConnection {
    /// The address that the bridge connected from.
    pub(crate) fn peer(&self) -> IpAddr {
        self.stream.peer_addr().expect("a connection").ip()
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream
            .write_all(bytes.as_ref())
            .expect("the bridge takes the bytes");
    }

    #[track_caller]
    pub(crate) fn packet(&mut self) -> Packet {
        read_packet(&mut self.stream).expect("a packet comes")
    }

    /// The next packet must be this one.
    #[track_caller]
    pub(crate) fn expect(&mut self, expected: impl AsRef<[u8]>) {
        let (first, body) = self.packet();
        let received = packet(first, &body);
        let expected = expected.as_ref();
        assert_eq!(received, expected, "{received:02x?} != {expected:02x?}");
    }

    /// Returns whether the connection is still there after a moment; what comes is dropped.
    pub(crate) fn is_open(&mut self) -> bool {
        let moment = Duration::from_millis(200);
        self.stream.set_read_timeout(Some(moment)).expect("a limit");
        let read = self.stream.read(&mut [0; 1024]);
        self.stream.set_read_timeout(Some(LIMIT)).expect("a limit");
        match read {
            Ok(length) => length > 0,
            Err(error) => error.kind() == std::io::ErrorKind::WouldBlock,
        }
    }

    /// The bridge must close the connection.
    #[track_caller]
    pub(crate) fn expect_closed(&mut self) {
        let mut rest = Vec::new();
        // A reset is an end, too.
        let read = self.stream.read_to_end(&mut rest);
        let is_open = read.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock);
        assert!(!is_open, "still open");
    }
}

/// A PUBLISH of MQTT 3.1.1; `flags` are those of its first byte.
pub(crate) fn publish(flags: u8, topic: &str, packet_id: u16, payload: &str) -> Vec<u8> {
    let mut body = string(topic);
    if flags & 0x06 != 0 {
        body.extend(packet_id.to_be_bytes());
    }
    body.extend(payload.as_bytes());
    packet(0x30 | flags, &body)
}

/// A SUBSCRIBE of MQTT 3.1.1.
pub(crate) fn subscribe(packet_id: u16, filter: &str, qos: u8) -> Vec<u8> {
    let body = [&packet_id.to_be_bytes()[..], &string(filter), &[qos]].concat();
    packet(0x82, &body)
}

/// An UNSUBSCRIBE of MQTT 3.1.1.
pub(crate) fn unsubscribe(packet_id: u16, filter: &str) -> Vec<u8> {
    packet(
        0xa2,
        &[&packet_id.to_be_bytes()[..], &string(filter)].concat(),
    )
}

/// A packet of two bytes, such as a PUBACK of MQTT 3.1.1.
pub(crate) fn ack(first: u8, packet_id: u16) -> Vec<u8> {
    packet(first, &packet_id.to_be_bytes())
}
