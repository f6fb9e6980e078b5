use proptest::prelude::*;

use super::super::Decision;
use super::*;
use crate::protocol::{Text, TopicName, topic_matches};

const PLENTY: usize = 1_000_000;

fn acl(text: &str) -> Acl {
    Acl::parse(Path::new("acl"), text.as_bytes()).unwrap()
}

/// The reason why nothing of the filter is readable; empty if something is.
fn reason(rules: &str, client: (&str, &str), filter: &str) -> String {
    let acl = acl(rules);
    let (client_id, username) = (text(client.0), text(client.1));
    let who = Who {
        client_id: &client_id,
        username: (!username.is_empty()).then_some(&username),
    };
    let filter = TopicFilter::try_from(filter).unwrap();
    match acl.coverage(&filter, b"", who, &mut Effort::new(PLENTY)) {
        Coverage::Something => String::new(),
        Coverage::Nothing(reason) => reason.to_string(),
        Coverage::Unknown => panic!("the effort suffices"),
    }
}

fn text(text: &str) -> Text {
    Text::try_from(text).unwrap()
}

#[test]
fn a_filter_that_covers_a_readable_topic_covers_something() {
    let rules = "topic read house/+/light\ntopic deny house/cellar/light\ntopic read $SYS/#\n\
                 pattern read own/%c/#\ntopic write inbox\n";
    for filter in [
        "#",
        "+/#",
        "house/#",
        "house/attic/light",
        "+/+/light/#",
        "$share/group/house/#",
        "$SYS/broker/uptime",
        "own/c/x",
        "own/c",
        "own/+/#",
    ] {
        assert_eq!(reason(rules, ("c", ""), filter), "", "{filter}");
    }
}

#[test]
fn the_reason_is_the_rule_that_denies_or_that_none_grants() {
    let rules = "topic read house/#\ntopic deny house/cellar/#\ntopic write inbox\n\
                 pattern deny %c/secret\npattern read %c/#\n";
    let not_granted = "no rule in acl grants them";
    for (filter, expected) in [
        ("inbox", not_granted),
        ("garden/#", not_granted),
        ("own/d", not_granted),
        ("$SYS/#", not_granted),
        (
            "house/cellar/#",
            "'topic deny house/cellar/#' (acl:2) denies them",
        ),
        (
            "$share/g/house/cellar/+",
            "'topic deny house/cellar/#' (acl:2) denies them",
        ),
        ("c/secret", "'pattern deny %c/secret' (acl:4) denies them"),
    ] {
        assert_eq!(reason(rules, ("c", ""), filter), expected, "{filter}");
    }
    assert_eq!(
        reason(rules, ("+", ""), "own/+"),
        "no rule in acl grants them, and patterns do not apply to a user name or client \
         identifier with + or #"
    );
    // No rule would grant it, but a denial is easier to find.
    assert_eq!(
        reason("topic deny a\n", ("c", ""), "a"),
        "'topic deny a' (acl:1) denies them"
    );
}

#[test]
fn denials_together_leave_nothing_only_if_each_depth_has_one() {
    for (denied, left) in [
        (&["a", "a/+", "a/+/#"][..], false),
        (&["a", "a/+/+/#"], true),
        (&["a/+", "a/+/+/#"], true),
        (&["a", "+/+", "+/+/+/#"], false),
        // The names of a level are unlimited.
        (&["a", "a/x/#", "a/y/#"], true),
        (&["+/#"], false),
    ] {
        let denials: String = denied
            .iter()
            .map(|filter| format!("topic deny {filter}\n"))
            .collect();
        let found = reason(&format!("topic read a/#\n{denials}"), ("c", ""), "a/#");
        assert_eq!(found.is_empty(), left, "{denied:?}: {found}");
    }
}

#[test]
fn a_topic_that_would_be_too_long_or_too_deep_is_none() {
    let long = "x".repeat(40_000);
    let rules = format!("topic read {long}/+\n");
    assert_eq!(reason(&rules, ("c", ""), &format!("{long}/+")), "");
    assert_ne!(reason(&rules, ("c", ""), &format!("+/{long}")), "");
    let deep = "/".repeat(150);
    assert_eq!(reason("pattern read %c/x\n", (&deep, ""), "#"), "");
    let deeper = "/".repeat(200);
    assert_ne!(reason("pattern read %c/x\n", (&deeper, ""), "#"), "");
}

