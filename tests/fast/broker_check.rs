//! What `mq-broker --check` finds.

use std::fs;
use std::net::TcpListener;

use crate::support::broker::free_port;
use crate::support::program::Outcome;
use crate::support::tls::Authority;
use crate::support::{Broker, Program};

/// `mq-broker --check` with the configuration of a broker.
fn check(broker: &Broker) -> Outcome {
    Program::typed("mq-broker -c mosquitto.conf --check")
        .in_folder(broker.folder())
        .run()
}

#[test]
fn a_broker_that_runs_is_found_alive() {
    let broker = Broker::local();
    let port = broker.port();
    Program::typed(&format!("mq-broker -p {port} --check"))
        .run()
        .succeeds()
        .prints(format!("Alive: port {port} takes clients.\n"));
    broker.wait_for_log("Client mq-check-");
    Program::typed(&format!("mq-broker -q -p {port} --check"))
        .run()
        .succeeds()
        .prints("");
}

#[test]
fn the_check_needs_no_login_and_no_certificate() {
    let builder = Broker::builder();
    let authority = Authority::in_folder(builder.folder());
    authority.issue(builder.folder(), "server", (2025, 2090), 1);
    let tls = "certfile server.crt\nkeyfile server.key";
    let broker = builder
        .file("passwd", "")
        .config("allow_anonymous false\npassword_file passwd")
        .config(&format!("{tls}\ncafile ca.crt\nrequire_certificate true"))
        .config("listener 0 broker.sock")
        .config("listener 0 proxy.sock\nenable_proxy_protocol 1")
        .config("listener 0 proxy2.sock\nenable_proxy_protocol 2")
        .config("proxy_protocol_v2_require_tls true")
        .config("listener 0 newest.sock\naccept_protocol_versions 5")
        .config("listener 0 oldest.sock\naccept_protocol_versions 3")
        .websockets()
        .other_listener(&format!("protocol websockets\n{tls}"))
        .start();
    let [port, websocket, secure] = [broker.port(), broker.websocket_port(), broker.other_port()];
    check(&broker).succeeds().prints(format!(
        "Alive: 127.0.0.1 port {port} (TLS) asks for a certificate; \
         broker.sock asks for a login; \
         proxy.sock asks for a login; \
         proxy2.sock asks for a login; \
         newest.sock asks for a login; \
         oldest.sock asks for a login; \
         127.0.0.1 port {websocket} (WebSocket) asks for a login; \
         127.0.0.1 port {secure} (WebSocket, TLS) asks for a login.\n"
    ));
}

#[test]
fn a_broker_that_does_not_answer_is_told_with_the_cause() {
    let port = free_port();
    Program::typed(&format!("mq-broker -p {port} --check"))
        .run()
        .exits_with(1)
        .prints("")
        .complains(&format!("Not alive: port {port}: Connection refused.\n"));

    let broker = Broker::builder().config("listener 0 broker.sock").start();
    fs::remove_file(broker.folder().join("broker.sock")).unwrap();
    check(&broker)
        .exits_with(1)
        .complains("Not alive: broker.sock: No such file or directory.\n");

    // The system takes the connection, and nobody answers.
    let deaf = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = deaf.local_addr().unwrap().port();
    Program::typed(&format!("mq-broker -p {port} --check"))
        .run()
        .exits_with(1)
        .complains(&format!(
            "Not alive: port {port}: no answer within 5 seconds.\n"
        ));
}

#[test]
fn a_configuration_that_cannot_be_read_is_not_alive() {
    let outcome = Program::typed("mq-broker -c nowhere.conf --check")
        .run()
        .exits_with(1);
    let text = "Error: Unable to open config file 'nowhere.conf'.";
    assert!(outcome.stderr().contains(text), "{outcome}");
}
