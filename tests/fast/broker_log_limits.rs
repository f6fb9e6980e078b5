//! How much of the log a client can fill: lines that it can cause at will come once a minute,
//! with their number.

use nix::sys::signal::Signal;

use crate::support::Broker;
use crate::support::broker::FEW_LOG_LINES;
use crate::support::client::Client;
use crate::support::raw_client::RawClient;
use crate::support::wire::*;

/// The lines of a log with `text` in them, and how many such lines there would be without a
/// limit.
fn lines_and_events(log: &str, text: &str) -> (usize, usize) {
    let lines: Vec<&str> = log.lines().filter(|line| line.contains(text)).collect();
    let more = |line: &&str| {
        let (_, more) = line.rsplit_once('(')?;
        let (number, _) = more.split_once(" more within ")?;
        number.parse::<usize>().ok()
    };
    let reports: Vec<usize> = lines.iter().filter_map(more).collect();
    let others = lines.len() - reports.len();
    (lines.len(), others + reports.iter().sum::<usize>())
}

/// Ends a broker and returns its log.
#[track_caller]
fn whole_log(broker: &Broker) -> String {
    broker.signal(Signal::SIGTERM);
    broker.wait_for_end();
    broker.log()
}

#[test]
fn dropped_messages_are_logged_once_and_then_counted() {
    const DROPPED: usize = 16_428;
    let config = format!("{FEW_LOG_LINES}\nmax_queued_messages 10");
    let broker = Broker::with_config(&config);
    let mut absent = Client::open(&broker, &V5.persistent("absent"));
    absent.subscribe("a", 1);
    absent.leave();
    let mut publisher = Client::new(&broker, V311, "publisher");
    for _ in 0..DROPPED + 10 {
        publisher.send(publish_with(V311, 0x02, "a", 1, &[], b"word"));
        publisher.expect(ack(0x40, 1));
    }
    let log = whole_log(&broker);
    let dropped = lines_and_events(&log, "being dropped for client absent.");
    assert_eq!(dropped, (2, DROPPED), "{log}");
}

#[test]
fn a_flood_of_pubrecs_for_nothing_is_a_line_and_a_number() {
    const ROUNDS: usize = 200;
    let broker = Broker::with_config(FEW_LOG_LINES);
    let mut client = Client::new(&broker, V311, "flood");
    for _ in 0..ROUNDS {
        client.send(ack(0x50, 7).repeat(1000));
        client.expect(ack(0x62, 7).repeat(1000));
    }
    client.leave();
    // The session is over, and with it the counting.
    broker.wait_for_log(" more within ");
    let unknown = lines_and_events(&broker.log(), "unknown packet identifier 7.");
    assert_eq!(unknown, (2, ROUNDS * 1000));
}

#[test]
fn a_client_that_exceeds_its_quota_is_named_once() {
    const RECEIVE_MAXIMUM_EXCEEDED: &[u8] = b"\xe0\x01\x93";
    let broker = Broker::with_config(&format!("{FEW_LOG_LINES}\nmax_inflight_messages 1"));
    let mut client = Client::new(&broker, V5, "greedy");
    client.send(publish_with(V5, 0x04, "a", 1, &[], b"word"));
    assert_eq!(client.packet().0, 0x50);
    client.send(publish_with(V5, 0x04, "a", 2, &[], b"word"));
    client.expect(RECEIVE_MAXIMUM_EXCEEDED);
    let log = whole_log(&broker);
    let exceeded = lines_and_events(
        &log,
        "Client greedy has exceeded its receive-maximum quota.",
    );
    assert_eq!(exceeded, (1, 1), "{log}");
}

#[test]
fn messages_that_a_client_is_too_small_for_fill_no_log() {
    let broker = Broker::with_config(FEW_LOG_LINES);
    let limit = four(MAXIMUM_PACKET_SIZE, 30);
    let mut small = Client::open(&broker, &V5.connect("small").property(&limit));
    small.subscribe("a", 1);
    let mut publisher = Client::new(&broker, V311, "publisher");
    for qos in 0..=1 {
        for _ in 0..50 {
            publisher.publish("a", qos, false, &"x".repeat(50));
        }
    }
    small.leave();
    let log = whole_log(&broker);
    let dropped = lines_and_events(&log, "Dropping too large outgoing PUBLISH for small (");
    assert_eq!(dropped, (2, 100), "{log}");
}

#[test]
fn a_client_whose_name_is_a_pattern_fills_no_log() {
    let broker = Broker::builder()
        .file("rules", "pattern readwrite %c/#\n")
        .config(&format!("{FEW_LOG_LINES}\nacl_file rules"))
        .start();
    let mut client = Client::new(&broker, V5, "+");
    for number in 0..100 {
        client.send(publish_with(
            V5,
            0x02,
            &format!("a/{number}"),
            1,
            &[],
            b"word",
        ));
        assert_eq!(client.packet().0, 0x40);
    }
    let log = whole_log(&broker);
    let denied = lines_and_events(&log, "dangerous client id \"+\"");
    assert_eq!(denied, (2, 100), "{log}");
}

#[test]
fn refused_peers_are_logged_ten_times_a_minute_beside_their_connections() {
    const PEERS: usize = 50;
    let builder = Broker::builder()
        .config(FEW_LOG_LINES)
        .other_listener("max_connections 1");
    let broker = builder.start();
    for first in [0xc0, 0x16] {
        for _ in 0..PEERS {
            let mut peer = broker.raw_client();
            peer.send([first, 0]);
            peer.expect_closed();
        }
    }
    let only = RawClient::connect(broker.other_port());
    for _ in 0..PEERS {
        RawClient::connect(broker.other_port()).expect_closed();
    }
    drop(only);
    let log = whole_log(&broker);
    for text in [
        "First packet not CONNECT (C0).",
        "appears to be using TLS",
        "denied: max_connections exceeded.",
    ] {
        assert_eq!(lines_and_events(&log, text), (11, PEERS), "{text}: {log}");
    }
    // The lines about connections are complete.
    let refused = lines_and_events(&log, "] disconnected: protocol error.");
    assert_eq!(refused, (2 * PEERS, 2 * PEERS), "{log}");
}

#[test]
fn a_log_of_every_packet_has_every_line() {
    let broker = Broker::local();
    let mut client = Client::new(&broker, V311, "flood");
    client.send(ack(0x50, 7).repeat(100));
    client.expect(ack(0x62, 7).repeat(100));
    client.leave();
    let log = whole_log(&broker);
    let unknown = lines_and_events(&log, "unknown packet identifier 7.");
    assert_eq!(unknown, (100, 100), "{log}");
}
