//! Options about what is kept of messages, and how they are delivered.

use std::fs;

use crate::support::Broker;
use crate::support::raw_client::{
    CONNACK_ACCEPTED, CONNECT_V5, CONNECT_V311, RawClient, packet, string,
};

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
fn who_publishes_is_cut_at_the_memory_limit_until_others_have_fetched() {
    const MEGABYTE: usize = 1024 * 1024;
    let broker = Broker::with_config("memory_limit 20000000\nmax_packet_size 2000000");
    let fetch = |count: usize| format!("mq-sub -i away -c -q 1 -t t -F %l -C {count}");
    broker
        .typed("mq-sub -i away -c -q 1 -t t -E")
        .run()
        .succeeds();
    let mut client = broker.raw_client();
    client.send(CONNECT_V5);
    client.packet();
    let body = [&string("t")[..], b"\x00\x07\x00", &vec![b'x'; MEGABYTE]].concat();
    let publish = packet(0x32, &body);
    let mut accepted = 0;
    loop {
        client.send_in_vain(&publish);
        let (first, body) = client.packet();
        if first == 0xe0 {
            assert_eq!(body[0], 0x80);
            break;
        }
        assert_eq!((first, &body[..2]), (0x40, &b"\x00\x07"[..]));
        accepted += 1;
        assert!(accepted < 200, "the limit is 20 megabytes");
    }
    broker.wait_for_log("disconnected: out of memory.");
    assert!(accepted >= 18, "{accepted}");
    // A stranger has to wait, and is told so in MQTT 5.
    let mut stranger = broker.raw_client();
    stranger.send(CONNECT_V5);
    stranger.expect(b"\x20\x03\x00\x89\x00");

    // Everything that was acknowledged is there, and then there is room again.
    let lines = format!("{MEGABYTE}\n").repeat(accepted);
    broker
        .typed(&fetch(accepted))
        .run()
        .succeeds()
        .prints(lines);
    broker.wait_for_log("Memory is below 'memory_limit' again.");
    broker.typed("mq-pub -q 1 -t t -m y").run().succeeds();
}
