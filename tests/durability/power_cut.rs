//! The plug is pulled at any moment: what was acknowledged is there, and the broker starts.
//!
//! `MQ_POWER_CUTS=500 cargo test --test durability power_cut` tries five hundred moments of each
//! kind, and `MQ_POWER_CUT_SEED` takes up the seed that another run printed.

use std::fs;
use std::ops::Range;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::client::Client;
use crate::disk::{Record, Survivors, on_recorded_disk, record_of, with_failing_syncs};
use crate::scene::{absent, durable_broker, store};
use crate::support::Broker;
use crate::support::broker::{Builder, FEW_LOG_LINES};
use crate::support::random::Random;
use crate::wire::*;

const SECOND: Duration = Duration::from_secs(1);
/// Power cuts of each kind, if nobody says how many.
const CUTS: usize = 25;
/// How long the broker is under load: a few of the seconds of which one may be lost.
const LOAD: Duration = Duration::from_secs(4);
/// Messages of each kind that are published meanwhile.
const MESSAGES: usize = 400;
/// Topics with a retained message that is replaced again and again.
const RETAINED: usize = 5;
/// Long enough that the log needs several files.
const RETAINED_LENGTH: usize = 100_000;

#[test]
fn a_power_cut_loses_nothing_acknowledged() {
    cut_power(
        cuts(),
        "persistence_sync true\n",
        Duration::ZERO,
        |builder| builder,
    );
}

#[test]
fn a_power_cut_without_syncs_loses_at_most_the_last_second() {
    cut_power(cuts(), "persistence_sync false\n", SECOND, |builder| {
        builder
    });
}

#[test]
fn a_power_cut_loses_nothing_acknowledged_where_syncs_fail() {
    let failing = |builder| with_failing_syncs(builder, 40);
    cut_power(
        cuts() / 3,
        "persistence_sync true\n",
        Duration::ZERO,
        failing,
    );
}

#[test]
fn a_power_cut_without_syncs_loses_little_where_syncs_fail() {
    // The second begins when the disk works again: it is noticed with the next commit, half a
    // second later all is written again.
    let failing = |builder| with_failing_syncs(builder, 5);
    cut_power(cuts() / 3, "persistence_sync false\n", 2 * SECOND, failing);
}

/// Pulls the plug many times, each time of the same run of a broker.
#[track_caller]
fn cut_power(cuts: usize, config: &str, may_lose: Duration, disk: impl Fn(Builder) -> Builder) {
    let mut random = Random::seeded("MQ_POWER_CUT_SEED");
    let builder = Broker::builder();
    let directory = builder.folder().join("store");
    fs::create_dir(&directory).expect("the directory is writable");
    let record = record_of(&builder);
    let location = format!(
        "persistence true\npersistence_location {}/\n",
        directory.display()
    );
    let builder = builder
        .config(&location)
        .config(config)
        .config(FEW_LOG_LINES);
    let builder = on_recorded_disk(builder, &directory, Duration::from_millis(2));
    let mut broker = disk(builder).start();
    let books = Books::keep(&broker, &record);
    broker.end(Signal::SIGKILL);
    let record = Record::read(&record, &directory);

    let mut checker = durable_broker(FEW_LOG_LINES);
    checker.end(Signal::SIGKILL);
    for cut in 0..cuts {
        let survivors = match cut % 5 {
            0 => Survivors::None,
            1 => Survivors::All,
            _ => Survivors::Some,
        };
        let events = random.below(record.len() as u64 + 1) as usize;
        let store = store(&checker);
        fs::remove_dir_all(&store).expect("it is ours");
        record.cut(events, survivors, &mut random, &store);
        let what = format!("cut {cut} behind event {events}, {survivors:?} survive");
        assert!(checker.try_to_start_again(&[]), "{what}\n{}", checker.log());
        let at = record.place(events);
        let is_promised = |acknowledged: u64| {
            acknowledged <= at && record.time(acknowledged) + may_lose <= record.time(at)
        };
        books.check(&checker, at, is_promised, &what);
        checker.end(Signal::SIGKILL);
    }
}

fn cuts() -> usize {
    let set = std::env::var("MQ_POWER_CUTS").ok();
    set.map_or(CUTS, |cuts| cuts.parse().expect("a number of power cuts"))
}

/// What was published when, as places in the record of the disk.
struct Books {
    /// The acknowledgement of the subscription.
    subscribed: u64,
    /// From before a message was published until behind its acknowledgement.
    queued: Vec<Range<u64>>,
    retained: [Vec<Range<u64>>; RETAINED],
}

