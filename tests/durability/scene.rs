//! A broker that keeps everything, and what all these tests do with it.

use std::fs;
use std::path::{Path, PathBuf};

use nix::sys::signal::Signal;

use crate::client::Client;
use crate::support::Broker;
use crate::wire::{Connect, SESSION_EXPIRY, V5, Version, four};

/// A broker with `persistence true` and these lines, whose store is in a folder of its own.
pub(crate) fn durable_broker(config: &str) -> Broker {
    broker_with_store(&format!("persistence true\n{config}"))
}

/// A broker with these lines and an empty folder for a store.
pub(crate) fn broker_with_store(config: &str) -> Broker {
    let builder = Broker::builder();
    let store = builder.folder().join("store");
    fs::create_dir(&store).expect("the folder is writable");
    let location = format!("persistence_location {}/\n", store.display());
    builder.config(&location).config(config).start()
}

/// Where the broker keeps its store.
pub(crate) fn store(broker: &Broker) -> PathBuf {
    broker.folder().join("store")
}

/// The directory that the store is.
pub(crate) fn directory_of_store(broker: &Broker) -> PathBuf {
    store(broker).join("mq-broker.store")
}

/// The names in a directory, sorted.
pub(crate) fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).expect("the directory can be read");
    let names = entries.map(|entry| entry.expect("the directory can be read").file_name());
    let mut names: Vec<_> = names
        .map(|name| name.to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// The segments of the store in a directory, the oldest first.
pub(crate) fn segments(directory: &Path) -> Vec<PathBuf> {
    let names = names(directory).into_iter();
    let segments = names.filter(|name| name.ends_with(".log"));
    segments.map(|name| directory.join(name)).collect()
}

/// Copies the files of a directory into a new one.
pub(crate) fn copy_directory(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("the directory is writable");
    for name in names(from) {
        fs::copy(from.join(&name), to.join(&name)).expect("the directory is writable");
    }
}

/// Counts the retained messages whose topics the filter matches.
#[track_caller]
pub(crate) fn count_retained(broker: &Broker, filter: &str) -> usize {
    let mut client = Client::new(broker, V5, "counter");
    client.subscribe(filter, 0);
    client.send([0xc0, 0]);
    let (mut count, mut answers) = (0, 0);
    // The messages come in portions: an answer that overtakes the next one is no end.
    while answers < 3 {
        if client.packet().0 == 0xd0 {
            answers += 1;
            client.send([0xc0, 0]);
        } else {
            (count, answers) = (count + 1, 0);
        }
    }
    count
}

/// Every file below `folder`, with its size.
pub(crate) fn files(folder: &Path) -> Vec<(PathBuf, u64)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("the folder can be read") {
        let entry = entry.expect("the folder can be read");
        let metadata = entry.metadata().expect("nobody removes it");
        if metadata.is_dir() {
            found.extend(files(&entry.path()));
        } else {
            found.push((entry.path(), metadata.len()));
        }
    }
    found.sort();
    found
}

/// Pulls the plug, and puts it in again.
#[track_caller]
pub(crate) fn pull_the_plug(broker: &mut Broker) {
    broker.restart(Signal::SIGKILL);
}

/// A session of MQTT 5.0 that starts afresh and lives on for this many seconds.
pub(crate) fn afresh(client_id: &str, session_expiry: u32) -> Connect {
    V5.connect(client_id)
        .property(&four(SESSION_EXPIRY, session_expiry))
}

/// Makes a persistent session with a subscription, whose client then leaves.
#[track_caller]
pub(crate) fn absent(broker: &Broker, version: Version, client_id: &str, filter: &str, qos: u8) {
    let mut client = Client::open(broker, &version.persistent(client_id));
    client.subscribe(filter, qos);
    client.leave();
}

/// Takes a persistent session up again, which must still be there.
#[track_caller]
pub(crate) fn resume(broker: &Broker, version: Version, client_id: &str) -> Client {
    let client = Client::open(broker, &version.persistent(client_id));
    assert!(
        client.session_present,
        "the session of {client_id} is there"
    );
    client
}

/// Connects as if to a session that must not be there.
#[track_caller]
pub(crate) fn expect_no_session(broker: &Broker, version: Version, client_id: &str) {
    let mut client = Client::open(broker, &version.persistent(client_id));
    assert!(!client.session_present, "no session of {client_id}");
    client.expect_nothing();
    client.leave();
}
