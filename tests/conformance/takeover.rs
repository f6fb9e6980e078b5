//! 3.1.4: a CONNECT that names a client which is connected.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use crate::client::Client;
use crate::support::broker::FEW_LOG_LINES;
use crate::support::raw_client::{DISCONNECT, PINGREQ, RawClient};
use crate::support::tls::{Authority, TlsClient};
use crate::support::{Broker, LIMIT};
use crate::websocket::{UPGRADE, frame};
use crate::wire::*;

/// A kind of stream between a client and the broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Transport {
    Tcp,
    Tls,
    WebSocket,
    Unix,
}
use Transport::{Tcp, Tls, Unix, WebSocket};

const ALL: [Transport; 4] = [Tcp, Tls, WebSocket, Unix];

trait ReadWrite: Read + Write + Send {}
impl<T: Read + Write + Send> ReadWrite for T {}

/// A client over any transport.
struct Caller {
    transport: Transport,
    stream: Box<dyn ReadWrite>,
}

impl Caller {
    fn call(broker: &Broker, transport: Transport) -> Self {
        let tcp = |port| {
            let stream = TcpStream::connect(("127.0.0.1", port)).expect("the broker listens");
            stream.set_nodelay(true).expect("a TCP socket has nodelay");
            stream.set_read_timeout(Some(LIMIT)).expect("a limit");
            stream
        };
        let stream: Box<dyn ReadWrite> = match transport {
            Tcp => Box::new(tcp(broker.port())),
            Tls => Box::new(TlsClient::connect(
                broker.other_port(),
                broker.folder(),
                None,
            )),
            WebSocket => {
                let mut stream = tcp(broker.websocket_port());
                stream.write_all(UPGRADE.as_bytes()).expect("it listens");
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(read_byte(&mut stream).expect("a whole head"));
                }
                Box::new(stream)
            }
            Unix => {
                let stream = UnixStream::connect(broker.folder().join("broker.sock"));
                let stream = stream.expect("the broker listens");
                stream.set_read_timeout(Some(LIMIT)).expect("a limit");
                Box::new(stream)
            }
        };
        Self { transport, stream }
    }

    /// Connects, and waits for the CONNACK.
    fn open(broker: &Broker, transport: Transport, connect: &Connect) -> Self {
        let mut caller = Self::call(broker, transport);
        caller.send(&connect.bytes());
        assert_eq!(caller.packet().0, 0x20);
        caller
    }

    /// The next packet, which is short: its first byte and its body.
    fn packet(&mut self) -> (u8, Vec<u8>) {
        if self.transport == WebSocket {
            self.stream.read_exact(&mut [0; 2]).expect("a frame");
        }
        let mut head = [0; 2];
        self.stream.read_exact(&mut head).expect("a packet comes");
        let mut body = vec![0; usize::from(head[1])];
        self.stream.read_exact(&mut body).expect("a whole packet");
        (head[0], body)
    }

    fn send(&mut self, packets: &[u8]) {
        let bytes = match self.transport {
            WebSocket => packets
                .chunks(100)
                .flat_map(|chunk| frame(0x82, chunk))
                .collect(),
            _ => packets.to_vec(),
        };
        self.stream
            .write_all(&bytes)
            .expect("the broker takes the bytes");
    }
}

fn read_byte(stream: &mut impl Read) -> io::Result<u8> {
    let mut byte = [0];
    stream.read_exact(&mut byte).map(|()| byte[0])
}

/// A broker that clients reach over every transport.
fn reachable_broker() -> Broker {
    let builder = Broker::builder()
        .websockets()
        .config("listener 0 broker.sock")
        .other_listener("cafile ca.crt\ncertfile server.crt\nkeyfile server.key");
    Authority::in_folder(builder.folder()).issue(builder.folder(), "server", (2020, 2090), 1);
    builder.start()
}

/// Does something while the broker stands still, which then finds it done all at once.
fn while_it_stands_still<T>(broker: &Broker, act: impl FnOnce() -> T) -> T {
    let id = Pid::from_raw(i32::try_from(broker.id()).expect("a process id fits in an i32"));
    broker.signal(Signal::SIGSTOP);
    let stopped = waitpid(id, Some(WaitPidFlag::WUNTRACED)).expect("our own child");
    assert_eq!(stopped, WaitStatus::Stopped(id, Signal::SIGSTOP));
    let done = act();
    broker.signal(Signal::SIGCONT);
    done
}

