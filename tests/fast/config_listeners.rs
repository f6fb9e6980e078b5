//! The kinds of listeners besides plain TCP, and what they do with those who connect.

mod clients;
mod http_dir;
mod mount_point;

use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::{fs, io::Read, io::Write};

use crate::support::broker::free_port;
use crate::support::program::Running;
use crate::support::raw_client::{
    CONNACK_ACCEPTED, CONNECT_V5, CONNECT_V311, RawClient, packet, string,
};
use crate::support::{Broker, LIMIT, Program};
use nix::sys::signal::Signal;
use nix::unistd::geteuid;

#[test]
fn a_unix_socket_serves_clients_and_goes_with_the_broker() {
    let builder = Broker::builder();
    let socket = builder.folder().join("broker.sock");
    // What an earlier broker has left is in nobody's way.
    drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
    let broker = builder.config("listener 0 broker.sock").start();
    broker.wait_for_log("Opening unix listen socket on path broker.sock.");
    let mode = fs::metadata(&socket).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o770);

    let mut client = UnixStream::connect(&socket).unwrap();
    client
        .set_read_timeout(Some(crate::support::LIMIT))
        .unwrap();
    client.write_all(CONNECT_V311).unwrap();
    let mut answer = [0; 4];
    client.read_exact(&mut answer).unwrap();
    assert_eq!(answer, CONNACK_ACCEPTED);
    broker.wait_for_log("New connection from broker.sock:0 on port 0.");
    broker.wait_for_log("New client connected from broker.sock:0 as raw (p4, c1, k60).");

    broker.signal(Signal::SIGTERM);
    broker.wait_for_end();
    assert!(!socket.exists());
}

#[test]
fn a_file_that_is_no_socket_is_left_alone() {
    let outcome = Broker::builder()
        .file("precious", "data")
        .config("listener 0 precious")
        .run()
        .exits_with(1);
    assert!(outcome.stderr().contains("Error: precious: "), "{outcome}");
}

/// A PROXY header of version 2 from 1.2.3.4:1000, with this record of the client's TLS.
fn binary_header(tls_record: Option<&[u8]>) -> Vec<u8> {
    let mut body = vec![1, 2, 3, 4, 127, 0, 0, 1, 3, 232, 7, 91];
    if let Some(record) = tls_record {
        body.push(0x20);
        body.extend(length(record));
        body.extend(record);
    }
    [b"\r\n\r\n\0\r\nQUIT\n\x21\x11", &length(&body)[..], &body].concat()
}

/// A record that says what the flags say, the outcome of the verification, and a common name.
fn tls_record(flags: u8, verify: u32, common_name: &str) -> Vec<u8> {
    let name = [
        &[0x22],
        &length(common_name.as_bytes())[..],
        common_name.as_bytes(),
    ]
    .concat();
    [&[flags], &verify.to_be_bytes()[..], &name].concat()
}

fn length(bytes: &[u8]) -> [u8; 2] {
    u16::try_from(bytes.len()).expect("short").to_be_bytes()
}

#[test]
fn a_proxy_says_who_its_client_is() {
    let broker = Broker::builder()
        .config("enable_proxy_protocol 1")
        .other_listener("enable_proxy_protocol 2")
        .start();
    let mut client = broker.raw_client();
    client.send("PROXY TCP4 1.2.3.4 127.0.0.1 1000 1883\r\n");
    client.send(CONNECT_V311);
    client.expect(CONNACK_ACCEPTED);
    broker.wait_for_log("New client connected from 1.2.3.4:1000 as raw");
    assert!(!broker.log().contains("New connection from"));

    let mark = broker.log_mark();
    let mut client = RawClient::connect(broker.other_port());
    client.send(binary_header(None));
    client.send(CONNECT_V311);
    client.expect(CONNACK_ACCEPTED);
    broker.wait_for_log_after(mark, "New client connected from 1.2.3.4:1000 as raw");
}

#[test]
fn a_proxys_client_on_a_unix_socket_is_named_by_its_path() {
    let broker = Broker::with_config("enable_proxy_protocol 2");
    let mut client = broker.raw_client();
    let path = b"/run/proxy";
    client.send([b"\r\n\r\n\0\r\nQUIT\n\x21\x31", &length(path)[..], path].concat());
    client.send(CONNECT_V311);
    client.expect(CONNACK_ACCEPTED);
    broker.wait_for_log("New client connected from /run/proxy:0 as raw");
}

