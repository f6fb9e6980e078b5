//! Messages under way, when the rules or the user of a session change.

use super::Broker;
use super::log::rate_limit::LineKind;
use super::session::{Session, Unreadable};
use super::statistics::Counter;

impl Broker {
    /// Forgets who may read what.
    ///
    /// Call this after the rules or a session's identity have changed. If the session is locked,
    /// no message gets into it by its former rights afterwards.
    pub(super) fn forget_read_rights(&self) {
        self.router.forget_matches();
        self.env.access.advance_read_epoch();
    }

    /// Takes what their clients may not read out of all sessions, one at a time, and returns
    /// the number of messages dropped.
    pub(super) fn drop_unreadable(&self) -> usize {
        let mut dropped = 0;
        if !self.env.access.is_restricted() {
            return dropped;
        }
        self.sessions.for_each(|session| {
            let mut state = session.state();
            let unreadable = session.take_unreadable(&mut state, &self.env.access);
            state.wake_if_relieved(&self.env);
            drop(state);
            if let Some(unreadable) = unreadable {
                dropped += self.settle_unreadable(session, unreadable);
            }
        });
        dropped
    }

    /// Gives the messages of shared subscriptions to other members, drops the rest, and returns
    /// the number of messages dropped.
    pub(super) fn settle_unreadable(&self, session: &Session, unreadable: Unreadable) -> usize {
        let Unreadable {
            dropped,
            settled,
            shared,
        } = unreadable;
        settled.forget(self.persistence());
        let dropped = dropped + self.publish_to_groups(shared);
        if dropped > 0 {
            self.env.statistics.add(Counter::PublishesDropped, dropped);
            let client_id = session.client_id();
            let messages = if dropped == 1 { "message" } else { "messages" };
            self.env.limited_log.write(
                LineKind::MessagesUnreadable,
                session.number(),
                format_args!("Dropping {dropped} {messages} that client {client_id} may not read."),
            );
        }
        dropped
    }
}
