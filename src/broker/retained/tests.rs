use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::broker::ground::Millis;
use crate::broker::message::Message;
use crate::broker::persistence::Ticket;
use crate::protocol::{QoS, TopicFilter, TopicName, topic_matches};

fn retained(topics: &[&str]) -> Arc<RetainedMessages> {
    let store = Arc::new(RetainedMessages::default());
    for topic in topics {
        set(&store, topic, "x");
    }
    store
}

fn set(store: &RetainedMessages, topic: &str, payload: &'static str) {
    store.set(&message(topic, payload, None), None, &Ticket::new(None));
}

fn message(topic: &str, payload: &'static str, expires_at: Option<Millis>) -> Arc<Message> {
    let topic = TopicName::try_from(topic).unwrap();
    Arc::new(Message {
        expires_at,
        ..Message::of_broker(topic, payload, QoS::AtMostOnce, true)
    })
}

fn cursor(store: &Arc<RetainedMessages>, filter: &str) -> RetainedCursor {
    RetainedCursor::new(store, &TopicFilter::try_from(filter).unwrap())
}

/// The topics that the rest of a walk finds, a few steps at a time, and the steps it takes.
fn rest(cursor: &mut RetainedCursor) -> (Vec<String>, usize) {
    const TURN: usize = 3;
    let (mut topics, mut taken) = (Vec::new(), 0);
    while !cursor.is_finished() {
        let mut steps = TURN;
        while cursor.peek(&mut steps).is_some() {
            topics.push(cursor.take().unwrap().message.topic.to_string());
        }
        taken += TURN - steps;
    }
    topics.sort();
    (topics, taken)
}

fn found(store: &Arc<RetainedMessages>, filter: &str) -> Vec<String> {
    rest(&mut cursor(store, filter)).0
}

#[test]
fn a_filter_finds_the_topics_that_it_matches() {
    let store = retained(&["a", "a/b", "a/b/c", "été/salon", "$SYS/x", "/a"]);
    assert_eq!(found(&store, "#"), ["/a", "a", "a/b", "a/b/c", "été/salon"]);
    assert_eq!(found(&store, "a/#"), ["a", "a/b", "a/b/c"]);
    assert_eq!(found(&store, "+"), ["a"]);
    assert_eq!(found(&store, "+/+"), ["/a", "a/b", "été/salon"]);
    assert_eq!(found(&store, "a/+/c"), ["a/b/c"]);
    assert_eq!(found(&store, "$SYS/#"), ["$SYS/x"]);
}

#[test]
fn a_walk_jumps_over_what_cannot_match() {
    let topics: Vec<String> = (0..1_000).map(|number| format!("a/b/{number}")).collect();
    let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
    let store = retained(&topics);
    for filter in ["a/+", "a/c/#", "+/+/+/#", "a/b/+/c", "b/#", "a"] {
        let (found, steps) = rest(&mut cursor(&store, filter));
        let expected = if filter == "+/+/+/#" { 1_000 } else { 0 };
        assert_eq!(found.len(), expected, "{filter}");
        assert!(steps <= 1_001, "{filter}: {steps} steps");
    }
    let (_, steps) = rest(&mut cursor(&store, "+/c/#"));
    assert!(steps <= 4, "{steps} steps");
}

#[test]
fn a_walk_leaves_out_what_was_kept_after_it_began() {
    let store = retained(&["a", "b", "c"]);
    let mut walk = cursor(&store, "#");
    set(&store, "b", "newer");
    set(&store, "bb", "new");
    set(&store, "c", "");
    assert_eq!(rest(&mut walk).0, ["a"]);
}

#[test]
fn an_empty_payload_takes_the_message_away_and_leaves_no_trace() {
    let store = retained(&["a/b/c"]);
    assert_eq!(store.size(), (1, 1));
    assert!(store.contains(&TopicName::try_from("a/b/c").unwrap()));
    set(&store, "a/b/c", "");
    assert!(store.topics.read().by_key.is_empty());
    assert_eq!(store.size(), (0, 0));
    assert_eq!(store.memory_bytes(), 0);
}

#[test]
fn expired_messages_are_taken_away_a_few_at_a_time() {
    let store = RetainedMessages::default();
    for number in 0..1_000 {
        let expires_at = (number % 2 == 0).then_some(5);
        let message = message(&format!("a/{number}"), "x", expires_at);
        store.set(&message, None, &Ticket::new(None));
    }
    let remove = |now| {
        let (mut position, mut rounds) = (Vec::new(), 1);
        while !store.remove_expired(&mut position, now) {
            rounds += 1;
        }
        rounds
    };
    remove(4);
    assert_eq!(store.size().0, 1_000);
    assert_eq!(remove(5), 4);
    assert_eq!(store.size().0, 500);
    assert_eq!(remove(5), 1);
}

#[test]
fn a_deep_topic_costs_a_few_bytes_for_each_level() {
    let topic = vec!["ab"; 200].join("/");
    let store = retained(&[&topic]);
    assert!(store.memory_bytes() < 2_000, "{}", store.memory_bytes());
}

proptest! {
    #[test]
    fn a_walk_finds_what_matches_in_no_more_steps_than_there_are_topics(
        topics in prop::collection::btree_set("[$]?[ab!]{0,2}(/[ab!]{0,2}){0,3}", 0..40),
        filter in "(([$]?[ab!]{1,2}|[+]|)/){0,3}([ab!]{1,2}|[+]|#)",
    ) {
        let topics: Vec<&str> = topics
            .iter()
            .map(String::as_str)
            .filter(|topic| !topic.is_empty())
            .collect();
        let store = retained(&topics);
        let wanted = TopicFilter::try_from(filter.as_str()).unwrap();
        let is_wanted = |topic: &&str| {
            topic_matches(&wanted, &TopicName::try_from(*topic).unwrap())
        };
        let mut expected: Vec<&str> = topics.iter().copied().filter(is_wanted).collect();
        expected.sort_unstable();
        let (found, steps) = rest(&mut cursor(&store, &filter));
        prop_assert_eq!(found, expected);
        prop_assert!(steps <= topics.len() + 1);
    }
}
