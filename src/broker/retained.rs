//! The retained messages: the last of each topic.

mod cursor;
mod store;
mod topic_order;

#[cfg(test)]
mod tests;

pub(super) use self::cursor::RetainedCursor;
pub(super) use self::store::{Retained, RetainedMessages};
