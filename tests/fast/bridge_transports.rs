//! Bridges over TLS, WebSocket, a proxy and chosen sockets.

use std::path::Path;

use crate::support::Broker;
use crate::support::remote::{CONNACK, Remote, publish};
use crate::support::socks5_proxy;
use crate::support::tls_server::{Identity, TlsServer};

const QUIET: &str = "notifications false\nbridge_attempt_unsubscribe false\nrestart_timeout 1\n";

/// A broker whose bridge leads to `address`, with these lines in its block.
fn bridged(address: &str, lines: &str) -> Broker {
    Broker::with_config(&format!(
        "allow_anonymous true\nconnection b\naddress {address}\ntopic t out 1\n{QUIET}{lines}\n"
    ))
}

/// A message that is published here must arrive at the remote broker.
#[track_caller]
fn carries(broker: &Broker, remote: &Remote) {
    let mut connection = remote.accept_with(CONNACK);
    broker.typed("mq-pub -t t -m x -q 1").run().succeeds();
    connection.expect(publish(0x02, "t", 1, "x"));
}

/// An authority, and a bridge's certificate of it, in a directory.
fn identities(folder: &Path) -> (Identity, Identity) {
    let authority = Identity::authority(&["an authority"]);
    authority.write(folder, "ca");
    authority.sign(&["bridge"]).write(folder, "bridge");
    let server = authority.sign(&["localhost"]);
    (authority, server)
}

#[test]
fn a_bridge_shows_its_certificate_and_names_its_protocol_as_aws_wants() {
    let folder = tempfile::tempdir().expect("a directory");
    let (authority, server) = identities(folder.path());
    let remote = Remote::new();
    let port = TlsServer::asking(&server, &authority)
        .speaking("x-amzn-mqtt-ca")
        .start(remote.port());
    let path = folder.path().display();
    let broker = bridged(
        &format!("localhost:{port}"),
        &format!(
            "bridge_cafile {path}/ca.pem\nbridge_certfile {path}/bridge.pem\n\
             bridge_keyfile {path}/bridge.key\nbridge_alpn x-amzn-mqtt-ca\n\
             bridge_tls_version tlsv1.3\nbridge_ciphers_tls1.3 TLS_AES_128_GCM_SHA256"
        ),
    );
    carries(&broker, &remote);
}

#[test]
fn a_certificate_is_checked_and_the_log_says_what_is_wrong() {
    let folder = tempfile::tempdir().expect("a directory");
    let (authority, _) = identities(folder.path());
    let other = authority.sign(&["elsewhere"]);
    let remote = Remote::new();
    let port = TlsServer::new(&other).start(remote.port());
    let ca = format!("bridge_capath {}", folder.path().display());
    let broker = bridged(&format!("localhost:{port}"), &ca);
    broker.wait_for_log("A TLS error occurred: ");
    let broker = bridged(&format!("localhost:{port}"), "bridge_tls_use_os_certs true");
    broker.wait_for_log("A TLS error occurred: ");
    let broker = bridged(
        &format!("localhost:{port}"),
        "bridge_cafile /missing/ca.pem",
    );
    broker.wait_for_log("Problem setting TLS options: ");
    let broker = bridged(
        &format!("localhost:{port}"),
        &format!("{ca}\nbridge_insecure true\nbridge_ciphers ECDHE-ECDSA-AES128-GCM-SHA256"),
    );
    broker.wait_for_log("Warning: Bridge 'b' using insecure mode.");
    carries(&broker, &remote);
}

#[test]
fn a_port_with_tls_is_recognised() {
    let folder = tempfile::tempdir().expect("a directory");
    let (_, server) = identities(folder.path());
    let port = TlsServer::new(&server).start(Remote::new().port());
    let broker = bridged(&format!("localhost:{port}"), "");
    broker.wait_for_log("The port speaks TLS: bridge_cafile or bridge_tls_use_os_certs");
}

#[test]
fn a_bridge_speaks_websocket_and_goes_through_a_proxy() {
    let far = Broker::builder()
        .websockets()
        .config("allow_anonymous true")
        .start();
    let mut subscriber = far.subscriber("mq-sub -t t -C 1");
    let proxy = socks5_proxy::start();
    let near = bridged(
        &format!("localhost:{}", far.websocket_port()),
        &format!("bridge_transport websockets\nbridge_proxy socks5h://127.0.0.1:{proxy}"),
    );
    near.typed("mq-pub -t t -m through -q 1").run().succeeds();
    subscriber.expect_line("through");
}

#[test]
fn a_bridge_connects_from_its_address_with_its_socket_options() {
    let remote = Remote::new();
    let broker = bridged(
        &format!("127.0.0.1:{}", remote.port()),
        "bridge_bind_address 127.0.0.7\nbridge_tcp_keepalive 60 10 3\n\
         bridge_tcp_user_timeout 30000",
    );
    let mut connection = remote.accept();
    assert_eq!(connection.peer().to_string(), "127.0.0.7");
    assert_eq!(connection.packet().0, 0x10);
    let sockets = std::process::Command::new("ss").args(["-tnoH"]).output();
    if let Ok(sockets) = sockets {
        let sockets = String::from_utf8_lossy(&sockets.stdout).into_owned();
        let is_probed =
            |line: &str| line.contains(" 127.0.0.7:") && line.contains("timer:(keepalive");
        assert!(sockets.lines().any(is_probed), "{sockets}");
    }
    drop(broker);
}
