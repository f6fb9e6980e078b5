use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};

use crate::protocol::{InvalidTopic, TopicFilter, TopicName};

/// Prefix of every topic of a listener's clients, who do not see it.
///
/// It is plain text: a mount point that is to be a level of its own ends in `/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::broker) struct MountPoint(Arc<str>);

impl MountPoint {
    pub(in crate::broker) fn new(prefix: &str) -> Self {
        Self(prefix.into())
    }

    pub(in crate::broker) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// Returns the broker's name of a client's topic; an error if it is too long or deep.
    pub(in crate::broker) fn mounted_name(
        &self,
        topic: &TopicName,
    ) -> Result<TopicName, InvalidTopic> {
        TopicName::from_bytes(self.before(b"", topic.as_bytes()))
    }

    /// Returns the broker's form of a client's filter, that of a shared subscription behind its
    /// group; an error if the wildcards no longer are levels.
    pub(in crate::broker) fn mounted_filter(
        &self,
        filter: &TopicFilter,
    ) -> Result<TopicFilter, InvalidTopic> {
        let bytes = filter.as_bytes();
        let own = filter
            .shared()
            .map_or(bytes.len(), |shared| shared.filter.as_bytes().len());
        let (group, filter) = bytes.split_at(bytes.len() - own);
        TopicFilter::from_bytes(self.before(group, filter))
    }

    /// Returns the client's name of a broker's topic; `None` for a topic of no client here.
    pub(in crate::broker) fn unmounted<'a>(&self, topic: &'a [u8]) -> Option<&'a [u8]> {
        let rest = topic.strip_prefix(self.0.as_bytes())?;
        (!rest.is_empty()).then_some(rest)
    }

    fn before(&self, group: &[u8], rest: &[u8]) -> Bytes {
        let mut mounted = BytesMut::with_capacity(group.len() + self.0.len() + rest.len());
        mounted.put_slice(group);
        mounted.put_slice(self.0.as_bytes());
        mounted.put_slice(rest);
        mounted.freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mounted(prefix: &str, filter: &str) -> Result<String, InvalidTopic> {
        let filter = TopicFilter::try_from(filter).unwrap();
        let mounted = MountPoint::new(prefix).mounted_filter(&filter);
        mounted.map(|filter| filter.to_string())
    }

    #[test]
    fn a_prefix_stands_before_topics_and_filters() {
        for (prefix, filter, expected) in [
            ("m/", "a/b", "m/a/b"),
            ("m/", "#", "m/#"),
            ("m", "a", "ma"),
            ("m/", "$SYS/#", "m/$SYS/#"),
            ("m/", "$share/g/+/t", "$share/g/m/+/t"),
        ] {
            assert_eq!(mounted(prefix, filter).unwrap(), expected);
        }
        assert_eq!(mounted("m", "#"), Err(InvalidTopic::Wildcard));
        let topic = TopicName::try_from("a").unwrap();
        let deep = MountPoint::new(&"/".repeat(201)).mounted_name(&topic);
        assert_eq!(deep, Err(InvalidTopic::TooDeep));
    }

    #[test]
    fn a_client_gets_no_topic_without_the_prefix() {
        let mount_point = MountPoint::new("m/");
        for (topic, seen) in [
            ("m/a", Some("a")),
            ("m//", Some("/")),
            ("m/", None),
            ("m", None),
            ("n/a", None),
        ] {
            let unmounted = mount_point.unmounted(topic.as_bytes());
            assert_eq!(unmounted, seen.map(str::as_bytes), "{topic}");
        }
    }
}
