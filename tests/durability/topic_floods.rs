//! Many topics, filters and retained messages of one client, and what others feel of them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::client::Client;
use crate::support::Broker;
use crate::support::broker::FEW_LOG_LINES;
use crate::wire::*;

/// The longest that a round trip of others may take meanwhile. The broker of tests is not
/// optimised, and other tests run beside this one.
const PATIENCE: Duration = Duration::from_millis(500);

/// Does something, and returns the longest round trip of a pair of other clients meanwhile.
fn longest_round_trip(broker: &Broker, f: impl FnOnce()) -> Duration {
    let mut subscriber = Client::new(broker, V311, "canary-subscriber");
    subscriber.subscribe("canary", 0);
    let mut publisher = Client::new(broker, V311, "canary-publisher");
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let canary = scope.spawn(|| {
            let mut longest = Duration::ZERO;
            while !is_over.load(Ordering::Relaxed) {
                let begin = Instant::now();
                publisher.send(publish_with(V311, 0, "canary", 0, &[], b"x"));
                subscriber.receive("x");
                longest = longest.max(begin.elapsed());
            }
            longest
        });
        f();
        is_over.store(true, Ordering::Relaxed);
        canary.join().expect("the canary gets its messages")
    })
}

/// Publishes retained messages on these topics, at QoS 0, and waits until they are kept.
fn retain(broker: &Broker, topics: impl Iterator<Item = String>) {
    let mut publisher = Client::new(broker, V311, "retainer");
    let topics: Vec<String> = topics.collect();
    for topics in topics.chunks(500) {
        let packets: Vec<u8> = topics
            .iter()
            .flat_map(|topic| publish_with(V311, 1, topic, 0, &[], b"kept"))
            .collect();
        publisher.send(packets);
    }
    publisher.expect_nothing();
}

/// All filters of `depth` levels that are `+` or `a`, and a `#` behind them.
fn filters_of_two(depth: u32) -> Vec<String> {
    let level = |number: u32, level: u32| if number >> level & 1 == 0 { "+/" } else { "a/" };
    (0..1 << depth)
        .map(|number| {
            let levels: String = (0..depth).map(|at| level(number, at)).collect();
            levels + "#"
        })
        .collect()
}

#[test]
fn retained_messages_for_a_thousand_filters_are_found_only_as_they_are_taken() {
    let broker = Broker::with_config(FEW_LOG_LINES);
    retain(
        &broker,
        (0..10_000).map(|number| format!("a/a/a/a/a/a/a/a/a/{number}")),
    );
    let filters = filters_of_two(9);
    let before = broker.resident_memory();
    let longest = longest_round_trip(&broker, || {
        let mut greedy: Vec<Client> = (0..3)
            .map(|number| Client::new(&broker, V311, &format!("greedy-{number}")))
            .collect();
        for (id, filters) in (1..).zip(filters.chunks(64)) {
            let filters: Vec<(&str, u8)> =
                filters.iter().map(|filter| (filter.as_str(), 0)).collect();
            for client in &mut greedy {
                client.send(subscribe(V311, id, &[], &filters));
            }
        }
        thread::sleep(Duration::from_secs(1));
    });
    let grown = broker.resident_memory().saturating_sub(before);
    assert!(longest < PATIENCE, "{longest:?}");
    assert!(grown < 40 * 1024 * 1024, "{grown} bytes");
}

#[test]
fn retained_messages_come_once_and_before_what_is_published_later() {
    let broker = Broker::with_config(FEW_LOG_LINES);
    let topics = || (0..5_000).map(|number| format!("kept/{number}"));
    retain(&broker, topics());
    for qos in [0, 1] {
        let mut subscriber = Client::new(&broker, V311, "subscriber");
        subscriber.subscribe("kept/#", qos);
        let mut publisher = Client::new(&broker, V311, "publisher");
        for topic in topics() {
            publisher.send(publish_with(V311, 0, &topic, 0, &[], b"later"));
        }
        let mut kept = std::collections::HashSet::new();
        for _ in 0..10_000 {
            let message = subscriber.message();
            match &message.payload[..] {
                b"kept" => assert!(kept.insert(message.topic), "twice"),
                _ => assert!(kept.contains(&message.topic), "too early"),
            }
        }
        subscriber.expect_nothing();
    }
}

