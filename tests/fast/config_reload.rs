//! SIGHUP: what changes while the broker runs, what does not, and what a mistake does.

use std::fs;

use crate::support::client::Client;
use crate::support::raw_client::{
    CONNACK_ACCEPTED, CONNECT_V5, CONNECT_V311, PINGREQ, RawClient, packet, string,
};
use crate::support::wire::V5;
use crate::support::{Broker, LIMIT};
use nix::sys::signal::Signal;

/// Puts one text for another in the configuration, and reloads it.
#[track_caller]
fn change(broker: &Broker, from: &str, to: &str) {
    rewrite(broker, from, to);
    broker.reload();
}

#[track_caller]
fn rewrite(broker: &Broker, from: &str, to: &str) {
    let file = broker.folder().join("mosquitto.conf");
    let text = fs::read_to_string(&file).expect("there is a configuration");
    assert!(text.contains(from), "{from:?} in {text}");
    // In one step: an earlier reload may still be reading.
    let new = broker.folder().join("new.conf");
    fs::write(&new, text.replacen(from, to, 1)).expect("the folder is writable");
    fs::rename(new, file).expect("the folder is writable");
}

/// The properties of the CONNACK that an MQTT 5 client gets.
fn connack_properties(port: u16, connect: &[u8]) -> Vec<u8> {
    let mut client = RawClient::connect(port);
    client.send(connect);
    let (first, body) = client.packet();
    assert_eq!((first, body[1]), (0x20, 0), "{body:02x?}");
    body[3..].to_vec()
}

const MAXIMUM_PACKET_SIZE: u8 = 0x27;
const RECEIVE_MAXIMUM: u8 = 0x21;
const TOPIC_ALIAS_MAXIMUM: u8 = 0x22;
const SERVER_KEEP_ALIVE: u8 = 0x13;

#[test]
fn new_clients_are_told_the_new_limits() {
    let broker = Broker::with_config("max_keepalive 100");
    let told = connack_properties(broker.port(), CONNECT_V5);
    let defaults = [
        &[
            TOPIC_ALIAS_MAXIMUM,
            0,
            10,
            MAXIMUM_PACKET_SIZE,
            0,
            0x1e,
            0x84,
            0x80,
        ][..],
        &[RECEIVE_MAXIMUM, 0, 20],
    ]
    .concat();
    assert_eq!(told, defaults);
    change(
        &broker,
        "max_keepalive 100",
        "max_keepalive 10\nmax_packet_size 1000\nmax_inflight_messages 3\nmax_topic_alias 4\n\
         max_qos 1\nretain_available false",
    );
    let told = connack_properties(broker.port(), CONNECT_V5);
    let expected = [
        &[SERVER_KEEP_ALIVE, 0, 10, TOPIC_ALIAS_MAXIMUM, 0, 4, 0x25, 0][..],
        &[
            MAXIMUM_PACKET_SIZE,
            0,
            0,
            3,
            0xe8,
            RECEIVE_MAXIMUM,
            0,
            3,
            0x24,
            1,
        ],
    ]
    .concat();
    assert_eq!(told, expected);
    // What is gone from the file has its default again.
    change(&broker, "max_keepalive 10\nmax_packet_size 1000\n", "");
    rewrite(&broker, "max_inflight_messages 3\nmax_topic_alias 4\n", "");
    change(&broker, "max_qos 1\nretain_available false", "");
    assert_eq!(connack_properties(broker.port(), CONNECT_V5), defaults);
}

#[test]
fn a_client_keeps_what_it_was_told_when_it_connected() {
    let broker = Broker::with_config("max_topic_alias 10");
    let mut client = broker.raw_client();
    client.send(CONNECT_V5);
    client.packet();
    change(
        &broker,
        "max_topic_alias 10",
        "max_topic_alias 1\nmax_qos 0",
    );
    // QoS 1, and topic alias 9.
    let body = [&string("a")[..], b"\x00\x07\x03\x23\x00\x09x"].concat();
    client.send(packet(0x32, &body));
    let (first, _) = client.packet();
    assert_eq!(first, 0x40);
    client.expect_alive();
}

