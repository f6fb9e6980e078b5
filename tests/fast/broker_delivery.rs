//! What the broker promises about deliveries: sessions, queues, retained messages, wills,
//! overlapping subscriptions.

use std::time::{Duration, Instant};

use crate::support::Broker;
use crate::support::broker::FEW_LOG_LINES;
use crate::support::raw_client::{
    CONNACK_ACCEPTED, CONNECT_V5, CONNECT_V31, CONNECT_V311, DISCONNECT, RawClient, packet, string,
};

#[test]
fn all_three_versions_talk_to_each_other_on_one_port() {
    let broker = Broker::local();
    let versions = ["31", "311", "5"];
    for subscribed in versions {
        for published in versions {
            for qos in 0..3 {
                let mut subscriber =
                    broker.subscriber(&format!("mq-sub -V {subscribed} -t a/b -q {qos} -C 1"));
                broker
                    .typed(&format!("mq-pub -V {published} -t a/b -q {qos} -m hello"))
                    .run()
                    .succeeds();
                subscriber.expect_line("hello");
                subscriber.ends().succeeds();
            }
        }
    }
}

#[test]
fn all_three_versions_talk_over_websocket() {
    let broker = Broker::builder().websockets().start();
    let mark = broker.log_mark();
    let mut subscriber = broker.typed("mq-sub -t a/b -q 1 -C 3").start();
    broker.wait_for_log_after(mark, "Sending SUBACK to ");
    for (connect, accepted) in [
        (CONNECT_V31, CONNACK_ACCEPTED),
        (CONNECT_V311, CONNACK_ACCEPTED),
        (CONNECT_V5, &[0x20]),
    ] {
        let mut client = RawClient::connect(broker.websocket_port());
        client.send(
            "GET /any/path HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
             Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             Sec-WebSocket-Protocol: mqtt\r\nSec-WebSocket-Version: 13\r\n\r\n",
        );
        let answer = client.http_head().to_ascii_lowercase();
        assert!(answer.starts_with("http/1.1 101"), "{answer}");
        assert!(
            answer.contains("sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo="),
            "{answer}"
        );
        assert!(answer.contains("sec-websocket-protocol: mqtt"), "{answer}");
        client.send(websocket_frame(connect));
        let (opcode, body) = client.websocket_frame();
        assert_eq!(opcode, 0x82, "a final binary frame");
        assert!(body.starts_with(accepted), "{body:02x?}");
        // One packet in two frames, then two packets in one.
        let publish = if connect == CONNECT_V5 {
            b"\x30\x08\x00\x03a/b\x00ws".to_vec()
        } else {
            b"\x30\x07\x00\x03a/bws".to_vec()
        };
        let (start, rest) = publish.split_at(3);
        client.send(websocket_frame(start));
        client.send(websocket_frame(&[rest, DISCONNECT].concat()));
        subscriber.expect_line("ws");
    }
    subscriber.ends().succeeds();
}

/// A masked binary frame, as a client sends it. A mask of zeros is a mask.
fn websocket_frame(body: &[u8]) -> Vec<u8> {
    let length = u8::try_from(body.len()).expect("a short frame");
    assert!(length < 126, "a short frame");
    [&[0x82, 0x80 | length, 0, 0, 0, 0], body].concat()
}

#[test]
fn a_session_that_outlives_its_connection_gets_what_it_missed_in_order() {
    let broker = Broker::local();
    for version in ["31", "311", "5"] {
        for qos in [1, 2] {
            let line = format!("mq-sub -c -i keeper-{version}-{qos} -V {version} -t kept -q {qos}");
            broker.typed(&line).arg("-E").run().succeeds();
            broker
                .typed(&format!("mq-pub -t kept -q {qos} -l"))
                .stdin("one\ntwo\nthree\n")
                .run()
                .succeeds();
            broker
                .typed(&line)
                .arg("-C")
                .arg("3")
                .run()
                .succeeds()
                .prints("one\ntwo\nthree\n");
        }
    }
}

#[test]
fn a_clean_session_gets_nothing_it_missed() {
    let broker = Broker::local();
    broker
        .typed("mq-sub -i clean -t missed -q 1 -E")
        .run()
        .succeeds();
    broker
        .typed("mq-pub -t missed -q 1 -m lost")
        .run()
        .succeeds();
    let mut subscriber = broker.subscriber("mq-sub -i clean -t missed -q 1");
    broker
        .typed("mq-pub -t missed -q 1 -m live")
        .run()
        .succeeds();
    subscriber.expect_line("live");
}

