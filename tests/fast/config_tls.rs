//! TLS listeners: what they show, what they ask for, and who a certificate says one is.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::support::peers::require_programs;
use crate::support::raw_client::{
    CONNACK_ACCEPTED, CONNECT_V311, PINGREQ, PINGRESP, packet, string,
};
use crate::support::tls::{Authority, TlsClient};
use crate::support::{Broker, Program};
use nix::sys::signal::Signal;
use rcgen::KeyPair;

const SERVER: &str = "certfile server.crt\nkeyfile server.key\n";
const WITH_CLIENTS: &str = "certfile server.crt\nkeyfile server.key\ncafile ca.crt\n\
    require_certificate true\n";

/// A broker with these lines behind its listener, whose folder holds certificates.
fn broker_with(lines: &str) -> Broker {
    let builder = Broker::builder();
    certificates(builder.folder());
    builder.config(lines).start()
}

/// A server, two clients, and one whose time is over.
fn certificates(folder: &Path) {
    let authority = Authority::in_folder(folder);
    authority.issue(folder, "server", (2025, 2090), 1);
    authority.issue(folder, "alice", (2025, 2090), 2);
    authority.issue(folder, "bob", (2025, 2090), 3);
    authority.issue(folder, "expired", (2001, 2002), 4);
    authority.revoke(folder, 3);
}

/// Whether a client with this certificate gets its CONNACK and an answer to a PINGREQ.
fn is_let_in(broker: &Broker, name: Option<&str>) -> bool {
    let mut client = TlsClient::connect(broker.port(), broker.folder(), name);
    match client.exchange(CONNECT_V311, 4) {
        Ok(answer) => {
            assert_eq!(answer, CONNACK_ACCEPTED);
            let pong = client.exchange(PINGREQ, 2);
            assert_eq!(pong.expect("it lives"), PINGRESP);
            true
        }
        Err(_) => false,
    }
}

#[test]
fn a_client_is_served_under_tls_and_the_log_says_how() {
    let broker = broker_with(SERVER);
    assert!(is_let_in(&broker, None));
    let line = broker.wait_for_log(" negotiated TLSv1.3 cipher TLS_AES_256_GCM_SHA384");
    assert!(line.contains("Connection from 127.0.0.1:"), "{line}");
    broker.wait_for_log("Client raw negotiated TLSv1.3 cipher TLS_AES_256_GCM_SHA384");
    // A certificate that nobody asked for is in nobody's way.
    assert!(is_let_in(&broker, Some("expired")));
}

#[test]
fn a_unix_socket_may_speak_tls_too() {
    let broker = broker_with("listener 0 broker.sock\ncertfile server.crt\nkeyfile server.key\n");
    let socket = broker.folder().join("broker.sock");
    let client = |line: &str| {
        let line = format!("{line} --unix {} --cafile ca.crt", socket.display());
        Program::typed(&line).in_folder(broker.folder())
    };
    client("mq-pub -t a -m kept -r -q 1").run().succeeds();
    let outcome = client("mq-sub -t a -C 1 -W 5").run().succeeds();
    assert_eq!(outcome.stdout(), "kept\n");
    broker.wait_for_log("negotiated TLSv1.3 cipher");
    // Without it there is no way in.
    let plain = format!("mq-pub --unix {} -t a -m x", socket.display());
    assert_ne!(Program::typed(&plain).run().code(), 0);
}

#[test]
fn large_messages_come_whole_through_tls() {
    let broker = broker_with(SERVER);
    let mut client = TlsClient::connect(broker.port(), broker.folder(), None);
    assert_eq!(client.exchange(CONNECT_V311, 4).unwrap(), CONNACK_ACCEPTED);
    let subscribe = packet(0x82, &[&[0, 1][..], &string("a"), &[0]].concat());
    assert_eq!(
        client.exchange(&subscribe, 5).unwrap(),
        b"\x90\x03\x00\x01\x00"
    );
    // Also lengths at which a buffer is just full.
    for length in (60_000..300_000).step_by(9_973) {
        let payload: Vec<u8> = (0..length).map(|number: u32| number as u8).collect();
        let publish = packet(0x30, &[&string("a")[..], &payload].concat());
        let answer = client.exchange(&publish, publish.len()).unwrap();
        assert!(
            answer == publish,
            "another packet of {} bytes",
            answer.len()
        );
    }
}

