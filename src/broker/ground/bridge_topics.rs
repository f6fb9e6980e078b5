use std::borrow::Cow;

use bytes::Bytes;

use super::GrantedOptions;
use crate::protocol::{QoS, SubscriptionId, TopicFilter, TopicName, topic_matches};

/// The topics that a bridge carries, with their names on both brokers.
///
/// The bridge's session has a subscription for each local filter, whose subscription identifier
/// is the number of the first line with that filter. What waits in the session has the number of
/// the line that renames it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::broker) struct BridgeTopics {
    lines: Vec<BridgeLine>,
    /// True if outgoing messages keep their retain flag.
    pub(in crate::broker) keeps_retain: bool,
    /// True if QoS 0 messages wait for the connection, too.
    pub(in crate::broker) queues_qos0: bool,
    /// The highest QoS that the remote broker takes.
    pub(in crate::broker) maximum_qos: QoS,
}

/// A line of [`BridgeTopics`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::broker) struct BridgeLine {
    pub(in crate::broker) local: TopicFilter,
    pub(in crate::broker) remote: TopicFilter,
    pub(in crate::broker) local_prefix: String,
    pub(in crate::broker) remote_prefix: String,
    pub(in crate::broker) is_out: bool,
    pub(in crate::broker) is_in: bool,
    pub(in crate::broker) qos: QoS,
}

impl BridgeTopics {
    pub(in crate::broker) fn new(lines: Vec<BridgeLine>) -> Self {
        Self {
            lines,
            keeps_retain: true,
            queues_qos0: false,
            maximum_qos: QoS::ExactlyOnce,
        }
    }

    pub(in crate::broker) fn lines(&self) -> &[BridgeLine] {
        &self.lines
    }

    /// Returns the local filters, each with its subscription identifier and its QoS.
    pub(in crate::broker) fn subscriptions(
        &self,
    ) -> impl Iterator<Item = (&TopicFilter, SubscriptionId, QoS)> {
        let outgoing = || self.lines.iter().filter(|line| line.is_out);
        self.lines
            .iter()
            .enumerate()
            .filter_map(move |(index, line)| {
                let same = || outgoing().filter(|other| other.local == line.local);
                let is_first = same().next().is_some_and(|first| std::ptr::eq(first, line));
                let qos = same().map(|line| line.qos).max()?;
                is_first.then_some((&line.local, number(index)?, qos))
            })
    }

    /// Calls `take` for each copy of a message that goes to the remote broker because of the
    /// subscription that `granted` is about.
    ///
    /// There is one copy for each remote topic, however many lines lead to it. It belongs to
    /// the first of those lines, and has the highest QoS of them.
    pub(in crate::broker) fn for_each_copy(
        &self,
        topic: &TopicName,
        granted: GrantedOptions,
        mut take: impl FnMut(GrantedOptions),
    ) {
        let Some(subscribed) = granted.subscription_id.and_then(|id| self.line(id)) else {
            return;
        };
        let outgoing = || {
            let lines = self.lines.iter().enumerate();
            lines.filter(|(_, line)| line.is_out && topic_matches(&line.local, topic))
        };
        for (index, line) in outgoing().filter(|(_, line)| line.local == subscribed.local) {
            let Some(name) = line.remote_name(topic.as_bytes()) else {
                continue;
            };
            let leads_there =
                |other: &BridgeLine| other.remote_name(topic.as_bytes()).as_ref() == Some(&name);
            let mut same = outgoing().filter(|(_, other)| leads_there(other));
            let is_first = same.next().is_some_and(|(first, _)| first == index);
            if !is_first {
                continue;
            }
            let qos = same.map(|(_, other)| other.qos).fold(line.qos, QoS::max);
            take(GrantedOptions {
                subscription_id: number(index),
                qos,
                ..granted
            });
        }
    }