/// Subscribes to many filters, 50 with each packet, and waits for the last answer.
fn subscribe_to_all(client: &mut Client, filters: &[String]) {
    for filters in filters.chunks(50) {
        let filters: Vec<(&str, u8)> = filters.iter().map(|filter| (filter.as_str(), 0)).collect();
        client.send(subscribe(V311, 9, &[], &filters));
        client.expect(client.suback(9, &vec![0; filters.len()]));
    }
}

#[test]
fn filters_of_wildcards_that_match_nothing_hold_up_nobody() {
    let broker = Broker::with_config(FEW_LOG_LINES);
    let mut subscriber = Client::new(&broker, V311, "subscriber");
    subscribe_to_all(&mut subscriber, &filters_of_two(12));
    let mut filters = filters_of_two(12);
    for filter in &mut filters {
        *filter = filter.replace('#', "a/b");
    }
    let mut other = Client::new(&broker, V311, "other");
    subscribe_to_all(&mut other, &filters);
    let mut publisher = Client::new(&broker, V311, "publisher");
    let longest = longest_round_trip(&broker, || {
        for length in [11, 13, 14, 15] {
            let packets: Vec<u8> = (0..50)
                .flat_map(|number| {
                    let topic = format!("b/{}{number}", "a/".repeat(length - 2));
                    publish_with(V311, 0, &topic, 0, &[], b"x")
                })
                .collect();
            publisher.send(packets);
        }
        publisher.expect_nothing();
    });
    assert!(longest < PATIENCE, "{longest:?}");
}

#[test]
fn deep_filters_and_topics_take_little_memory() {
    const MANY: usize = 5_000;
    const MOST_FOR_EACH: u64 = 6_000;
    let broker = Broker::with_config(FEW_LOG_LINES);
    let mut subscriber = Client::new(&broker, V311, "subscriber");
    let deep = |number: usize| {
        let level = |at: usize| {
            if number >> (at % 13) & 1 == 0 {
                "a"
            } else {
                "b"
            }
        };
        let levels: Vec<&str> = (0..190).map(level).collect();
        levels.join("/")
    };
    let filters: Vec<String> = (0..MANY).map(|number| deep(number) + "/+/c").collect();
    let before = broker.resident_memory();
    subscribe_to_all(&mut subscriber, &filters);
    let subscribed = broker.resident_memory();
    assert!(
        subscribed - before < MANY as u64 * MOST_FOR_EACH,
        "{before} {subscribed}"
    );
    retain(&broker, (0..MANY).map(deep));
    let retained = broker.resident_memory();
    assert!(
        retained - subscribed < MANY as u64 * MOST_FOR_EACH,
        "{subscribed} {retained}"
    );
}

#[test]
fn many_topics_for_many_groups_take_little_memory() {
    let broker = Broker::with_config(FEW_LOG_LINES);
    let mut subscriber = Client::open(&broker, &V311.persistent("subscriber"));
    let filters: Vec<String> = (0..1_000)
        .map(|number| format!("$share/g{number}/#"))
        .collect();
    subscribe_to_all(&mut subscriber, &filters);
    subscriber.leave();
    let before = broker.resident_memory();
    let mut publisher = Client::new(&broker, V311, "publisher");
    for first in (0..10_000).step_by(500) {
        let packets: Vec<u8> = (first..first + 500)
            .flat_map(|number| publish_with(V311, 0, &format!("t/{number}"), 0, &[], b"x"))
            .collect();
        publisher.send(packets);
    }
    publisher.expect_nothing();
    let grown = broker.resident_memory().saturating_sub(before);
    assert!(grown < 40 * 1024 * 1024, "{grown} bytes");
}

#[test]
fn an_unsubscribe_ends_what_its_subscription_was_still_to_bring() {
    let broker = Broker::with_config(FEW_LOG_LINES);
    let mut publisher = Client::new(&broker, V311, "publisher");
    for number in 0..100 {
        publisher.publish(&format!("kept/{number}"), 1, true, "kept");
    }
    let connect = V5.connect("subscriber").property(&two(RECEIVE_MAXIMUM, 2));
    let mut subscriber = Client::open(&broker, &connect);
    subscriber.subscribe("kept/#", 1);
    let messages = [subscriber.message(), subscriber.message()];
    subscriber.unsubscribe("kept/#");
    for message in messages {
        subscriber.send(ack(0x40, message.id));
    }
    subscriber.expect_nothing();
}
