use std::num::NonZeroU16;
use std::sync::Arc;

use super::*;
use crate::broker::ground::{Expiry, Identity};
use crate::broker::session::SessionState;
use crate::protocol::{QoS, Text};

fn session(name: &str) -> Arc<Session> {
    let state = SessionState::new(Expiry::AtDisconnect, NonZeroU16::MAX, NonZeroU16::MAX);
    let identity = Identity {
        client_id: Text::try_from(name).unwrap(),
        username: None,
        listener: None,
    };
    Arc::new(Session::new(
        SessionNumber::unused(),
        Arc::new(identity),
        state,
    ))
}

fn granted(qos: QoS) -> GrantedOptions {
    GrantedOptions {
        qos,
        no_local: false,
        retain_as_published: false,
        subscription_id: None,
        share: None,
    }
}

fn filter(filter: &str) -> TopicFilter {
    TopicFilter::try_from(filter).unwrap()
}

/// Whose subscriptions match, with their QoS, sorted.
fn matched(router: &Router, topic: &str) -> Vec<String> {
    let matches = router.matches(&TopicName::try_from(topic).unwrap(), |_| true);
    let name = |target: &Target| {
        format!(
            "{} {}",
            target.session.client_id(),
            target.granted.qos as u8
        )
    };
    let mut names: Vec<_> = matches.targets.iter().map(name).collect();
    names.sort();
    names
}

#[test]
fn each_matching_filter_brings_a_copy() {
    let router = Router::new();
    let (a, b) = (session("a"), session("b"));
    router.subscribe(&filter("maison/+/lumière"), &a, granted(QoS::AtMostOnce));
    router.subscribe(&filter("maison/#"), &a, granted(QoS::AtLeastOnce));
    router.subscribe(&filter("#"), &b, granted(QoS::ExactlyOnce));
    assert_eq!(
        matched(&router, "maison/salon/lumière"),
        ["a 0", "a 1", "b 2"]
    );
    assert_eq!(matched(&router, "maison"), ["a 1", "b 2"]);
    assert_eq!(matched(&router, "$SYS/x"), [""; 0]);
}

#[test]
fn the_same_filter_again_replaces_the_subscription() {
    let router = Router::new();
    let a = session("a");
    router.subscribe(&filter("a/b"), &a, granted(QoS::AtMostOnce));
    router.subscribe(&filter("a/b"), &a, granted(QoS::ExactlyOnce));
    assert_eq!(matched(&router, "a/b"), ["a 2"]);
}

#[test]
fn a_remembered_match_is_forgotten_when_a_filter_comes_or_goes() {
    let router = Router::new();
    let a = session("a");
    assert_eq!(matched(&router, "a/b"), [""; 0]);
    for wanted in ["a/b", "a/+", "a/#", "+/b", "#", "+/+"] {
        router.subscribe(&filter(wanted), &a, granted(QoS::AtMostOnce));
        assert_eq!(matched(&router, "a/b"), ["a 0"], "{wanted} came");
        router.unsubscribe(&filter(wanted), a.number());
        assert_eq!(matched(&router, "a/b"), [""; 0], "{wanted} went");
    }
}

#[test]
fn filters_that_went_leave_no_trace() {
    let router = Router::new();
    let a = session("a");
    for wanted in ["a/b/c", "a/+/#", "+", "$share/g/x/y"] {
        router.subscribe(&filter(wanted), &a, granted(QoS::AtMostOnce));
        router.unsubscribe(&filter(wanted), a.number());
    }
    assert!(router.tree.read().is_empty());
}

#[test]
fn the_members_of_a_group_take_turns_and_absent_ones_wait() {
    let router = Router::new();
    let (a, b, c) = (session("a"), session("b"), session("c"));
    for member in [&a, &b, &c] {
        router.subscribe(&filter("$share/g/t"), member, granted(QoS::AtMostOnce));
    }
    let matches = router.matches(&TopicName::try_from("t").unwrap(), |_| true);
    assert!(matches.targets.is_empty());
    let turns = || {
        let members: Vec<_> = (0..6)
            .filter_map(|_| matches.groups[0].next_member())
            .map(|target| target.session.client_id().to_string())
            .collect();
        members.concat()
    };
    assert_eq!(turns(), "abcabc");
    a.set_connected(true);
    b.set_connected(true);
    assert_eq!(turns(), "ababab");
}

#[test]
fn only_those_who_may_read_a_message_get_it() {
    let router = Router::new();
    let (alone, reader, other) = (session("alone"), session("reader"), session("other"));
    router.subscribe(&filter("t"), &alone, granted(QoS::AtMostOnce));
    for member in [&reader, &other] {
        router.subscribe(&filter("$share/g/t"), member, granted(QoS::AtMostOnce));
    }
    let topic = TopicName::try_from("t").unwrap();
    let is_reader = |session: &Session| session.number() == reader.number();
    let matches = router.matches(&topic, is_reader);
    assert!(matches.targets.is_empty());
    for _ in 0..2 {
        let member = matches.groups[0].next_member().unwrap();
        assert_eq!(member.session.number(), reader.number());
    }
    // What was found is remembered until it is said that it may have changed.
    assert!(router.matches(&topic, |_| true).targets.is_empty());
    router.forget_matches();
    assert_eq!(router.matches(&topic, |_| true).targets.len(), 1);
}
