use thiserror::Error;

use crate::protocol::text::is_plain;

/// The maximum number of `/` in a topic, as in Mosquitto.
///
/// It bounds the depth of every tree of topics.
pub const MAX_TOPIC_LEVELS: usize = 200;

/// A reason that a string is not a topic name or not a topic filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum InvalidTopic {
    /// It is empty [MQTT-4.7.3-1].
    #[error("a topic cannot be empty")]
    Empty,
    /// It has more than 65,535 bytes [MQTT-4.7.3-3].
    #[error("a topic cannot be longer than 65,535 bytes")]
    TooLong,
    /// It has more than 200 `/`.
    #[error("a topic cannot have more than 200 levels")]
    TooDeep,
    /// It has malformed UTF-8, a control character or a non-character [MQTT-4.7.3-2].
    #[error("malformed UTF-8")]
    Malformed,
    /// A wildcard stands where it cannot.
    ///
    /// A topic name has none [MQTT-3.3.2-2]; a filter has `+` only as a whole level and `#`
    /// only as the last one [MQTT-4.7.1-1] [MQTT-4.7.1-2].
    #[error("a '+' or '#' stands where it cannot")]
    Wildcard,
    /// `$share/` is not followed by a group name without wildcards, `/` and a filter
    /// [MQTT-4.8.2-1] [MQTT-4.8.2-2].
    #[error("a shared subscription has the form $share/GROUP/FILTER")]
    Shared,
}

/// Returns the levels of a topic name or filter.
pub fn levels(topic: &[u8]) -> impl Iterator<Item = &[u8]> + Clone {
    topic.split(|&byte| byte == b'/')
}

/// Checks the rules for topic names and filters alike.
pub(super) fn check(bytes: &[u8]) -> Result<(), InvalidTopic> {
    if bytes.is_empty() {
        return Err(InvalidTopic::Empty);
    }
    if bytes.len() > usize::from(u16::MAX) {
        return Err(InvalidTopic::TooLong);
    }
    if !is_plain(bytes) {
        return Err(InvalidTopic::Malformed);
    }
    if memchr::memchr_iter(b'/', bytes).count() > MAX_TOPIC_LEVELS {
        return Err(InvalidTopic::TooDeep);
    }
    Ok(())
}
