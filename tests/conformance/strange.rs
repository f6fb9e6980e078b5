//! What is strange and allowed.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;

use crate::client::Client;
use crate::support::{Broker, LIMIT};
use crate::wire::*;

/// A connection's worth of packets, and what comes back behind the CONNACK, sorted, as
/// answers may overtake messages.
fn conversation(version: Version) -> (Vec<u8>, Vec<Vec<u8>>) {
    let none = version.no_properties();
    let publish = publish_with(version, 0, "split", 0, &[], b"payload");
    let sent = [
        version.connect("split").bytes(),
        subscribe(version, 3, &[], &[("split", 0)]),
        publish.clone(),
        vec![0xc0, 0],
        ack(0x62, 9),
        unsubscribe(version, 4, &["split"]),
        publish.clone(),
    ];
    let codes: &[u8] = if version == V5 { &[0, 0] } else { &[] };
    let mut expected = vec![
        packet(0x90, &[&[0, 3], none, &[0]].concat()),
        publish,
        vec![0xd0, 0],
        ack(0x70, 9),
        packet(0xb0, &[&[0, 4], codes].concat()),
    ];
    expected.sort();
    (sent.concat(), expected)
}

// 5.0 [MQTT-4.2-1] · 3.1.1 [MQTT-7.1.1-1]
#[test]
fn packets_may_be_split_anywhere_or_come_all_at_once() {
    let broker = Broker::with_config("log_type error\nlog_type information");
    for version in BOTH {
        let (sent, expected) = conversation(version);
        let answer_to = |pieces: &[&[u8]]| {
            let mut client = broker.raw_client();
            for piece in pieces {
                client.send(piece);
            }
            assert_eq!(client.packet().0, 0x20);
            let packets = expected.iter().map(|_| client.packet());
            let mut came: Vec<_> = packets.map(|(first, body)| packet(first, &body)).collect();
            came.sort();
            came
        };
        assert_eq!(answer_to(&[&sent]), expected, "all at once");
        let bytes: Vec<_> = sent.chunks(1).collect();
        assert_eq!(answer_to(&bytes), expected, "byte by byte");
        for at in 1..sent.len() {
            let (left, right) = sent.split_at(at);
            assert_eq!(answer_to(&[left, right]), expected, "split at {at}");
        }
    }
}

#[test]
fn two_hundred_slashes_are_not_too_many() {
    let broker = Broker::local();
    for version in BOTH {
        let mut client = Client::new(&broker, version, "deep");
        let topic = "l/".repeat(199) + "l";
        let wild = "+/".repeat(199) + "+";
        for filter in [&topic, &wild, &"/".repeat(200)] {
            client.subscribe(filter, 0);
        }
        client.send(publish_with(version, 0, &topic, 0, &[], b"x"));
        client.receive("x");
        client.receive("x");
        client.send(publish_with(version, 0, &"/".repeat(200), 0, &[], b"y"));
        client.receive("y");
    }
}

// 5.0 [MQTT-3.1.3-5]
#[test]
fn a_client_identifier_may_have_65535_bytes_and_accents() {
    let broker = Broker::with_config("max_connect_size 400000");
    for version in BOTH {
        for id in ["i".repeat(65_535), "\u{e9}\u{1f980} /+#$".to_owned()] {
            let mut client = Client::open(&broker, &version.persistent(&id));
            client.subscribe("a", 1);
            client.leave();
            assert!(Client::open(&broker, &version.persistent(&id)).session_present);
            Client::new(&broker, version, &id).leave();
        }
    }
}

#[test]
fn a_connect_may_have_every_field_at_its_longest() {
    let broker = Broker::with_config("max_connect_size 400000");
    let longest = "x".repeat(65_535);
    for version in BOTH {
        let will = [string(&longest), string(&longest)].concat();
        let login = [string(&longest), string(&longest)].concat();
        let connect = version
            .connect(&longest)
            .flags(0xc6)
            .behind(&[version.no_properties(), &will, &login].concat());
        Client::open(&broker, &connect).leave();
    }
}

