use std::fmt;

use bytes::Bytes;

use super::rules::{InvalidTopic, check};

/// The topic of a message: not empty, without wildcards.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TopicName(Bytes);

impl TopicName {
    /// Makes a topic name of the bytes without copying them.
    pub fn from_bytes(bytes: Bytes) -> Result<Self, InvalidTopic> {
        check(&bytes)?;
        if memchr::memchr2(b'+', b'#', &bytes).is_some() {
            return Err(InvalidTopic::Wildcard);
        }
        Ok(Self(bytes))
    }

    /// Returns the topic name's bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Returns the topic name as a string.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("checked when it was made")
    }

    /// Copies the name into an allocation of its exact size.
    ///
    /// The copy keeps no larger buffer alive.
    pub fn to_owned_name(&self) -> Self {
        Self(Bytes::copy_from_slice(&self.0))
    }

    /// Moves the name to other bytes, which must be equal.
    ///
    /// So a copy of the name can share an allocation with other data.
    ///
    /// # Panics
    ///
    /// The bytes differ.
    pub fn moved_to(&self, bytes: Bytes) -> Self {
        assert_eq!(bytes, self.0, "a moved topic stays the same");
        Self(bytes)
    }
}

impl TryFrom<&str> for TopicName {
    type Error = InvalidTopic;

    fn try_from(topic: &str) -> Result<Self, InvalidTopic> {
        Self::from_bytes(Bytes::copy_from_slice(topic.as_bytes()))
    }
}

impl fmt::Display for TopicName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for TopicName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_accents_spaces_and_empty_levels_are_allowed() {
        for name in [
            "ha/_temperature2",
            "maison/salon/lumière",
            "été/salon",
            "/",
            "a//b",
            "a b",
        ] {
            assert_eq!(TopicName::try_from(name).unwrap().as_str(), name);
        }
    }

    #[test]
    fn names_with_wildcards_are_refused() {
        for name in ["#", "a/#", "+", "a/+/b", "a+", "b#c"] {
            assert_eq!(
                TopicName::try_from(name),
                Err(InvalidTopic::Wildcard),
                "{name}"
            );
        }
    }

    #[test]
    fn empty_overlong_deep_and_malformed_names_are_refused() {
        assert_eq!(TopicName::try_from(""), Err(InvalidTopic::Empty));
        assert!(TopicName::try_from("a".repeat(65_535).as_str()).is_ok());
        assert_eq!(
            TopicName::try_from("a".repeat(65_536).as_str()),
            Err(InvalidTopic::TooLong)
        );
        assert!(TopicName::try_from("/".repeat(200).as_str()).is_ok());
        assert_eq!(
            TopicName::try_from("/".repeat(201).as_str()),
            Err(InvalidTopic::TooDeep)
        );
        assert_eq!(TopicName::try_from("a\0"), Err(InvalidTopic::Malformed));
        assert_eq!(
            TopicName::from_bytes(Bytes::from_static(b"a\xff")),
            Err(InvalidTopic::Malformed)
        );
    }
}
