//! An import is stored completely or not at all, whatever ends it.

use std::fs;
use std::path::PathBuf;

use nix::sys::signal::Signal;

use crate::mosquitto_db::Database;
use crate::scene::{count_retained, directory_of_store, durable_broker, names, store};
use crate::small_disk::broker_on_small_disk;
use crate::support::Broker;
use crate::support::peers::require_programs;

const RETAINED: usize = 1_000;

/// A file with retained messages that do not fit into one commit.
fn database(broker: &Broker) -> PathBuf {
    let mut database = Database::new();
    for number in 0..RETAINED {
        database.retained(&format!("a/{number}"), &[b'x'; 12_000], None);
    }
    let path = broker.folder().join("large.db");
    fs::write(&path, database.bytes()).expect("the directory is writable");
    path
}

/// Tries the import again; what an earlier try has done must be all or nothing.
#[track_caller]
fn import_again(broker: &mut Broker, arguments: &[&str], what: &str) {
    if !broker.try_to_start_again(arguments) {
        let log = broker.log();
        assert!(log.contains("completely or not at all"), "{what}: {log}");
        broker.start_again();
    }
    assert_eq!(count_retained(broker, "a/#"), RETAINED, "{what}");
    broker.end(Signal::SIGKILL);
    assert_eq!(names(&store(broker)), ["mq-broker.store"], "{what}");
}

#[test]
fn an_import_that_is_killed_while_it_writes_leaves_an_empty_store_and_can_be_repeated() {
    let mut broker = durable_broker("");
    broker.end(Signal::SIGTERM);
    let path = database(&broker);
    let arguments = [
        "--import-mosquitto-db",
        path.to_str().expect("a plain name"),
    ];
    let new = directory_of_store(&broker).with_extension("store.new");
    for megabytes in [0, 4, 8] {
        let size = || -> u64 {
            let entries = fs::read_dir(&new).into_iter().flatten().flatten();
            let sizes = entries.filter_map(|entry| entry.metadata().ok());
            sizes.map(|metadata| metadata.len()).sum()
        };
        broker.start_and_kill_when(&arguments, || size() > megabytes << 20);
    }
    broker.start_again();
    assert_eq!(count_retained(&broker, "#"), 0);
    assert_eq!(names(&store(&broker)), ["mq-broker.store"]);
    broker.end(Signal::SIGTERM);
    import_again(&mut broker, &arguments, "the last try");
}

#[test]
fn an_import_that_is_killed_at_any_call_is_complete_or_can_be_repeated() {
    if !require_programs(&["strace"]) {
        return;
    }
    let mut broker = durable_broker("");
    broker.end(Signal::SIGTERM);
    let path = database(&broker);
    let arguments = [
        "--import-mosquitto-db",
        path.to_str().expect("a plain name"),
    ];
    let mut kills = 0;
    for call in ["fsync", "fdatasync", "rename", "unlinkat"] {
        for time in 1.. {
            fs::remove_dir_all(store(&broker)).expect("it is ours");
            let kill = format!("inject={call}:signal=SIGKILL:when={time}");
            let trace = format!("trace={call}");
            let strace = [
                "strace",
                "-D",
                "-f",
                "-o",
                "/dev/null",
                "-e",
                &trace,
                "-e",
                &kill,
            ];
            if broker.try_to_start_under(&strace, &arguments) {
                broker.end(Signal::SIGKILL);
                break;
            }
            assert_eq!(broker.exit_code(), None, "{}", broker.log());
            kills += 1;
            import_again(&mut broker, &arguments, &format!("{call} {time}"));
        }
    }
    assert!(kills >= 4, "{kills}");
}

#[test]
fn an_import_on_a_full_disk_changes_nothing_and_the_next_one_succeeds() {
    let Some((disk, mut broker)) = broker_on_small_disk() else {
        return;
    };
    broker.end(Signal::SIGTERM);
    let path = database(&broker);
    let arguments = [
        "--import-mosquitto-db",
        path.to_str().expect("a plain name"),
    ];
    for _ in 0..2 {
        assert!(!broker.try_to_start_again(&arguments), "{}", broker.log());
        assert_eq!(broker.exit_code(), Some(1), "{}", broker.log());
        let log = broker.log();
        assert!(log.contains("Nothing was changed"), "{log}");
        assert!(log.contains("No space left"), "{log}");
        assert_eq!(names(&store(&broker)), ["mq-broker.store"]);
    }
    disk.grow();
    import_again(&mut broker, &arguments, "with room");
    drop(broker);
    drop(disk);
}