// 5.0 [MQTT-3.8.4-5] · 3.1.1 [MQTT-3.8.4-4]
#[test]
fn thousands_of_filters_may_stand_in_one_subscribe() {
    const COUNT: u16 = 5_000;
    let broker = Broker::with_config("log_type error\nlog_type information");
    for version in BOTH {
        let mut client = Client::new(&broker, version, "many");
        let names: Vec<_> = (0..COUNT).map(|number| format!("t/{number}/+")).collect();
        let filters: Vec<_> = names.iter().map(|name| (&name[..], 1)).collect();
        client.send(subscribe(version, 1, &[], &filters));
        client.expect(client.suback(1, &[1; COUNT as usize]));
        let mut publisher = Client::new(&broker, version, "publisher");
        publisher.publish("t/0/x", 0, false, "first");
        client.receive("first");
        let names: Vec<_> = names.iter().map(|name| &name[..]).collect();
        client.send(unsubscribe(version, 2, &names));
        let (first, body) = client.raw.packet();
        assert_eq!(first, 0xb0);
        assert!(version == V311 || body[3..] == [0; COUNT as usize]);
        publisher.publish("t/0/x", 0, false, "none");
        client.expect_nothing();
    }
}

#[test]
fn the_same_filter_may_come_twice_in_one_packet() {
    let broker = Broker::local();
    for version in BOTH {
        let mut client = Client::new(&broker, version, "twice");
        client.send(subscribe(version, 1, &[], &[("a", 2), ("a", 0)]));
        client.expect(client.suback(1, &[2, 0]));
        Client::new(&broker, version, "publisher").publish("a", 2, false, "x");
        assert_eq!(client.receive("x").qos, 0);
        client.expect_nothing();
        client.send(unsubscribe(version, 2, &["a", "a"]));
        let codes: &[u8] = if version == V5 { &[0, 0, 0x11] } else { &[] };
        client.expect(packet(0xb0, &[&[0, 2], codes].concat()));
    }
}

#[test]
fn a_message_may_be_empty_or_have_no_levels() {
    let broker = Broker::local();
    for version in BOTH {
        let mut client = Client::new(&broker, version, "empty");
        client.subscribe("#", 2);
        for topic in ["/", "//", " ", "a", "a/"] {
            client.send(publish_with(version, 0, topic, 0, &[], b""));
            assert_eq!(client.receive("").topic, topic.as_bytes());
        }
    }
}

#[test]
fn a_message_of_250_megabytes_passes_when_the_limits_allow_it() {
    const SIZE: usize = 250_000_000;
    const CHUNK: usize = 1 << 20;
    let broker =
        Broker::with_config("max_packet_size 268435460\nlog_type error\nlog_type information");
    let mut subscriber = broker.raw_client();
    subscriber.send(V311.connect("large").bytes());
    subscriber.expect([0x20, 2, 0, 0]);
    subscriber.send(subscribe(V311, 1, &[], &[("a", 0)]));
    subscriber.expect([0x90, 3, 0, 1, 0]);
    let port = broker.port();
    let before = broker.resident_memory();
    let publisher = thread::spawn(move || {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        stream
            .write_all(&V311.connect("large too").bytes())
            .unwrap();
        stream.read_exact(&mut [0; 4]).unwrap();
        let length = u32::try_from(SIZE + 3).unwrap();
        let bytes = [0, 7, 14, 21].map(|shift| (length >> shift & 0x7f) as u8 | 0x80);
        let head = [
            0x30,
            bytes[0],
            bytes[1],
            bytes[2],
            bytes[3] & 0x7f,
            0,
            1,
            b'a',
        ];
        stream.write_all(&head).unwrap();
        let mut left = SIZE;
        let mut number = 0_u8;
        while left > 0 {
            let size = left.min(CHUNK);
            stream.write_all(&vec![number; size]).unwrap();
            number = number.wrapping_add(1);
            left -= size;
        }
        // Whoever closes at once may lose what was not yet read.
        stream.write_all(&[0xc0, 0]).unwrap();
        stream.read_exact(&mut [0; 2]).unwrap();
    });
    let (first, body) = subscriber.packet();
    publisher.join().expect("the broker takes it all");
    assert_eq!((first, body.len()), (0x30, SIZE + 3));
    let right = |(number, chunk): (usize, &[u8])| chunk.iter().all(|&byte| byte == number as u8);
    assert!(body[3..].chunks(CHUNK).enumerate().all(right));
    // Twice while its buffer grows, and a little for everything else.
    let grown = broker.resident_memory().saturating_sub(before);
    assert!(grown < 2 * SIZE as u64 + (64 << 20), "{grown} bytes");
}