impl Books {
    /// Publishes to a session that is away, to one that takes everything, and retained.
    fn keep(broker: &Broker, record: &Path) -> Self {
        let place = || fs::metadata(record).expect("it is there").len();
        absent(broker, V311, "absent", "queue/#", 2);
        let subscribed = place();
        let present = broker.typed("mq-sub -i present -c -q 1 -t queue/#").start();
        let mut publisher = Client::new(broker, V311, "publisher");
        let mut queued = Vec::new();
        let mut retained = [const { Vec::new() }; RETAINED];
        let begin = Instant::now();
        for number in 0..MESSAGES {
            // A second of the load is one that the messages fill evenly.
            let due = begin + LOAD * u32::try_from(number).unwrap_or(0) / MESSAGES as u32;
            thread::sleep(due.saturating_duration_since(Instant::now()));
            let before = place();
            let payload = format!("{number} {}", "x".repeat(number % 64 * 16));
            publisher.publish("queue/a", 1 + (number % 2) as u8, false, &payload);
            queued.push(before..place());
            let before = place();
            let topic = number % RETAINED;
            let payload = format!("{number} {}", "x".repeat(RETAINED_LENGTH));
            publisher.publish(&format!("retained/{topic}"), 1, true, &payload);
            retained[topic].push(before..place());
        }
        drop(present);
        println!(
            "{} messages, {} bytes on the disk",
            queued.len() * 2,
            place()
        );
        Self {
            subscribed,
            queued,
            retained,
        }
    }

    /// Compares what a broker has after a power cut.
    #[track_caller]
    fn check(&self, broker: &Broker, cut: u64, is_promised: impl Fn(u64) -> bool, what: &str) {
        if is_promised(self.subscribed) {
            self.check_queue(broker, cut, &is_promised, what);
        }
        let mut newcomer = Client::new(broker, V311, "newcomer");
        newcomer.subscribe("retained/#", 0);
        let mut found = [None; RETAINED];
        for message in receive_up_to(broker, &mut newcomer, "retained/last") {
            let number = number(message);
            found[number % RETAINED] = Some(number / RETAINED);
        }
        for (found, messages) in found.into_iter().zip(&self.retained) {
            let promised = messages
                .iter()
                .rposition(|message| is_promised(message.end));
            assert!(
                found >= promised,
                "{what}: {found:?} instead of {promised:?}"
            );
            assert!(
                found.is_none_or(|found| messages[found].start <= cut),
                "{what}: {found:?} was not sent"
            );
        }
    }

    #[track_caller]
    fn check_queue(
        &self,
        broker: &Broker,
        cut: u64,
        is_promised: impl Fn(u64) -> bool,
        what: &str,
    ) {
        let mut client = Client::open(broker, &V311.persistent("absent"));
        assert!(client.session_present, "{what}: no session");
        let found = receive_up_to(broker, &mut client, "queue/last");
        let found: Vec<usize> = found.into_iter().map(number).collect();
        assert!(found.is_sorted(), "{what}: {found:?}");
        for (number, message) in self.queued.iter().enumerate() {
            let times = found.iter().filter(|&&found| found == number).count();
            let is_sent = message.start <= cut;
            assert!(
                times <= usize::from(is_sent),
                "{what}: {number} {times} times"
            );
            if is_promised(message.end) {
                assert_eq!(times, 1, "{what}: message {number} is lost");
            }
        }
    }
}

/// The number of a message, which has to be whole.
#[track_caller]
fn number(message: Publish) -> usize {
    let text = String::from_utf8(message.payload).expect("it is as it was sent");
    let (number, rest) = text.split_once(' ').expect("it is as it was sent");
    let number = number.parse().expect("it is as it was sent");
    let length = match message.topic.starts_with(b"retained/") {
        true => RETAINED_LENGTH,
        false => number % 64 * 16,
    };
    assert_eq!(rest, "x".repeat(length), "message {number} is whole");
    number
}

/// Takes and acknowledges messages up to one that is published to this topic now.
#[track_caller]
fn receive_up_to(broker: &Broker, client: &mut Client, last: &str) -> Vec<Publish> {
    Client::new(broker, V311, "last").publish(last, 1, false, "");
    let mut found = Vec::new();
    loop {
        let (first, body) = client.packet();
        if first == 0x62 {
            client.send(ack(0x70, u16::from_be_bytes([body[0], body[1]])));
            continue;
        }
        let message = Publish::parse(V311, first, &body);
        match message.qos {
            0 => {}
            1 => client.send(ack(0x40, message.id)),
            _ => client.send(ack(0x50, message.id)),
        }
        if message.topic == last.as_bytes() {
            return found;
        }
        found.push(message);
    }
}