fn said(version: Version, payload: &str) -> Vec<u8> {
    publish_with(version, 0, "said", 0, &[], payload.as_bytes())
}

/// Somebody who hears what is said, and of wills.
fn witness(broker: &Broker) -> Client {
    let mut witness = Client::new(broker, V5, "witness");
    witness.subscribe("said", 0);
    witness.subscribe("will", 0);
    witness
}

fn mortal(version: Version) -> Connect {
    version.connect("same").will(0, false, &[])
}

/// The messages that come until nothing more is on its way.
fn all_that_comes(broker: &Broker, witness: &mut Client) -> Vec<String> {
    let mut end = Client::new(broker, V311, "end");
    end.publish("said", 0, false, "end");
    let mut came = Vec::new();
    loop {
        let message = witness.message();
        let payload = String::from_utf8(message.payload).expect("text");
        if payload == "end" {
            end.leave();
            return came;
        }
        came.push(payload);
    }
}

// 5.0 [MQTT-3.1.4-3] [MQTT-3.14.4-3] [MQTT-3.1.2-10] · 3.1.1 [MQTT-3.1.4-2] [MQTT-3.14.4-3]
#[test]
fn a_client_that_comes_back_at_once_loses_no_message_and_fires_no_will() {
    let broker = reachable_broker();
    let mut witness = witness(&broker);
    for (transport, visits) in [(Tcp, 500), (Tls, 50), (WebSocket, 100), (Unix, 200)] {
        for version in BOTH {
            for visit in 0..visits {
                let mut caller = Caller::open(&broker, transport, &mortal(version));
                caller.send(&[&said(version, &visit.to_string())[..], DISCONNECT].concat());
            }
            let mark = broker.log_mark();
            let last = Caller::open(&broker, transport, &mortal(version));
            let expected: Vec<_> = (0..visits).map(|visit| visit.to_string()).collect();
            assert_eq!(
                all_that_comes(&broker, &mut witness),
                expected,
                "{transport:?}"
            );
            drop(last);
            witness.receive("gone");
            broker.wait_for_log_after(mark, "connection closed by client.");
        }
    }
}

#[test]
fn a_loop_of_mq_pub_with_one_identifier_fires_no_will() {
    let broker = Broker::local();
    let mut witness = witness(&broker);
    let line = "mq-pub -i same -t said -m word --will-topic will --will-payload gone";
    for _ in 0..50 {
        broker.typed(line).run().succeeds();
    }
    assert_eq!(all_that_comes(&broker, &mut witness), ["word"; 50]);
}

// 5.0 [MQTT-3.1.4-3] [MQTT-3.14.4-3] · 3.1.1 [MQTT-3.1.4-2] [MQTT-3.14.4-3]
#[test]
fn a_disconnect_that_the_socket_holds_counts_before_the_takeover() {
    let broker = reachable_broker();
    let mut witness = witness(&broker);
    for version in BOTH {
        for transport in ALL {
            let mut first = Caller::open(&broker, transport, &mortal(version));
            let second = while_it_stands_still(&broker, || {
                // The CONNECT is what the broker sees first.
                let mut second = broker.raw_client();
                second.send(mortal(version).bytes());
                first.send(&[&said(version, "last words")[..], DISCONNECT].concat());
                drop(first);
                second
            });
            leave(second);
            assert_eq!(
                all_that_comes(&broker, &mut witness),
                ["last words"],
                "{transport:?}"
            );
        }
    }
}

// 5.0 [MQTT-3.1.4-3] [MQTT-3.1.2-8] · 3.1.1 [MQTT-3.1.4-2] [MQTT-3.1.2-8]
#[test]
fn a_takeover_without_a_disconnect_publishes_what_was_sent_and_the_will_once() {
    let broker = reachable_broker();
    let mut witness = witness(&broker);
    for version in BOTH {
        let persistent = version.persistent("same").will(0, false, &[]);
        for (transport, connect) in ALL
            .map(|transport| (transport, mortal(version)))
            .into_iter()
            .chain(ALL.map(|transport| (transport, persistent.clone())))
        {
            for cut in [false, true] {
                let mut first = Caller::open(&broker, transport, &connect);
                let (first, second) = while_it_stands_still(&broker, || {
                    let mut second = broker.raw_client();
                    second.send(connect.bytes());
                    first.send(&said(version, "last words"));
                    ((!cut).then_some(first), second)
                });
                leave(second);
                let came = all_that_comes(&broker, &mut witness);
                assert_eq!(came, ["last words", "gone"], "{transport:?} {cut}");
                if let (Some(mut first), V5) = (first, version) {
                    let (packet, body) = first.packet();
                    assert_eq!((packet, body[0]), (0xe0, 0x8e));
                }
            }
        }
        Client::new(&broker, version, "same").leave();
    }
}

