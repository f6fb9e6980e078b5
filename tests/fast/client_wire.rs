//! What `mq-pub` and `mq-sub` put on the wire, to the byte. The broker is a script of
//! literal bytes: none of our code reads or writes a packet here.

use std::io::{Read, Write};
use std::net::TcpListener;

use crate::support::Program;
use crate::support::scripted_broker::{Packet, ScriptedBroker, read_packet};
use nix::sys::signal::Signal;

const ACCEPTED: &[u8] = b"\x20\x02\x00\x00";
const ACCEPTED_V5: &[u8] = b"\x20\x03\x00\x00\x00";

const CONNECT: u8 = 0x10;
const SUBSCRIBE: u8 = 0x82;
const UNSUBSCRIBE: u8 = 0xa2;
const DISCONNECT: u8 = 0xe0;

/// A broker that accepts everybody and acknowledges everything, in the short form.
fn agreeable(accepted: &'static [u8], delivered: &'static [u8]) -> ScriptedBroker {
    ScriptedBroker::answering(move |first, body| {
        // The topics of these tests have one letter.
        match first & 0xf0 {
            0x10 => accepted.to_vec(),
            0x80 => {
                let properties = accepted == ACCEPTED_V5;
                let suback: &[u8] = match properties {
                    true => &[0x90, 4, body[0], body[1], 0, 2],
                    false => &[0x90, 3, body[0], body[1], 2],
                };
                [suback, delivered].concat()
            }
            0x30 if first & 0b110 == 0b010 => vec![0x40, 2, body[3], body[4]],
            0x30 if first & 0b110 == 0b100 => vec![0x50, 2, body[3], body[4]],
            0x60 => vec![0x70, 2, body[0], body[1]],
            _ => Vec::new(),
        }
    })
}

/// What a command line sends until it ends well.
fn sent(line: &str, accepted: &'static [u8]) -> Vec<Packet> {
    let broker = agreeable(accepted, b"");
    Program::typed(line).port(broker.port()).run().succeeds();
    broker.received()
}

fn packet(first: u8, body: &[u8]) -> Packet {
    (first, body.to_vec())
}

#[test]
fn the_connect_of_mqtt_3_1_has_a_generated_identifier_of_23_characters() {
    let (first, body) = sent("mq-pub -V 31 -t a -m x", ACCEPTED).remove(0);
    assert_eq!(first, CONNECT);
    let head = b"\x00\x06MQIsdp\x03\x02\x00\x3c\x00\x17mosq-";
    assert_eq!(body[..head.len()], head[..]);
    let rest = &body[head.len()..];
    assert_eq!(rest.len(), 18);
    assert!(rest.iter().all(u8::is_ascii_alphanumeric), "{rest:02x?}");
}

#[test]
fn the_connect_of_mqtt_3_has_what_the_options_say() {
    let cases: [(&str, &[u8]); 6] = [
        ("-V 31 -i me", b"\x00\x06MQIsdp\x03\x02\x00\x3c\x00\x02me"),
        ("-i me", b"\x00\x04MQTT\x04\x02\x00\x3c\x00\x02me"),
        ("-c -i me -k 5", b"\x00\x04MQTT\x04\x00\x00\x05\x00\x02me"),
        ("-k 65535", b"\x00\x04MQTT\x04\x02\xff\xff\x00\x00"),
        ("-u ''", b"\x00\x04MQTT\x04\x82\x00\x3c\x00\x00\x00\x00"),
        (
            "--will-topic w --will-qos 2",
            b"\x00\x04MQTT\x04\x16\x00\x3c\x00\x00\x00\x01w\x00\x00",
        ),
    ];
    for (options, connect) in cases {
        for command in ["mq-pub -m x", "mq-sub -E"] {
            let packets = sent(&format!("{command} -t a {options}"), ACCEPTED);
            assert_eq!(packets[0], packet(CONNECT, connect), "{command} {options}");
        }
    }
}

