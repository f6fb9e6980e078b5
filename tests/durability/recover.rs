//! `--recover`: what can still be read of a damaged store goes on, and nothing else happens to it.

use std::fs;
use std::path::{Path, PathBuf};

use nix::sys::signal::Signal;

use crate::client::Client;
use crate::scene::{
    absent, copy_directory, count_retained, directory_of_store, durable_broker, expect_no_session,
    names, resume, segments, store,
};
use crate::small_disk::broker_on_small_disk;
use crate::support::Broker;
use crate::support::peers::require_programs;
use crate::wire::*;

/// Overwrites the headers of all segments.
fn behead(directory: &Path) {
    for segment in segments(directory) {
        change(&segment, |bytes| bytes[..32].fill(0));
    }
}

fn change(file: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(file).expect("it is there");
    change(&mut bytes);
    fs::write(file, bytes).expect("the directory is writable");
}

/// The names and bytes of the segments of a store.
fn contents(directory: &Path) -> Vec<(String, Vec<u8>)> {
    let segments = segments(directory).into_iter();
    let read = |path: PathBuf| {
        let name = path.file_name().expect("it has one").to_string_lossy();
        (name.into_owned(), fs::read(&path).expect("it is there"))
    };
    segments.map(read).collect()
}

/// The damaged stores that are kept in this directory.
fn kept_aside(directory: &Path) -> Vec<PathBuf> {
    let names = names(directory).into_iter();
    let kept = names.filter(|name| name.contains(".damaged-"));
    kept.map(|name| directory.join(name)).collect()
}

/// A broker that has ended, with these many retained messages in a damaged store.
fn damaged(retained: u64) -> (Broker, PathBuf) {
    let mut broker = durable_broker("");
    let directory = directory_of_store(&broker);
    absent(&broker, V311, "absent", "queue", 1);
    let mut publisher = Client::new(&broker, V311, "publisher");
    publisher.publish("queue", 1, false, "queued");
    for number in 0..retained {
        publisher.publish(&format!("a/{number}"), 1, true, "kept");
    }
    broker.end(Signal::SIGKILL);
    behead(&directory);
    (broker, directory)
}

#[test]
fn a_store_without_the_headers_of_its_files_is_recovered_in_full_and_said_to_be() {
    let (mut broker, directory) = damaged(50);
    let content = contents(&directory);
    assert!(!broker.try_to_start_again(&[]));
    assert_eq!(contents(&directory), content);
    assert!(
        broker.try_to_start_again(&["--recover"]),
        "{}",
        broker.log()
    );
    let log = broker.log();
    let found = "1 sessions with 1 subscriptions and 1 messages, and 50 retained messages";
    assert!(log.contains(found), "{log}");
    assert!(log.contains("Nothing is known to be lost."), "{log}");
    let [aside] = &kept_aside(&store(&broker))[..] else {
        panic!("one damaged store");
    };
    assert!(log.contains(&*aside.to_string_lossy()), "{log}");
    assert_eq!(contents(aside), content);
    assert_eq!(count_retained(&broker, "a/#"), 50);
    resume(&broker, V311, "absent").receive("queued");
    broker.restart(Signal::SIGTERM);
    assert!(!broker.log().contains(".damaged-"), "{}", broker.log());
    assert_eq!(count_retained(&broker, "a/#"), 50);
}

