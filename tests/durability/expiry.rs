//! Clocks go on while no broker runs.

use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::client::Client;
use crate::scene::{absent, afresh, durable_broker, expect_no_session, resume};
use crate::wire::*;

/// Time that passes while no broker runs: there is nothing to wait for but the clock.
fn let_time_pass(duration: Duration) {
    thread::sleep(duration);
}

#[test]
fn a_session_expires_when_it_would_have_without_the_kill() {
    const EXPIRY: Duration = Duration::from_secs(8);
    let mut broker = durable_broker("");
    Client::open(&broker, &afresh("client", 8)).leave();
    broker.end(Signal::SIGKILL);
    let_time_pass(Duration::from_secs(5));
    let restarted = Instant::now();
    broker.start_again();
    broker.wait_for_log("Expiring client");
    // A clock that began anew would need all of it.
    assert!(restarted.elapsed() < EXPIRY);
    expect_no_session(&broker, V5, "client");
}

#[test]
fn a_session_that_expired_meanwhile_is_gone() {
    let mut broker = durable_broker("");
    let mut client = Client::open(&broker, &afresh("client", 1));
    client.subscribe("a", 1);
    client.leave();
    absent(&broker, V5, "witness", "a", 1);
    broker.end(Signal::SIGKILL);
    let_time_pass(Duration::from_millis(2_100));
    broker.start_again();
    expect_no_session(&broker, V5, "client");
    resume(&broker, V5, "witness");
}

#[test]
fn the_expiry_of_a_message_is_counted_down() {
    let mut broker = durable_broker("");
    absent(&broker, V5, "absent", "a", 1);
    let mut publisher = Client::new(&broker, V5, "publisher");
    publisher.publish_with("a", 2 | 1, &four(MESSAGE_EXPIRY, 600), "fresh");
    publisher.publish_with("a", 2, &four(MESSAGE_EXPIRY, 1), "stale");
    broker.end(Signal::SIGKILL);
    let_time_pass(Duration::from_millis(2_100));
    broker.start_again();
    let mut client = resume(&broker, V5, "absent");
    let left = |message: Publish| match message.properties[..] {
        [MESSAGE_EXPIRY, a, b, c, d] => u32::from_be_bytes([a, b, c, d]),
        _ => panic!("{message:02x?}"),
    };
    let queued = left(client.receive("fresh"));
    assert!((500..=598).contains(&queued), "{queued}");
    client.expect_nothing();
    let mut newcomer = Client::new(&broker, V5, "newcomer");
    newcomer.subscribe("a", 1);
    let retained = left(newcomer.receive("fresh"));
    assert!((500..=598).contains(&retained), "{retained}");
}

#[test]
fn a_retained_message_that_expired_meanwhile_is_gone() {
    let mut broker = durable_broker("");
    let mut publisher = Client::new(&broker, V5, "publisher");
    publisher.publish_with("a", 2 | 1, &four(MESSAGE_EXPIRY, 1), "stale");
    publisher.publish("b", 1, true, "kept");
    broker.end(Signal::SIGKILL);
    let_time_pass(Duration::from_millis(2_100));
    broker.start_again();
    let mut newcomer = Client::new(&broker, V5, "newcomer");
    newcomer.subscribe("+", 1);
    newcomer.receive("kept");
    newcomer.expect_nothing();
}