#[test]
fn the_connect_of_mqtt_5_has_the_typed_properties_then_those_of_options() {
    // The flags and the keep alive, then the properties with their length, the
    // identifier and the rest.
    let cases: [(&str, &[u8]); 9] = [
        ("-x 0", b"\x02\x00\x3c\x03\x21\x00\x14\x00\x00"),
        (
            "-x 10",
            b"\x02\x00\x3c\x08\x11\x00\x00\x00\x0a\x21\x00\x14\x00\x00",
        ),
        (
            "-x -1 -i a",
            b"\x02\x00\x3c\x08\x11\xff\xff\xff\xff\x21\x00\x14\x00\x01a",
        ),
        (
            "-c -i a",
            b"\x00\x00\x3c\x08\x11\xff\xff\xff\xff\x21\x00\x14\x00\x01a",
        ),
        (
            "-x 10 -D connect user-property k v -D connect topic-alias-maximum 3",
            b"\x02\x00\x3c\x12\x26\x00\x01k\x00\x01v\x22\x00\x03\x11\x00\x00\x00\x0a\x21\x00\x14\x00\x00",
        ),
        (
            "-D connect receive-maximum 5 -D connect maximum-packet-size 256",
            b"\x02\x00\x3c\x08\x21\x00\x05\x27\x00\x00\x01\x00\x00\x00",
        ),
        (
            "-D connect request-problem-information 0 -D connect request-response-information 1",
            b"\x02\x00\x3c\x07\x17\x00\x19\x01\x21\x00\x14\x00\x00",
        ),
        ("-P pw", b"\x42\x00\x3c\x03\x21\x00\x14\x00\x00\x00\x02pw"),
        (
            "--will-topic w --will-payload x -D will will-delay-interval 7 -D will content-type t",
            b"\x06\x00\x3c\x03\x21\x00\x14\x00\x00\x09\x18\x00\x00\x00\x07\x03\x00\x01t\x00\x01w\x00\x01x",
        ),
    ];
    for (options, rest) in cases {
        let connect = [b"\x00\x04MQTT\x05".as_slice(), rest].concat();
        for command in ["mq-pub -m x", "mq-sub -E"] {
            let packets = sent(&format!("{command} -t a -V 5 {options}"), ACCEPTED_V5);
            assert_eq!(packets[0], packet(CONNECT, &connect), "{command} {options}");
        }
    }
}

#[test]
fn a_subscriber_that_takes_few_messages_asks_for_no_more_at_once() {
    for (count, receive_maximum) in [(1, 1), (19, 19), (20, 20), (30, 20)] {
        let packets = sent(&format!("mq-sub -V 5 -t a -E -C {count}"), ACCEPTED_V5);
        let connect = [
            b"\x00\x04MQTT\x05\x02\x00\x3c\x03\x21\x00".as_slice(),
            &[receive_maximum, 0, 0],
        ]
        .concat();
        assert_eq!(packets[0], packet(CONNECT, &connect), "-C {count}");
    }
}

#[test]
fn a_subscribe_has_every_filter_and_the_options_of_its_version() {
    let cases: [(&str, &[u8]); 8] = [
        ("-V 31 -q 1", b"\x00\x01\x00\x01a\x01"),
        ("-t b/# -q 2", b"\x00\x01\x00\x01a\x02\x00\x03b/#\x02"),
        // MQTT 3 has no such options.
        (
            "-R --retain-as-published --retain-handling new",
            b"\x00\x01\x00\x01a\x00",
        ),
        ("-V 5 -q 2 -t b", b"\x00\x01\x00\x00\x01a\x02\x00\x01b\x02"),
        (
            "-V 5 -q 1 --retain-as-published",
            b"\x00\x01\x00\x00\x01a\x09",
        ),
        ("-V 5 --retain-handling new", b"\x00\x01\x00\x00\x01a\x10"),
        ("-V 5 -R", b"\x00\x01\x00\x00\x01a\x20"),
        (
            "-V 5 -D subscribe user-property k v -D subscribe subscription-identifier 128",
            b"\x00\x01\x0a\x26\x00\x01k\x00\x01v\x0b\x80\x01\x00\x01a\x00",
        ),
    ];
    for (options, subscribe) in cases {
        let v5 = options.starts_with("-V 5");
        let accepted = if v5 { ACCEPTED_V5 } else { ACCEPTED };
        let packets = sent(&format!("mq-sub -t a -E {options}"), accepted);
        assert_eq!(packets[1], packet(SUBSCRIBE, subscribe), "{options}");
    }
}

