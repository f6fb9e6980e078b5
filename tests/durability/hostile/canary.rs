//! A pair of ordinary clients that feels what hostile ones do to others.

use std::io::{self, BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::processor::{Waits, own_wait};
use crate::support::Broker;
use crate::support::scripted_broker::read_packet;
use crate::wire::*;

/// Time between two round trips.
const PAUSE: Duration = Duration::from_millis(2);
/// A fresh CONNECT comes after so many round trips.
const TRIPS_PER_CONNECT: usize = 20;
/// The canary gives up on an answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// A canary at work.
pub(super) struct Canary {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<io::Result<Felt>>,
}

/// Measurements of the canary.
#[derive(Default)]
pub(super) struct Felt {
    pub(super) trips: Vec<Trip>,
    pub(super) connects: Vec<Trip>,
    /// CONNECTs that were refused because memory is short.
    pub(super) refused: usize,
}

/// The time that an answer took.
#[derive(Clone, Copy)]
pub(super) struct Trip {
    pub(super) elapsed: Duration,
    /// The same without the time that a thread waited for a processor.
    pub(super) net: Duration,
}

/// The user name and password of the canary, where the broker wants them.
pub(super) type Login = Option<(&'static str, &'static str)>;

impl Canary {
    /// Connects both clients and begins.
    pub(super) fn start(broker: &Broker, login: Login) -> Self {
        let (port, id) = (broker.port(), broker.id());
        let mut pair = Pair::connect(port, id, login).expect("the canary connects");
        let stop = Arc::new(AtomicBool::new(false));
        let is_over = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            let mut felt = Felt::default();
            while !is_over.load(Ordering::Relaxed) {
                if felt.trips.len() % TRIPS_PER_CONNECT == 0 {
                    match pair.timed(|pair| pair.fresh_connect())? {
                        (true, trip) => felt.connects.push(trip),
                        (false, _) => felt.refused += 1,
                    }
                }
                felt.trips.push(pair.timed(Pair::round_trip)?.1);
                thread::sleep(PAUSE);
            }
            Ok(felt)
        });
        Self { stop, thread }
    }

    /// Ends it and returns what it has felt.
    #[track_caller]
    pub(super) fn stop(self) -> Felt {
        self.stop.store(true, Ordering::Relaxed);
        let felt = self.thread.join().expect("the canary does not panic");
        felt.unwrap_or_else(|error| panic!("the canary is dead: {error}"))
    }
}

struct Pair {
    port: u16,
    broker: u32,
    login: Login,
    publisher: TcpStream,
    subscriber: BufReader<TcpStream>,
    number: u16,
}

impl Pair {
    fn connect(port: u16, broker: u32, login: Login) -> io::Result<Self> {
        let (publisher, accepted) = open(port, "canary-publisher", login)?;
        let (mut subscriber, also) = open(port, "canary-subscriber", login)?;
        assert!(accepted && also, "the canary may connect");
        subscriber.write_all(&subscribe(V311, 1, &[], &[("canary/#", 1)]))?;
        let (first, _) = read_packet(&mut subscriber)?;
        assert_eq!(first, 0x90, "a SUBACK");
        Ok(Self {
            port,
            broker,
            login,
            publisher,
            subscriber: BufReader::new(subscriber),
            number: 0,
        })
    }

    /// A message from one to the other, at QoS 0 and 1 in turn.
    fn round_trip(&mut self) -> io::Result<()> {
        self.number = self.number.wrapping_add(1).max(1);
        let (qos, payload) = (self.number as u8 & 1, self.number.to_be_bytes());
        let publish = publish_with(V311, qos << 1, "canary/sings", self.number, &[], &payload);
        self.publisher.write_all(&publish)?;
        let (first, body) = read_packet(&mut self.subscriber)?;
        let message = Publish::parse(V311, first, &body);
        assert_eq!(message.payload, payload, "in order, none lost");
        if qos == 1 {
            self.subscriber
                .get_mut()
                .write_all(&ack(0x40, message.id))?;
            let (first, _) = read_packet(&mut self.publisher)?;
            assert_eq!(first, 0x40, "a PUBACK");
        }
        Ok(())
    }

    /// Connects once more, and leaves; false if the broker refused it.
    fn fresh_connect(&mut self) -> io::Result<bool> {
        let (mut stream, accepted) = open(self.port, "canary-visitor", self.login)?;
        if accepted {
            stream.write_all(&[0xe0, 0])?;
            // The broker closes last, so that the port is free again.
            let _ = stream.read(&mut [0]);
        }
        Ok(accepted)
    }

    fn timed<T>(&mut self, act: impl FnOnce(&mut Self) -> io::Result<T>) -> io::Result<(T, Trip)> {
        let (waits, own) = (Waits::of_process(self.broker), own_wait());
        let begin = Instant::now();
        let result = act(self);
        let elapsed = begin.elapsed();
        let waited = Waits::of_process(self.broker).longest_since(&waits) + (own_wait() - own);
        let net = elapsed.saturating_sub(waited);
        let result = result.map_err(|error| match error.kind() {
            ErrorKind::WouldBlock => io::Error::other(format!("no answer for {elapsed:?}")),
            _ => error,
        })?;
        Ok((result, Trip { elapsed, net }))
    }
}

/// Connects; says whether the broker accepted it.
fn open(port: u16, client_id: &str, login: Login) -> io::Result<(TcpStream, bool)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut connect = V311.connect(client_id);
    if let Some((user, password)) = login {
        connect = connect
            .flags(0xc2)
            .behind(&string(user))
            .behind(&string(password));
    }
    stream.write_all(&connect.bytes())?;
    match read_packet(&mut stream) {
        Ok((first, body)) => {
            assert_eq!(first, 0x20, "a CONNACK");
            Ok((stream, body[1] == 0))
        }
        // MQTT 3.1.1 has no code for a broker without room.
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok((stream, false)),
        Err(error) => Err(error),
    }
}