#[test]
fn a_dead_peer_is_noticed_without_a_keep_alive() {
    let broker = Broker::local();
    let mut client = broker.raw_client();
    client.send(CONNECT_V311);
    client.expect(CONNACK_ACCEPTED);
    // The system's own probes: timer 2 of the broker's end in the kernel's table.
    let table = fs::read_to_string("/proc/net/tcp").expect("Linux has the table");
    let port = format!("0100007F:{:04X}", broker.port());
    let timers: Vec<_> = table
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .filter(|fields| fields[1] == port && fields[3] == "01")
        .map(|fields| fields[5][..2].to_owned())
        .collect();
    assert_eq!(timers, ["02"], "{table}");
}

#[test]
fn who_comes_without_a_proxy_is_cut() {
    let broker = Broker::with_config("enable_proxy_protocol 2");
    let mut client = broker.raw_client();
    client.send([CONNECT_V311, CONNECT_V311].concat());
    client.expect_closed();
    let line = broker.wait_for_log("rejected, corrupt PROXY header.");
    assert!(line.contains("Connection from 127.0.0.1:"), "{line}");
}

#[test]
fn a_proxy_vouches_for_its_clients_certificate() {
    let broker = Broker::with_config(
        "enable_proxy_protocol 2\nproxy_protocol_v2_require_tls true\nuse_identity_as_username true",
    );
    let mut client = broker.raw_client();
    client.send(binary_header(Some(&tls_record(3, 0, "alice"))));
    client.send(CONNECT_V311);
    client.expect(CONNACK_ACCEPTED);
    broker.wait_for_log(" as raw (p4, c1, k60, u'alice').");

    let mut client = broker.raw_client();
    client.send(binary_header(None));
    client.send_in_vain(CONNECT_V311);
    client.expect_closed();
    broker.wait_for_log("Connection from 1.2.3.4:1000 rejected, client did not connect using TLS.");
}

#[test]
fn behind_a_proxy_only_clients_with_a_verified_certificate_get_in_where_one_is_required() {
    const TLS: u8 = 1;
    const CERTIFICATE: u8 = 2;
    const CERTIFICATE_OF_RESUMED_SESSION: u8 = 4;
    let broker = Broker::with_config("enable_proxy_protocol 2\nrequire_certificate true");
    for flags in [TLS | CERTIFICATE, TLS | CERTIFICATE_OF_RESUMED_SESSION, 7] {
        let mut client = broker.raw_client();
        client.send(binary_header(Some(&tls_record(flags, 0, "alice"))));
        client.send(CONNECT_V311);
        client.expect(CONNACK_ACCEPTED);
    }
    let refused = [
        None,
        Some(tls_record(0, 0, "alice")),
        Some(tls_record(TLS, 0, "alice")),
        Some(tls_record(
            CERTIFICATE | CERTIFICATE_OF_RESUMED_SESSION,
            0,
            "alice",
        )),
        Some(tls_record(7, 1, "alice")),
        Some(tls_record(7, 0x0100_0000, "alice")),
    ];
    for record in refused {
        let mark = broker.log_mark();
        let mut client = broker.raw_client();
        // No CONNECT is needed to be sent away.
        client.send(binary_header(record.as_deref()));
        assert_eq!(client.expect_closed(), b"", "{record:?}");
        broker.wait_for_log_after(
            mark,
            "Connection from 1.2.3.4:1000 rejected, client did not provide a certificate.",
        );
    }
    let outcome = Program::typed("mq-broker --check -c mosquitto.conf")
        .in_folder(broker.folder())
        .run()
        .succeeds();
    assert!(
        outcome.stdout().contains("asks for a certificate"),
        "{outcome}"
    );
}

