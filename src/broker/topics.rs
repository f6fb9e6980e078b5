//! Subscriptions by topic, in a tree of topic filters.

mod router;

pub(super) use self::router::{Matches, Router, SharedGroup, Target};
