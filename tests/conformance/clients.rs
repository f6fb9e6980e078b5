//! What our own clients have to keep, watched by a server that says what the test wants.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::scripted_broker::read_packet;
use crate::support::{LIMIT, Program};
use crate::wire::*;

/// A server for the connections of one client. Its thread waits until the process ends.
struct Stub {
    port: u16,
    streams: Receiver<TcpStream>,
}

/// One connection of a client to the stub.
struct Peer {
    stream: TcpStream,
    version: Version,
    /// The body of its CONNECT.
    connect: Vec<u8>,
}

impl Stub {
    fn new() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free loopback port");
        let port = listener.local_addr().expect("a bound socket").port();
        let (sender, streams) = channel();
        thread::spawn(move || {
            let streams = listener.incoming().map_while(Result::ok);
            // Nobody takes any more when the test is over.
            streams.map_while(|stream| sender.send(stream).ok()).count()
        });
        Self { port, streams }
    }

    /// The command line, with the port to connect to.
    fn typed(&self, line: &str) -> Program {
        Program::typed(line).port(self.port)
    }

    /// The next connection; its CONNECT is read and not answered.
    #[track_caller]
    fn next(&self) -> Peer {
        let stream = self.streams.recv_timeout(LIMIT).expect("a client comes");
        stream.set_read_timeout(Some(LIMIT)).expect("a limit");
        let mut peer = Peer {
            stream,
            version: V311,
            connect: Vec::new(),
        };
        let (first, connect) = peer.packet();
        assert_eq!(first, 0x10, "a CONNECT comes first");
        peer.version = if connect[6] == 5 { V5 } else { V311 };
        peer.connect = connect;
        peer
    }

    /// The next connection, accepted with these properties.
    #[track_caller]
    fn accept(&self, properties: &[u8]) -> Peer {
        self.accept_session(0, properties)
    }

    #[track_caller]
    fn accept_session(&self, session_present: u8, properties: &[u8]) -> Peer {
        let mut peer = self.next();
        let properties = match peer.version {
            V311 => Vec::new(),
            V5 => sized(properties),
        };
        peer.send(packet(
            0x20,
            &[&[session_present, 0], &properties[..]].concat(),
        ));
        peer
    }
}

impl Peer {
    fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream
            .write_all(bytes.as_ref())
            .expect("the client reads");
    }

    #[track_caller]
    fn packet(&mut self) -> (u8, Vec<u8>) {
        read_packet(&mut self.stream).expect("a packet comes")
    }

    #[track_caller]
    fn expect(&mut self, bytes: impl AsRef<[u8]>) {
        let (first, body) = self.packet();
        assert_eq!(packet(first, &body), bytes.as_ref());
    }

    #[track_caller]
    fn message(&mut self) -> Publish {
        let (first, body) = self.packet();
        Publish::parse(self.version, first, &body)
    }

    /// Takes the SUBSCRIBE and grants QoS 2.
    #[track_caller]
    fn grant(&mut self) {
        let (first, body) = self.packet();
        assert_eq!(first, 0x82, "{body:02x?}");
        let properties = self.version.no_properties();
        self.send(packet(0x90, &[&body[..2], properties, &[2]].concat()));
    }

    /// The client says DISCONNECT, and the server closes, for which the client waits.
    #[track_caller]
    fn goodbye(mut self) {
        assert_eq!(self.packet().0, 0xe0);
    }

    /// The client closes, and says this before.
    #[track_caller]
    fn expect_closed(&mut self) -> Vec<u8> {
        let mut said = Vec::new();
        match self.stream.read_to_end(&mut said) {
            Err(error) if error.kind() != ErrorKind::ConnectionReset => panic!("open: {error}"),
            _ => said,
        }
    }

    /// Nothing comes for a moment: there is no event for what does not happen.
    #[track_caller]
    fn expect_silence(&mut self) {
        let moment = Some(Duration::from_millis(200));
        self.stream.set_read_timeout(moment).expect("a limit");
        let read = self.stream.read(&mut [0]);
        assert!(read.is_err(), "{read:?}");
        self.stream.set_read_timeout(Some(LIMIT)).expect("a limit");
    }
}

/// The options that make a client speak the version.
fn version_option(version: Version) -> &'static str {
    match version {
        V311 => "-V 311",
        V5 => "-V 5",
    }
}

