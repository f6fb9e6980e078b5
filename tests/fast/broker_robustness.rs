//! What no client may do to another: bad bytes, silence, slowness, floods.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::support::broker::FEW_LOG_LINES;
use crate::support::raw_client::{
    CONNACK_ACCEPTED, CONNECT_V5, CONNECT_V31, CONNECT_V311, RawClient, packet, string,
};
use crate::support::{Broker, Program};
use nix::sys::signal::Signal;

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
fn a_refused_login_costs_the_same_whoever_exists() {
    let salt_and_hash = "Q1w2E3r4T5y6U7i8O9p0AuiFukB0BbBgjWD.zVJEsGONqmcE3C8Ee";
    let cheap = Program::typed("mq-passwd -H sha512 -c -b - cheap right").run();
    let users = format!("{}costly:$2y$12${salt_and_hash}\n", cheap.stdout());
    let broker = Broker::builder()
        .file("passwd", users)
        .config("allow_anonymous false\npassword_file passwd")
        .start();
    let ticks = |login: &str, code: i32| {
        let before = broker.processor_ticks();
        let client = broker.typed(&format!("mq-pub {login} -t a -m x"));
        client.run().exits_with(code);
        broker.processor_ticks() - before
    };
    let costly = ticks("-u costly -P wrong", 5);
    for login in ["-u cheap -P wrong", "-u unknown -P wrong", "-u unknown"] {
        let spent = ticks(login, 5);
        assert!(
            spent * 3 > costly * 2,
            "{login}: {spent} and {costly} ticks"
        );
        assert!(
            spent * 2 < costly * 3,
            "{login}: {spent} and {costly} ticks"
        );
    }
    let accepted = ticks("-u cheap -P right", 0);
    assert!(accepted * 3 < costly, "{accepted} and {costly} ticks");
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
fn a_bad_password_file_at_sighup_is_told_and_changes_nothing() {
    let builder = Broker::builder().config("allow_anonymous false\npassword_file passwd");
    Program::typed("mq-passwd -c -b passwd snir passsnir")
        .in_folder(builder.folder())
        .run()
        .exits_with(0);
    let broker = builder.start();
    broker.replace_file("passwd", "snir:passsnir\n");
    broker.signal(Signal::SIGHUP);
    broker.wait_for_log("Error: Unable to decode line in password file 'passwd'.");
    broker
        .typed("mq-pub -u snir -P passsnir -t a -m x")
        .run()
        .succeeds();
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