#[test]
fn connections_are_counted_on_with_the_new_limits() {
    let broker = Broker::with_config("max_connections 2");
    let mut first = broker.raw_client();
    first.send(CONNECT_V311);
    first.expect(CONNACK_ACCEPTED);
    change(&broker, "max_connections 2", "max_connections 1");
    broker.raw_client().expect_closed();
    first.expect_alive();
    change(
        &broker,
        "max_connections 1",
        "max_connections 5\nglobal_max_connections 1",
    );
    broker.raw_client().expect_closed();
    change(&broker, "global_max_connections 1", "global_max_clients 1");
    let mut second = broker.raw_client();
    second.send(CONNECT_V5.to_ascii_uppercase());
    second.expect(b"\x20\x03\x00\x89\x00");
    change(&broker, "global_max_clients 1", "");
    let mut second = broker.raw_client();
    second.send(CONNECT_V311.to_ascii_uppercase());
    second.expect(CONNACK_ACCEPTED);
    first.expect_alive();
}

#[test]
fn messages_are_measured_and_queued_by_the_new_limits() {
    let broker = Broker::with_config("max_queued_messages 2");
    let keep = "mq-sub -i keeper -c -q 1 -t a";
    broker.typed(keep).args_of("-E").run().succeeds();
    let publish = |payload: &str| {
        let line = format!("mq-pub -q 1 -t a -m {payload}");
        broker.typed(&line).run().succeeds();
    };
    for payload in ["1", "2", "3"] {
        publish(payload);
    }
    change(&broker, "max_queued_messages 2", "max_queued_messages 4");
    for payload in ["4", "5", "6"] {
        publish(payload);
    }
    let kept = broker.typed(keep).args_of("-C 4").run().succeeds();
    kept.prints("1\n2\n4\n5\n");

    change(&broker, "max_queued_messages 4", "message_size_limit 2");
    for payload in ["22", "333", "4"] {
        publish(payload);
    }
    let kept = broker.typed(keep).args_of("-C 2").run().succeeds();
    kept.prints("22\n4\n");

    change(&broker, "message_size_limit 2", "max_queued_bytes 4");
    for payload in ["1234", "12"] {
        publish(payload);
    }
    let kept = broker.typed(keep).args_of("-C 1 -W 5").run().succeeds();
    kept.prints("1234\n");
}

#[test]
fn messages_at_qos_0_are_queued_from_now_on() {
    let broker = Broker::with_config("queue_qos0_messages false");
    let keep = "mq-sub -i keeper -c -q 1 -t a";
    broker.typed(keep).args_of("-E").run().succeeds();
    broker.typed("mq-pub -t a -m lost").run().succeeds();
    change(
        &broker,
        "queue_qos0_messages false",
        "queue_qos0_messages true",
    );
    broker.typed("mq-pub -t a -m kept").run().succeeds();
    broker.typed("mq-pub -t a -q 1 -m last").run().succeeds();
    let outcome = broker.typed(keep).args_of("-C 2").run().succeeds();
    outcome.prints("kept\nlast\n");
}

#[test]
fn absent_clients_are_forgotten_after_the_new_time() {
    let broker = Broker::with_config("max_keepalive 0");
    change(
        &broker,
        "max_keepalive 0",
        "persistent_client_expiration 1s",
    );
    let line = "mq-sub -i keeper -c -q 1 -t a -E";
    broker.typed(line).run().succeeds();
    broker.wait_for_log("Expiring client keeper due to timeout.");
}

#[test]
fn the_log_changes_its_lines_and_its_place() {
    let broker = Broker::with_config("log_dest stderr\nconnection_messages true");
    change(
        &broker,
        "log_dest stderr\nconnection_messages true",
        "log_dest stderr\nlog_dest file second.log\nconnection_messages false\nlog_timestamp false",
    );
    let mark = broker.log_mark();
    broker.typed("mq-pub -i quiet -t a -m x").run().succeeds();
    let line = broker.wait_for_log_after(mark, "Received DISCONNECT from quiet");
    assert_eq!(line, "Received DISCONNECT from quiet");
    let text = fs::read_to_string(broker.folder().join("second.log")).unwrap();
    assert!(text.contains("Received DISCONNECT from quiet"), "{text}");
    assert!(!broker.log()[mark..].contains("New client connected"));

    change(
        &broker,
        "log_type all",
        "log_type notice\nlog_type information",
    );
    let mark = broker.log_mark();
    broker.typed("mq-pub -i quiet -t a -m x").run().succeeds();
    broker.reload();
    let log = broker.log();
    assert!(!log[mark..].contains("quiet"), "{log}");
}

