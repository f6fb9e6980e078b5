//! The topics that a client publishes on.

use std::collections::HashMap;

use super::write_access::WriteAccess;
use crate::protocol::TopicName;

/// What is remembered of them.
#[derive(Default)]
pub(super) struct Topics {
    /// Those that the client has given an alias.
    pub(super) aliases: HashMap<u16, TopicName>,
    /// Where the client may publish.
    pub(super) write_access: WriteAccess,
}