/// Leaves with a DISCONNECT, and waits for the end.
#[track_caller]
fn leave(mut client: RawClient) {
    assert_eq!(client.packet().0, 0x20);
    client.send(DISCONNECT);
    client.expect_closed();
}

/// Returns whether a CONNECT finds a session whose DISCONNECT is still in the socket.
#[track_caller]
fn is_present_after(broker: &Broker, first: &Connect, last: &[u8], next: &Connect) -> bool {
    let mut first = Caller::open(broker, Tcp, first);
    let mut second = broker.raw_client();
    while_it_stands_still(broker, || {
        // The CONNECT is what the broker sees first.
        second.send(next.bytes());
        first.send(last);
    });
    let (packet, body) = second.packet();
    assert_eq!((packet, body[1]), (0x20, 0));
    second.send(DISCONNECT);
    second.expect_closed();
    body[0] == 1
}

// 5.0 [MQTT-3.1.4-3] [MQTT-3.14.4-3] [MQTT-3.1.3-9] · 3.1.1 [MQTT-3.1.4-2]
#[test]
fn a_takeover_finds_the_session_and_the_will_as_the_disconnect_left_them() {
    const WILL_DELAY: u8 = 0x18;
    let broker = Broker::local();
    let mut witness = witness(&broker);
    let clean = V5.connect("same");
    let resume = V5.persistent("same");
    let ends_now = packet(0xe0, &[&[0][..], &sized(&four(SESSION_EXPIRY, 0))].concat());
    let ends_later = packet(
        0xe0,
        &[&[0][..], &sized(&four(SESSION_EXPIRY, 900))].concat(),
    );
    let with_will = [0xe0, 1, 0x04];
    assert!(is_present_after(&broker, &resume, DISCONNECT, &resume));
    assert!(is_present_after(&broker, &resume, &ends_later, &resume));
    assert!(!is_present_after(&broker, &resume, &ends_now, &resume));
    assert!(!is_present_after(&broker, &resume, DISCONNECT, &clean));
    for will_delay in [0, 600] {
        let mortal = resume.clone().will(0, false, &four(WILL_DELAY, will_delay));
        assert!(is_present_after(&broker, &mortal, DISCONNECT, &resume));
        witness.expect_nothing();
        // The end of the session is the end of the delay.
        assert!(!is_present_after(&broker, &mortal, &with_will, &clean));
        witness.receive("gone");
        assert!(!is_present_after(&broker, &mortal, &ends_now, &resume));
        witness.expect_nothing();
        // A client that comes back in time cancels the will.
        assert!(is_present_after(&broker, &mortal, &with_will, &resume));
        if will_delay == 0 {
            witness.receive("gone");
        }
        witness.expect_nothing();
    }
    let resume = V311.persistent("same");
    assert!(is_present_after(&broker, &resume, DISCONNECT, &resume));
    assert!(!is_present_after(
        &broker,
        &resume,
        DISCONNECT,
        &V311.connect("same")
    ));
}

// 5.0 [MQTT-3.1.4-3] [MQTT-3.14.4-3] · 3.1.1 [MQTT-3.1.4-2] [MQTT-3.14.4-3]
#[test]
fn clients_that_come_with_one_identifier_at_once_all_have_their_say() {
    const CLIENTS: usize = 60;
    let broker = Broker::local();
    let mut witness = witness(&broker);
    for version in BOTH {
        let mut first = Caller::open(&broker, Tcp, &mortal(version));
        let others: Vec<_> = while_it_stands_still(&broker, || {
            let others = (1..CLIENTS).map(|number| {
                let mut client = broker.raw_client();
                let last = said(version, &number.to_string());
                client.send([&mortal(version).bytes()[..], &last, DISCONNECT].concat());
                // Some do not wait for an answer.
                (number % 2 == 0).then_some(client)
            });
            let others = others.collect();
            first.send(&[&said(version, "0")[..], DISCONNECT].concat());
            others
        });
        for mut client in others.into_iter().flatten() {
            assert_eq!(client.packet().0, 0x20);
            client.expect_closed();
        }
        let mut said: Vec<usize> = (0..CLIENTS)
            .map(|_| String::from_utf8(witness.message().payload).expect("text"))
            .map(|payload| payload.parse().expect("no will"))
            .collect();
        said.sort_unstable();
        assert_eq!(said, (0..CLIENTS).collect::<Vec<_>>());
        witness.expect_nothing();
    }
}