#[test]
fn a_log_file_that_cannot_be_opened_leaves_the_old_one() {
    let broker = Broker::with_config("log_dest stderr\nlog_dest file good.log");
    change(&broker, "good.log", "nowhere/bad.log");
    broker.wait_for_log("Error: Unable to open log file nowhere/bad.log for writing.");
    broker.typed("mq-pub -i later -t a -m x").run().succeeds();
    broker.wait_for_log("Received DISCONNECT from later");
    let text = fs::read_to_string(broker.folder().join("good.log")).unwrap();
    assert!(text.contains("Received DISCONNECT from later"), "{text}");
}

#[test]
fn the_topics_of_the_broker_come_at_the_new_interval() {
    let broker = Broker::with_config("sys_interval 0");
    let mut subscriber = broker.subscriber("mq-sub -v -t $SYS/broker/uptime");
    change(&broker, "sys_interval 0", "sys_interval 1");
    for _ in 0..2 {
        let line = subscriber.next_line();
        assert!(line.starts_with("$SYS/broker/uptime "), "{line}");
    }
}

#[test]
fn only_clients_whose_login_no_longer_passes_are_dropped() {
    let broker = Broker::builder()
        .config("allow_anonymous true")
        .other_listener("listener_allow_anonymous true")
        .start();
    let mut here = broker.raw_client();
    here.send(CONNECT_V311);
    here.expect(CONNACK_ACCEPTED);
    let mut there = RawClient::connect(broker.other_port());
    there.send(CONNECT_V311.to_ascii_uppercase());
    there.expect(CONNACK_ACCEPTED);
    change(&broker, "allow_anonymous true", "allow_anonymous false");
    assert_eq!(here.expect_closed(), b"");
    there.expect_alive();
    broker.typed("mq-pub -t a -m x").run().exits_with(5);
}

#[test]
fn who_connects_while_a_reload_takes_its_login_away_is_dropped() {
    let broker = Broker::with_config("allow_anonymous true");
    // Accepted before the reload, and heard of after it.
    let mut slow = broker.raw_client();
    broker.wait_for_log("New connection from ");
    change(&broker, "allow_anonymous true", "allow_anonymous false");
    slow.send(CONNECT_V311);
    assert_eq!(slow.expect_closed(), b"\x20\x02\x00\x05");
}

#[test]
fn a_connect_during_a_reload_waits_for_its_end() {
    let rules = |count| "user somebody\ntopic some/where\n".repeat(count);
    let broker = Broker::builder()
        .file("rules", rules(1))
        .config("allow_anonymous true\nacl_file rules")
        .start();
    broker.replace_file("rules", &rules(50_000));
    rewrite(&broker, "allow_anonymous true", "allow_anonymous false");
    let mark = broker.log_mark();
    broker.signal(Signal::SIGHUP);
    broker.wait_for_log_after(mark, "Reloading config.");
    let mut client = broker.raw_client();
    client.send(CONNECT_V311);
    assert_eq!(client.expect_closed(), b"\x20\x02\x00\x05");
}

#[test]
fn a_mistake_anywhere_leaves_everything_as_it_was() {
    let broker = Broker::builder()
        .file("rules", "topic #\n")
        .config("acl_file rules\nmax_connections 7")
        .start();
    let mut client = broker.raw_client();
    client.send(CONNECT_V311);
    client.expect(CONNACK_ACCEPTED);
    let stays = "Error: Nothing was reloaded: the settings, users and rules of before the reload \
                 stay in force.";
    for (from, to, told) in [
        (
            "max_connections 7",
            "max_connections 0\nmax_qos 3",
            "Error: 'max_qos' must be between 0 and 2 inclusive.",
        ),
        (
            "max_connections 0\nmax_qos 3",
            "password_file nowhere",
            "Error: Unable to open pwfile \"nowhere\".",
        ),
        (
            "password_file nowhere",
            "log_type none\nper_listener_settings true",
            "Error: per_listener_settings must be set before any other security settings.",
        ),
    ] {
        let mark = broker.log_mark();
        change(&broker, from, to);
        broker.wait_for_log_after(mark, told);
        broker.wait_for_log_after(mark, stays);
        client.expect_alive();
        let mut other = broker.raw_client();
        other.send(CONNECT_V5.to_ascii_uppercase());
        let (first, body) = other.packet();
        assert_eq!((first, body[1]), (0x20, 0));
        drop(other);
    }
    broker.wait_for_log("Error found at mosquitto.conf:");
}

