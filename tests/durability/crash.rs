//! The promise of durability under load: the broker is killed (SIGKILL) at random moments,
//! again and again, while many clients publish and receive at QoS 1 and 2. In the end no
//! acknowledged message is missing anywhere, and no QoS 2 message came twice.
//!
//! `MQ_CRASH_ROUNDS=500 cargo test --test durability crash` kills it five hundred times, and
//! `MQ_CRASH_SEED` takes up the seed that another run printed: the clients choose alike
//! then, while the machine's own chance remains.

mod checker;
mod connection;
mod fault;
mod harbour;
mod publisher;
mod subscriber;
use std::fs;
use std::io::Write;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::support::Broker;
use crate::support::broker::{Builder, FEW_LOG_LINES};
use crate::support::random::Random;
use nix::sys::signal::Signal;

use self::checker::check;
use self::connection::client_version;
use self::fault::{Cuts, Fault, Kills};
use self::harbour::Harbour;
use self::publisher::Publisher;
use self::subscriber::Subscriber;

const PUBLISHERS: usize = 6;
const SUBSCRIBERS: usize = 8;

/// As many rounds as go into this time, when nobody says how many.
const DEFAULT_TIME: Duration = Duration::from_secs(15);
const DEFAULT_ROUNDS: usize = 40;

/// How long a round lasts at most, from the start of the broker to its end.
const LONGEST_ROUND: Duration = Duration::from_millis(400);

#[test]
fn nothing_acknowledged_is_lost_and_no_qos_2_message_is_doubled_by_kills() {
    let mut random = Random::seeded("MQ_CRASH_SEED");
    let mut kills = Kills::of(durable_broker());
    let (mut publishers, mut subscribers) = disturb(&mut kills, &mut random, Rounds::asked());
    let mut broker = kills.into_broker();
    check(broker.port(), &mut publishers, &mut subscribers);
    broker.restart(Signal::SIGTERM);
    check(broker.port(), &mut publishers, &mut subscribers);
    assert!(!broker.log().contains("panicked"));
    assert_eq!(broker.stop(), Some(0));
}

/// The same while the broker lives on, which shows that the books are kept well.
#[test]
fn nothing_acknowledged_is_lost_and_no_qos_2_message_is_doubled_by_cuts() {
    let mut random = Random::seeded("MQ_CRASH_SEED");
    let rounds = Rounds {
        most: 20,
        within: Duration::from_secs(5),
        reported: false,
    };
    let mut cuts = Cuts::of(builder().start());
    let (mut publishers, mut subscribers) = disturb(&mut cuts, &mut random, rounds);
    let broker = cuts.into_broker();
    check(broker.port(), &mut publishers, &mut subscribers);
    assert_eq!(broker.stop(), Some(0));
}

/// How long to go on.
struct Rounds {
    most: usize,
    within: Duration,
    /// Whether somebody waits and wants to know how far it is.
    reported: bool,
}

impl Rounds {
    /// What the environment asks for, or what a run of all tests can afford.
    fn asked() -> Self {
        let asked = std::env::var("MQ_CRASH_ROUNDS").ok();
        match asked.map(|rounds| rounds.parse().expect("a number of rounds")) {
            Some(most) => Self {
                most,
                within: Duration::MAX,
                reported: true,
            },
            None => Self {
                most: DEFAULT_ROUNDS,
                within: DEFAULT_TIME,
                reported: false,
            },
        }
    }
}

/// Lets clients publish and receive while faults strike; returns them with what they
/// know. Whatever was struck is there again.
fn disturb(
    fault: &mut impl Fault,
    random: &mut Random,
    rounds: Rounds,
) -> (Vec<Publisher>, Vec<Subscriber>) {
    let port = fault.port();
    let harbour = Arc::new(Harbour::new());
    let mut subscribers = Vec::new();
    for number in 0..SUBSCRIBERS {
        let mut subscriber = Subscriber::new(number, client_version(number / 2), random.fork());
        subscriber.subscribe(port);
        subscribers.push(sail(subscriber, &harbour, Subscriber::run));
    }
    let mut publishers = Vec::new();
    for number in 0..PUBLISHERS {
        let publisher = Publisher::new(number, client_version(number), random.fork());
        publishers.push(sail(publisher, &harbour, Publisher::run));
    }

    let start = Instant::now();
    let mut round = 0;
    // A client that found a mistake has ended early.
    while round < rounds.most
        && start.elapsed() < rounds.within
        && !publishers.iter().any(JoinHandle::is_finished)
        && !subscribers.iter().any(JoinHandle::is_finished)
    {
        harbour.open(fault.port());
        // The moment is the test's, there is nothing to wait for.
        thread::sleep(random.shorter_than(LONGEST_ROUND));
        harbour.close();
        fault.strike();
        round += 1;
        fault.recover(random);
        if rounds.reported && round % 50 == 0 {
            // Not `eprintln!`, which the test harness keeps to itself.
            let _ = writeln!(std::io::stderr(), "{round} of {} rounds", rounds.most);
        }
    }
    harbour.shut_down();
    // Who had just asked where the broker is may have connected behind the last strike.
    while !publishers.iter().all(JoinHandle::is_finished)
        || !subscribers.iter().all(JoinHandle::is_finished)
    {
        fault.strike();
        fault.recover(random);
    }
    let publishers: Vec<Publisher> = publishers.into_iter().map(join).collect();
    let subscribers = subscribers.into_iter().map(join).collect();
    let sent: usize = publishers.iter().map(Publisher::sent).sum();
    println!("{round} rounds, {sent} messages");
    assert!(sent > round, "the clients had something to do");
    (publishers, subscribers)
}

/// Lets a client go about its work on a thread of its own.
fn sail<C: Send + 'static>(
    mut client: C,
    harbour: &Arc<Harbour>,
    run: fn(&mut C, &Harbour),
) -> JoinHandle<C> {
    let harbour = Arc::clone(harbour);
    thread::spawn(move || {
        run(&mut client, &harbour);
        client
    })
}

/// What the thread returns; if it panicked, that panic.
fn join<T>(thread: JoinHandle<T>) -> T {
    thread
        .join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// A broker that drops nothing for want of room.
fn builder() -> Builder {
    Broker::builder()
        .config("max_queued_messages 0\nmax_queued_bytes 0")
        .config(FEW_LOG_LINES)
}

fn durable_broker() -> Broker {
    let builder = builder();
    let store = builder.folder().join("store");
    fs::create_dir(&store).expect("the folder is writable");
    let config = format!(
        "persistence true\npersistence_location {}/",
        store.display()
    );
    builder.config(&config).start()
}
