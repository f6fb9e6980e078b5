use std::fmt;

use bytes::Bytes;

use super::rules::{InvalidTopic, check, levels};

const SHARED_PREFIX: &[u8] = b"$share/";

/// A topic filter: a topic in which `+` stands for one level and `#` for all that follow.
///
/// A filter may be shared by a group: `$share/GROUP/FILTER`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TopicFilter(Bytes);

/// The two parts of a shared subscription's filter [MQTT-4.8.2-1].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SharedFilter {
    /// The name of the group, never empty.
    pub group: Bytes,
    /// The filter whose messages the group shares.
    pub filter: TopicFilter,
}

impl TopicFilter {
    /// Makes a topic filter of the bytes without copying them.
    pub fn from_bytes(bytes: Bytes) -> Result<Self, InvalidTopic> {
        check(&bytes)?;
        if bytes[..] == *b"$share" {
            return Err(InvalidTopic::Shared);
        }
        if let Some(rest) = bytes.strip_prefix(SHARED_PREFIX) {
            let slash = memchr::memchr(b'/', rest).ok_or(InvalidTopic::Shared)?;
            let (group, filter) = (&rest[..slash], &rest[slash + 1..]);
            if group == b"#" {
                // No filter goes on behind a `#` [MQTT-4.7.1-1].
                return Err(InvalidTopic::Wildcard);
            }
            let wild = memchr::memchr2(b'+', b'#', group).is_some();
            if group.is_empty() || filter.is_empty() || wild {
                return Err(InvalidTopic::Shared);
            }
        }
        check_wildcards(&bytes)?;
        Ok(Self(bytes))
    }

    /// Returns the filter's bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Returns the filter as a string.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("checked when it was made")
    }

    /// Returns whether the filter has a `+` or a `#`.
    pub fn has_wildcard(&self) -> bool {
        memchr::memchr2(b'+', b'#', &self.0).is_some()
    }

    /// Returns the group and its filter if this is a shared subscription's.
    pub fn shared(&self) -> Option<SharedFilter> {
        let rest = self.0.strip_prefix(SHARED_PREFIX)?;
        let slash = memchr::memchr(b'/', rest)?;
        let start = SHARED_PREFIX.len();
        Some(SharedFilter {
            group: self.0.slice(start..start + slash),
            filter: Self(self.0.slice(start + slash + 1..)),
        })
    }

    /// Returns whether the filter is a shared subscription's.
    pub fn is_shared(&self) -> bool {
        self.0.starts_with(SHARED_PREFIX)
    }

    /// Copies the filter into an allocation of its exact size.
    ///
    /// The copy keeps no larger buffer alive.
    pub fn to_owned_filter(&self) -> Self {
        Self(Bytes::copy_from_slice(&self.0))
    }
}

impl TryFrom<&str> for TopicFilter {
    type Error = InvalidTopic;

    fn try_from(filter: &str) -> Result<Self, InvalidTopic> {
        Self::from_bytes(Bytes::copy_from_slice(filter.as_bytes()))
    }
}

impl fmt::Display for TopicFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for TopicFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

fn check_wildcards(filter: &[u8]) -> Result<(), InvalidTopic> {
    if memchr::memchr2(b'+', b'#', filter).is_none() {
        return Ok(());
    }
    let mut levels = levels(filter).peekable();
    while let Some(level) = levels.next() {
        let last = levels.peek().is_none();
        let allowed = match level {
            b"+" => true,
            b"#" => last,
            _ => memchr::memchr2(b'+', b'#', level).is_none(),
        };
        if !allowed {
            return Err(InvalidTopic::Wildcard);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_stand_for_whole_levels_and_the_hash_stands_last() {
        for filter in [
            "#",
            "+",
            "a/#",
            "+/+/#",
            "maison/+/lumière",
            "/+",
            "a/+",
            "a//#",
        ] {
            assert!(TopicFilter::try_from(filter).is_ok(), "{filter}");
        }
        for filter in [
            "maison+/lumière",
            "a#",
            "#/a",
            "a/#/b",
            "a/b+",
            "+a",
            "a/##",
            "++",
        ] {
            assert_eq!(
                TopicFilter::try_from(filter),
                Err(InvalidTopic::Wildcard),
                "{filter}"
            );
        }
    }

    #[test]
    fn a_shared_filter_names_a_group_and_a_filter() {
        let shared = TopicFilter::try_from("$share/g/a/+")
            .unwrap()
            .shared()
            .unwrap();
        assert_eq!(&shared.group[..], b"g");
        assert_eq!(shared.filter.as_str(), "a/+");
        assert_eq!(TopicFilter::try_from("$shared/g/a").unwrap().shared(), None);
        for filter in [
            "$share",
            "$share/",
            "$share/g",
            "$share/g/",
            "$share//a",
            "$share/+/a",
        ] {
            assert_eq!(
                TopicFilter::try_from(filter),
                Err(InvalidTopic::Shared),
                "{filter}"
            );
        }
    }
}
