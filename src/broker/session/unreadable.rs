//! Messages in a session that its client may not read.

use std::sync::Arc;

use super::queued::{OrphanedSharedMessage, Queued};
use super::shared::Session;
use super::shared_filters::SharedFilters;
use super::stored::AckedRecords;
use crate::broker::auth::AccessControl;

/// Check of a session's messages after its rights have changed.
///
/// A queue can be long. So its messages are checked a few at a time, with the session locked only
/// for those, and none leaves the queue before it was checked.
pub(in crate::broker) struct RightsCheck {
    session: Arc<Session>,
    shared: SharedFilters,
    /// Unreadable messages that were in flight.
    withdrawn: Vec<Queued>,
}

/// Messages that were taken out of a session because its client may not read them.
#[derive(Default)]
pub(in crate::broker) struct Unreadable {
    /// The number of messages that are dropped.
    pub(in crate::broker) dropped: usize,
    /// Their records.
    pub(in crate::broker) settled: AckedRecords,
    /// Messages of shared subscriptions, which another member may read.
    pub(in crate::broker) shared: Vec<OrphanedSharedMessage>,
}

impl RightsCheck {
    /// Begins a check; `None` if there is nothing to check.
    ///
    /// A connected client already has the messages in its window. It may acknowledge them; its
    /// next connection asks again. If the listener of an absent client is unknown, everything
    /// stays: nobody receives it before the client connects through another one.
    pub(in crate::broker) fn begin(session: &Arc<Session>, access: &AccessControl) -> Option<Self> {
        let identity = session.identity();
        let mut state = session.state();
        if !access.is_restricted() || !access.knows_listener_of(&identity) {
            state.outbound.queue.skip_check();
            return None;
        }
        let mut reader = access.reader(&identity);
        let outbound = &mut state.outbound;
        let withdrawn = outbound
            .window
            .withdraw(|queued| !reader.may_read(&queued.message.topic));
        state.outbound.queue.begin_check();
        if withdrawn.is_empty() && state.outbound.queue.is_checked() {
            return None;
        }
        Some(Self {
            session: Arc::clone(session),
            shared: state.registration.subscriptions.iter().collect(),
            withdrawn,
        })
    }

    pub(in crate::broker) fn session(&self) -> &Arc<Session> {
        &self.session
    }

    /// Checks the next messages, at most `limit` of the queue; `None` after the last ones.
    pub(in crate::broker) fn check_some(
        &mut self,
        access: &AccessControl,
        limit: usize,
    ) -> Option<Unreadable> {
        let withdrawn = std::mem::take(&mut self.withdrawn);
        let identity = self.session.identity();
        let mut state = self.session.state();
        if withdrawn.is_empty() && state.outbound.queue.is_checked() {
            return None;
        }
        let mut reader = access.reader(&identity);
        let is_unreadable = |queued: &Queued| !reader.may_read(&queued.message.topic);
        let queued = state.outbound.queue.check_some(limit, is_unreadable);
        drop(state);
        let withdrawn = withdrawn.into_iter().map(|queued| (queued, true));
        let queued = queued.into_iter().map(|queued| (queued, false));
        let mut unreadable = Unreadable::default();
        for (queued, is_in_flight) in withdrawn.chain(queued) {
            match self.shared.for_another_member(queued, is_in_flight) {
                Ok(orphaned) => unreadable.shared.push(orphaned),
                Err(queued) => {
                    unreadable.dropped += 1;
                    unreadable.settled.add(queued);
                }
            }
        }
        Some(unreadable)
    }
}
