use crate::protocol::TopicName;

/// What the broker's own topics begin with.
pub(in crate::broker) const SYS_PREFIX: &str = "$SYS/broker/";
/// What the topics of log lines begin with.
pub(in crate::broker) const LOG_PREFIX: &str = "$SYS/broker/log/";

/// Whether the message is a log line: nothing may be logged about the way of one but by
/// the log itself, or a line would bring the next for ever.
pub(in crate::broker) fn is_log_line(topic: &TopicName) -> bool {
    topic.as_bytes().starts_with(LOG_PREFIX.as_bytes())
}
