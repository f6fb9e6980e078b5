//! What a power cut would leave: the files that were brought to the disk.

use std::fs;
use std::path::{Path, PathBuf};

use nix::sys::signal::Signal;

use crate::scene::{durable_broker, files, store};
use crate::support::Broker;
use crate::support::peers::require_programs;

#[test]
fn a_store_without_its_bytes_or_files_stops_the_start_and_names_the_way_out() {
    let mut broker = durable_broker("");
    broker.end(Signal::SIGTERM);
    let store = the_store(&broker);
    for (path, _) in files(&store) {
        fs::write(path, "").expect("the directory is writable");
    }
    expect_damaged(&mut broker, &store);
    fs::remove_dir_all(&store).expect("it is ours");
    fs::create_dir(&store).expect("the directory is writable");
    expect_damaged(&mut broker, &store);
    fs::remove_dir_all(&store).expect("it is ours");
    // As an earlier version would have left it.
    fs::write(&store, "").expect("the directory is writable");
    expect_damaged(&mut broker, &store);
    assert!(
        broker.try_to_start_again(&["--recover"]),
        "{}",
        broker.log()
    );
    broker.restart(Signal::SIGKILL);
}

/// Starts the broker, which has to refuse the store.
#[track_caller]
fn expect_damaged(broker: &mut Broker, store: &Path) {
    assert!(!broker.try_to_start_again(&[]), "{}", broker.log());
    let log = broker.log();
    assert_eq!(broker.exit_code(), Some(1), "{log}");
    assert!(log.contains(&*store.to_string_lossy()), "{log}");
    assert!(log.contains("--recover"), "{log}");
}

/// The directory of the store.
fn the_store(broker: &Broker) -> PathBuf {
    store(broker).join("mq-broker.store")
}

#[test]
fn a_new_store_and_its_directories_are_on_the_disk_before_the_broker_runs() {
    if !require_programs(&["strace"]) {
        return;
    }
    let mut broker = durable_broker("");
    broker.end(Signal::SIGTERM);
    let store = store(&broker);
    fs::remove_dir_all(&store).expect("it is ours");
    let calls = calls_of_start(&mut broker);
    let file = the_store(&broker);
    let position = |what: &str, is_it: &dyn Fn(&str) -> bool| {
        let found = calls.iter().position(|call| is_it(call));
        found.unwrap_or_else(|| panic!("no {what}: {calls:#?}"))
    };
    let synced = |path: &Path| {
        let path = format!("<{}>", path.display());
        position("sync", &|call| {
            call.starts_with("f") && call.contains(&path)
        })
    };
    let new = PathBuf::from(format!("{}.new", file.display()));
    let made = position("mkdir", &|call| call.starts_with("mkdir"));
    let renamed = position("rename", &|call| call.starts_with("rename"));
    assert!(calls[renamed].contains(&format!("\"{}\"", file.display())));
    assert!(made < synced(broker.folder()), "{calls:#?}");
    let segment = new.join("00000000000000000001.log");
    assert!(synced(&segment) < synced(&new), "{calls:#?}");
    assert!(synced(&new) < renamed, "{calls:#?}");
    assert!(renamed < synced(&store), "{calls:#?}");
}

/// Starts the broker once; returns the calls by which it changed directories and synced files.
fn calls_of_start(broker: &mut Broker) -> Vec<String> {
    let trace = broker.folder().join("trace");
    let name = trace.to_str().expect("a plain name");
    let calls = "trace=mkdir,mkdirat,rename,renameat,renameat2,link,linkat,fsync,fdatasync";
    let strace = ["strace", "-D", "-f", "-y", "-e", calls, "-o", name];
    assert!(broker.try_to_start_under(&strace, &[]), "{}", broker.log());
    broker.end(Signal::SIGTERM);
    let trace = fs::read_to_string(trace).expect("strace wrote it");
    // Without the number of the thread.
    let calls = trace.lines().filter_map(|line| line.split_once(' '));
    calls
        .map(|(_, call)| call.trim_start().to_owned())
        .collect()
}
