//! What is on the disk, and what is not.

use std::fs;

use nix::sys::signal::Signal;

use crate::client::Client;
use crate::scene::{absent, broker_with_store, durable_broker, expect_no_session, files, store};
use crate::wire::*;

#[test]
fn nothing_is_written_without_persistence() {
    let mut broker = broker_with_store("persistence false");
    let before = files(broker.folder());
    absent(&broker, V311, "absent", "a", 1);
    Client::new(&broker, V311, "publisher").publish("a", 1, true, "forgotten");
    broker.signal(Signal::SIGUSR1);
    broker.restart(Signal::SIGTERM);
    assert_eq!(files(broker.folder()), before);
    expect_no_session(&broker, V311, "absent");
}

#[test]
fn everything_lies_where_persistence_location_says() {
    let mut broker = durable_broker("");
    absent(&broker, V311, "absent", "a", 1);
    Client::new(&broker, V311, "publisher").publish("a", 1, true, "kept");
    broker.end(Signal::SIGTERM);
    assert_ne!(files(&store(&broker)), []);
    let elsewhere: Vec<_> = files(broker.folder())
        .into_iter()
        .map(|(path, _)| path)
        .filter(|path| !path.starts_with(store(&broker)))
        .collect();
    assert_eq!(elsewhere, [broker.folder().join("mosquitto.conf")]);
}

#[test]
fn nobody_else_may_read_the_store() {
    use std::os::unix::fs::PermissionsExt;
    let broker = durable_broker("");
    absent(&broker, V311, "absent", "a", 1);
    Client::new(&broker, V311, "publisher").publish("a", 1, true, "secret");
    let files = files(&store(&broker));
    assert_ne!(files, []);
    for (path, _) in files {
        // Closed by its own mode, or by that of a folder of ours above it.
        let closed = path
            .ancestors()
            .take_while(|above| *above != store(&broker))
            .any(|above| {
                let metadata = fs::metadata(above).expect("it is there");
                metadata.permissions().mode() & 0o077 == 0
            });
        assert!(closed, "{}", path.display());
    }
}

#[test]
fn a_database_of_mosquittos_is_named_and_never_touched() {
    let mut broker = durable_broker("");
    let path = store(&broker).join("mosquitto.db");
    broker.end(Signal::SIGTERM);
    fs::write(&path, b"\x00\xb5\x00mosquitto db").expect("the folder is writable");
    broker.start_again();
    broker.wait_for_log("--import-mosquitto-db");
    absent(&broker, V311, "absent", "a", 1);
    broker.end(Signal::SIGTERM);
    let content = fs::read(&path).expect("it is there");
    assert_eq!(content, b"\x00\xb5\x00mosquitto db");
}
