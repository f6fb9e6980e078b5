//! Messages under way, when the rules or the user of a session change.

use std::sync::Arc;

use super::Broker;
use super::log::rate_limit::LineKind;
use super::session::{RightsCheck, Session, Unreadable};
use super::statistics::Counter;

/// Messages that are checked with a session locked.
const STEP: usize = 256;

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
            let mut check = UnreadableMessages::of(session, self);
            while check.drop_some(self) {}
            dropped += check.dropped;
        });
        dropped
    }
}

/// Messages of a session that its client may not read, while they are looked for.
pub(super) struct UnreadableMessages {
    check: Option<RightsCheck>,
    /// The number of messages dropped so far.
    dropped: usize,
}

impl UnreadableMessages {
    /// Begins to look through the session's messages.
    pub(super) fn of(session: &Arc<Session>, broker: &Broker) -> Self {
        Self {
            check: RightsCheck::begin(session, &broker.env.access),
            dropped: 0,
        }
    }

    /// Looks through some more messages; returns whether more are left.
    ///
    /// Gives the messages of shared subscriptions to other members and drops the rest.
    pub(super) fn drop_some(&mut self, broker: &Broker) -> bool {
        let Some(check) = &mut self.check else {
            return false;
        };
        let Some(unreadable) = check.check_some(&broker.env.access, STEP) else {
            self.finish(broker);
            return false;
        };
        let Unreadable {
            dropped,
            settled,
            shared,
        } = unreadable;
        settled.forget(broker.persistence());
        self.dropped += dropped + broker.publish_to_groups(shared);
        true
    }

    /// Lets the session continue, and reports the messages that were dropped.
    fn finish(&mut self, broker: &Broker) {
        let Some(check) = self.check.take() else {
            return;
        };
        let (session, env) = (check.session(), &broker.env);
        session
            .state()
            .go_on_after_check(session, env, env.clock.now());
        let dropped = self.dropped;
        if dropped > 0 {
            env.statistics.add(Counter::PublishesDropped, dropped);
            let client_id = session.client_id();
            let messages = if dropped == 1 { "message" } else { "messages" };
            env.limited_log.write(
                LineKind::MessagesUnreadable,
                session.number(),
                format_args!("Dropping {dropped} {messages} that client {client_id} may not read."),
            );
        }
    }
}
