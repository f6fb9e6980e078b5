//! `mq-pub` and `mq-sub` over TLS.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::peers::require_programs;
use crate::support::tls::why_refused;
use crate::support::tls_server::{Identity, TlsServer};
use crate::support::{Broker, Program, socks5_proxy};
use mq::transport::tls_client::Options;

const TLS_ERROR: &str = "Unable to connect (A TLS error occurred).\n";

/// A folder with `ca.pem`, and the authority.
fn authority() -> (tempfile::TempDir, Identity) {
    let folder = tempfile::tempdir().expect("it works on this machine");
    let authority = Identity::authority(&["an authority"]);
    authority.write(folder.path(), "ca");
    (folder, authority)
}

fn publish(folder: &Path, port: u16, options: &str) -> Program {
    Program::typed(&format!("mq-pub -h localhost -t a -q 1 {options}"))
        .port(port)
        .in_folder(folder)
}

#[test]
fn a_trusted_broker_is_spoken_with_over_every_transport() {
    let (folder, authority) = authority();
    let folder = folder.path();
    let broker = Broker::builder().websockets().start();
    let mut subscriber = broker.subscriber("mq-sub -t a -q 1");
    let server = authority.sign(&["localhost"]);
    let port = TlsServer::new(&server).start(broker.port());
    let websocket_port = TlsServer::new(&server).start(broker.websocket_port());
    TlsServer::new(&server).start_unix(&folder.join("socket"), broker.port());
    fs::create_dir(folder.join("cas")).unwrap();
    fs::copy(folder.join("ca.pem"), folder.join("cas/any-name")).unwrap();

    for (port, options) in [
        (port, "--cafile ca.pem -m file"),
        (port, "--capath cas -m folder"),
        (port, "--cafile ca.pem --tls-version tlsv1.3 -m 1.3"),
        (port, "--cafile ca.pem --ciphers ECDHE+AESGCM -m ciphers"),
        (port, "--tls-use-os-certs --insecure -m insecure"),
        (websocket_port, "--cafile ca.pem --ws -m websocket"),
        (0, "--cafile ca.pem -h socket -m unix"),
    ] {
        publish(folder, port, options).run().succeeds();
        let (_, message) = options.rsplit_once(' ').unwrap();
        subscriber.expect_line(message);
    }
    let proxy = format!("--proxy socks5h://localhost:{}", socks5_proxy::start());
    for (port, options) in [(port, "-m proxy"), (websocket_port, "--ws -m both")] {
        publish(folder, port, &format!("--cafile ca.pem {proxy} {options}"))
            .run()
            .succeeds();
        let (_, message) = options.rsplit_once(' ').unwrap();
        subscriber.expect_line(message);
    }
    publish(folder, port, "-q 0 -m os")
        .env("SSL_CERT_FILE", folder.join("ca.pem").to_str().unwrap())
        .arg("-L")
        .arg(format!("mqtts://localhost:{port}/a"))
        .run()
        .succeeds();
    subscriber.expect_line("os");
    publish(folder, broker.port(), "--cafile ca.pem --no-tls -m plain")
        .run()
        .succeeds();
    subscriber.expect_line("plain");
}

#[test]
fn a_certificate_that_is_trusted_itself_may_be_self_signed() {
    let folder = tempfile::tempdir().unwrap();
    let server = Identity::authority(&["localhost"]);
    server.write(folder.path(), "server");
    let broker = Broker::local();
    let port = TlsServer::new(&server).start(broker.port());
    publish(folder.path(), port, "--cafile server.pem -m x")
        .run()
        .succeeds();
}

#[test]
fn a_broker_below_an_authority_that_has_expired_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let old = Identity::expired_authority(&["an old authority"]);
    old.write(folder.path(), "ca");
    let servers = [
        (
            old.sign(&["localhost"]),
            "an authority whose own certificate (an old authority) expired on 1999-12-31",
        ),
        (
            Identity::expired_authority(&["localhost"]),
            "expired on 1999-12-31",
        ),
    ];
    for (server, cause) in servers {
        // Port 9 is never reached.
        let port = TlsServer::new(&server).start(9);
        server.write(folder.path(), "server");
        for file in ["ca.pem", "server.pem"] {
            publish(folder.path(), port, &format!("--cafile {file} -m x"))
                .run()
                .exits_with(1)
                .complains(TLS_ERROR);
        }
        let options = Options {
            ca_file: Some(folder.path().join("ca.pem")),
            ca_path: Some(folder.path().to_owned()),
            ..Options::default()
        };
        let text = why_refused(&options, port);
        assert!(text.contains(cause), "{text}");
    }
}

