//! A broker that says what the test tells it to, in bytes: for answers that no real broker
//! can be made to give.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use super::LIMIT;

/// A packet as it came: its first byte and its body.
pub(crate) type Packet = (u8, Vec<u8>);

/// Listens on a free loopback port until the process ends.
pub(crate) struct ScriptedBroker {
    port: u16,
    received: Arc<Received>,
}

#[derive(Default)]
struct Received {
    packets: Mutex<Vec<Packet>>,
    more: Condvar,
}

impl ScriptedBroker {
    /// Answers each packet with the bytes that `answer` gives for it, if any.
    pub(crate) fn answering(answer: impl Fn(u8, &[u8]) -> Vec<u8> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free loopback port");
        let broker = Self {
            port: listener.local_addr().expect("a bound socket").port(),
            received: Arc::default(),
        };
        let received = Arc::clone(&broker.received);
        let answer = Arc::new(answer);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let (received, answer) = (Arc::clone(&received), Arc::clone(&answer));
                thread::spawn(move || serve(client, &received, answer.as_ref()));
            }
        });
        broker
    }

    /// Answers every CONNECT with these bytes, and nothing else.
    pub(crate) fn with_connack(connack: &'static [u8]) -> Self {
        Self::answering(move |first, _| match first {
            0x10 => connack.to_vec(),
            _ => Vec::new(),
        })
    }

    /// The port it listens on.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Every packet so far.
    pub(crate) fn received(&self) -> Vec<Packet> {
        let packets = self.received.packets.lock();
        packets.expect("nobody panics with it").clone()
    }

    /// Waits for a packet with this first byte; returns its body.
    #[track_caller]
    pub(crate) fn wait_for(&self, first: u8) -> Vec<u8> {
        let packets = self.received.packets.lock().expect("nobody panics with it");
        let waited = self
            .received
            .more
            .wait_timeout_while(packets, LIMIT, |packets| {
                packets.iter().all(|packet| packet.0 != first)
            });
        let (packets, _) = waited.expect("nobody panics with it");
        let found = packets.iter().find(|packet| packet.0 == first);
        match found {
            Some((_, body)) => body.clone(),
            None => panic!("no packet {first:#04x} in {packets:02x?}"),
        }
    }
}

/// Reads packets until the client closes.
fn serve(
    mut client: TcpStream,
    received: &Received,
    answer: &(impl Fn(u8, &[u8]) -> Vec<u8> + ?Sized),
) {
    while let Ok((first, body)) = read_packet(&mut client) {
        let reply = answer(first, &body);
        let packets = received.packets.lock();
        packets.expect("nobody panics with it").push((first, body));
        received.more.notify_all();
        if client.write_all(&reply).is_err() {
            return;
        }
    }
}

/// The next packet.
pub(crate) fn read_packet(stream: &mut impl Read) -> std::io::Result<Packet> {
    let mut first = [0];
    stream.read_exact(&mut first)?;
    let mut length = 0_usize;
    let mut shift = 0;
    loop {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        length |= usize::from(byte[0] & 0x7f) << shift;
        shift += 7;
        if byte[0] & 0x80 == 0 {
            break;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    Ok((first[0], body))
}
