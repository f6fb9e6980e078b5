use crate::protocol::TopicName;

/// Prefix of the broker's own topics.
pub(in crate::broker) const SYS_PREFIX: &str = "$SYS/broker/";
/// Prefix of the topics of log lines.
pub(in crate::broker) const LOG_PREFIX: &str = "$SYS/broker/log/";

/// Returns whether the topic is that of a log line.
///
/// Only the log itself may log something about the way of one: each line would bring the next.
pub(in crate::broker) fn is_log_line(topic: &TopicName) -> bool {
    topic.as_bytes().starts_with(LOG_PREFIX.as_bytes())
}