#[test]
fn a_resumed_session_behind_a_proxy_gives_the_user_its_name() {
    let broker = Broker::with_config("enable_proxy_protocol 2\nuse_identity_as_username true");
    let mut client = broker.raw_client();
    client.send(binary_header(Some(&tls_record(5, 0, "alice"))));
    client.send(CONNECT_V311);
    client.expect(CONNACK_ACCEPTED);
    broker.wait_for_log(" as raw (p4, c1, k60, u'alice').");
    for (flags, verify) in [(1, 0), (5, 1)] {
        let mut client = broker.raw_client();
        client.send(binary_header(Some(&tls_record(flags, verify, "alice"))));
        client.send(CONNECT_V311);
        client.expect(b"\x20\x02\x00\x04");
    }
}

#[test]
fn only_pages_of_the_named_origins_may_connect() {
    let broker = Broker::builder()
        .other_listener(
            "protocol websockets\nwebsockets_origin https://a.example\n\
             websockets_origin https://b.example",
        )
        .start();
    for (origin, answer) in [
        ("Origin: https://b.example\r\n", "101"),
        ("", "101"),
        ("Origin: https://b.example.org\r\n", "403"),
        ("Origin: https://b\r\n", "403"),
    ] {
        let mut client = RawClient::connect(broker.other_port());
        client.send(format!(
            "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n{origin}\
             Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             Sec-WebSocket-Protocol: mqtt\r\nSec-WebSocket-Version: 13\r\n\r\n"
        ));
        let head = client.http_head();
        assert!(head.contains(&format!(" {answer} ")), "{origin}: {head}");
    }
    broker.wait_for_log(" disconnected: non-matching http origin.");
}

#[test]
fn an_interface_is_listened_on_alone_and_must_exist() {
    let broker = Broker::with_config("bind_interface lo");
    broker.typed("mq-pub -t a -m x").run().succeeds();
    let outcome = Broker::builder()
        .config("bind_interface nowhere0")
        .run()
        .exits_with(1);
    let text = "Error: Interface nowhere0 does not exist.";
    assert!(outcome.stderr().contains(text), "{outcome}");
}

#[test]
fn connections_of_all_listeners_are_counted_together() {
    let broker = Broker::builder()
        .before("allow_anonymous true\nglobal_max_connections 2")
        .other_listener("")
        .start();
    let mut first = broker.raw_client();
    first.send(CONNECT_V311);
    first.expect(CONNACK_ACCEPTED);
    let mut second = RawClient::connect(broker.other_port());
    second.send(CONNECT_V5);
    second.packet();
    let mut third = RawClient::connect(broker.other_port());
    third.expect_closed();
    broker.wait_for_log("Client connection from 127.0.0.1 denied: max_connections exceeded.");
}

#[test]
fn more_clients_than_allowed_are_refused_but_not_those_that_are_known() {
    let broker = Broker::with_config("global_max_clients 1");
    broker
        .typed("mq-sub -i known -c -q 1 -t a -E")
        .run()
        .succeeds();
    let mut client = broker.raw_client();
    client.send(CONNECT_V311);
    assert_eq!(client.expect_closed(), b"");
    let mut client = broker.raw_client();
    client.send(CONNECT_V5);
    client.expect(b"\x20\x03\x00\x89\x00");
    client.expect_closed();
    broker
        .typed("mq-sub -i known -c -q 1 -t a -E")
        .run()
        .succeeds();
}

#[test]
fn a_message_over_the_size_limit_is_acknowledged_and_not_passed_on() {
    let broker = Broker::with_config("message_size_limit 4");
    let mut subscriber = broker.subscriber("mq-sub -t a -C 1");
    broker.typed("mq-pub -t a -q 1 -m 12345").run().succeeds();
    broker.typed("mq-pub -t a -q 2 -m 12345").run().succeeds();
    broker.typed("mq-pub -t a -q 1 -m 1234").run().succeeds();
    subscriber.expect_line("1234");
    let mut client = broker.raw_client();
    client.send(CONNECT_V5);
    client.packet();
    client.send(packet(
        0x32,
        &[&string("a")[..], b"\x00\x07\x0012345"].concat(),
    ));
    client.expect(b"\x40\x03\x00\x07\x95");
}

