//! What is found by topic: subscriptions and retained messages, each in a tree of levels.

mod retained;
mod router;

pub(super) use self::retained::{Retained, RetainedMessages};
pub(super) use self::router::{Matches, Router, SharedGroup, Target};