#[test]
fn websocket_runs_under_tls() {
    let broker = broker_with(&format!("{SERVER}protocol websockets\n"));
    let mut client = TlsClient::connect(broker.port(), broker.folder(), None);
    let upgrade = "GET /mqtt HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
         Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Protocol: mqtt\r\nSec-WebSocket-Version: 13\r\n\r\n";
    let mut head = client.exchange(upgrade.as_bytes(), 12).unwrap();
    assert_eq!(head, b"HTTP/1.1 101");
    while !head.ends_with(b"\r\n\r\n") {
        head.extend(client.exchange(b"", 1).unwrap());
    }
    let length = u8::try_from(CONNECT_V311.len()).unwrap();
    let frame = [&[0x82, 0x80 | length, 0, 0, 0, 0], CONNECT_V311].concat();
    let answer = client.exchange(&frame, 6).unwrap();
    assert_eq!(answer, [&[0x82, 4], CONNACK_ACCEPTED].concat());
}

#[test]
fn a_listener_may_ask_for_a_certificate() {
    let broker = broker_with(WITH_CLIENTS);
    assert!(is_let_in(&broker, Some("alice")));
    assert!(is_let_in(&broker, Some("bob")));
    assert!(!is_let_in(&broker, None));
    assert!(!is_let_in(&broker, Some("expired")));
    broker.wait_for_log("disconnected: Protocol error.");
}

#[test]
fn a_certificate_that_was_taken_back_is_refused() {
    let broker = broker_with(&format!("{WITH_CLIENTS}crlfile revoked.crl\n"));
    assert!(is_let_in(&broker, Some("alice")));
    assert!(!is_let_in(&broker, Some("bob")));
}

#[test]
fn the_time_of_a_certificate_can_be_passed_over() {
    let broker = broker_with(&format!(
        "{WITH_CLIENTS}disable_client_cert_date_checks true\n"
    ));
    assert!(is_let_in(&broker, Some("expired")));
    assert!(!is_let_in(&broker, None));
}

/// Writes the two certificates of an authority whose certificate was renewed with its key,
/// `old.crt` and `new.crt`, and one that it has issued, `pupil.crt`.
fn renewed_authority(folder: &Path) {
    let pem = KeyPair::generate()
        .expect("a key can be made")
        .serialize_pem();
    let key = || KeyPair::from_pem(&pem).expect("it was made here");
    Authority::with_key(key(), "old", folder, (2001, 2002));
    let authority = Authority::with_key(key(), "new", folder, (2025, 2090));
    authority.issue(folder, "pupil", (2001, 2090), 5);
}

#[test]
fn clients_of_an_authority_that_has_expired_are_refused() {
    let authorities = |names: &[&str], options: &str| {
        let builder = Broker::builder();
        let folder = builder.folder();
        certificates(folder);
        renewed_authority(folder);
        let read = |name: &&str| fs::read_to_string(folder.join(format!("{name}.crt"))).unwrap();
        let all: String = names.iter().map(read).collect();
        let lines = format!("{SERVER}cafile all.crt\nrequire_certificate true\n{options}");
        builder.file("all.crt", all).config(&lines).start()
    };
    let broker = authorities(&["old"], "");
    assert!(!is_let_in(&broker, Some("pupil")));
    broker.wait_for_log(
        "TLS handshake failed: the client's certificate comes from an authority whose own \
         certificate (test ca) expired on 2002-01-01.",
    );
    // One that is over is no obstacle to clients of the others.
    let broker = authorities(&["old", "ca"], "");
    assert!(is_let_in(&broker, Some("alice")));
    assert!(!is_let_in(&broker, Some("pupil")));
    let broker = authorities(&["old", "new"], "");
    assert!(is_let_in(&broker, Some("pupil")));
    let broker = authorities(&["old"], "disable_client_cert_date_checks true\n");
    assert!(is_let_in(&broker, Some("pupil")));
}

#[test]
fn the_log_says_in_words_why_a_certificate_is_refused() {
    let builder = Broker::builder();
    certificates(builder.folder());
    let stranger = Authority::with_key(
        KeyPair::generate().unwrap(),
        "other",
        builder.folder(),
        (2025, 2090),
    );
    stranger.issue(builder.folder(), "stranger", (2025, 2090), 6);
    let broker = builder
        .config(&format!("{WITH_CLIENTS}crlfile revoked.crl\n"))
        .start();
    for (name, why) in [
        (
            None,
            "the client shows no certificate, and one is required.",
        ),
        (
            Some("stranger"),
            "the client's certificate is signed by nobody who is trusted: name the certificate of \
             its authority with cafile.",
        ),
        (
            Some("expired"),
            "the client's certificate expired on 2002-01-01.",
        ),
        (
            Some("bob"),
            "the client's certificate was revoked by its authority.",
        ),
    ] {
        assert!(!is_let_in(&broker, name), "{name:?}");
        broker.wait_for_log(&format!("TLS handshake failed: {why}"));
    }
}

