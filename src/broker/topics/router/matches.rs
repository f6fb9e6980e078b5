use std::collections::HashSet;
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::share::SharedGroup;
use super::target::Target;
use crate::broker::session::Session;

/// The receivers of messages on one topic.
#[derive(Debug, Default)]
pub(in crate::broker) struct Matches {
    /// One for each matching subscription.
    pub(in crate::broker) targets: Vec<Target>,
    /// The groups that share a matching subscription; one member of each gets a message.
    pub(in crate::broker) groups: Vec<Arc<SharedGroup>>,
    /// Whether a session is in `targets` more than once.
    pub(in crate::broker) has_repeats: bool,
}

impl Matches {
    /// Returns matches of one group.
    pub(in crate::broker) fn of_group(group: Arc<SharedGroup>) -> Self {
        Self {
            groups: vec![group],
            ..Self::default()
        }
    }

    pub(in crate::broker) fn is_empty(&self) -> bool {
        self.targets.is_empty() && self.groups.is_empty()
    }

    /// Returns whether a message goes to one session only, once.
    pub(in crate::broker) fn is_exclusive(&self) -> bool {
        self.targets.len() + self.groups.len() == 1
    }

    /// Leaves out the sessions that may not get the messages, and groups of only such ones.
    pub(super) fn retain_readers(&mut self, may_read: impl Fn(&Session) -> bool) {
        self.targets.retain(|target| may_read(&target.session));
        self.groups.retain(|group| group.has_reader(&may_read));
    }

    /// Notes repetitions, and gives unused memory back.
    pub(super) fn finish(&mut self) {
        self.targets.shrink_to_fit();
        self.groups.shrink_to_fit();
        let mut sessions =
            HashSet::with_capacity_and_hasher(self.targets.len(), RandomState::default());
        let mut numbers = self.targets.iter().map(|target| target.session.number());
        self.has_repeats = !numbers.all(|number| sessions.insert(number));
    }

    /// Returns about how many bytes of memory the matches hold.
    pub(super) fn memory_bytes(&self) -> usize {
        size_of::<Self>()
            + self.targets.len() * size_of::<Target>()
            + self.groups.len() * size_of::<Arc<SharedGroup>>()
    }
}