    /// Returns the name of a waiting message on the remote broker; `None` if no line carries
    /// it any more.
    pub(in crate::broker) fn remote_name<'a>(
        &self,
        topic: &'a TopicName,
        line: Option<SubscriptionId>,
    ) -> Option<Cow<'a, [u8]>> {
        let carries = |line: &&BridgeLine| line.is_out && topic_matches(&line.local, topic);
        let own = line.and_then(|id| self.line(id)).filter(carries);
        let line = own.or_else(|| self.lines.iter().find(carries))?;
        line.remote_name(topic.as_bytes())
    }

    /// Returns the local name of a message from the remote broker and its highest QoS; `None`
    /// if no line asks for it.
    ///
    /// As in Mosquitto the first matching line with a prefix decides.
    pub(in crate::broker) fn local_name(&self, topic: &TopicName) -> Option<(TopicName, QoS)> {
        let mut plain = None;
        let lines = self.lines.iter().filter(|line| line.is_in);
        for line in lines.filter(|line| line.asks_for(topic)) {
            if line.local_prefix.is_empty() && line.remote_prefix.is_empty() {
                plain = plain.max(Some(line.qos));
            } else {
                return line.local_name(topic).map(|name| (name, line.qos));
            }
        }
        plain.map(|qos| (topic.clone(), qos))
    }

    fn line(&self, id: SubscriptionId) -> Option<&BridgeLine> {
        let index = usize::try_from(id.get()).ok()?.checked_sub(1)?;
        self.lines.get(index)
    }
}

impl BridgeLine {
    /// Returns the name of a local topic on the remote broker.
    fn remote_name<'a>(&self, topic: &'a [u8]) -> Option<Cow<'a, [u8]>> {
        renamed(topic, &self.local_prefix, &self.remote_prefix)
    }

    fn local_name(&self, topic: &TopicName) -> Option<TopicName> {
        let remote_prefix = self.shared_part().unwrap_or(&self.remote_prefix);
        let name = renamed(topic.as_bytes(), remote_prefix, &self.local_prefix)?;
        TopicName::from_bytes(Bytes::copy_from_slice(&name)).ok()
    }

    /// Returns whether the line subscribes to a topic of the remote broker.
    fn asks_for(&self, topic: &TopicName) -> bool {
        match self.remote.shared() {
            Some(shared) => topic_matches(&shared.filter, topic),
            None => topic_matches(&self.remote, topic),
        }
    }

    /// Returns the part of the remote prefix that stands behind `$share/GROUP/`.
    fn shared_part(&self) -> Option<&str> {
        let mut parts = self.remote_prefix.splitn(3, '/');
        let is_shared = parts.next() == Some("$share");
        parts.nth(1).filter(|_| is_shared)
    }
}

/// Puts one prefix in place of another.
///
/// The filter `a/#` matches `a`, too, which is there without the `/` of its prefix.
fn renamed<'a>(topic: &'a [u8], from: &str, to: &str) -> Option<Cow<'a, [u8]>> {
    if from.is_empty() && to.is_empty() {
        return Some(Cow::Borrowed(topic));
    }
    let name = match topic.strip_prefix(from.as_bytes()) {
        Some(rest) => [to.as_bytes(), rest].concat(),
        None if from.strip_suffix('/').map(str::as_bytes) == Some(topic) => {
            to.strip_suffix('/').unwrap_or(to).as_bytes().to_owned()
        }
        None => return None,
    };
    (!name.is_empty()).then_some(Cow::Owned(name))
}

