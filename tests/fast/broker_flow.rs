//! Many messages: none is lost to a subscriber that reads, and one that does not read costs
//! nobody more than its bound.

use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::support::Broker;
use crate::support::broker::FEW_LOG_LINES;
use crate::support::program::Running;
use crate::support::raw_client::{CONNACK_ACCEPTED, CONNECT_V311};
use nix::sys::signal::Signal;

/// Numbered lines, each padded to `length`.
fn numbered_lines(count: usize, length: usize) -> String {
    let blanks = " ".repeat(length);
    let mut lines = String::with_capacity(count * (length + 1));
    for number in 0..count {
        let digits = number.to_string();
        lines.push_str(&digits);
        // In one go: the padding of `format!` is slow without optimisation.
        lines.push_str(&blanks[digits.len()..]);
        lines.push('\n');
    }
    lines
}

/// Starts a subscriber of `data` and waits for the retained message on `ready`, which
/// arrives only when the subscription is in place. Cheaper than a log line for each packet.
#[track_caller]
fn ready_subscriber(broker: &Broker, options: &str, limit: Duration) -> Running {
    let mut subscriber = broker
        .typed(&format!("mq-sub -t data -t ready {options}"))
        .within(limit)
        .start();
    assert_eq!(subscriber.next_line().trim(), "ready");
    subscriber
}

fn publish_ready_mark(broker: &Broker) {
    broker
        .typed("mq-pub -t ready -r -q 1 -m ready")
        .run()
        .succeeds();
}

#[test]
fn sixty_thousand_lines_arrive_complete_and_in_order() {
    let limit = Duration::from_secs(120);
    let broker = Broker::builder().config(FEW_LOG_LINES).start();
    publish_ready_mark(&broker);
    let subscriber = ready_subscriber(&broker, "-q 1 -C 60001", limit);
    let lines = numbered_lines(60_000, 5);
    broker
        .typed("mq-pub -l -q 1 -t data")
        .stdin(lines.as_str())
        .within(limit)
        .run()
        .succeeds();
    subscriber
        .ends()
        .succeeds()
        .prints(format!("ready\n{lines}"));
}

/// What the broker may queue for a session without a configuration, and what it is sent.
const DEFAULT_QUEUE_BYTES: u64 = 128 << 20;
const LARGE_MESSAGES: usize = 2_800;
const LARGE_MESSAGE_BYTES: usize = 50_000;

#[test]
fn a_slow_subscriber_that_keeps_reading_gets_more_than_its_queue_can_hold() {
    assert!((LARGE_MESSAGES * LARGE_MESSAGE_BYTES) as u64 > DEFAULT_QUEUE_BYTES);
    let limit = Duration::from_secs(120);
    let broker = Broker::builder().config(FEW_LOG_LINES).start();
    let mut slow = broker.raw_client();
    slow.send(CONNECT_V311);
    slow.expect(CONNACK_ACCEPTED);
    slow.send(b"\x82\x09\x00\x01\x00\x04data\x01");
    slow.expect(b"\x90\x03\x00\x01\x01");
    let before = broker.resident_memory();
    let publisher = broker
        .typed("mq-pub -l -q 1 -t data")
        .stdin(numbered_lines(LARGE_MESSAGES, LARGE_MESSAGE_BYTES))
        .within(limit)
        .start();
    let mut most = 0;
    for number in 0..LARGE_MESSAGES {
        let (first, body) = slow.packet();
        assert_eq!(first, 0x32, "QoS 1, not sent again");
        // Two bytes of length, the topic, the packet id.
        let (packet_id, payload) = body[6..].split_at(2);
        let payload = std::str::from_utf8(payload).unwrap();
        assert_eq!(payload.split(' ').next(), Some(number.to_string().as_str()));
        slow.send([b"\x40\x02", packet_id].concat());
        if number % 2 == 0 {
            // The slowness itself, not a wait: 50 MB a second at most.
            sleep(Duration::from_millis(2));
            most = most.max(broker.resident_memory());
        }
    }
    publisher.ends().succeeds();
    let grown = most.saturating_sub(before);
    assert!(
        grown <= DEFAULT_QUEUE_BYTES + OTHER_BYTES,
        "{grown} bytes more than before"
    );
}

