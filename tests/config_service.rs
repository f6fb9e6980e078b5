//! The broker as a service: signals, and what it tells the service manager.

mod support;

use std::fs;
use std::os::unix::net::UnixDatagram;

use nix::sys::signal::Signal;
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
