//! What is found by topic: subscriptions and retained messages, each in a tree of levels.

mod retained;
mod router;

pub(super) use self::retained::{Retained, RetainedMessages};
pub(super) use self::router::{Matches, Router, SharedGroup, Target};

/// The levels of a topic name or filter.
fn levels(topic: &[u8]) -> impl Iterator<Item = &[u8]> + Clone {
    topic.split(|&byte| byte == b'/')
}