#[test]
fn each_unsubscribe_follows_the_subscribe_in_a_packet_of_its_own() {
    let packets = sent("mq-sub -t a -U b -U c -E", ACCEPTED);
    assert_eq!(
        packets[1..4],
        [
            packet(SUBSCRIBE, b"\x00\x01\x00\x01a\x00"),
            packet(UNSUBSCRIBE, b"\x00\x02\x00\x01b"),
            packet(UNSUBSCRIBE, b"\x00\x03\x00\x01c"),
        ]
    );
    let packets = sent(
        "mq-sub -V 5 -t a -U b -E -D unsubscribe user-property k v",
        ACCEPTED_V5,
    );
    assert_eq!(
        packets[2],
        packet(UNSUBSCRIBE, b"\x00\x02\x07\x26\x00\x01k\x00\x01v\x00\x01b")
    );
}

#[test]
fn a_publish_has_its_properties_in_the_typed_order() {
    let packets = sent(
        "mq-pub -q 1 -r -t a -m x -D publish user-property k v -D publish content-type t \
         -D publish message-expiry-interval 9 -D publish payload-format-indicator 1 \
         -D publish correlation-data c -D publish response-topic r",
        ACCEPTED_V5,
    );
    let properties: &[u8] = b"\x1a\x26\x00\x01k\x00\x01v\x03\x00\x01t\x02\x00\x00\x00\x09\
        \x01\x01\x09\x00\x01c\x08\x00\x01r";
    let publish = [b"\x00\x01a\x00\x01".as_slice(), properties, b"x"].concat();
    assert_eq!(packets[1], packet(0x33, &publish));
}

#[test]
fn an_alias_stands_for_the_topic_from_the_second_publish_on() {
    let connack: &[u8] = b"\x20\x06\x00\x00\x03\x22\x00\x05";
    let packets = sent(
        "mq-pub -t a -m x --repeat 2 -D publish topic-alias 3",
        connack,
    );
    assert_eq!(
        packets[1..3],
        [
            packet(0x30, b"\x00\x01a\x03\x23\x00\x03x"),
            packet(0x30, b"\x00\x00\x03\x23\x00\x03x"),
        ]
    );
}

#[test]
fn acknowledgements_are_two_bytes_long_in_every_version() {
    let v3 = b"\x32\x06\x00\x01a\x00\x05x\x34\x06\x00\x01a\x00\x06y\x62\x02\x00\x06";
    let v5 = b"\x32\x07\x00\x01a\x00\x05\x00x\x34\x07\x00\x01a\x00\x06\x00y\x62\x02\x00\x06";
    for version in ["31", "311", "5"] {
        let (accepted, delivered): (_, &[u8]) = match version {
            "5" => (ACCEPTED_V5, v5),
            _ => (ACCEPTED, v3),
        };
        let broker = agreeable(accepted, delivered);
        Program::typed(&format!("mq-sub -V {version} -i s -t a -q 2 -C 2"))
            .port(broker.port())
            .run()
            .succeeds()
            .prints("x\ny\n");
        assert_eq!(
            broker.received()[2..],
            [
                packet(0x40, b"\x00\x05"),
                packet(0x50, b"\x00\x06"),
                packet(0x70, b"\x00\x06"),
                packet(DISCONNECT, b""),
            ],
            "{version}"
        );
        let packets = sent(&format!("mq-pub -V {version} -t a -q 2 -m x"), accepted);
        assert_eq!(packets[2], packet(0x62, b"\x00\x01"), "{version}");
    }
}