/// A broker with exactly these lines, which runs.
fn started(folder: &Path, lines: &str) -> Running {
    let user = if geteuid().is_root() {
        "user root\n"
    } else {
        ""
    };
    fs::write(folder.join("mosquitto.conf"), format!("{user}{lines}"))
        .expect("the folder is writable");
    let broker = Program::typed("mq-broker -c mosquitto.conf")
        .in_folder(folder)
        .start();
    broker
        .stderr()
        .wait_for_line(0, crate::support::LIMIT, |line| line.ends_with(" running"))
        .unwrap_or_else(|missing| panic!("{missing:?}: {}", broker.stderr().text()));
    broker
}

#[test]
fn one_family_of_addresses_can_be_opened_alone() {
    for (domain, other) in [("ipv4", "ipv6"), ("ipv6", "ipv4")] {
        if domain == "ipv6" && TcpListener::bind("[::1]:0").is_err() {
            eprintln!("skipped: this machine has no IPv6");
            continue;
        }
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        let lines = format!("listener {port}\nbind_interface lo\nsocket_domain {domain}\n");
        let broker = started(folder.path(), &lines);
        let log = broker.stderr().text();
        let line = |family| format!("Opening {family} listen socket on port {port}.");
        assert!(log.contains(&line(domain)), "{log}");
        assert!(!log.contains(&line(other)), "{log}");
        if domain == "ipv6" {
            // Its address is written without brackets, as in Mosquitto.
            let _client = TcpStream::connect(("::1", port)).unwrap();
            let seen = |line: &str| line.contains("New connection from ::1:");
            let line = broker.stderr().wait_for_line(0, LIMIT, seen);
            assert!(line.is_ok(), "{}", broker.stderr().text());
        }
    }
}

#[test]
fn the_default_listener_has_its_own_address() {
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let lines = format!("port {port}\nbind_address 127.0.0.1\nallow_anonymous true\nmax_qos 1\n");
    let broker = started(folder.path(), &lines);
    let mut client = RawClient::connect(port);
    client.send(CONNECT_V5);
    let (_, body) = client.packet();
    assert!(body.ends_with(b"\x24\x01"), "Maximum QoS 1 in {body:02x?}");
    let text = broker.stderr().text();
    assert!(!text.contains("ipv6"), "{text}");
}

#[test]
fn names_of_clients_are_made_as_the_configuration_says() {
    let nameless = packet(0x10, b"\x00\x04MQTT\x04\x02\x00\x3c\x00\x00");
    let broker = Broker::builder()
        .before("allow_anonymous true\nauto_id_prefix house-")
        .config("use_username_as_clientid true")
        .other_listener("listener_auto_id_prefix guest-")
        .start();
    let mut guest = RawClient::connect(broker.other_port());
    guest.send(&nameless);
    guest.expect(CONNACK_ACCEPTED);
    broker.wait_for_log(" as guest-");
    broker
        .typed("mq-pub -u alice -P x -i other -t a -m x")
        .run()
        .succeeds();
    broker.wait_for_log(" as alice (p4, c1, k60, u'alice').");
    broker.typed("mq-pub -t a -m x").run().exits_with(5);

    let broker = Broker::with_config("auto_id_prefix house-");
    let mut client = broker.raw_client();
    client.send(&nameless);
    client.expect(CONNACK_ACCEPTED);
    let line = broker.wait_for_log(" as house-");
    let (_, name) = line.split_once(" as house-").unwrap();
    assert_eq!(name.split(' ').next().map(str::len), Some(36), "{line}");
}

#[test]
fn the_broker_makes_topic_aliases_up_to_its_own_limit() {
    for (maximum, aliases) in [(0, 0), (1, 1)] {
        let broker = Broker::with_config(&format!("max_topic_alias_broker {maximum}"));
        let mut client = broker.raw_client();
        // Topic Alias Maximum 5.
        client.send(b"\x10\x13\x00\x04MQTT\x05\x02\x00\x3c\x03\x22\x00\x05\x00\x03raw");
        client.packet();
        client.send(packet(0x82, &[&[0, 1, 0][..], &string("#"), &[0]].concat()));
        client.packet();
        let mut given = 0;
        for topic in ["a", "b"] {
            client.send(packet(0x30, &[&string(topic)[..], b"\x00x"].concat()));
            let (_, body) = client.packet();
            given += usize::from(body[3] > 0);
        }
        assert_eq!(given, aliases);
    }
}
