//! The promise of durability under load: the broker is killed (SIGKILL) at random moments,
//! again and again, while many clients publish and receive at QoS 1 and 2. In the end no
//! acknowledged message is missing anywhere, and no QoS 2 message came twice.
//!
//! `MQ_CRASH_ROUNDS=500 cargo test --test crash` kills it five hundred times, and
//! `MQ_CRASH_SEED` takes up the seed that another run printed: the clients choose alike
//! then, while the machine's own chance remains.

mod support;

#[path = "crash/checker.rs"]
mod checker;
#[path = "crash/connection.rs"]
mod connection;
#[path = "crash/harbour.rs"]
mod harbour;
#[path = "crash/publisher.rs"]
mod publisher;
#[path = "crash/subscriber.rs"]
mod subscriber;
#[allow(dead_code, reason = "it is shared with the tests of conformance")]
#[path = "conformance/wire.rs"]
mod wire;

use std::fs;
use std::io::Write;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use support::Broker;
use support::broker::FEW_LOG_LINES;
use support::random::Random;

use crate::checker::check;
use crate::connection::client_version;
use crate::harbour::Harbour;
use crate::publisher::Publisher;
use crate::subscriber::Subscriber;

const PUBLISHERS: usize = 6;
const SUBSCRIBERS: usize = 8;

/// As many rounds as go into this time, when nobody says how many.
const DEFAULT_TIME: Duration = Duration::from_secs(15);
const DEFAULT_ROUNDS: usize = 40;

/// How long a round lasts at most, from the start of the broker to its end.
const LONGEST_ROUND: Duration = Duration::from_millis(400);

#[test]
fn nothing_acknowledged_is_lost_and_no_qos_2_message_is_doubled() {
    let mut random = Random::seeded("MQ_CRASH_SEED");
    let asked = std::env::var("MQ_CRASH_ROUNDS").ok();
    let asked: Option<usize> = asked.map(|rounds| rounds.parse().expect("a number of rounds"));
    let mut broker = broker();

    let publishers: Vec<_> = (0..PUBLISHERS)
        .map(|number| Publisher::new(number, client_version(number), random.fork()))
        .collect();
    let mut subscribers: Vec<_> = (0..SUBSCRIBERS)
        .map(|number| Subscriber::new(number, client_version(number / 2), random.fork()))
        .collect();
    for subscriber in &mut subscribers {
        subscriber.subscribe(broker.port());
    }

    let harbour = Arc::new(Harbour::new());
    let publishers = publishers.into_iter().map(|mut publisher| {
        let harbour = Arc::clone(&harbour);
        thread::spawn(move || {
            publisher.run(&harbour);
            publisher
        })
    });
    let publishers: Vec<_> = publishers.collect();
    let subscribers = subscribers.into_iter().map(|mut subscriber| {
        let harbour = Arc::clone(&harbour);
        thread::spawn(move || {
            subscriber.run(&harbour);
            subscriber
        })
    });
    let subscribers: Vec<_> = subscribers.collect();

    let start = Instant::now();
    let mut kills = 0;
    loop {
        harbour.open(broker.port());
        // The moment is the test's, there is nothing to wait for.
        thread::sleep(random.shorter_than(LONGEST_ROUND));
        harbour.close();
        broker.end(Signal::SIGKILL);
        kills += 1;
        if random.once_in(8) {
            broker.start_and_kill(random.shorter_than(Duration::from_millis(30)));
            kills += 1;
        }
        report(asked, kills);
        let enough = match asked {
            Some(rounds) => kills >= rounds,
            None => kills >= DEFAULT_ROUNDS || start.elapsed() > DEFAULT_TIME,
        };
        // A client that found a fault has ended early.
        let failed = |ended: bool| ended && !enough;
        if enough
            || publishers.iter().any(|thread| failed(thread.is_finished()))
            || subscribers
                .iter()
                .any(|thread| failed(thread.is_finished()))
        {
            break;
        }
        broker.start_again();
    }
    harbour.shut_down();
    let mut publishers: Vec<Publisher> = publishers.into_iter().map(join).collect();
    let mut subscribers: Vec<Subscriber> = subscribers.into_iter().map(join).collect();

    broker.start_again();
    check(broker.port(), &mut publishers, &mut subscribers);
    let sent: usize = publishers.iter().map(Publisher::sent).sum();
    println!("{kills} kills, {sent} messages");
    assert!(sent > kills, "the clients had something to do");
    broker.restart(Signal::SIGTERM);
    check(broker.port(), &mut publishers, &mut subscribers);
    assert!(!broker.log().contains("panicked"));
    assert_eq!(broker.stop(), Some(0));
}

fn broker() -> Broker {
    let builder = Broker::builder();
    let store = builder.folder().join("store");
    fs::create_dir(&store).expect("the folder is writable");
    // Nothing may be dropped for want of room.
    let config = format!(
        "persistence true\npersistence_location {}/\nmax_queued_messages 0\nmax_queued_bytes 0\n",
        store.display()
    );
    builder.config(&config).config(FEW_LOG_LINES).start()
}

/// What the thread returns; if it panicked, that panic.
fn join<T>(thread: thread::JoinHandle<T>) -> T {
    thread
        .join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Says how far a long run is.
fn report(asked: Option<usize>, kills: usize) {
    if let Some(rounds) = asked {
        if kills % 50 == 0 {
            // Not `eprintln!`, which the test harness keeps to itself.
            let _ = writeln!(std::io::stderr(), "{kills} of {rounds} kills");
        }
    }
}
