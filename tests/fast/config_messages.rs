//! Options about what is kept of messages, and how they are delivered.

use std::fs;

use crate::support::Broker;
use crate::support::client::Client;
use crate::support::raw_client::{CONNACK_ACCEPTED, CONNECT_V311, RawClient, packet, string};
use crate::support::wire::{V5, publish_with, refused, subscribe};

/// A client of MQTT 3.1.1 that has subscribed to `filter` with this QoS.
fn raw_subscriber(broker: &Broker, filter: &str, qos: u8) -> RawClient {
    let mut client = broker.raw_client();
    client.send(CONNECT_V311);
    client.expect(CONNACK_ACCEPTED);
    let subscription = [&b"\x00\x01"[..], &string(filter), &[qos]].concat();
    client.send(packet(0x82, &subscription));
    client.expect([0x90, 3, 0, 1, qos]);
    client
}

#[test]
fn a_retained_message_stays_hidden_while_its_publisher_may_not_write_it() {
    const BOTH: &str = "user ann\ntopic a\ntopic b\n";
    let broker = Broker::builder()
        .file("acl", BOTH)
        .config("acl_file acl\ncheck_retain_source true")
        .start();
    let mut watcher = broker.subscriber("mq-sub -u ann -t a -C 2");
    broker
        .typed("mq-pub -u ann -i p -r -t a -m kept")
        .run()
        .succeeds();
    watcher.expect_line("kept");
    let mut dying = broker.raw_client();
    dying.send(packet(
        0x10,
        b"\x00\x04MQTT\x04\xa6\x00\x3c\x00\x01w\x00\x01b\x00\x04will\x00\x03ann",
    ));
    dying.expect(CONNACK_ACCEPTED);
    drop(dying);
    broker.wait_for_log("Client w [");

    let read = "mq-sub -u ben -t a -t b -v -W 1";
    let reload = |acl: &str| {
        broker.replace_file("acl", acl);
        broker.reload();
    };
    reload("user ann\ntopic read a\ntopic b\nuser ben\ntopic #\n");
    broker.typed(read).run().exits_with(27).prints("b will\n");
    reload("user ann\ntopic a\nuser ben\ntopic #\n");
    broker.typed(read).run().exits_with(27).prints("a kept\n");
}

#[test]
fn messages_go_out_at_the_qos_of_the_subscription_where_that_is_wanted() {
    let broker = Broker::with_config("upgrade_outgoing_qos true");
    broker.typed("mq-pub -r -q 0 -t kept -m r").run().succeeds();
    let line = "mq-sub -q 2 -t kept -t live -F %q%p -C 3";
    let mut subscriber = broker.subscriber(line);
    subscriber.expect_line("2r");
    broker.typed("mq-pub -q 0 -t live -m x").run().succeeds();
    subscriber.expect_line("2x");

    let file = broker.folder().join("mosquitto.conf");
    let config = fs::read_to_string(&file).unwrap();
    fs::write(&file, config.replace("upgrade_outgoing_qos true", "")).unwrap();
    broker.reload();
    broker.typed("mq-pub -q 0 -t live -m y").run().succeeds();
    subscriber.expect_line("0y");
}

#[test]
fn unacknowledged_bytes_are_bounded_but_for_one_message() {
    let broker = Broker::with_config("max_inflight_bytes 10");
    for qos in [1, 2] {
        let mut client = raw_subscriber(&broker, "t", qos);
        for payload in ["12345", "67890", "0123456789012", "x"] {
            let line = format!("mq-pub -q 2 -t t -m {payload}");
            broker.typed(&line).run().succeeds();
        }
        // The packet identifiers of all that may come, and their payloads.
        let mut receive = || {
            let (_, body) = client.packet();
            let payload = String::from_utf8(body[5..].to_vec()).expect("text");
            (payload, [body[3], body[4]])
        };
        let (first, first_id) = receive();
        let (second, second_id) = receive();
        assert_eq!([&first[..], &second], ["12345", "67890"]);
        client.expect_alive();
        let received = if qos == 1 { 0x40 } else { 0x50 };
        client.send(packet(received, &first_id));
        if qos == 2 {
            client.expect([&[0x62, 2][..], &first_id].concat());
        }
        client.expect_alive();
        client.send(packet(received, &second_id));
        if qos == 2 {
            client.expect([&[0x62, 2][..], &second_id].concat());
        }
        let (_, large) = client.packet();
        assert_eq!(&large[5..], b"0123456789012");
        client.expect_alive();
        client.send(packet(received, &large[3..5]));
        if qos == 2 {
            client.expect([&[0x62, 2][..], &large[3..5]].concat());
        }
        let (_, last) = client.packet();
        assert_eq!(&last[5..], b"x");
    }
}

#[test]
fn at_the_memory_limit_the_largest_queue_grows_no_more_and_small_clients_go_on() {
    let broker = Broker::with_config("memory_limit 80000000");
    let mut small = Client::new(&broker, V5, "small");
    small.subscribe("small", 1);
    let mut away = Client::open(&broker, &V5.persistent("away"));
    away.subscribe("large", 1);
    away.leave();
    let mut large = Client::new(&broker, V5, "large");
    let message = "x".repeat(200_000);
    // They are acknowledged, and dropped for the one whose queue is too large.
    for _ in 0..500 {
        large.publish("large", 1, false, &message);
    }
    broker.wait_for_log("Warning: 'memory_limit' is nearly reached.");
    broker.wait_for_log("Outgoing messages are being dropped for client away.");
    assert!(
        broker.peak_memory() < 80_000_000,
        "{}",
        broker.peak_memory()
    );

    // Nothing that stays is taken in, and everybody is told so who can be.
    assert_eq!(refused(&broker, &V5.connect("stranger").bytes())[3], 0x89);
    small.send(subscribe(V5, 5, &[], &[("other", 0), ("small", 1)]));
    small.expect(small.suback(5, &[0x97, 1]));
    small.send(publish_with(V5, 3, "kept", 6, &[], b"x"));
    small.expect(packet(0x40, &[0, 6, 0x97]));
    // Who holds little goes on.
    for _ in 0..100 {
        small.send(publish_with(V5, 0, "small", 0, &[], b"x"));
        assert_eq!(small.message().payload, b"x");
    }

    // What was queued is there, and then there is room again.
    let mut away = Client::open(&broker, &V5.persistent("away"));
    for _ in 0..10 {
        away.receive(&message);
    }
    drop(away);
    Client::new(&broker, V5, "away");
    broker.wait_for_log("Memory is below 'memory_limit' again.");
    Client::new(&broker, V5, "stranger").subscribe("other", 0);
}
