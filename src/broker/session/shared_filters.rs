use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::queued::{OrphanedSharedMessage, Queued};
use super::subscription::StoredSubscription;
use crate::broker::ground::ShareId;
use crate::protocol::{QoS, TopicFilter};

/// Filters of a session's shared subscriptions.
///
/// They find the other members of a group for messages that the session does not get.
#[derive(Debug, Default)]
pub(super) struct SharedFilters(HashMap<ShareId, TopicFilter, RandomState>);

impl SharedFilters {
    pub(super) fn insert(&mut self, share: ShareId, filter: TopicFilter) {
        self.0.insert(share, filter);
    }

    /// Adds the filter of the shared subscription that brought the message.
    ///
    /// Returns the message itself if no shared subscription did, or if it is in flight at QoS 2:
    /// then it must reach nobody else [MQTT-4.8.2-5].
    pub(super) fn for_another_member(
        &self,
        queued: Queued,
        is_in_flight: bool,
    ) -> Result<OrphanedSharedMessage, Queued> {
        if is_in_flight && queued.qos == QoS::ExactlyOnce {
            return Err(queued);
        }
        let share = queued.granted.share;
        match share.and_then(|share| self.0.get(&share)) {
            Some(filter) => Ok(OrphanedSharedMessage {
                filter: filter.clone(),
                message: queued.message,
                _record: queued.record,
            }),
            None => Err(queued),
        }
    }
}

impl<'a> FromIterator<(&'a TopicFilter, &'a StoredSubscription)> for SharedFilters {
    fn from_iter<I>(subscriptions: I) -> Self
    where
        I: IntoIterator<Item = (&'a TopicFilter, &'a StoredSubscription)>,
    {
        let shared = subscriptions.into_iter().filter_map(|(filter, stored)| {
            let share = stored.granted.share?;
            Some((share, filter.clone()))
        });
        Self(shared.collect())
    }
}
