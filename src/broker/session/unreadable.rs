//! Messages that wait in a session and that its client may not read.

use super::Session;
use super::queued::{OrphanedSharedMessage, Queued};
use super::state::SessionState;
use super::stored::AckedRecords;
use crate::broker::auth::AccessControl;

/// Messages that were taken out of a session because its client may not read them.
pub(in crate::broker) struct Unreadable {
    /// The number of messages that are dropped.
    pub(in crate::broker) dropped: usize,
    /// Their records.
    pub(in crate::broker) settled: AckedRecords,
    /// Messages of shared subscriptions, which another member may read.
    pub(in crate::broker) shared: Vec<OrphanedSharedMessage>,
}

impl Session {
    /// Takes out the messages that the client may not read by the present rules and identity.
    ///
    /// A connected client already has the messages in its window. It may acknowledge them; its
    /// next connection asks again. If the listener of an absent client is unknown, everything
    /// stays: nobody receives it before the client connects through another one.
    pub(in crate::broker) fn take_unreadable(
        &self,
        state: &mut SessionState,
        access: &AccessControl,
    ) -> Option<Unreadable> {
        let identity = self.identity();
        if !access.is_restricted() || !access.knows_listener_of(&identity) {
            return None;
        }
        let mut reader = access.reader(&identity);
        let taken = state.take_out(|queued| !reader.may_read(&queued.message.topic));
        if taken.is_empty() {
            return None;
        }
        let mut unreadable = Unreadable {
            dropped: 0,
            settled: AckedRecords::default(),
            shared: Vec::new(),
        };
        for (queued, is_in_flight) in taken {
            match state.for_another_member(queued, is_in_flight) {
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

impl SessionState {
    /// Takes out unwanted messages that must still be sent or sent again, each with whether it
    /// is in flight.
    fn take_out(&mut self, mut is_unwanted: impl FnMut(&Queued) -> bool) -> Vec<(Queued, bool)> {
        let in_flight = self
            .outgoing
            .withdraw(|kept| kept.as_ref().is_some_and(&mut is_unwanted));
        let mut taken: Vec<_> = in_flight
            .into_iter()
            .flatten()
            .map(|queued| (queued, true))
            .collect();
        for (queued, _) in &taken {
            self.count_out(Some(queued));
        }
        for _ in 0..self.queue.len() {
            let Some(queued) = self.queue.pop() else {
                break;
            };
            if is_unwanted(&queued) {
                taken.push((queued, false));
            } else {
                self.queue.push(queued);
            }
        }
        taken
    }
}