#[test]
fn authorities_may_lie_in_a_folder() {
    let builder = Broker::builder();
    certificates(builder.folder());
    fs::create_dir(builder.folder().join("ca")).unwrap();
    fs::copy(
        builder.folder().join("ca.crt"),
        builder.folder().join("ca/one.pem"),
    )
    .unwrap();
    let lines = format!("{SERVER}capath ca\nrequire_certificate true\n");
    let broker = builder.config(&lines).start();
    assert!(is_let_in(&broker, Some("alice")));
    assert!(!is_let_in(&broker, None));
}

#[test]
fn a_certificate_gives_the_user_its_name() {
    for (option, name) in [
        ("use_identity_as_username", "alice"),
        ("use_subject_as_username", "CN=alice,O=school"),
    ] {
        let builder = Broker::builder();
        certificates(builder.folder());
        let broker = builder
            .file("acl", format!("user {name}\ntopic a\n"))
            .config(&format!(
                "allow_anonymous false\nacl_file acl\n{WITH_CLIENTS}{option} true\n"
            ))
            .start();
        assert!(is_let_in(&broker, Some("alice")));
        broker.wait_for_log(&format!(" as raw (p4, c1, k60, u'{name}')."));
    }
}

#[test]
fn without_a_certificate_there_is_no_name_and_no_entry() {
    let broker = broker_with(&format!("{SERVER}use_identity_as_username true\n"));
    let mut client = TlsClient::connect(broker.port(), broker.folder(), None);
    let answer = client.exchange(CONNECT_V311, 4).unwrap();
    assert_eq!(answer, b"\x20\x02\x00\x04");
}

#[test]
fn a_reload_shows_the_new_certificate_and_keeps_the_old_one_when_it_is_bad() {
    let broker = broker_with(SERVER);
    let mut old = TlsClient::connect(broker.port(), broker.folder(), None);
    assert_eq!(old.exchange(CONNECT_V311, 4).unwrap(), CONNACK_ACCEPTED);

    broker.replace_file("server.crt", "nonsense");
    broker.signal(Signal::SIGHUP);
    broker.wait_for_log("Error when reloading certificate 'server.crt' or key 'server.key'.");
    assert!(is_let_in(&broker, None));

    // Another authority: only its client trusts the new certificate.
    certificates(broker.folder());
    broker.reload();
    assert!(is_let_in(&broker, None));
}

#[test]
fn plain_mqtt_to_a_tls_port_and_silence_block_nobody() {
    let broker = broker_with(SERVER);
    let silent = broker.raw_client();
    let mut plain = broker.raw_client();
    plain.send(CONNECT_V311);
    plain.expect_closed();
    broker.wait_for_log("TLS handshake failed: ");
    assert!(is_let_in(&broker, None));
    drop(silent);
}

#[test]
fn a_tls_setup_that_cannot_work_is_told_before_anything_is_started() {
    for (lines, text, code) in [
        (
            "certfile server.crt",
            "Error: Both certfile and keyfile must be provided to enable a TLS listener.",
            3,
        ),
        (
            "cafile ca.crt",
            "Error: cafile specified without certfile and keyfile.",
            3,
        ),
        (
            "certfile missing\nkeyfile server.key",
            "Error: Unable to load server certificate \"missing\". Check certfile.",
            1,
        ),
        (
            "certfile server.crt\nkeyfile missing",
            "Error: Unable to load server key file \"missing\". Check keyfile.",
            1,
        ),
        (
            "certfile server.crt\nkeyfile alice.key",
            "Error: Server certificate/key are inconsistent.",
            1,
        ),
        (
            "certfile server.crt\nkeyfile server.key\nrequire_certificate true\ncafile server.key",
            "Error: Unable to load CA certificates. Check cafile \"server.key\".",
            1,
        ),
        (
            "certfile server.crt\nkeyfile server.key\nrequire_certificate true",
            "Name them by cafile or capath.",
            1,
        ),
        (
            "certfile server.crt\nkeyfile server.key\ntls_version tlsv1",
            "Error: Unsupported tls_version \"tlsv1\".",
            1,
        ),
        (
            "certfile server.crt\nkeyfile server.key\nciphers AES128-SHA",
            "Error: Unable to set TLS ciphers. Check cipher list \"AES128-SHA\".",
            1,
        ),
    ] {
        let builder = Broker::builder();
        certificates(builder.folder());
        let outcome = builder.config(lines).run().exits_with(code);
        assert!(outcome.stderr().contains(text), "{text:?} in {outcome}");
    }
}