#[test]
fn a_broker_that_is_not_trusted_ends_it_and_the_cause_is_known() {
    let (folder, authority) = authority();
    let other = Identity::authority(&["another authority"]);
    let cases = [
        (
            other.sign(&["localhost"]),
            "signed by nobody who is trusted",
        ),
        (
            authority.sign(&["broker.example", "www.example"]),
            "is for broker.example, www.example, not for localhost",
        ),
        (
            authority.sign_expired(&["localhost"]),
            "expired on 1999-12-31",
        ),
    ];
    for (server, cause) in cases {
        // Port 9 is never reached.
        let port = TlsServer::new(&server).start(9);
        for program in ["mq-pub -m x", "mq-sub"] {
            Program::typed(&format!("{program} -h localhost -t a --cafile ca.pem"))
                .port(port)
                .in_folder(folder.path())
                .run()
                .exits_with(1)
                .complains(TLS_ERROR);
        }
        let options = Options {
            ca_file: Some(folder.path().join("ca.pem")),
            ..Options::default()
        };
        let text = why_refused(&options, port);
        assert!(text.contains(cause), "{text}");
    }
}

#[test]
fn a_broker_without_tls_is_a_tls_error() {
    let (folder, _authority) = authority();
    let broker = Broker::local();
    for program in ["mq-pub -m x", "mq-sub"] {
        broker
            .typed(&format!("{program} -t a --cafile ca.pem"))
            .in_folder(folder.path())
            .run()
            .exits_with(1)
            .complains(TLS_ERROR);
    }
}

#[test]
fn the_client_shows_its_own_certificate_and_its_key_may_be_encrypted() {
    let (folder, authority) = authority();
    let folder = folder.path();
    authority.sign(&["me"]).write(folder, "me");
    let broker = Broker::local();
    let server = authority.sign(&["localhost"]);
    let port = TlsServer::asking(&server, &authority).start(broker.port());
    publish(
        folder,
        port,
        "--cafile ca.pem --cert me.pem --key me.key -m x",
    )
    .run()
    .succeeds();
    publish(folder, port, "--cafile ca.pem -m x")
        .run()
        .exits_with(8)
        .complains("Error: A TLS error occurred\n");

    if !require_programs(&["openssl"]) {
        return;
    }
    let converted = Command::new("openssl")
        .args("pkcs8 -topk8 -in me.key -out secret.key -passout pass:word".split(' '))
        .current_dir(folder)
        .status()
        .unwrap();
    assert!(converted.success());
    publish(
        folder,
        port,
        "--cafile ca.pem --cert me.pem --key secret.key -s",
    )
    .stdin("word\n")
    .run()
    .exits_with(1);
    for (answer, code, errors) in [("word", 0, ""), ("wrong", 1, TLS_ERROR)] {
        let prompt = "Enter PEM pass phrase:";
        publish(
            folder,
            port,
            "--cafile ca.pem --cert me.pem --key secret.key -m x",
        )
        .stdin(format!("{answer}\n"))
        .run()
        .exits_with(code)
        .complains(&format!("{prompt}{errors}"));
    }
}

#[test]
fn session_keys_are_logged_on_request() {
    let (folder, authority) = authority();
    let broker = Broker::local();
    let port = TlsServer::new(&authority.sign(&["localhost"])).start(broker.port());
    publish(
        folder.path(),
        port,
        "--cafile ca.pem --tls-keylog keys -m x",
    )
    .run()
    .succeeds();
    let keys = fs::read_to_string(folder.path().join("keys")).unwrap();
    assert!(keys.contains("CLIENT_TRAFFIC_SECRET_0 "), "{keys}");
}

#[test]
fn wrong_options_get_mosquittos_errors() {
    let (folder, _) = authority();
    let usage = "\nUse 'mq-pub --help' to see usage.\n";
    for (options, error) in [
        (
            "--cafile ca.pem --cert ca.pem",
            "Error: Both certfile and keyfile must be provided if one of them is set.\n",
        ),
        (
            "--keyform pem",
            "Error: If keyform is set, keyfile must be also specified.\n",
        ),
        (
            "--psk ab --cafile ca.pem",
            "Error: Only one of --psk or --cafile/--capath may be used at once.\n",
        ),
        (
            "--psk ab",
            "Error: --psk-identity required if --psk used.\n",
        ),
    ] {
        publish(folder.path(), 1, &format!("-m x {options}"))
            .run()
            .exits_with(1)
            .complains(&format!("{error}{usage}"));
    }
    for (options, error) in [
        (
            "--cafile missing",
            "Error: Problem setting TLS options: File not found.\n",
        ),
        ("--cafile ca.key --cert ca.pem --key ca.pem", TLS_ERROR),
        ("--cafile ca.pem --ciphers RC4-MD5", TLS_ERROR),
        (
            "--cafile ca.pem --tls-version tlsv1.1",
            "Error: Problem setting TLS options, check the options are valid.\n",
        ),
    ] {
        publish(folder.path(), 1, &format!("-m x {options}"))
            .run()
            .exits_with(1)
            .complains(error);
    }
}