#[test]
fn deleted_retained_messages_and_ended_sessions_stay_away_after_a_recovery() {
    let mut broker = durable_broker("");
    let directory = directory_of_store(&broker);
    for round in 0..3 {
        let mut publisher = Client::new(&broker, V311, "publisher");
        for number in 0..30 {
            let topic = format!("a/{round}/{number}");
            publisher.publish(&topic, 1, true, &"x".repeat(2_000));
            let topic = format!("a/{round}/{}", number / 2 * 2);
            publisher.publish(&topic, 1, true, "");
        }
        if round == 0 {
            absent(&broker, V5, "stays", "queue", 1);
        }
        absent(&broker, V5, "ends", "queue", 1);
        publisher.publish("queue", 1, false, "queued");
        Client::open(&broker, &V5.connect("ends")).leave();
        publisher.leave();
        broker.restart(Signal::SIGKILL);
    }
    let expected = count_retained(&broker, "a/#");
    assert_eq!(expected, 45);
    broker.end(Signal::SIGKILL);
    behead(&directory);
    assert!(
        broker.try_to_start_again(&["--recover"]),
        "{}",
        broker.log()
    );
    assert_eq!(count_retained(&broker, "a/#"), expected);
    expect_no_session(&broker, V5, "ends");
    let mut client = resume(&broker, V5, "stays");
    for _ in 0..3 {
        client.receive("queued");
    }
    client.expect_nothing();
}

#[test]
fn a_damaged_part_is_reported_with_what_it_may_have_cost() {
    let mut broker = durable_broker("");
    let directory = directory_of_store(&broker);
    let mut publisher = Client::new(&broker, V311, "publisher");
    for number in 0..20 {
        let payload = format!("{number:04}").repeat(500);
        publisher.publish(&format!("a/{number}"), 1, true, &payload);
    }
    broker.end(Signal::SIGTERM);
    let [segment] = &segments(&directory)[..] else {
        panic!("one segment");
    };
    change(segment, |bytes| {
        let lost = "0007".repeat(100);
        let at = memchr::memmem::find(bytes, lost.as_bytes()).expect("it is stored");
        bytes[at] = b'x';
    });
    assert!(!broker.try_to_start_again(&[]), "{}", broker.log());
    assert!(
        broker.try_to_start_again(&["--recover"]),
        "{}",
        broker.log()
    );
    let log = broker.log();
    assert!(log.contains("1 of "), "{log}");
    assert!(
        log.contains("blocks of its log are damaged or missing"),
        "{log}"
    );
    assert!(log.contains("may be back"), "{log}");
    assert_eq!(count_retained(&broker, "a/#"), 19);
}

#[test]
fn a_file_that_the_disk_cannot_read_is_damage_with_a_way_out() {
    if !require_programs(&["strace"]) {
        return;
    }
    let mut broker = durable_broker("");
    let directory = directory_of_store(&broker);
    let mut publisher = Client::new(&broker, V311, "publisher");
    for number in 0..100 {
        publisher.publish(&format!("a/{number}"), 1, true, &"x".repeat(1_000));
    }
    broker.end(Signal::SIGTERM);
    let [segment] = &segments(&directory)[..] else {
        panic!("one segment");
    };
    let segment = segment.to_str().expect("a plain name");
    let fail = "inject=read:error=EIO";
    let strace = [
        "strace",
        "-D",
        "-f",
        "-o",
        "/dev/null",
        "-P",
        segment,
        "-e",
        fail,
    ];
    assert!(!broker.try_to_start_under(&strace, &[]), "{}", broker.log());
    let log = broker.log();
    assert_eq!(broker.exit_code(), Some(1), "{log}");
    assert!(
        log.contains("Input/output error") && log.contains("--recover"),
        "{log}"
    );
}

#[test]
fn an_empty_store_beside_a_damaged_one_is_told_at_every_start() {
    let (mut broker, directory) = damaged(3);
    let aside = directory.with_extension("store.damaged-1700000000");
    fs::rename(&directory, &aside).expect("both are in one directory");
    for _ in 0..2 {
        broker.start_again();
        let log = broker.log();
        assert!(log.contains(&*aside.to_string_lossy()), "{log}");
        assert!(log.contains("--recover"), "{log}");
        broker.end(Signal::SIGTERM);
    }
    // What the log says to do.
    fs::remove_dir_all(&directory).expect("it is ours");
    fs::rename(&aside, &directory).expect("both are in one directory");
    assert!(
        broker.try_to_start_again(&["--recover"]),
        "{}",
        broker.log()
    );
    assert_eq!(count_retained(&broker, "a/#"), 3);
    broker.restart(Signal::SIGTERM);
    assert!(!broker.log().contains(".damaged-"), "{}", broker.log());
}

