//! A client of raw bytes: no codec of ours helps it, so none of ours can hide a mistake.

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

use super::LIMIT;
use super::scripted_broker::read_packet;

/// A clean CONNECT of protocol name `MQIsdp`, level 3, keep-alive 60, client id `raw`.
pub(crate) const CONNECT_V31: &[u8] = b"\x10\x11\x00\x06MQIsdp\x03\x02\x00\x3c\x00\x03raw";
/// A clean CONNECT of MQTT 3.1.1, keep-alive 60, client id `raw`.
pub(crate) const CONNECT_V311: &[u8] = b"\x10\x0f\x00\x04MQTT\x04\x02\x00\x3c\x00\x03raw";
/// A clean CONNECT of MQTT 5, keep-alive 60, no properties, client id `raw`.
pub(crate) const CONNECT_V5: &[u8] = b"\x10\x10\x00\x04MQTT\x05\x02\x00\x3c\x00\x00\x03raw";
/// The CONNACK of an accepted MQTT 3.1 or 3.1.1 connection without a session.
pub(crate) const CONNACK_ACCEPTED: &[u8] = b"\x20\x02\x00\x00";
/// A PINGREQ.
pub(crate) const PINGREQ: &[u8] = b"\xc0\x00";
/// A PINGRESP.
pub(crate) const PINGRESP: &[u8] = b"\xd0\x00";
/// A DISCONNECT without a reason.
pub(crate) const DISCONNECT: &[u8] = b"\xe0\x00";

/// A TCP connection to a broker.
pub(crate) struct RawClient {
    stream: TcpStream,
}

impl RawClient {
    /// Connects to a port of 127.0.0.1 and says nothing.
    #[track_caller]
    pub(crate) fn connect(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("the broker listens");
        stream.set_nodelay(true).expect("a TCP socket has nodelay");
        Self { stream }
    }

    /// Connects to a port of 127.0.0.1 from another address of this machine.
    #[track_caller]
    pub(crate) fn connect_from(address: IpAddr, port: u16) -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket can be made");
        let bind = socket.bind(&SocketAddr::new(address, 0).into());
        bind.expect("the address is one of this machine");
        let broker = SocketAddr::from(([127, 0, 0, 1], port));
        socket.connect(&broker.into()).expect("the broker listens");
        let stream = TcpStream::from(socket);
        stream.set_nodelay(true).expect("a TCP socket has nodelay");
        Self { stream }
    }

    /// Its own address, as the broker sees it.
    pub(crate) fn address(&self) -> SocketAddr {
        self.stream.local_addr().expect("it is connected")
    }

    /// Sends bytes as they are.
    #[track_caller]
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream
            .write_all(bytes.as_ref())
            .expect("the broker takes the bytes");
    }

    /// Sends bytes that the broker may refuse to read, because it has closed already.
    pub(crate) fn send_in_vain(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes);
    }

    /// The next bytes must be these.
    #[track_caller]
    pub(crate) fn expect(&mut self, expected: impl AsRef<[u8]>) {
        let expected = expected.as_ref();
        self.set_read_timeout(LIMIT);
        let mut received = Vec::new();
        let mut byte = [0];
        while received.len() < expected.len() {
            match self.stream.read(&mut byte) {
                Ok(0) => break,
                Ok(_) => received.push(byte[0]),
                Err(error) => panic!("after {received:02x?} instead of {expected:02x?}: {error}"),
            }
        }
        assert_eq!(received, expected, "{received:02x?} != {expected:02x?}");
    }

    /// The next packet: its first byte and its body.
    #[track_caller]
    pub(crate) fn packet(&mut self) -> (u8, Vec<u8>) {
        self.set_read_timeout(LIMIT);
        read_packet(&mut self.stream).expect("a packet comes")
    }

    /// The head of an HTTP answer, up to and with the empty line.
    #[track_caller]
    pub(crate) fn http_head(&mut self) -> String {
        self.set_read_timeout(LIMIT);
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            self.stream.read_exact(&mut byte).expect("a whole head");
            head.push(byte[0]);
        }
        String::from_utf8(head).expect("a head is text")
    }

    /// A short WebSocket frame from a server: its first byte and its body.
    #[track_caller]
    pub(crate) fn websocket_frame(&mut self) -> (u8, Vec<u8>) {
        self.set_read_timeout(LIMIT);
        let mut head = [0; 2];
        self.stream.read_exact(&mut head).expect("a frame comes");
        assert!(head[1] < 126, "short and unmasked: {head:02x?}");
        let mut body = vec![0; usize::from(head[1])];
        self.stream.read_exact(&mut body).expect("a whole frame");
        (head[0], body)
    }

    /// The broker must close the connection within `limit`; returns what it said before.
    #[track_caller]
    pub(crate) fn expect_closed_within(&mut self, limit: Duration) -> Vec<u8> {
        let deadline = Instant::now() + limit;
        let mut received = Vec::new();
        let mut chunk = [0; 4096];
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "still open after {limit:?}");
            self.set_read_timeout(left);
            match self.stream.read(&mut chunk) {
                Ok(0) => return received,
                Ok(read) => received.extend_from_slice(&chunk[..read]),
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return received,
                Err(error) => panic!("still open after {limit:?}: {error}"),
            }
        }
    }

    /// The broker must close the connection.
    #[track_caller]
    pub(crate) fn expect_closed(&mut self) -> Vec<u8> {
        self.expect_closed_within(LIMIT)
    }

    /// Whether bytes wait to be read, without waiting for them.
    pub(crate) fn has_answer(&self) -> bool {
        self.stream
            .set_nonblocking(true)
            .expect("a socket has modes");
        let peeked = self.stream.peek(&mut [0]);
        self.stream
            .set_nonblocking(false)
            .expect("a socket has modes");
        peeked.is_ok()
    }

    /// Asks for a sign of life.
    #[track_caller]
    pub(crate) fn expect_alive(&mut self) {
        self.send(PINGREQ);
        self.expect(PINGRESP);
    }

    fn set_read_timeout(&self, limit: Duration) {
        self.stream
            .set_read_timeout(Some(limit))
            .expect("the limit is longer than nothing");
    }
}

/// A packet with its remaining length in front of the body.
pub(crate) fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    let mut length = body.len();
    loop {
        let low = u8::try_from(length % 128).expect("less than 128");
        length /= 128;
        bytes.push(if length > 0 { low | 0x80 } else { low });
        if length == 0 {
            break;
        }
    }
    bytes.extend_from_slice(body);
    bytes
}

/// A string with its two-byte length in front.
pub(crate) fn string(text: &str) -> Vec<u8> {
    let length = u16::try_from(text.len()).expect("a short string");
    [&length.to_be_bytes(), text.as_bytes()].concat()
}
