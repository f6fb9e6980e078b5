//! Clearing away what ended sessions leave behind.

use tokio::task::yield_now;

use crate::broker::Broker;
use crate::broker::session::{AckedRecords, Remains, Remnant, Session};

/// Parts of an ended session that are cleared away before others have their turn.
const STEP: usize = 256;

impl Broker {
    /// Ends a session that is no longer known. Its shard may be locked.
    pub(super) fn end_session(&self, session: &Session) -> Remains {
        self.env.limited_log.report_end_of(session.number());
        session.end()
    }

    /// Ends a stored session whose client has a later one.
    pub(in crate::broker) fn end_superseded(&self, session: &Session) {
        let mut remains = self.end_session(session);
        while self.clear_some(&mut remains) {}
    }

    /// Publishes the will of an ended session and clears away the rest if it is small; returns
    /// what is left.
    pub(super) fn begin_clearing(&self, mut remains: Remains) -> Option<Remains> {
        self.clear_some(&mut remains).then_some(remains)
    }

    /// Clears away what is left of an ended session. Others have their turns meanwhile.
    pub(in crate::broker) async fn clear_away(&self, mut remains: Remains) {
        while self.clear_some(&mut remains) {
            yield_now().await;
        }
    }

    /// Clears away some parts; returns whether some are left.
    pub(super) fn clear_some(&self, remains: &mut Remains) -> bool {
        // A will stays in the store until it is published.
        if let Some(will) = remains.take_will() {
            self.publish_will(&will);
        }
        let mut gone = AckedRecords::default();
        let mut shared = Vec::new();
        let mut is_left = true;
        for _ in 0..STEP {
            match remains.take_next(&mut gone) {
                Some(Remnant::Subscription(filter)) => {
                    self.router.unsubscribe(&filter, remains.session());
                }
                Some(Remnant::SharedMessage(orphaned)) => shared.push(orphaned),
                Some(Remnant::Incoming(packet_id)) => {
                    if let Some(persistence) = self.persistence() {
                        persistence.remove_incoming(remains.session(), packet_id);
                    }
                }
                Some(Remnant::Waste) => {}
                None => {
                    is_left = false;
                    break;
                }
            }
        }
        self.publish_to_groups(shared);
        gone.forget(self.persistence());
        is_left
    }
}