// 5.0 [MQTT-3.1.0-1] [MQTT-3.1.3-1] [MQTT-3.1.3-3] [MQTT-3.1.2-9] [MQTT-3.1.2-17]
//     [MQTT-3.1.2-19] [MQTT-3.1.2-1] ·
// 3.1.1 [MQTT-3.1.0-1] [MQTT-3.1.3-1] [MQTT-3.1.3-3] [MQTT-3.1.2-9] [MQTT-3.1.2-19]
//     [MQTT-3.1.2-21] [MQTT-7.1.2-1]
#[test]
fn a_connect_has_its_fields_in_order() {
    for version in BOTH {
        let stub = Stub::new();
        let line = "mq-pub -t a -m x -i me -u name -P secret --will-topic w --will-payload gone \
                    --will-qos 1 --will-retain";
        let client = stub.typed(line).args_of(version_option(version)).start();
        let mut peer = stub.accept(&[]);
        let fields = [
            string("me"),
            version.no_properties().to_vec(),
            string("w"),
            string("gone"),
        ];
        let login = [string("name"), string("secret")];
        let expected = [fields.concat(), login.concat()].concat();
        assert!(peer.connect.ends_with(&expected), "{:02x?}", peer.connect);
        assert_eq!(peer.connect[7], 0xee);
        peer.message();
        peer.goodbye();
        client.ends().succeeds();
    }
}

// 5.0 [MQTT-3.1.2-11] [MQTT-3.1.2-13] [MQTT-3.1.2-16] [MQTT-3.1.2-18] ·
// 3.1.1 [MQTT-3.1.2-11] [MQTT-3.1.2-13] [MQTT-3.1.2-15] [MQTT-3.1.2-18] [MQTT-3.1.2-20]
//     [MQTT-3.1.2-22] [MQTT-3.1.3-7]
#[test]
fn a_connect_without_will_and_login_has_no_flags_of_them() {
    for version in BOTH {
        let stub = Stub::new();
        let client = stub
            .typed("mq-pub -t a -m x")
            .args_of(version_option(version))
            .start();
        let mut peer = stub.accept(&[]);
        // An empty client identifier goes with a clean session.
        assert_eq!(peer.connect[7], 0x02);
        assert!(peer.connect.ends_with(&[0, 0]));
        peer.message();
        peer.goodbye();
        client.ends().succeeds();
    }
}

// 5.0 [MQTT-3.1.2-20] · 3.1.1 [MQTT-3.1.2-23]
#[test]
fn a_client_with_nothing_to_say_pings_within_its_keep_alive() {
    let idle = BOTH.map(|version| {
        let stub = Stub::new();
        let line = format!("mq-sub -t a -k 5 {}", version_option(version));
        let client = stub.typed(&line).start();
        let mut peer = stub.accept(&[]);
        peer.grant();
        (client, peer, Instant::now())
    });
    for (client, mut peer, since) in idle {
        peer.expect([0xc0, 0]);
        assert!(
            since.elapsed() <= Duration::from_millis(5_500),
            "{:?}",
            since.elapsed()
        );
        drop(client);
    }
}

// 5.0 [MQTT-3.1.2-21] [MQTT-3.2.2-21]
#[test]
fn the_keep_alive_of_the_server_is_the_one_that_counts() {
    let stub = Stub::new();
    let client = stub.typed("mq-sub -V 5 -t a -k 60").start();
    let mut peer = stub.accept(&two(0x13, 1));
    peer.grant();
    let since = Instant::now();
    peer.expect([0xc0, 0]);
    assert!(
        since.elapsed() <= Duration::from_millis(1_500),
        "{:?}",
        since.elapsed()
    );
    drop(client);
}

// 5.0 [MQTT-2.2.1-3] [MQTT-4.3.2-1] [MQTT-4.3.2-2] [MQTT-4.3.3-1] [MQTT-4.3.3-2]
//     [MQTT-3.3.4-7] [MQTT-4.9.0-1] [MQTT-4.9.0-2] [MQTT-2.2.2-1] ·
// 3.1.1 [MQTT-2.3.1-1] [MQTT-2.3.1-2] [MQTT-2.3.1-3] [MQTT-4.3.2-1] [MQTT-4.3.3-1]
#[test]
fn each_message_in_flight_has_an_identifier_of_its_own_and_the_window_is_kept() {
    for version in BOTH {
        for qos in 1..3 {
            let stub = Stub::new();
            let line = format!("mq-pub -l -t a -q {qos} {}", version_option(version));
            let client = stub.typed(&line).stdin("0\n1\n2\n3\n4\n5\n").start();
            let mut peer = stub.accept(&two(RECEIVE_MAXIMUM, 3));
            let window = if version == V5 { 3 } else { 6 };
            let mut in_flight: Vec<_> = (0..window).map(|_| peer.message()).collect();
            for message in &in_flight {
                assert_eq!((message.qos, message.dup), (qos, false));
                assert_ne!(message.id, 0);
            }
            let mut ids: Vec<_> = in_flight.iter().map(|message| message.id).collect();
            ids.sort_unstable();
            ids.dedup();
            assert_eq!(ids.len(), window);
            if version == V5 {
                peer.expect_silence();
            }
            for number in 0..6 {
                let oldest = in_flight.remove(0);
                assert_eq!(oldest.payload, number.to_string().into_bytes());
                if qos == 1 {
                    peer.send(ack(0x40, oldest.id));
                } else {
                    peer.send(ack(0x50, oldest.id));
                    peer.expect(ack(0x62, oldest.id));
                    peer.send(ack(0x70, oldest.id));
                }
                if number + window < 6 {
                    in_flight.push(peer.message());
                }
            }
            peer.goodbye();
            client.ends().succeeds();
        }
    }
}

