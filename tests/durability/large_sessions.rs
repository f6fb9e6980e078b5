//! Sessions that a client makes as large as it may: others do not feel it when they end or when
//! their rights are checked.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::client::Client;
use crate::support::Broker;
use crate::support::broker::FEW_LOG_LINES;
use crate::wire::*;

/// The longest round trip of others. A debug build is about ten times slower, and `cargo test`
/// shares the machine.
const WORST: Duration = Duration::from_millis(if cfg!(debug_assertions) { 2_000 } else { 100 });

/// As many as a client may have unless more are configured.
const SUBSCRIPTIONS: usize = 9_900;
const MESSAGES: usize = if cfg!(debug_assertions) {
    20_000
} else {
    150_000
};

/// A client that sends messages to itself and notes how long they take.
struct Canary {
    is_over: Arc<AtomicBool>,
    thread: JoinHandle<Duration>,
}

impl Canary {
    fn start(broker: &Broker) -> Self {
        let mut client = Client::new(broker, V311, "canary");
        client.subscribe("canary", 0);
        let is_over = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&is_over);
        let thread = thread::spawn(move || {
            let mut worst = Duration::ZERO;
            while !stop.load(Ordering::Relaxed) {
                let begin = Instant::now();
                client.publish("canary", 0, false, "sings");
                client.message();
                worst = worst.max(begin.elapsed());
                thread::sleep(Duration::from_millis(2));
            }
            worst
        });
        Self { is_over, thread }
    }

    #[track_caller]
    fn expect_unharmed(self) {
        self.is_over.store(true, Ordering::Relaxed);
        let worst = self.thread.join().expect("the canary lives");
        assert!(worst < WORST, "a round trip took {worst:?}");
    }
}

fn broker() -> Broker {
    Broker::with_config(&format!(
        "{FEW_LOG_LINES}\nallow_anonymous true\nmax_queued_messages 0"
    ))
}

/// Makes a session large that gets its messages by the last of these filters, and leaves it.
fn make_large(broker: &Broker, connect: &Connect, filters: &[&str]) {
    let mut client = Client::open(broker, connect);
    for filter in filters {
        client.subscribe(filter, 1);
    }
    let filters: Vec<String> = (0..SUBSCRIPTIONS).map(|n| format!("f/{n}")).collect();
    for some in filters.chunks(900) {
        let filters: Vec<_> = some.iter().map(|filter| (filter.as_str(), 1)).collect();
        client.send(subscribe(V5, 9, &[], &filters));
        assert_eq!(client.packet().0, 0x90);
    }
    client.cut(broker);
    let mut publisher = Client::new(broker, V311, "publisher");
    for first in (0..MESSAGES).step_by(500) {
        let messages = (first..first + 500).map(|n| {
            let id = u16::try_from(n % 500 + 1).expect("a small number");
            publish_with(V311, 2, "work/load", id, &[], &n.to_string().into_bytes())
        });
        publisher.send(messages.collect::<Vec<_>>().concat());
        for n in 1..=500 {
            publisher.expect_ack(0x40, n);
        }
    }
}

/// Ends the large session of `client` by `end`, while another member of its group is connected.
#[track_caller]
fn end_large_session(end: impl FnOnce(&Broker, &Connect)) {
    let broker = broker();
    let connect = V5.persistent("large");
    make_large(&broker, &connect, &["$share/group/work/#"]);
    let mut other = Client::new(&broker, V5, "other");
    other.subscribe("$share/group/work/#", 0);
    let canary = Canary::start(&broker);
    end(&broker, &connect);
    for n in 0..MESSAGES {
        assert_eq!(other.message().payload, n.to_string().into_bytes());
    }
    canary.expect_unharmed();
}

/// Takes the session up and leaves it with a DISCONNECT that lets it live for so long.
fn leave_with_expiry(broker: &Broker, connect: &Connect, seconds: u32) {
    let connect = connect.clone().property(&two(RECEIVE_MAXIMUM, 1));
    let mut client = Client::open(broker, &connect);
    assert!(client.session_present);
    let expiry = four(SESSION_EXPIRY, seconds);
    client.send(packet(0xe0, &[&[0], &sized(&expiry)[..]].concat()));
}

#[test]
fn a_large_session_ended_by_a_clean_start_holds_nobody_up_and_its_work_goes_to_the_group() {
    end_large_session(|broker, _| {
        let clean = Client::open(broker, &V5.connect("large"));
        assert!(!clean.session_present);
    });
}

#[test]
fn a_large_session_ended_by_a_disconnect_holds_nobody_up_and_its_work_goes_to_the_group() {
    end_large_session(|broker, connect| leave_with_expiry(broker, connect, 0));
}

#[test]
fn a_large_session_that_expires_holds_nobody_up_and_its_work_goes_to_the_group() {
    end_large_session(|broker, connect| leave_with_expiry(broker, connect, 1));
}

/// Everybody may publish and read everything.
const OPEN: &str = "topic #\n";
/// Nobody may read the work.
const CLOSED: &str = "topic write #\ntopic read canary\ntopic read f/#\n";

fn broker_with_rules(filters: &[&str]) -> (Broker, Connect) {
    let broker = Broker::builder()
        .file("rules", OPEN)
        .config(&format!(
            "{FEW_LOG_LINES}\nallow_anonymous true\nmax_queued_messages 0\nacl_file rules"
        ))
        .start();
    let connect = V5.persistent("large");
    make_large(&broker, &connect, filters);
    (broker, connect)
}

#[test]
fn a_reload_that_makes_a_large_queue_unreadable_holds_nobody_up_and_drops_it() {
    // Each round trip of the canary locks the session.
    let (broker, connect) = broker_with_rules(&["canary", "work/#"]);
    let canary = Canary::start(&broker);
    let mark = broker.log_mark();
    broker.replace_file("rules", CLOSED);
    broker.signal(Signal::SIGHUP);
    let line = broker.wait_for_log_after(mark, "may not read");
    assert!(
        line.contains(&format!("Dropping {MESSAGES} messages")),
        "{line}"
    );
    canary.expect_unharmed();
    Client::new(&broker, V311, "publisher").publish("f/0", 1, false, "last");
    Client::open(&broker, &connect).receive("last");
}

#[test]
fn a_large_queue_is_delivered_in_order_after_a_reload_and_a_takeover() {
    let (broker, connect) = broker_with_rules(&["work/#"]);
    let canary = Canary::start(&broker);
    let mark = broker.log_mark();
    broker.signal(Signal::SIGHUP);
    broker.wait_for_log_after(mark, "Reloading config.");
    let mut client = Client::open(&broker, &connect);
    for n in 0..MESSAGES {
        client.receive(&n.to_string());
    }
    canary.expect_unharmed();
}