#[test]
fn a_disconnect_has_a_reason_only_when_there_is_something_to_say() {
    for version in ["31", "311", "5"] {
        let accepted = if version == "5" {
            ACCEPTED_V5
        } else {
            ACCEPTED
        };
        let packets = sent(&format!("mq-pub -V {version} -t a -m x"), accepted);
        assert_eq!(packets[2], packet(DISCONNECT, b""), "{version}");
    }
    let packets = sent(
        "mq-pub -t a -m x -D disconnect reason-string bye -D disconnect user-property k v",
        ACCEPTED_V5,
    );
    assert_eq!(
        packets[2],
        packet(DISCONNECT, b"\x00\x0d\x1f\x00\x03bye\x26\x00\x01k\x00\x01v")
    );
    let broker = agreeable(ACCEPTED_V5, b"\x30\x05\x00\x01a\x00x");
    let mut subscriber = Program::typed("mq-sub -V 5 -t a")
        .port(broker.port())
        .start();
    subscriber.expect_line("x");
    subscriber.signal(Signal::SIGTERM);
    subscriber.ends().succeeds();
    assert_eq!(broker.received()[2..], [packet(DISCONNECT, b"\x04")]);
}

#[test]
fn an_mqtt_5_broker_is_told_what_is_wrong_with_its_packet() {
    let window = (1..=21_u8).flat_map(|id| [0x34, 6, 0, 1, b'a', 0, id, 0]);
    let cases: [(&str, Vec<u8>, u8); 8] = [
        (
            "a PUBLISH with QoS 3",
            b"\x36\x07\x00\x01a\x00\x05\x00x".to_vec(),
            0x81,
        ),
        (
            "a topic that is not UTF-8",
            b"\x30\x05\x00\x01\xff\x00x".to_vec(),
            0x81,
        ),
        (
            "a PUBREL with wrong flags",
            b"\x60\x02\x00\x05".to_vec(),
            0x81,
        ),
        ("another CONNACK", ACCEPTED_V5.to_vec(), 0x82),
        (
            "a property twice",
            b"\x30\x09\x00\x01a\x04\x01\x01\x01\x01x".to_vec(),
            0x82,
        ),
        ("a client's packet", b"\xc0\x00".to_vec(), 0x82),
        (
            "more messages than the receive maximum",
            window.collect(),
            0x93,
        ),
        (
            "an alias that was not asked for",
            b"\x30\x08\x00\x01a\x03\x23\x00\x01x".to_vec(),
            0x94,
        ),
    ];
    for (what, bytes, reason) in cases {
        let broker = agreeable(ACCEPTED_V5, bytes.leak());
        let _subscriber = Program::typed("mq-sub -V 5 -t a -q 2")
            .port(broker.port())
            .start();
        assert_eq!(broker.wait_for(DISCONNECT), [reason], "{what}");
    }
}

#[test]
fn a_broker_of_mqtt_3_is_told_nothing_about_its_packet() {
    // It has sent a SUBSCRIBE, which only clients do.
    let broker = agreeable(ACCEPTED, b"\x82\x06\x00\x01\x00\x01a\x00");
    Program::typed("mq-sub -t a")
        .port(broker.port())
        .run()
        .exits_with(2)
        .complains("Error: A network protocol error occurred when communicating with the broker\n");
    assert_eq!(broker.received().len(), 2);
}

#[test]
fn after_its_disconnect_a_client_closes_its_direction_and_waits_for_the_broker() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free loopback port");
    let port = listener.local_addr().expect("a bound socket").port();
    let publisher = Program::typed("mq-pub -t a -m x").port(port).start();
    let (mut client, _) = listener.accept().expect("it connects");
    assert_eq!(read_packet(&mut client).expect("a packet").0, CONNECT);
    client.write_all(ACCEPTED).expect("it listens");
    assert_eq!(read_packet(&mut client).expect("a packet").0, 0x30);
    assert_eq!(read_packet(&mut client).expect("a packet").0, DISCONNECT);
    assert_eq!(client.read(&mut [0]).expect("an end"), 0);
    // Had it closed both directions, the second write would fail.
    for _ in 0..2 {
        client.write_all(b"\xd0\x00").expect("it is still there");
    }
    drop(client);
    publisher.ends().exits_with(0);
}