// 5.0 [MQTT-3.14.4-1] [MQTT-3.14.4-2] [MQTT-3.14.2-1] · 3.1.1 [MQTT-3.14.4-1] [MQTT-3.14.4-2]
#[test]
fn a_client_that_leaves_says_so_last_and_closes() {
    for version in BOTH {
        let stub = Stub::new();
        let client = stub
            .typed("mq-pub -t a -m x")
            .args_of(version_option(version))
            .start();
        let mut peer = stub.accept(&[]);
        let message = peer.message();
        assert_eq!(
            (message.qos, message.dup, message.retain),
            (0, false, false)
        );
        let said = peer.expect_closed();
        assert!(
            matches!(said[..], [0xe0, 0] | [0xe0, 1, 0] | [0xe0, 2, 0, 0]),
            "{said:02x?}"
        );
        drop(peer);
        client.ends().succeeds();
    }
}

// 5.0 [MQTT-3.2.2-4] [MQTT-4.13.2-1]
#[test]
fn a_client_without_a_session_does_not_go_on_with_one() {
    let stub = Stub::new();
    let client = stub.typed("mq-pub -V 5 -t a -m x -q 1 -i me").start();
    let mut peer = stub.accept_session(1, &[]);
    let said = peer.expect_closed();
    assert!(matches!(said[..], [] | [0xe0, ..]), "{said:02x?}");
    drop(peer);
    assert_ne!(client.ends().code(), 0);
}

// 5.0 [MQTT-3.2.2-11]
#[test]
fn a_client_does_not_publish_above_the_qos_of_the_server() {
    let stub = Stub::new();
    let client = stub.typed("mq-pub -V 5 -t a -m x -q 2").start();
    let mut peer = stub.accept(&one(0x24, 0));
    let (first, body) = peer.packet();
    assert!(
        first == 0xe0 || Publish::parse(V5, first, &body).qos == 0,
        "{first:02x}"
    );
    drop(peer);
    let _ = client.ends().code();
}

// 5.0 [MQTT-3.2.2-14]
#[test]
fn a_client_does_not_ask_a_server_to_retain_that_cannot() {
    let stub = Stub::new();
    let client = stub.typed("mq-pub -V 5 -t a -m x -r").start();
    let mut peer = stub.accept(&one(0x25, 0));
    let (first, _) = peer.packet();
    assert_ne!(first, 0x31);
    drop(peer);
    let _ = client.ends().code();
}

// 5.0 [MQTT-3.2.2-15]
#[test]
fn a_client_sends_no_packet_larger_than_the_server_takes() {
    let stub = Stub::new();
    let payload = "x".repeat(200);
    let client = stub
        .typed(&format!("mq-pub -V 5 -t a -m {payload}"))
        .start();
    let mut peer = stub.accept(&four(MAXIMUM_PACKET_SIZE, 100));
    let said = peer.expect_closed();
    assert!(said.len() < 100, "{} bytes", said.len());
    drop(peer);
    assert_ne!(client.ends().code(), 0);
}

// 5.0 [MQTT-3.2.2-17] [MQTT-3.2.2-18]
#[test]
fn a_client_uses_no_topic_alias_that_the_server_does_not_take() {
    let stub = Stub::new();
    for maximum in [None, Some(2)] {
        let line = "mq-pub -V 5 -t a -m x -D publish topic-alias 3";
        let client = stub.typed(line).start();
        let mut peer = stub.accept(&maximum.map_or(Vec::new(), |maximum| two(0x22, maximum)));
        let (first, body) = peer.packet();
        if first & 0xf0 == 0x30 {
            let publish = Publish::parse(V5, first, &body);
            assert_eq!(publish.topic_alias(), None);
        }
        drop(peer);
        let _ = client.ends().code();
    }
}