/// Returns the subscription identifier of a line.
fn number(index: usize) -> Option<SubscriptionId> {
    SubscriptionId::new(u32::try_from(index + 1).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topics(lines: &[(&str, &str, u8, &str, &str)]) -> BridgeTopics {
        let qos = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce];
        let filter = |prefix: &str, pattern: &str| {
            TopicFilter::try_from(format!("{prefix}{pattern}").as_str()).unwrap()
        };
        let lines = lines
            .iter()
            .map(|&(pattern, direction, level, local, remote)| BridgeLine {
                local: filter(local, pattern),
                remote: filter(remote, pattern),
                local_prefix: local.to_owned(),
                remote_prefix: remote.to_owned(),
                is_out: direction != "in",
                is_in: direction != "out",
                qos: qos[usize::from(level)],
            });
        BridgeTopics::new(lines.collect())
    }

    /// The remote topics of all copies of a message, with their QoS.
    fn copies(topics: &BridgeTopics, topic: &str) -> Vec<(String, u8)> {
        let topic = TopicName::try_from(topic).unwrap();
        let mut copies = Vec::new();
        for (filter, id, qos) in topics.subscriptions() {
            if !topic_matches(filter, &topic) {
                continue;
            }
            let granted = GrantedOptions {
                qos,
                no_local: true,
                retain_as_published: true,
                subscription_id: Some(id),
                share: None,
            };
            topics.for_each_copy(&topic, granted, |granted| {
                let name = topics.remote_name(&topic, granted.subscription_id).unwrap();
                let name = String::from_utf8(name.into_owned()).unwrap();
                copies.push((name, u8::from(granted.qos)));
            });
        }
        copies
    }

    fn local(topics: &BridgeTopics, topic: &str) -> Option<String> {
        let topic = TopicName::try_from(topic).unwrap();
        topics.local_name(&topic).map(|(name, _)| name.to_string())
    }

    #[test]
    fn overlapping_lines_give_one_copy_for_each_remote_topic() {
        let topics = topics(&[
            ("#", "out", 1, "", ""),
            ("a/#", "out", 1, "", "r/"),
            ("a/b", "out", 2, "", "q/"),
            ("b", "out", 2, "a/", "r/a/"),
        ]);
        let expected = [("a/b", 1), ("r/a/b", 2), ("q/a/b", 2)];
        let expected = expected.map(|(name, qos)| (name.to_owned(), qos));
        assert_eq!(copies(&topics, "a/b"), expected);
        assert_eq!(copies(&topics, "c"), [("c".to_owned(), 1)]);
    }

    #[test]
    fn lines_with_one_filter_and_two_names_give_two_copies() {
        let topics = topics(&[("#", "out", 0, "a/", "x/"), ("#", "both", 1, "a/", "y/")]);
        assert_eq!(
            copies(&topics, "a/t"),
            [("x/t".to_owned(), 0), ("y/t".to_owned(), 1)]
        );
        assert_eq!(topics.subscriptions().count(), 1);
        assert_eq!(
            copies(&topics, "a"),
            [("x".to_owned(), 0), ("y".to_owned(), 1)]
        );
    }

    #[test]
    fn incoming_topics_are_renamed_as_mosquitto_does() {
        let topics = topics(&[
            ("#", "in", 0, "local/", "remote/"),
            ("ic/+", "in", 0, "local4/top", "remote4/tip"),
            (
                "clients/total",
                "in",
                0,
                "test/mosquitto/org",
                "$SYS/broker/",
            ),
            ("plain", "in", 0, "", ""),
            ("", "in", 0, "one", "two"),
            ("x", "out", 0, "", ""),
        ]);
        for (remote, expected) in [
            ("remote/a/b", Some("local/a/b")),
            ("remote4/tipic/x", Some("local4/topic/x")),
            (
                "$SYS/broker/clients/total",
                Some("test/mosquitto/orgclients/total"),
            ),
            ("plain", Some("plain")),
            ("two", Some("one")),
            ("x", None),
            ("other", None),
        ] {
            assert_eq!(local(&topics, remote).as_deref(), expected, "{remote}");
        }
    }

    #[test]
    fn a_shared_remote_filter_matches_behind_its_group() {
        let topics = topics(&[("t/#", "in", 1, "in/", "$share/g/r/")]);
        assert_eq!(local(&topics, "r/t/1").as_deref(), Some("in/t/1"));
    }

    #[test]
    fn a_message_that_waits_goes_by_another_line_when_its_own_is_gone() {
        let topic = TopicName::try_from("a/b").unwrap();
        let topics = topics(&[("a/#", "out", 1, "", "r/")]);
        let name = topics.remote_name(&topic, number(7)).unwrap();
        assert_eq!(&name[..], b"r/a/b");
        let other = TopicName::try_from("b").unwrap();
        assert_eq!(topics.remote_name(&other, number(0)), None);
    }
}