#[test]
fn the_second_client_of_an_id_takes_over_and_the_first_is_told_in_mqtt_5() {
    let broker = Broker::local();
    let mut first = broker.raw_client();
    first.send(CONNECT_V5);
    assert_eq!(first.packet().0, 0x20);
    let mut second = broker.raw_client();
    second.send(CONNECT_V311);
    second.expect(CONNACK_ACCEPTED);
    // DISCONNECT with reason 0x8E, session taken over; properties may be left out.
    let farewell = first.expect_closed();
    assert_eq!(farewell.first(), Some(&0xe0), "{farewell:02x?}");
    assert_eq!(farewell.get(2), Some(&0x8e), "{farewell:02x?}");
    let mut third = broker.raw_client();
    third.send(CONNECT_V31);
    third.expect(CONNACK_ACCEPTED);
    assert_eq!(second.expect_closed(), b"", "3.1.1 has no such packet");
    third.expect_alive();
}

#[test]
fn a_keep_alive_is_watched_and_zero_means_never() {
    let broker = Broker::local();
    let mut patient = broker.raw_client();
    patient.send(b"\x10\x0f\x00\x04MQTT\x04\x02\x00\x00\x00\x03kaz");
    patient.expect(CONNACK_ACCEPTED);
    let mut watched = broker.raw_client();
    watched.send(b"\x10\x0f\x00\x04MQTT\x04\x02\x00\x01\x00\x03kal");
    watched.expect(CONNACK_ACCEPTED);
    let silent_since = Instant::now();
    watched.expect_closed();
    // [MQTT-3.1.2-22]: one and a half times the keep-alive.
    assert!(silent_since.elapsed() >= Duration::from_millis(1400));
    assert!(silent_since.elapsed() <= Duration::from_secs(5));
    patient.expect_alive();
}

#[test]
fn overlapping_subscriptions_give_a_copy_for_each_filter() {
    let broker = Broker::local();
    let mut subscriber = broker.subscriber("mq-sub -t a/# -t a/+ -v");
    broker.typed("mq-pub -t a/b -m x").run().succeeds();
    broker.typed("mq-pub -t a/b -m y").run().succeeds();
    for expected in ["a/b x", "a/b x", "a/b y", "a/b y"] {
        subscriber.expect_line(expected);
    }
}

#[test]
fn overlapping_subscriptions_give_one_copy_where_duplicates_are_not_allowed() {
    let broker = Broker::with_config("allow_duplicate_messages false");
    let mut subscriber = broker.subscriber("mq-sub -t a/# -t a/+ -v");
    broker.typed("mq-pub -t a/b -m x").run().succeeds();
    broker.typed("mq-pub -t a/b -m y").run().succeeds();
    for expected in ["a/b x", "a/b y"] {
        subscriber.expect_line(expected);
    }
}

#[test]
fn each_copy_carries_its_subscription_identifier() {
    let broker = Broker::local();
    let mut client = broker.raw_client();
    client.send(CONNECT_V5);
    assert_eq!(client.packet().0, 0x20);
    // Packet ids 1 and 2, subscription identifiers 7 and 200, filters `a/#` and `a/+`.
    client.send(b"\x82\x0b\x00\x01\x02\x0b\x07\x00\x03a/#\x00");
    client.expect(b"\x90\x04\x00\x01\x00\x00");
    client.send(b"\x82\x0c\x00\x02\x03\x0b\xc8\x01\x00\x03a/+\x00");
    client.expect(b"\x90\x04\x00\x02\x00\x00");
    broker.typed("mq-pub -t a/b -m x").run().succeeds();
    let mut copies = [client.packet(), client.packet()];
    copies.sort();
    let publish = |properties: &[u8]| (0x30, [b"\x00\x03a/b", properties, b"x"].concat());
    assert_eq!(
        copies,
        [publish(b"\x02\x0b\x07"), publish(b"\x03\x0b\xc8\x01")]
    );
}

#[test]
fn five_hundred_retained_messages_are_read_with_one_filter() {
    let broker = Broker::with_config(FEW_LOG_LINES);
    let mut publisher = broker.raw_client();
    publisher.send(CONNECT_V311);
    publisher.expect(CONNACK_ACCEPTED);
    let mut expected = Vec::new();
    for number in 0..500 {
        let topic = format!("retained/{number:03}");
        publisher.send(packet(0x31, &[string(&topic), b"kept".to_vec()].concat()));
        expected.push(format!("{topic} kept"));
    }
    // Answered only when everything before it was read.
    publisher.expect_alive();
    for qos in [0, 1, 2] {
        for version in ["311", "5"] {
            let outcome = broker
                .typed(&format!(
                    "mq-sub -V {version} -t # -q {qos} -C 500 -F '%t %p'"
                ))
                .run()
                .succeeds();
            let printed = outcome.stdout();
            let mut lines: Vec<&str> = printed.lines().collect();
            lines.sort_unstable();
            assert_eq!(lines, expected, "QoS {qos}, version {version}");
        }
    }
}