#[test]
fn the_effort_is_bounded() {
    let rules: String = (0..1_000)
        .map(|number| format!("topic read {number}\n"))
        .chain(["topic deny #\n".to_owned()])
        .collect();
    let acl = acl(&rules);
    let client_id = text("c");
    let who = Who {
        client_id: &client_id,
        username: None,
    };
    let filter = TopicFilter::try_from("#").unwrap();
    let mut effort = Effort::new(PLENTY);
    let coverage = acl.coverage(&filter, b"", who, &mut effort);
    assert!(matches!(coverage, Coverage::Nothing(_)));
    assert!(effort.0 > PLENTY - 100_000, "{effort:?}");
    let coverage = acl.coverage(&filter, b"", who, &mut Effort::new(10_000));
    assert!(matches!(coverage, Coverage::Unknown));
}

/// A rule of an ACL file, a filter: some levels, and perhaps a `#`.
fn path(names: &'static [&'static str], most: usize) -> impl Strategy<Value = String> {
    let levels = prop::collection::vec(prop::sample::select(names), 0..=most);
    (levels, any::<bool>()).prop_filter_map("empty", |(mut levels, is_open)| {
        if is_open {
            levels.push("#");
        }
        let path = levels.join("/");
        TopicFilter::try_from(path.as_str()).ok().map(|_| path)
    })
}

fn rules() -> impl Strategy<Value = String> {
    const NAMES: &[&str] = &["a", "a", "b", "ab", "", "+", "+", "$a", "%c", "%u"];
    let line = (
        prop::sample::select(&["topic", "topic", "pattern"][..]),
        prop::sample::select(&["read", "readwrite", "write", "deny", "deny"][..]),
        path(NAMES, 2),
    );
    let line = line.prop_map(|(keyword, access, path)| format!("{keyword} {access} {path}\n"));
    let lines = prop::collection::vec(line, 0..8);
    (lines, prop::option::of(0_usize..8)).prop_map(|(mut lines, user)| {
        if let Some(at) = user.filter(|&at| at <= lines.len()) {
            lines.insert(at, "user b\n".to_owned());
        }
        lines.concat()
    })
}

/// All topics of few levels with the names of rules and filter, and one of neither.
fn small_topics(filter: &TopicFilter) -> Vec<TopicName> {
    let mut names = vec!["", "a", "b", "ab", "$a", "%c", "%u", "unheard"];
    names.extend(filter.as_str().split('/'));
    names.sort_unstable();
    names.dedup();
    let mut longest: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let mut topics = longest.clone();
    for _ in 1..4 {
        longest = longest
            .iter()
            .flat_map(|topic| names.iter().map(move |name| format!("{topic}/{name}")))
            .collect();
        topics.extend_from_slice(&longest);
    }
    let names = topics
        .iter()
        .map(|topic| TopicName::try_from(topic.as_str()));
    names.filter_map(Result::ok).collect()
}

proptest! {
    #[test]
    fn coverage_is_what_trying_all_small_topics_finds(
        rules in rules(),
        filter in path(&["a", "a", "b", "ab", "", "+", "+", "$a"], 2),
        mount_point in prop::sample::select(&["", "", "", "a/", "a", "/", "$a/"][..]),
        group in prop::sample::select(&["", "$share/g/"][..]),
        client_id in prop::sample::select(&["a", "b", "a/b", "$a", "a+", ""][..]),
        username in prop::option::of(prop::sample::select(&["b", "a", "", "b/#"][..])),
    ) {
        let acl = acl(&rules);
        let (client_id, username) = (text(client_id), username.map(text));
        let who = Who { client_id: &client_id, username: username.as_ref() };
        let Ok(plain) = TopicFilter::try_from(format!("{mount_point}{filter}").as_str()) else {
            return Ok(());
        };
        let is_readable = |topic: &TopicName| {
            let behind = topic.as_str().strip_prefix(mount_point);
            behind.is_some_and(|behind| !behind.is_empty())
                && topic_matches(&plain, topic)
                && acl.decide(Access::Read, topic, who) == Decision::Allowed
        };
        let expected = small_topics(&plain).iter().any(is_readable);
        let shared = TopicFilter::try_from(format!("{group}{plain}").as_str()).unwrap();
        let coverage =
            acl.coverage(&shared, mount_point.as_bytes(), who, &mut Effort::new(PLENTY));
        match coverage {
            Coverage::Something => prop_assert!(expected, "{rules}"),
            Coverage::Nothing(reason) => prop_assert!(!expected, "{rules}: {reason}"),
            Coverage::Unknown => prop_assert!(false, "the effort suffices"),
        }
    }
}
