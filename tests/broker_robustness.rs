//! What no client may do to another: bad bytes, silence, slowness, floods.

mod support;

use std::fmt::Write as _;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use support::program::Running;
use support::raw_client::{
    CONNACK_ACCEPTED, CONNECT_V5, CONNECT_V31, CONNECT_V311, RawClient, packet, string,
};
use support::{Broker, Program};

/// Log lines that a broker under load can afford.
const FEW_LOG_LINES: &str =
    "log_type error\nlog_type warning\nlog_type notice\nlog_type information";

/// Numbered lines, each padded to `length`.
fn numbered_lines(count: usize, length: usize) -> String {
    let mut lines = String::with_capacity(count * (length + 1));
    for number in 0..count {
        let _ = writeln!(lines, "{number:<length$}");
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

#[test]
fn bad_bytes_end_their_own_connection_and_no_other() {
    let broker = Broker::local();
    let mut witness = broker.subscriber("mq-sub -t witness");
    let connected = |bytes: &[u8]| [CONNECT_V311, bytes].concat();
    let bad: &[(&str, Vec<u8>)] = &[
        (
            "not MQTT",
            b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec(),
        ),
        (
            "a TLS greeting",
            b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03".to_vec(),
        ),
        ("all ones", vec![0xff; 4096]),
        ("all zeros", vec![0; 4096]),
        ("a PUBLISH first", b"\x30\x05\x00\x03a/bx".to_vec()),
        (
            "a length of five bytes",
            b"\x10\xff\xff\xff\xff\x01".to_vec(),
        ),
        ("a reserved packet type", connected(b"\x00\x00")),
        ("a second CONNECT", connected(CONNECT_V311)),
        (
            "a topic of invalid UTF-8",
            connected(b"\x30\x05\x00\x02\xc3\x28x"),
        ),
        (
            "a topic longer than its packet",
            connected(b"\x30\x04\xff\xff\x61\x62"),
        ),
        ("QoS 3", connected(b"\x36\x07\x00\x03a/b\x00\x01")),
        (
            "a SUBSCRIBE without filters",
            connected(b"\x82\x02\x00\x01"),
        ),
        (
            "a wildcard out of place",
            connected(b"\x82\x09\x00\x01\x00\x04a+/b\x00"),
        ),
        ("a claimed 256 MB at once", b"\x10\xff\xff\xff\x7f".to_vec()),
        (
            "a claimed 256 MB later",
            connected(b"\x30\xff\xff\xff\x7f\x00\x03a/b"),
        ),
    ];
    let before = broker.resident_memory();
    for (what, bytes) in bad {
        let mut client = broker.raw_client();
        client.send_in_vain(bytes);
        client.expect_closed_within(Duration::from_secs(5));
        broker
            .typed("mq-pub -t witness")
            .arg("-m")
            .arg(*what)
            .run()
            .succeeds();
        witness.expect_line(what);
    }
    let grown = broker.resident_memory().saturating_sub(before);
    assert!(grown < 16 << 20, "{grown} bytes more than before");
}

#[test]
fn who_says_nothing_or_half_a_packet_is_cut_within_thirty_seconds() {
    let broker = Broker::local();
    let mut witness = broker.subscriber("mq-sub -t witness -k 5");
    // Longer than any client may stay silent before it has introduced itself, and no end to
    // silence for one that asked for it.
    let mut patient = broker.raw_client();
    patient.send(b"\x10\x0f\x00\x04MQTT\x04\x02\x00\x00\x00\x03kaz");
    patient.expect(CONNACK_ACCEPTED);

    let mut silent: Vec<RawClient> = Vec::new();
    for bytes in [
        b"".as_slice(),
        b"\x10",
        &CONNECT_V31[..9],
        &CONNECT_V311[..CONNECT_V311.len() - 1],
        &CONNECT_V5[..4],
    ] {
        let mut client = broker.raw_client();
        client.send(bytes);
        silent.push(client);
    }
    let since = Instant::now();
    for client in &mut silent {
        // Two seconds for the machine.
        client.expect_closed_within(Duration::from_secs(32).saturating_sub(since.elapsed()));
    }
    patient.expect_alive();
    broker.typed("mq-pub -t witness -m fine").run().succeeds();
    witness.expect_line("fine");
}

#[test]
fn half_a_packet_from_a_connected_client_ends_with_its_keep_alive() {
    let broker = Broker::local();
    let mut client = broker.raw_client();
    client.send(b"\x10\x0f\x00\x04MQTT\x04\x02\x00\x01\x00\x03kal");
    client.expect(CONNACK_ACCEPTED);
    client.send(b"\x30\x20\x00\x03a/b");
    client.expect_closed_within(Duration::from_secs(6));
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

#[test]
fn a_flood_of_logins_stalls_nobody() {
    let builder = Broker::builder().config("password_file passwd");
    Program::typed("mq-passwd -c -b -H bcrypt passwd guest secret")
        .in_folder(builder.folder())
        .run()
        .exits_with(0);
    let broker = builder.start();
    // Without a name there is no password to check.
    let mut witness = broker.raw_client();
    witness.send(CONNECT_V311);
    witness.expect(CONNACK_ACCEPTED);

    let login = packet(
        0x10,
        &[
            b"\x00\x04MQTT\x04\xc2\x00\x3c\x00\x00".to_vec(),
            string("guest"),
            string("wrong"),
        ]
        .concat(),
    );
    let mut flood: Vec<RawClient> = (0..40).map(|_| broker.raw_client()).collect();
    for client in &mut flood {
        client.send(&login);
    }
    let start = Instant::now();
    let mut slowest = Duration::ZERO;
    let mut rounds = 0;
    for client in &mut flood {
        while !client.has_answer() {
            let asked = Instant::now();
            witness.expect_alive();
            slowest = slowest.max(asked.elapsed());
            rounds += 1;
        }
        client.expect(b"\x20\x02\x00\x05");
    }
    assert!(
        slowest < Duration::from_millis(500),
        "{slowest:?} for an answer, {rounds} rounds in {:?}",
        start.elapsed()
    );
}

#[test]
fn a_password_file_of_htpasswd_is_taken() {
    // The password `U*U`, as in the test vectors of the bcrypt authors.
    let broker = Broker::builder()
        .config("allow_anonymous false\npassword_file passwd")
        .file(
            "passwd",
            "web:$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW\n",
        )
        .start();
    broker
        .typed("mq-pub -u web -P U*U -t a -m x")
        .run()
        .succeeds();
    broker
        .typed("mq-pub -u web -P U*V -t a -m x")
        .run()
        .exits_with(5);
}

#[test]
fn sighup_rereads_the_password_file() {
    let builder = Broker::builder().config("allow_anonymous false\npassword_file passwd");
    let passwd = |arguments: &str| {
        Program::typed("mq-passwd")
            .args_of(arguments)
            .in_folder(builder.folder())
            .run()
            .exits_with(0);
    };
    passwd("-c -b passwd leaving secret");
    passwd("-b passwd staying secret");
    let folder = builder.folder().to_owned();
    let broker = builder.start();
    let mut leaving = broker.raw_client();
    leaving.send(packet(
        0x10,
        &[
            b"\x00\x04MQTT\x04\xc2\x00\x3c\x00\x00".to_vec(),
            string("leaving"),
            string("secret"),
        ]
        .concat(),
    ));
    leaving.expect(CONNACK_ACCEPTED);
    broker
        .typed("mq-pub -u arriving -P secret -t a -m x")
        .run()
        .exits_with(5);

    for arguments in ["-D passwd leaving", "-b passwd arriving secret"] {
        Program::typed("mq-passwd")
            .args_of(arguments)
            .in_folder(&folder)
            .run()
            .exits_with(0);
    }
    broker.signal(Signal::SIGHUP);
    // Who may no longer log in is closed, and the new file is in force then.
    assert_eq!(leaving.expect_closed(), b"");
    let login = |user: &str| {
        broker
            .typed(&format!("mq-pub -u {user} -P secret -t a -m x"))
            .run()
    };
    login("leaving").exits_with(5);
    login("staying").succeeds();
    login("arriving").succeeds();
}

#[test]
fn sigterm_and_sigint_end_the_broker_with_code_0() {
    let broker = Broker::local();
    let _subscriber = broker.subscriber("mq-sub -t a");
    assert_eq!(broker.stop(), Some(0));

    let broker = Broker::local();
    broker.signal(Signal::SIGINT);
    broker.wait_for_log(" terminating");
    assert_eq!(broker.ends(), Some(0));
}

#[test]
fn four_hundred_idle_connections_leave_the_broker_as_quick_as_before() {
    let broker = Broker::builder().config(FEW_LOG_LINES).start();
    let mut idle = Vec::new();
    for number in 0..400 {
        let mut client = broker.raw_client();
        let id = string(&format!("idle{number}"));
        client.send(packet(
            0x10,
            &[b"\x00\x04MQTT\x04\x02\x00\x3c".to_vec(), id].concat(),
        ));
        client.expect(CONNACK_ACCEPTED);
        idle.push(client);
    }
    let mut witness = broker.raw_client();
    witness.send(CONNECT_V311);
    witness.expect(CONNACK_ACCEPTED);
    let asked = Instant::now();
    witness.expect_alive();
    assert!(asked.elapsed() < Duration::from_secs(1));
}

#[test]
fn connections_over_the_limit_are_closed_and_those_within_it_live() {
    let broker = Broker::with_config("max_connections 2");
    let mut inside = [broker.raw_client(), broker.raw_client()];
    for (number, client) in inside.iter_mut().enumerate() {
        let id = string(&format!("inside{number}"));
        client.send(packet(
            0x10,
            &[b"\x00\x04MQTT\x04\x02\x00\x3c".to_vec(), id].concat(),
        ));
        client.expect(CONNACK_ACCEPTED);
    }
    let mut outside = broker.raw_client();
    outside.send_in_vain(CONNECT_V311);
    assert_eq!(outside.expect_closed(), b"");
    for client in &mut inside {
        client.expect_alive();
    }
}

#[test]
fn nobody_outside_this_machine_reaches_a_broker_without_a_configuration() {
    let broker = Broker::local();
    broker.wait_for_log("Starting in local only mode.");
    // Another address of the loopback network stands for an address of the network.
    assert!(TcpStream::connect(("127.0.0.2", broker.port())).is_err());
    assert!(TcpStream::connect(("127.0.0.1", broker.port())).is_ok());
}