#[test]
fn an_empty_message_removes_the_retained_one_only_when_it_is_to_be_retained() {
    let broker = Broker::local();
    broker.typed("mq-pub -t state -r -m on").run().succeeds();
    broker.typed("mq-pub -t state -n").run().succeeds();
    broker
        .typed("mq-sub -t state -C 1 -F '%r %p'")
        .run()
        .succeeds()
        .prints("1 on\n");
    broker.typed("mq-pub -t state -r -n").run().succeeds();
    broker.typed("mq-pub -t marker -r -m end").run().succeeds();
    broker
        .typed("mq-sub -t state -t marker -C 1 -v")
        .run()
        .succeeds()
        .prints("marker end\n");
}

#[test]
fn more_qos_2_messages_at_once_than_the_window_are_all_delivered() {
    // MQTT 3.1.1 has no way to tell a client of a window.
    let broker = Broker::local();
    let mut subscriber = broker.subscriber("mq-sub -t a -q 2");
    let mut publisher = broker.raw_client();
    publisher.send(CONNECT_V311);
    publisher.expect(CONNACK_ACCEPTED);
    for id in 1..=100 {
        let publish = [
            b"\x00\x01a\x00".as_slice(),
            &[id],
            id.to_string().as_bytes(),
        ]
        .concat();
        publisher.send(packet(0x34, &publish));
    }
    for id in 1..=100 {
        publisher.expect([0x50, 2, 0, id]);
    }
    for id in 1..=100 {
        publisher.send([0x62, 2, 0, id]);
    }
    for id in 1..=100_u8 {
        publisher.expect([0x70, 2, 0, id]);
        subscriber.expect_line(&id.to_string());
    }
}

/// A clean MQTT 5 CONNECT with client id `will`, session expiry 60 s, and the will `gone`
/// on topic `will`, delayed by `delay` seconds.
fn connect_with_delayed_will(delay: u8) -> Vec<u8> {
    packet(
        0x10,
        &[
            b"\x00\x04MQTT\x05\x06\x00\x3c".as_slice(),
            b"\x05\x11\x00\x00\x00\x3c",
            b"\x00\x04will",
            &[5, 0x18, 0, 0, 0, delay],
            b"\x00\x04will\x00\x04gone",
        ]
        .concat(),
    )
}

#[test]
fn a_delayed_will_waits_its_delay() {
    let broker = Broker::local();
    let mut listener = broker.subscriber("mq-sub -t will");
    let mut client = broker.raw_client();
    client.send(connect_with_delayed_will(1));
    assert_eq!(client.packet().0, 0x20);
    let gone = Instant::now();
    drop(client);
    listener.expect_line("gone");
    assert!(
        gone.elapsed() >= Duration::from_millis(900),
        "{:?}",
        gone.elapsed()
    );
}

#[test]
fn a_delayed_will_is_not_sent_when_the_client_returns_in_time() {
    // [MQTT-3.1.3-9]
    let broker = Broker::local();
    let mut listener = broker.subscriber("mq-sub -t will");
    let mut client = broker.raw_client();
    client.send(connect_with_delayed_will(1));
    assert_eq!(client.packet().0, 0x20);
    let mark = broker.log_mark();
    drop(client);
    broker.wait_for_disconnect_after(mark);
    let mut client = broker.raw_client();
    // The same without clean start and with a will of two seconds.
    let mut again = connect_with_delayed_will(2);
    again[9] &= !0x02;
    client.send(&again);
    let (first, body) = client.packet();
    assert_eq!(
        (first, &body[..2]),
        (0x20, &[1, 0][..]),
        "the session is there"
    );
    let gone = Instant::now();
    drop(client);
    // Only the second will may come, after its own delay.
    listener.expect_line("gone");
    assert!(
        gone.elapsed() >= Duration::from_millis(1900),
        "{:?}",
        gone.elapsed()
    );
}

#[test]
fn a_publisher_cannot_use_wildcards_and_is_told_why_in_mqtt_5() {
    let broker = Broker::local();
    let mut old = broker.raw_client();
    old.send(CONNECT_V311);
    old.expect(CONNACK_ACCEPTED);
    old.send(b"\x30\x06\x00\x03a/+x");
    assert_eq!(old.expect_closed(), b"");
    let mut new = broker.raw_client();
    new.send(CONNECT_V5);
    assert_eq!(new.packet().0, 0x20);
    new.send(b"\x30\x07\x00\x03a/+\x00x");
    let farewell = new.expect_closed();
    assert_eq!(farewell.first(), Some(&0xe0), "{farewell:02x?}");
}

#[test]
fn a_subscription_may_raise_the_qos_where_the_broker_says_so() {
    for (config, printed) in [
        ("upgrade_outgoing_qos false", "0 x\n"),
        ("upgrade_outgoing_qos true", "2 x\n"),
    ] {
        let broker = Broker::with_config(config);
        let subscriber = broker.subscriber("mq-sub -q 2 -t a -F '%q %p' -C 1");
        broker.typed("mq-pub -t a -m x").run().succeeds();
        subscriber.ends().succeeds().prints(printed);
    }
}
