//! The broker as a service: signals, what it tells the service manager, and what `--check`
//! finds.

mod support;

use std::fs;
use std::net::TcpListener;
use std::os::unix::net::UnixDatagram;

use nix::sys::signal::Signal;
use support::broker::free_port;
use support::program::Outcome;
use support::tls::Authority;
use support::{Broker, Program};

#[test]
fn the_service_manager_hears_that_the_broker_is_ready_and_alive() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let manager = UnixDatagram::bind(&path).unwrap();
    manager.set_read_timeout(Some(support::LIMIT)).unwrap();
    let _broker = Broker::builder()
        .config("")
        .env("NOTIFY_SOCKET", path.to_str().unwrap())
        .env("WATCHDOG_USEC", "100000")
        .start();
    for expected in ["READY=1\n", "WATCHDOG=1\n", "WATCHDOG=1\n"] {
        let mut text = [0; 64];
        let length = manager.recv(&mut text).unwrap();
        assert_eq!(&text[..length], expected.as_bytes());
    }
}

#[test]
fn the_signals_for_users_end_nothing() {
    let broker = Broker::local();
    let mut subscriber = broker.subscriber("mq-sub -t a -C 1");
    broker.signal(Signal::SIGUSR1);
    broker.signal(Signal::SIGUSR2);
    broker.typed("mq-pub -t a -m x").run().succeeds();
    subscriber.expect_line("x");
    assert_eq!(broker.stop(), Some(0));
}

#[test]
fn sigusr2_prints_who_has_subscribed_to_what() {
    let port = support::broker::free_port();
    let mut broker = Program::typed(&format!("mq-broker -v -p {port}")).start();
    let log = broker.stderr().clone();
    let wait = |text: &str| {
        log.wait_for_line(0, support::LIMIT, |line| line.contains(text))
            .unwrap_or_else(|missing| panic!("{text} ({missing:?})"));
    };
    wait(&format!("{} running", env!("CARGO_PKG_VERSION")));
    let _subscriber = Program::typed("mq-sub -i me -q 1 -t a/+/c -t a")
        .port(port)
        .start();
    wait("Sending SUBACK to me");
    broker.signal(Signal::SIGUSR2);
    for line in ["a (me, 1)", "  +", "    c (me, 1)"] {
        broker.expect_line(line);
    }
    broker.signal(Signal::SIGTERM);
    let outcome = broker.ends();
    assert_eq!(outcome.code(), 0, "{outcome}");
}

#[test]
fn the_log_file_is_opened_again_when_it_was_moved_away() {
    let broker = Broker::builder()
        .config("log_dest stderr\nlog_dest file broker.log")
        .start();
    let log = broker.folder().join("broker.log");
    fs::rename(&log, broker.folder().join("broker.log.1")).unwrap();
    let number = nix::libc::SIGRTMIN();
    Program::typed(&format!("kill -{number} {}", broker.id()))
        .run()
        .succeeds();
    // The signal is acted on before the next one is looked at.
    let mark = broker.log_mark();
    broker.signal(Signal::SIGHUP);
    broker.wait_for_log_after(mark, "Reloading config.");
    broker.signal(Signal::SIGTERM);
    broker.wait_for_end();
    assert!(log.exists());
}

#[test]
fn an_environment_that_makes_no_sense_is_told() {
    let port = support::broker::free_port();
    let outcome = Program::typed(&format!("mq-broker -p {port}"))
        .env("UMASK_SET", "nonsense")
        .run()
        .exits_with(3);
    let text = "Error: Invalid UMASK_SET value (nonsense).";
    assert!(outcome.stderr().contains(text), "{outcome}");
}

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