#[test]
fn what_needs_a_restart_is_said() {
    let broker = Broker::with_config("socket_domain ipv4\nmax_qos 1");
    let mark = broker.log_mark();
    change(
        &broker,
        "socket_domain ipv4\nmax_qos 1",
        "socket_domain ipv6\npid_file number\nmax_qos 2",
    );
    for text in [
        "Warning: The 'pid_file' option has changed, which takes effect at the next start \
         (mosquitto.conf:",
        "Warning: The 'socket_domain' option has changed, which takes effect at the next start",
    ] {
        broker.wait_for_log_after(mark, text);
    }
    // The rest of the file came into force.
    let properties = connack_properties(broker.port(), CONNECT_V5);
    assert!(!properties.ends_with(&[0x24, 1]), "{properties:02x?}");
    assert!(!broker.folder().join("number").exists());
}

#[test]
fn listeners_neither_come_nor_go_and_it_is_said() {
    let broker = Broker::builder().config("").other_listener("").start();
    let mark = broker.log_mark();
    let listener = format!("listener {} 127.0.0.1", broker.other_port());
    let other = crate::support::broker::free_port();
    change(&broker, &listener, &format!("listener {other} 127.0.0.1"));
    broker.wait_for_log_after(
        mark,
        "Error: It is not currently possible to add/remove listeners when reloading the config \
         file.",
    );
    let mut client = RawClient::connect(broker.other_port());
    client.send(CONNECT_V311);
    client.expect(CONNACK_ACCEPTED);
    assert!(std::net::TcpStream::connect(("127.0.0.1", other)).is_err());
}

#[test]
fn a_message_is_not_lost_and_nobody_waits_while_it_reloads() {
    let broker = Broker::builder()
        .config(crate::support::broker::FEW_LOG_LINES)
        .start();
    let subscriber = broker
        .typed("mq-sub -d -q 1 -t a -C 2000")
        .within(2 * LIMIT)
        .start();
    subscriber
        .stdout()
        .wait_for_line(0, LIMIT, |line| line.starts_with("Subscribed"))
        .expect("it subscribes");
    let lines: String = (0..2000).map(|number| format!("{number}\n")).collect();
    let publisher = broker.typed("mq-pub -q 1 -t a -l").stdin(lines).start();
    for _ in 0..5 {
        broker.reload();
    }
    publisher.ends().succeeds();
    subscriber.ends().succeeds();
    let mut client = broker.raw_client();
    client.send([CONNECT_V311, PINGREQ].concat());
    client.expect([CONNACK_ACCEPTED, &[0xd0, 0]].concat());
}

#[test]
fn a_memory_limit_below_what_is_held_disconnects_the_largest_client() {
    let broker = Broker::with_config("max_keepalive 100");
    let mut slow = Client::open(&broker, &V5.connect("slow").keep_alive(100));
    slow.subscribe("large", 1);
    let mut small = Client::open(&broker, &V5.connect("small").keep_alive(100));
    // More than a socket holds, in messages of its size.
    for _ in 0..400 {
        small.publish("large", 1, false, &"x".repeat(50_000));
    }
    change(&broker, "max_keepalive 100", "memory_limit 2000000");
    broker.wait_for_log("Disconnecting client slow: it holds about ");
    broker.wait_for_log("Client slow [127.0.0.1:");
    small.raw.expect_alive();
}

#[test]
fn the_memory_limit_follows_a_reload() {
    let broker = Broker::with_config("max_keepalive 100");
    broker
        .typed("mq-pub -r -t kept -m payload")
        .run()
        .succeeds();
    change(&broker, "max_keepalive 100", "memory_limit 1");
    broker.wait_for_log("Warning: 'memory_limit' is nearly reached.");
    change(&broker, "memory_limit 1", "max_keepalive 100");
    broker.wait_for_log("Memory is below 'memory_limit' again.");
}