/// How many messages the stalled subscriber is sent, their size, and what the broker may
/// queue for it.
const STALLED_MESSAGES: usize = 200_000;
const STALLED_MESSAGE_BYTES: usize = 250;
const STALLED_QUEUE_BYTES: u64 = 8_000_000;
/// What a process may grow by for other reasons: buffers, the allocator's own needs.
const OTHER_BYTES: u64 = 16_000_000;

/// Publishes all messages and reads them with one subscriber; the time it took and the
/// most memory the broker held on the way.
fn publish_and_read(broker: &Broker, lines: &str, limit: Duration) -> (Duration, u64) {
    let mut subscriber = ready_subscriber(broker, "-q 1 -F %8p", limit);
    let start = Instant::now();
    let publisher = broker
        .typed("mq-pub -l -q 1 -t data")
        .stdin(lines)
        .within(limit)
        .start();
    let mut most = 0;
    for number in 0..STALLED_MESSAGES {
        assert_eq!(subscriber.next_line().trim(), number.to_string());
        if number % 5_000 == 0 {
            most = most.max(broker.resident_memory());
        }
    }
    let elapsed = start.elapsed();
    publisher.ends().succeeds();
    (elapsed, most.max(broker.resident_memory()))
}

#[test]
fn a_stopped_subscriber_costs_the_others_no_time_and_the_broker_no_more_than_its_bound() {
    let limit = Duration::from_secs(180);
    let broker = Broker::builder()
        .config(FEW_LOG_LINES)
        .config(&format!(
            "max_queued_messages 0\nmax_queued_bytes {STALLED_QUEUE_BYTES}"
        ))
        .start();
    publish_ready_mark(&broker);
    let lines = numbered_lines(STALLED_MESSAGES, STALLED_MESSAGE_BYTES);
    let (usual, memory_before) = publish_and_read(&broker, &lines, limit);

    let mut stopped = ready_subscriber(&broker, "-q 1 -F %8p", limit);
    stopped.signal(Signal::SIGSTOP);
    let stopped_at = Instant::now();
    let (meanwhile, memory) = publish_and_read(&broker, &lines, limit);
    // The publisher may wait one second until the subscriber counts as stalled; another is
    // for the machine.
    assert!(
        meanwhile <= usual * 2 + Duration::from_secs(2),
        "{meanwhile:?} with a stopped subscriber, {usual:?} without"
    );
    let grown = memory.saturating_sub(memory_before);
    assert!(
        grown <= STALLED_QUEUE_BYTES + OTHER_BYTES,
        "{grown} bytes more than without a stopped subscriber"
    );
    // Stopped for ten seconds at least, while another client lives on.
    let mut witness = broker.raw_client();
    witness.send(CONNECT_V311);
    witness.expect(CONNACK_ACCEPTED);
    while stopped_at.elapsed() < Duration::from_secs(10) {
        let asked = Instant::now();
        witness.expect_alive();
        assert!(asked.elapsed() < Duration::from_secs(1));
        // Not a wait for anything: it leaves the processor to the tests beside this one.
        std::thread::sleep(Duration::from_millis(100));
    }

    // What was queued arrives without a gap, from the first message on.
    stopped.signal(Signal::SIGCONT);
    for number in 0..10_000 {
        assert_eq!(stopped.next_line().trim(), number.to_string());
    }
    // And it goes on as a subscriber like any other.
    broker
        .typed("mq-pub -q 1 -t data -m again")
        .run()
        .succeeds();
    stopped.wait_for_line(|line| line.trim() == "again");
}