// 5.0 [MQTT-3.3.2-10] [MQTT-3.3.2-7]
#[test]
fn a_client_understands_every_topic_alias_it_allowed() {
    let stub = Stub::new();
    let line = "mq-sub -V 5 -t # -C 3 -F '%t %p' -D connect topic-alias-maximum 9";
    let client = stub.typed(line).start();
    let mut peer = stub.accept(&[]);
    assert!(contains(&peer.connect, &two(0x22, 9)));
    peer.grant();
    for (topic, alias) in [("one", 1), ("nine", 9), ("", 1)] {
        peer.send(publish_with(
            V5,
            0,
            topic,
            0,
            &two(TOPIC_ALIAS, alias),
            b"x",
        ));
    }
    peer.goodbye();
    client.ends().succeeds().prints("one x\nnine x\none x\n");
}

// 5.0 [MQTT-4.5.0-2] [MQTT-4.6.0-2] [MQTT-4.6.0-3] [MQTT-4.6.0-4] [MQTT-4.3.2-4]
//     [MQTT-4.3.3-8] [MQTT-4.3.3-11] [MQTT-3.3.4-1] ·
// 3.1.1 [MQTT-4.5.0-2] [MQTT-4.6.0-2] [MQTT-4.6.0-3] [MQTT-4.6.0-4] [MQTT-4.3.2-2]
//     [MQTT-4.3.3-2]
#[test]
fn a_client_acknowledges_every_message_in_the_order_they_came() {
    for version in BOTH {
        let stub = Stub::new();
        let client = stub
            .typed("mq-sub -t a -q 2")
            .args_of(version_option(version))
            .start();
        let mut peer = stub.accept(&[]);
        peer.grant();
        for id in [5, 3, 9] {
            peer.send(publish_with(version, 2, "not/wanted", id, &[], b"x"));
        }
        for id in [5, 3, 9] {
            peer.expect(ack(0x40, id));
        }
        for id in [5, 3, 9, 3] {
            peer.send(publish_with(version, 4, "a", id, &[], b"x"));
        }
        for id in [5, 3, 9, 3] {
            peer.expect(ack(0x50, id));
        }
        for id in [5, 3, 9, 3] {
            peer.send(ack(0x62, id));
        }
        for id in [5, 3, 9, 3] {
            peer.expect(ack(0x70, id));
        }
        drop(client);
    }
}

// 5.0 [MQTT-4.4.0-1] [MQTT-4.6.0-1] [MQTT-3.3.1-1] [MQTT-4.3.2-3] [MQTT-4.3.3-5]
//     [MQTT-4.3.3-6] · 3.1.1 [MQTT-4.4.0-1] [MQTT-4.6.0-1] [MQTT-3.3.1-1] [MQTT-2.3.1-3]
#[test]
fn a_publisher_that_comes_back_goes_on_where_it_was() {
    for version in BOTH {
        let stub = Stub::new();
        let mut line = format!("mq-pub -l -t a -q 2 -i me -c {}", version_option(version));
        if version == V5 {
            line += " -x 600";
        }
        let client = stub.typed(&line).stdin("0\n1\n2\n").start();
        let mut peer = stub.accept(&[]);
        let sent = [0; 3].map(|_| peer.message());
        peer.send(ack(0x50, sent[0].id));
        peer.expect(ack(0x62, sent[0].id));
        drop(peer);
        let mut peer = stub.accept_session(1, &[]);
        let came = [0; 3].map(|_| peer.packet());
        let (pubrels, messages): (Vec<_>, Vec<_>) =
            came.iter().partition(|(first, _)| *first == 0x62);
        assert_eq!(pubrels, [&(0x62, sent[0].id.to_be_bytes().to_vec())]);
        for ((first, body), before) in messages.into_iter().zip(&sent[1..]) {
            let again = Publish::parse(version, *first, body);
            assert_eq!(
                again,
                Publish {
                    dup: true,
                    ..before.clone()
                }
            );
        }
        for message in &sent[1..] {
            peer.send(ack(0x50, message.id));
            peer.expect(ack(0x62, message.id));
        }
        for message in &sent {
            peer.send(ack(0x70, message.id));
        }
        peer.goodbye();
        client.ends().succeeds();
    }
}

