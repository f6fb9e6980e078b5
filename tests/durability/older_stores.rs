//! Stores that earlier versions of the broker wrote.
//!
//! Each has the sessions `absent` (MQTT 3.1.1) and `absent5` (MQTT 5.0), both subscribed to
//! `queue/#`, two messages queued for both, and a retained message.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};

use nix::sys::signal::Signal;

use crate::client::Client;
use crate::scene::{directory_of_store, resume};
use crate::support::Broker;
use crate::wire::*;

#[test]
fn a_store_of_redb_2_that_was_closed_cleanly_is_read() {
    check("redb-2.6-closed.gz");
}

#[test]
fn a_store_of_redb_2_whose_broker_was_killed_is_read() {
    check("redb-2.6-killed.gz");
}

#[test]
fn a_store_of_redb_2_whose_roots_are_gone_is_recovered() {
    let mut broker = start_on("redb-2.6-killed.gz");
    broker.end(Signal::SIGKILL);
    let store = directory_of_store(&broker);
    fs::remove_dir_all(&store).expect("it is ours");
    unpack("redb-2.6-killed.gz", &store);
    let mut bytes = fs::read(&store).expect("it is there");
    bytes[..4096].fill(0);
    fs::write(&store, &bytes).expect("the directory is writable");
    assert!(!broker.try_to_start_again(&[]));
    assert_eq!(fs::read(&store).expect("it is there"), bytes);
    assert!(
        broker.try_to_start_again(&["--recover"]),
        "{}",
        broker.log()
    );
    broker.wait_for_log("An earlier version wrote it");
    expect_retained(&broker);
    expect_queue(&broker, V311, "absent");
    expect_queue(&broker, V5, "absent5");
}

/// Compares what a broker finds in an older store, now and after its next start.
#[track_caller]
fn check(fixture: &str) {
    let mut broker = start_on(fixture);
    expect_retained(&broker);
    expect_queue(&broker, V311, "absent");
    broker.restart(Signal::SIGKILL);
    expect_retained(&broker);
    expect_queue(&broker, V5, "absent5");
    broker.restart(Signal::SIGTERM);
    expect_retained(&broker);
    resume(&broker, V311, "absent").expect_nothing();
}

#[track_caller]
fn start_on(fixture: &str) -> Broker {
    let builder = Broker::builder();
    let store = builder.folder().join("store");
    fs::create_dir(&store).expect("the directory is writable");
    unpack(fixture, &store.join("mq-broker.store"));
    let store = store.display();
    let config = format!("persistence true\npersistence_location {store}/\n");
    builder.config(&config).start()
}

fn unpack(fixture: &str, to: &Path) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/durability/older_stores");
    let packed = File::open(directory.join(fixture)).expect("the fixture is there");
    let unpacked = File::create(to).expect("the directory is writable");
    let status = Command::new("gzip")
        .arg("-dc")
        .stdin(Stdio::from(packed))
        .stdout(Stdio::from(unpacked))
        .status();
    assert!(status.expect("gzip is installed").success());
}

#[track_caller]
fn expect_queue(broker: &Broker, version: Version, client_id: &str) {
    let mut client = resume(broker, version, client_id);
    client.receive("queued by redb 2.6");
    client.receive("queued by redb 2.6, QoS 2");
    client.expect_nothing();
    client.leave();
}

#[track_caller]
fn expect_retained(broker: &Broker) {
    let mut client = Client::new(broker, V311, "newcomer");
    client.subscribe("kept/#", 1);
    let message = client.receive("retained by redb 2.6");
    assert_eq!(
        (message.retain, &message.topic[..]),
        (true, &b"kept/one"[..])
    );
    client.expect_nothing();
}