#[test]
fn a_store_in_which_nothing_can_be_read_is_kept_and_told() {
    let (mut broker, directory) = damaged(3);
    for segment in segments(&directory) {
        change(&segment, |bytes| bytes.fill(b'x'));
    }
    let content = contents(&directory);
    assert!(
        broker.try_to_start_again(&["--recover"]),
        "{}",
        broker.log()
    );
    let log = broker.log();
    assert!(log.contains("Nothing in it could be read"), "{log}");
    assert!(log.contains("empty store"), "{log}");
    assert_eq!(contents(&kept_aside(&store(&broker))[0]), content);
}

#[test]
fn recover_without_damage_changes_nothing() {
    let mut broker = durable_broker("");
    Client::new(&broker, V311, "publisher").publish("a/b", 1, true, "kept");
    broker.end(Signal::SIGTERM);
    assert!(
        broker.try_to_start_again(&["--recover"]),
        "{}",
        broker.log()
    );
    broker.wait_for_log("is not damaged");
    assert_eq!(count_retained(&broker, "a/#"), 1);
    assert_eq!(names(&store(&broker)), ["mq-broker.store"]);
}

#[test]
fn a_recovery_that_is_killed_at_any_call_leaves_the_damaged_store_or_the_new_one() {
    if !require_programs(&["strace"]) {
        return;
    }
    let (mut broker, directory) = damaged(20);
    let folder = store(&broker);
    let saved = broker.folder().join("saved");
    copy_directory(&directory, &saved);
    let mut kills = 0;
    for call in ["mkdir", "fsync", "fdatasync", "rename"] {
        for time in 1.. {
            fs::remove_dir_all(&folder).expect("it is ours");
            copy_directory(&saved, &directory);
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
            if broker.try_to_start_under(&strace, &["--recover"]) {
                broker.end(Signal::SIGKILL);
                break;
            }
            assert_eq!(broker.exit_code(), None, "{}", broker.log());
            kills += 1;
            if !broker.try_to_start_again(&[]) {
                let log = broker.log();
                assert!(log.contains("--recover"), "{call} {time}: {log}");
                assert!(broker.try_to_start_again(&["--recover"]), "{log}");
            }
            assert_eq!(count_retained(&broker, "a/#"), 20, "{call} {time}");
            broker.end(Signal::SIGKILL);
            let names = names(&folder);
            assert_eq!(names.len(), 2, "{call} {time}: {names:?}");
            assert!(names[1].contains(".damaged-"), "{call} {time}: {names:?}");
        }
    }
    assert!(kills >= 4, "{kills}");
}

#[test]
fn a_recovery_on_a_full_disk_changes_nothing_and_the_next_one_succeeds() {
    let Some((disk, mut broker)) = broker_on_small_disk() else {
        return;
    };
    let directory = directory_of_store(&broker);
    let mut publisher = Client::new(&broker, V311, "publisher");
    for number in 0..20 {
        publisher.publish(&format!("a/{number}"), 1, true, &"x".repeat(100_000));
    }
    broker.end(Signal::SIGKILL);
    behead(&directory);
    let content = contents(&directory);
    for _ in 0..2 {
        assert!(
            !broker.try_to_start_again(&["--recover"]),
            "{}",
            broker.log()
        );
        assert_eq!(broker.exit_code(), Some(1), "{}", broker.log());
        let log = broker.log();
        assert!(log.contains("Nothing was changed"), "{log}");
        assert!(log.contains("No space left"), "{log}");
        assert_eq!(contents(&directory), content);
        assert_eq!(names(&store(&broker)), ["mq-broker.store"]);
    }
    disk.grow();
    assert!(
        broker.try_to_start_again(&["--recover"]),
        "{}",
        broker.log()
    );
    assert_eq!(count_retained(&broker, "a/#"), 20);
    drop(broker);
    drop(disk);
}