// 5.0 [MQTT-4.3.3-10] [MQTT-4.3.3-12] · 3.1.1 [MQTT-4.3.3-2]
#[test]
fn a_subscriber_takes_a_message_of_qos_2_once_however_often_it_comes() {
    for version in BOTH {
        let stub = Stub::new();
        let client = stub
            .typed("mq-sub -t a -q 2 -C 2")
            .args_of(version_option(version))
            .start();
        let mut peer = stub.accept(&[]);
        peer.grant();
        for payload in ["first", "second"] {
            for flags in [4, 0x0c, 0x0c] {
                peer.send(publish_with(
                    version,
                    flags,
                    "a",
                    7,
                    &[],
                    payload.as_bytes(),
                ));
                peer.expect(ack(0x50, 7));
            }
            peer.send(ack(0x62, 7));
            peer.expect(ack(0x70, 7));
        }
        peer.goodbye();
        client.ends().succeeds().prints("first\nsecond\n");
    }
}

// 5.0 [MQTT-2.1.3-1] [MQTT-3.6.1-1] [MQTT-3.8.1-1] [MQTT-3.10.1-1] [MQTT-3.8.3-2]
//     [MQTT-3.10.3-2] [MQTT-3.8.3-1] · 3.1.1 [MQTT-2.2.2-1] [MQTT-3.8.1-1]
//     [MQTT-3.10.1-1] [MQTT-3.8.3-3] [MQTT-3.10.3-2]
#[test]
fn a_subscriber_writes_its_requests_as_the_standard_wants() {
    for version in BOTH {
        let stub = Stub::new();
        let line = "mq-sub -t a/# -t b -U c -q 1 -W 2";
        let client = stub.typed(line).args_of(version_option(version)).start();
        let mut peer = stub.accept(&[]);
        let mut seen = [0, 0];
        while seen[0] == 0 || seen[1] == 0 {
            let (first, body) = peer.packet();
            assert_ne!(body[..2], [0, 0]);
            match first {
                0x82 => {
                    let filters = [string("a/#"), vec![1], string("b"), vec![1]].concat();
                    assert!(body.ends_with(&filters), "{body:02x?}");
                    seen[0] += 1;
                }
                0xa2 => {
                    assert!(body.ends_with(&string("c")), "{body:02x?}");
                    seen[1] += 1;
                }
                other => panic!("{other:02x}"),
            }
        }
        drop(client);
    }
}

// 5.0 [MQTT-4.12.0-3] [MQTT-4.12.0-7] [MQTT-3.1.2-30]
#[test]
fn a_client_names_no_authentication_method_and_sends_no_auth() {
    let stub = Stub::new();
    let client = stub.typed("mq-sub -V 5 -t a").start();
    let mut peer = stub.next();
    assert!(!peer.connect[10..].contains(&0x15), "{:02x?}", peer.connect);
    // An AUTH that nobody asked for is a mistake, and ends the connection.
    peer.send(packet(
        0xf0,
        &[&[0x18][..], &sized(&text(0x15, "m"))].concat(),
    ));
    let said = peer.expect_closed();
    assert!(matches!(said[..], [] | [0xe0, ..]), "{said:02x?}");
    drop(client);
}

// 5.0 [MQTT-3.2.2-5]
#[test]
fn a_client_whose_session_the_server_lost_begins_anew() {
    let stub = Stub::new();
    let line = "mq-pub -V 5 -l -t a -q 2 -i me -c -x 600";
    let client = stub.typed(line).stdin("0\n1\n").start();
    let mut peer = stub.accept(&[]);
    let sent = [0; 2].map(|_| peer.message());
    peer.send(ack(0x50, sent[0].id));
    peer.expect(ack(0x62, sent[0].id));
    drop(peer);
    let mut peer = stub.accept_session(0, &[]);
    // Neither the PUBREL nor a repetition means anything to this server.
    let new = peer.message();
    assert!(!new.dup);
    drop(client);
}

// 5.0 [MQTT-3.3.4-8] [MQTT-4.9.0-3]
#[test]
fn a_full_window_does_not_keep_a_client_from_pinging() {
    let stub = Stub::new();
    let client = stub
        .typed("mq-pub -V 5 -l -t a -q 1")
        .stdin("0\n1\n")
        .start();
    let mut peer = stub.accept(&[two(RECEIVE_MAXIMUM, 1), two(0x13, 1)].concat());
    let message = peer.message();
    peer.expect([0xc0, 0]);
    peer.send([0xd0, 0]);
    peer.send(ack(0x40, message.id));
    assert_eq!(peer.message().payload, b"1");
    drop(client);
}
