//! Files that were cut or changed: by a disk that lost its last writes, or by a bad one.
//! Which files there are is the store's own affair.

use std::fs;
use std::path::{Path, PathBuf};

use nix::sys::signal::Signal;

use crate::client::Client;
use crate::scene::{absent, durable_broker, files, store};
use crate::support::Broker;
use crate::support::random::Random;
use crate::wire::*;

const MESSAGES: usize = 200;

#[test]
fn a_store_that_was_cut_is_cut_further_and_reported_or_refused() {
    let mut random = Random::seeded("MQ_DAMAGE_SEED");
    let scene = Scene::new();
    for _ in 0..rounds() {
        let (path, size) = scene.recently_written(&mut random);
        let length = random.below(size);
        scene.check(&path, &format!("cut at {length} of {size}"), |bytes| {
            bytes.truncate(usize::try_from(length).expect("a size in memory"));
        });
    }
}

#[test]
fn a_store_with_flipped_bits_is_refused_or_harmless() {
    let mut random = Random::seeded("MQ_DAMAGE_SEED");
    let scene = Scene::new();
    for _ in 0..rounds() {
        let (path, size) = scene.recently_written(&mut random);
        let at = random.below(size);
        let bit = random.below(8);
        scene.check(
            &path,
            &format!("bit {bit} of byte {at} of {size}"),
            |bytes| {
                bytes[usize::try_from(at).expect("a size in memory")] ^= 1 << bit;
            },
        );
    }
}

#[test]
fn a_store_that_is_not_one_is_refused_and_kept() {
    let scene = Scene::new();
    let saved = files(&scene.saved);
    assert_ne!(saved, []);
    for (path, size) in saved {
        if size > 0 {
            scene.check(&path, "overwritten", |bytes| bytes.fill(b'x'));
        }
    }
}

/// The files of a broker that was killed, and a folder to damage copies of them.
struct Scene {
    /// Never started again, except on a copy.
    broker: std::cell::RefCell<Broker>,
    saved: PathBuf,
}

impl Scene {
    fn new() -> Self {
        let mut broker = durable_broker("");
        absent(&broker, V311, "absent", "a/#", 1);
        let mut publisher = Client::new(&broker, V311, "publisher");
        for number in 0..MESSAGES {
            let retain = number % 10 == 0;
            publisher.publish(&format!("a/{number}"), 1, retain, &payload(number));
        }
        broker.end(Signal::SIGKILL);
        let saved = broker.folder().join("saved");
        copy(&store(&broker), &saved);
        Self {
            broker: std::cell::RefCell::new(broker),
            saved,
        }
    }

    /// One of the files that have something in them, the latest first of all.
    fn recently_written(&self, random: &mut Random) -> (PathBuf, u64) {
        let mut found = files(&self.saved);
        found.retain(|(_, size)| *size > 0);
        found.sort_by_key(|(path, _)| {
            let metadata = fs::metadata(path).expect("it is there");
            std::cmp::Reverse(metadata.modified().expect("the system keeps times"))
        });
        let count = u64::try_from(found.len()).expect("few files");
        assert!(count > 0, "something was stored");
        // The smaller of two: rather a late file than an early one.
        let at = random.below(count).min(random.below(count));
        found.swap_remove(usize::try_from(at).expect("few files"))
    }

    /// Damages one file of a copy of the store and starts the broker on it.
    #[track_caller]
    fn check(&self, saved_file: &Path, damage: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let mut broker = self.broker.borrow_mut();
        let store = store(&broker);
        fs::remove_dir_all(&store).expect("it is ours");
        copy(&self.saved, &store);
        let name = saved_file
            .strip_prefix(&self.saved)
            .expect("it is in there");
        let file = store.join(name);
        let what = format!("{}: {damage}", name.display());
        let mut bytes = fs::read(&file).expect("it was copied");
        change(&mut bytes);
        fs::write(&file, &bytes).expect("the folder is writable");

        if broker.try_to_start_again(&[]) {
            let found = count_messages(&broker);
            let log = broker.log();
            assert!(!log.contains("panicked"), "{what}\n{log}");
            if found < MESSAGES {
                assert!(says_so(&log, &store), "{what}: {found} messages\n{log}");
            }
            broker.end(Signal::SIGKILL);
            return;
        }
        let code = broker.exit_code();
        let log = broker.log();
        assert!(
            code.is_some_and(|code| code != 0 && code != 101),
            "{what}: {code:?}\n{log}"
        );
        assert!(!log.contains("panicked"), "{what}\n{log}");
        assert!(log.contains("--recover"), "{what}\n{log}");
        assert!(log.contains(&*store.to_string_lossy()), "{what}\n{log}");

        let before = total_size(broker.folder());
        assert!(
            broker.try_to_start_again(&["--recover"]),
            "{what}\n{}",
            broker.log()
        );
        // What was damaged is moved aside and not thrown away.
        assert!(total_size(broker.folder()) >= before, "{what}");
        count_messages(&broker);
        // From now on it starts without.
        broker.restart(Signal::SIGKILL);
        broker.end(Signal::SIGKILL);
    }
}

/// Whether the log has a warning or an error that names the store.
fn says_so(log: &str, store: &Path) -> bool {
    let name = store.to_string_lossy();
    log.lines().any(|line| {
        let told = line.contains("Warning") || line.contains("Error");
        told && line.contains(&*name)
    })
}

/// How many messages the absent client gets as they were sent.
#[track_caller]
fn count_messages(broker: &Broker) -> usize {
    let mut client = Client::open(broker, &V311.persistent("absent"));
    client.send([0xc0, 0]);
    let (mut found, mut answers) = (0, 0);
    // The messages come in windows: an answer that overtakes the next window is no end.
    while answers < 3 {
        let (first, body) = client.raw.packet();
        if first == 0xd0 {
            answers += 1;
            client.send([0xc0, 0]);
        } else {
            let message = Publish::parse(V311, first, &body);
            client.send(ack(0x40, message.id));
            answers = 0;
            let topic = String::from_utf8_lossy(&message.topic);
            let number = topic.strip_prefix("a/").and_then(|rest| rest.parse().ok());
            let whole = |number| message.payload == payload(number).as_bytes();
            found += usize::from(number.is_some_and(whole));
        }
    }
    client.raw.send([0xe0, 0]);
    found
}

/// What the message with this number carries.
fn payload(number: usize) -> String {
    format!("{number} {}", "x".repeat(100))
}

fn total_size(folder: &Path) -> u64 {
    files(folder).iter().map(|(_, size)| size).sum()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("the folder is writable");
    for entry in fs::read_dir(from).expect("the folder can be read") {
        let entry = entry.expect("the folder can be read");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            // With its time of change, which says which files are the latest.
            let modified = entry.metadata().and_then(|metadata| metadata.modified());
            fs::copy(entry.path(), &target).expect("the folder is writable");
            fs::File::options()
                .write(true)
                .open(&target)
                .and_then(|file| file.set_modified(modified?))
                .expect("the copy is ours");
        }
    }
}

fn rounds() -> usize {
    let set = std::env::var("MQ_DAMAGE_ROUNDS").ok();
    set.map_or(12, |rounds| rounds.parse().expect("a number of rounds"))
}
