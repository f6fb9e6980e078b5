//! SIGTERM ends the broker soon, whatever goes on, and nobody is wronged by it.

use std::fs;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use nix::sys::stat::Mode;

use crate::client::Client;
use crate::disk::on_recorded_disk;
use crate::scene::absent;
use crate::support::Broker;
use crate::support::broker::FEW_LOG_LINES;
use crate::wire::*;

/// Stops the broker, which has to take less than five seconds; returns its exit code.
#[track_caller]
fn stop(broker: Broker) -> Option<i32> {
    let begin = Instant::now();
    let code = broker.stop();
    let elapsed = begin.elapsed();
    assert!(elapsed < Duration::from_secs(5), "it took {elapsed:?}");
    code
}

#[test]
fn a_disconnect_that_is_not_read_yet_when_the_broker_stops_takes_the_will_away() {
    let broker = Broker::local();
    let mut witness = Client::new(&broker, V5, "witness");
    witness.subscribe("will", 0);
    let with_will = |name: &str| {
        let connect = V311.connect(name).flags(0x06);
        let connect = connect.behind(&string("will")).behind(&string(name));
        Client::open(&broker, &connect)
    };
    let _stays = with_will("stays");
    let mut leaves = with_will("leaves");
    // Both come before the broker looks at either.
    broker.signal(Signal::SIGSTOP);
    leaves.send([0xe0, 0]);
    broker.signal(Signal::SIGTERM);
    broker.signal(Signal::SIGCONT);
    witness.receive("stays");
    witness.expect_end(0);
    assert_eq!(broker.ends(), Some(0));
}

#[test]
fn a_reload_that_waits_for_a_file_does_not_keep_the_broker_from_stopping() {
    let broker = Broker::builder()
        .file("rules", "topic #\n")
        .config(&format!("{FEW_LOG_LINES}\nacl_file rules"))
        .start();
    let rules = broker.folder().join("rules");
    fs::remove_file(&rules).expect("the directory is writable");
    // Nobody ever writes to it.
    nix::unistd::mkfifo(&rules, Mode::S_IRWXU).expect("the directory is writable");
    let mark = broker.log_mark();
    broker.signal(Signal::SIGHUP);
    broker.wait_for_log_after(mark, "Reloading config.");
    assert_eq!(stop(broker), Some(0));
}

#[test]
fn a_disk_that_takes_too_long_is_not_waited_for_when_the_broker_stops() {
    let builder = Broker::builder();
    let directory = builder.folder().join("store");
    fs::create_dir(&directory).expect("the directory is writable");
    let config = format!(
        "persistence true\npersistence_location {}/\n{FEW_LOG_LINES}",
        directory.display()
    );
    let sync = Duration::from_millis(2_500);
    let broker = on_recorded_disk(builder.config(&config), &directory, sync).start();
    absent(&broker, V311, "absent", "stored", 1);
    let mut publisher = Client::new(&broker, V311, "publisher");
    publisher.send(publish_with(V311, 2, "stored", 1, &[], b"message"));
    publisher.expect_nothing();
    assert_eq!(stop(broker), Some(1));
}