#[test]
fn openssl_speaks_both_versions_with_the_chosen_suites() {
    if !require_programs(&["openssl"]) {
        return;
    }
    let broker = broker_with(&format!(
        "{SERVER}ciphers ECDHE-ECDSA-AES128-GCM-SHA256\nciphers_tls1.3 TLS_AES_128_GCM_SHA256\n"
    ));
    for (version, cipher) in [
        ("-tls1_2", "ECDHE-ECDSA-AES128-GCM-SHA256"),
        ("-tls1_3", "TLS_AES_128_GCM_SHA256"),
    ] {
        let line = format!(
            "openssl s_client -connect 127.0.0.1:{} -CAfile ca.crt -verify_return_error {version}",
            broker.port()
        );
        let outcome = crate::support::Program::typed(&line)
            .in_folder(broker.folder())
            .run()
            .exits_with(0);
        assert!(outcome.stdout().contains(cipher), "{outcome}");
    }
}

#[test]
fn openssl_is_asked_for_its_certificate() {
    if !require_programs(&["openssl"]) {
        return;
    }
    let broker = broker_with(&format!("{WITH_CLIENTS}tls_version tlsv1.3\n"));
    let handshake = |arguments: &str| {
        let line = format!(
            "openssl s_client -connect 127.0.0.1:{} -CAfile ca.crt -verify_return_error \
             -ign_eof {arguments}",
            broker.port()
        );
        // A PINGREQ instead of a CONNECT: who was let in is cut then, without an alert.
        crate::support::Program::typed(&line)
            .in_folder(broker.folder())
            .stdin(PINGREQ)
            .run()
    };
    let outcome = handshake("-cert alice.crt -key alice.key");
    assert!(!outcome.stderr().contains("alert"), "{outcome}");
    assert!(
        outcome.stdout().contains("Verify return code: 0 (ok)"),
        "{outcome}"
    );
    assert!(outcome.stdout().contains("CN = test ca"), "{outcome}");
    let outcome = handshake("");
    assert!(outcome.stderr().contains("alert"), "{outcome}");
    handshake("-tls1_2").exits_with(1);
}

#[test]
fn mosquittos_clients_talk_under_tls() {
    if !require_programs(&["mosquitto_pub", "mosquitto_sub"]) {
        return;
    }
    let broker = broker_with(&format!("{WITH_CLIENTS}use_identity_as_username true\n"));
    broker
        .typed("mosquitto_pub -h localhost --cafile ca.crt --cert alice.crt --key alice.key -q 2 -r -t a -m x")
        .in_folder(broker.folder())
        .run()
        .succeeds();
    broker
        .typed("mosquitto_sub -h localhost --cafile ca.crt --cert bob.crt --key bob.key -t a -C 1")
        .in_folder(broker.folder())
        .run()
        .succeeds()
        .prints("x\n");
    broker.wait_for_log("u'bob'");
}

#[test]
fn the_keys_of_connections_are_written_for_their_owner_only() {
    let folder = tempfile::tempdir().unwrap();
    certificates(folder.path());
    let port = crate::support::broker::free_port();
    let user = if nix::unistd::geteuid().is_root() {
        "user root\n"
    } else {
        ""
    };
    let config = format!("{user}allow_anonymous true\nlistener {port} 127.0.0.1\n{SERVER}");
    fs::write(folder.path().join("mosquitto.conf"), config).unwrap();
    let keys = folder.path().join("keys");
    let serve_one = || {
        let broker =
            crate::support::Program::typed("mq-broker -c mosquitto.conf --tls-keylog keys")
                .in_folder(folder.path())
                .start();
        broker
            .stderr()
            .wait_for_line(0, crate::support::LIMIT, |line| line.ends_with(" running"))
            .expect("it starts");
        let mut client = TlsClient::connect(port, folder.path(), None);
        assert_eq!(client.exchange(CONNECT_V311, 4).unwrap(), CONNACK_ACCEPTED);
        broker.stderr().text()
    };
    serve_one();
    let written = fs::read_to_string(&keys).unwrap();
    assert!(written.contains("CLIENT_TRAFFIC_SECRET_0 "), "{written}");
    let mode = fs::metadata(&keys).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    fs::set_permissions(&keys, Permissions::from_mode(0o644)).unwrap();
    let log = serve_one();
    assert!(log.contains("of --tls-keylog is not used"), "{log}");
    assert_eq!(fs::read_to_string(&keys).unwrap(), written);
}
