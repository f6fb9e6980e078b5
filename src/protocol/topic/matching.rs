use super::rules::levels;
use super::{TopicFilter, TopicName};

/// Returns whether the filter matches the topic.
///
/// A leading wildcard matches no topic that begins with `$` [MQTT-4.7.2-1], and `a/#` matches
/// `a` itself. A shared subscription's filter matches nothing here: use the filter of
/// [`TopicFilter::shared`].
pub fn topic_matches(filter: &TopicFilter, topic: &TopicName) -> bool {
    let (filter, topic) = (filter.as_bytes(), topic.as_bytes());
    if topic[0] == b'$' && matches!(filter[0], b'+' | b'#') {
        return false;
    }
    levels_match(levels(filter), levels(topic))
}

/// Returns whether the levels of a filter match the levels of a topic.
pub fn levels_match<'a>(
    mut filter: impl Iterator<Item = &'a [u8]>,
    mut topic: impl Iterator<Item = &'a [u8]>,
) -> bool {
    loop {
        match (filter.next(), topic.next()) {
            (Some(b"#"), _) | (None, None) => return true,
            (Some(b"+"), Some(_)) => {}
            (Some(wanted), Some(level)) if wanted == level => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(filter: &str, topic: &str) -> bool {
        topic_matches(
            &TopicFilter::try_from(filter).unwrap(),
            &TopicName::try_from(topic).unwrap(),
        )
    }

    #[test]
    fn filters_match_as_the_standard_says() {
        for (filter, topic) in [
            ("a/b", "a/b"),
            ("sport/tennis/player1/#", "sport/tennis/player1"),
            ("sport/tennis/player1/#", "sport/tennis/player1/ranking"),
            (
                "sport/tennis/player1/#",
                "sport/tennis/player1/score/wimbledon",
            ),
            ("sport/#", "sport"),
            ("#", "a/b/c"),
            ("#", "/"),
            ("sport/tennis/+", "sport/tennis/player1"),
            ("sport/+", "sport/"),
            ("+/+", "/finance"),
            ("/+", "/finance"),
            ("+", "a"),
            ("maison/+/lumière", "maison/salon/lumière"),
            ("maison/#", "maison/salon/lumière"),
            ("$SYS/#", "$SYS/broker/version"),
            ("$SYS/monitor/+", "$SYS/monitor/Clients"),
            ("a//b", "a//b"),
            ("a/+/b", "a//b"),
            ("+/#", "a"),
        ] {
            assert!(matches(filter, topic), "{filter} should match {topic}");
        }
        for (filter, topic) in [
            ("a/b", "a"),
            ("a", "a/b"),
            ("A", "a"),
            ("a", "/a"),
            ("sport/tennis/+", "sport/tennis/player1/ranking"),
            ("sport/+", "sport"),
            ("+", "/finance"),
            ("maison/+/lumière", "maison/salon/lumière/plafond"),
            ("#", "$SYS/broker/version"),
            ("+/monitor/Clients", "$SYS/monitor/Clients"),
            ("a/#", "ab"),
            ("a/", "a"),
        ] {
            assert!(!matches(filter, topic), "{filter} should not match {topic}");
        }
    }
}
