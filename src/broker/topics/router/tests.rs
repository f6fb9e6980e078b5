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

/// As `may_read`: no rights are asked.
const EVERYBODY: Option<fn(&Session) -> bool> = None;

fn filter(filter: &str) -> TopicFilter {
    TopicFilter::try_from(filter).unwrap()
}

/// Whose subscriptions match, with their QoS, sorted.
fn matched(router: &Router, topic: &str) -> Vec<String> {
    let matches = router.matches(&TopicName::try_from(topic).unwrap(), EVERYBODY);
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
    let matches = router.matches(&TopicName::try_from("t").unwrap(), EVERYBODY);
    assert!(matches.targets.is_empty());
    let turns = || {
        let members: Vec<_> = (0..6)
            .filter_map(|_| matches.groups[0].next_member(0))
            .map(|target| target.session.client_id().to_string())
            .collect();
        members.concat()
    };
    assert_eq!(turns(), "abcabc");
    let shared = filter("$share/g/t").shared().unwrap();
    for member in [&a, &b] {
        member.set_connected(true);
        router.bring_back(&shared, member.number());
    }
    assert_eq!(turns(), "ababab");
    a.set_connected(false);
    assert_eq!(turns(), "bbbbbb");
    b.set_connected(false);
    assert_eq!(turns(), "cabcab");
    router.unsubscribe(&filter("$share/g/t"), c.number());
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
    let matches = router.matches(&topic, Some(is_reader));
    assert!(matches.targets.is_empty());
    assert!(matches.groups[0].has_reader(is_reader));
    // What was found is remembered until it is said that it may have changed.
    assert!(router.matches(&topic, EVERYBODY).targets.is_empty());
    router.forget_matches();
    assert_eq!(router.matches(&topic, EVERYBODY).targets.len(), 1);
}

/// All filters of so many levels that are `+` or `a`, and a last level behind them.
fn filters_of_two(depth: u32, last: &str) -> impl Iterator<Item = TopicFilter> {
    let level = |number: u32, level: u32| if number >> level & 1 == 0 { "+/" } else { "a/" };
    (0..1 << depth).map(move |number| {
        let levels: String = (0..depth).map(|at| level(number, at)).collect();
        filter(&(levels + last))
    })
}

#[test]
fn a_match_visits_no_filters_with_another_number_of_levels() {
    let router = Router::new();
    let a = session("a");
    let filters: Vec<_> = filters_of_two(11, "b").collect();
    for filter in &filters {
        router.subscribe(filter, &a, granted(QoS::AtMostOnce));
    }
    router.subscribe(&filter("a/a/#"), &a, granted(QoS::AtMostOnce));
    let visits = |topic: &str| {
        router
            .tree
            .read()
            .visits(&TopicName::try_from(topic).unwrap())
    };
    let a_times = |times| vec!["a"; times].join("/");
    assert!(visits(&a_times(11)) < 10);
    assert!(visits(&a_times(20)) < 10);
    assert!(visits(&(a_times(11) + "/c")) <= 2 * 2_048);
    let matched = matched(&router, &(a_times(11) + "/b"));
    assert_eq!(matched.len(), 2_049);
    // Without those filters the tree is as before.
    for filter in &filters {
        router.unsubscribe(filter, a.number());
    }
    assert!(visits(&(a_times(11) + "/c")) <= 2);
}

#[test]
fn a_filter_costs_a_few_bytes_for_each_level() {
    let router = Router::new();
    let a = session("a");
    for number in 0..100 {
        let levels = vec!["ab/+"; 99].join("/");
        let wanted = filter(&format!("{levels}/{number}/{levels}").replace("/+/ab", "/ab"));
        router.subscribe(&wanted, &a, granted(QoS::AtMostOnce));
    }
    assert!(
        router.memory_bytes() < 100 * 2_000,
        "{}",
        router.memory_bytes()
    );
}

#[test]
fn remembered_matches_are_bounded_in_bytes_and_soon_forgotten() {
    const GROUPS: usize = 500;
    let router = Router::new();
    let a = session("a");
    let groups: Vec<_> = (0..GROUPS)
        .map(|number| filter(&format!("$share/g{number}/#")))
        .collect();
    for group in &groups {
        router.subscribe(group, &a, granted(QoS::AtMostOnce));
    }
    let subscribed = router.memory_bytes();
    for number in 0..10_000 {
        let topic = TopicName::try_from(format!("t/{number}").as_str()).unwrap();
        assert_eq!(router.matches(&topic, EVERYBODY).groups.len(), GROUPS);
    }
    let remembered = router.memory_bytes() - subscribed;
    assert!(remembered < 9 * 1024 * 1024, "{remembered}");
    for group in &groups {
        router.unsubscribe(group, a.number());
    }
    for _ in 0..3 {
        router.forget_unused_matches();
    }
    assert_eq!(router.memory_bytes(), 0);
    assert_eq!(Arc::strong_count(&a), 1);
}

#[test]
fn a_large_group_is_joined_left_and_served_without_copies() {
    const MEMBERS: usize = 20_000;
    let router = Router::new();
    let members: Vec<_> = (0..MEMBERS).map(|_| session("member")).collect();
    let shared = filter("$share/g/t");
    for member in &members {
        member.set_connected(true);
        router.subscribe(&shared, member, granted(QoS::AtMostOnce));
    }
    let topic = TopicName::try_from("t").unwrap();
    for member in &members {
        let matches = router.matches(&topic, EVERYBODY);
        let next = matches.groups[0].next_member(0).unwrap();
        assert_eq!(next.session.number(), member.number());
    }
    for member in &members {
        router.unsubscribe(&shared, member.number());
    }
    assert!(router.tree.read().is_empty());
}

mod against_a_list {
    use proptest::prelude::*;

    use super::*;
    use crate::protocol::topic_matches;

    proptest! {
        #[test]
        fn the_tree_matches_as_each_filter_alone_does_while_filters_come_and_go(
            changes in prop::collection::vec(
                ("(([$]?[ab]{1,2}|[+]|)/){0,4}([ab]{1,2}|[+]|#)", any::<bool>()), 1..40
            ),
            topics in prop::collection::vec("[$]?[ab]{1,2}(/[ab]{0,2}){0,4}", 1..10),
        ) {
            let router = Router::new();
            let a = session("a");
            let mut subscribed = Vec::new();
            for (text, comes) in &changes {
                let wanted = filter(text);
                let known = subscribed.iter().position(|known| *known == wanted);
                match (comes, known) {
                    (true, None) => {
                        router.subscribe(&wanted, &a, granted(QoS::AtMostOnce));
                        subscribed.push(wanted);
                    }
                    (false, Some(at)) => {
                        router.unsubscribe(&wanted, a.number());
                        subscribed.swap_remove(at);
                    }
                    _ => {}
                }
            }
            for topic in &topics {
                let name = TopicName::try_from(topic.as_str()).unwrap();
                let expected = subscribed.iter().filter(|filter| topic_matches(filter, &name));
                prop_assert_eq!(matched(&router, topic).len(), expected.count(), "{}", topic);
            }
            for known in &subscribed {
                router.unsubscribe(known, a.number());
            }
            prop_assert!(router.tree.read().is_empty());
            prop_assert_eq!(router.tree.read().memory_bytes(), 0);
        }
    }
}