// 5.0 [MQTT-3.1.4-3] · 3.1.1 [MQTT-3.1.4-2]
#[test]
fn a_client_that_floods_its_earlier_connection_is_taken_over_in_time() {
    const SOON: Duration = Duration::from_secs(5);
    let broker = Broker::with_config(FEW_LOG_LINES);
    let mut witness = witness(&broker);
    // It takes nothing of what it gets, so that whoever publishes to it has to wait.
    let mut full = Client::new(&broker, V311, "full");
    full.subscribe("full", 0);
    let to_nobody = publish_with(V311, 0, "nobody", 0, &[], &[0; 1000]);
    let to_the_full_one = publish_with(V311, 0, "full", 0, &[], &[0; 100_000]);
    for packet in [to_nobody, to_the_full_one, PINGREQ.repeat(1000)] {
        let mut first = Caller::open(&broker, Tcp, &mortal(V311));
        let (begun, has_begun) = channel();
        let flood = thread::spawn(move || {
            while first.stream.write_all(&packet).is_ok() {
                // Nobody listens to all but the first.
                let _ = begun.send(());
            }
        });
        has_begun.recv().expect("the broker takes something");
        let start = Instant::now();
        Client::new(&broker, V311, "same").leave();
        assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
        witness.receive("gone");
        flood.join().expect("the flood ends with its connection");
    }
    witness.expect_nothing();
}

// 5.0 [MQTT-4.3.3-2] [MQTT-4.4.0-1] · 3.1.1 [MQTT-4.3.3-2] [MQTT-4.4.0-1]
#[test]
fn messages_that_are_stored_at_a_takeover_arrive_once() {
    let broker = Broker::with_config("persistence true\npersistence_location .");
    for version in BOTH {
        let mut witness = Client::open(&broker, &version.persistent("stored witness"));
        witness.subscribe("said", 2);
        let connect = version.persistent("same");
        let mut first = Caller::open(&broker, Tcp, &connect);
        let publish =
            |flags, id, payload: &[u8]| publish_with(version, flags, "said", id, &[], payload);
        let sent = [publish(0x02, 1, b"once"), publish(0x04, 2, b"exactly")].concat();
        let mut second = while_it_stands_still(&broker, || {
            let mut second = broker.raw_client();
            second.send(connect.bytes());
            first.send(&sent);
            second
        });
        let (packet, body) = second.packet();
        assert_eq!((packet, &body[..2]), (0x20, &[1, 0][..]));
        // It has seen no PUBREC.
        second.send(publish(0x0c, 2, b"exactly"));
        assert_eq!(second.packet().0, 0x50);
        second.send(ack(0x62, 2));
        assert_eq!(second.packet().0, 0x70);
        witness.receive("once");
        witness.receive("exactly");
        witness.expect_nothing();
        second.send(DISCONNECT);
        second.expect_closed();
        witness.leave();
        Client::new(&broker, version, "stored witness").leave();
        Client::new(&broker, version, "same").leave();
    }
}

// 5.0 [MQTT-3.14.4-3] · 3.1.1 [MQTT-3.14.4-3]
#[test]
fn a_disconnect_counts_though_the_client_takes_no_more_messages() {
    let broker = Broker::local();
    let mut witness = witness(&broker);
    let mut publisher = Client::new(&broker, V5, "publisher");
    for version in BOTH.repeat(5) {
        let mut leaving = Client::open(&broker, &mortal(version));
        leaving.subscribe("news", 0);
        publisher.publish("news", 0, false, "unread");
        let mark = broker.log_mark();
        while_it_stands_still(&broker, || {
            publisher.send(publish_with(V5, 0, "news", 0, &[], b"in vain"));
            leaving.send([&said(version, "last words")[..], DISCONNECT].concat());
            // Its unread messages make the system reset the connection.
            drop(leaving);
        });
        broker.wait_for_log_after(mark, "Client same [");
        // The publisher was heard, so that its message is not the next round's.
        publisher.expect_nothing();
        assert_eq!(all_that_comes(&broker, &mut witness), ["last words"]);
    }
}
