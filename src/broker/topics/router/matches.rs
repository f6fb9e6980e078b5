use std::collections::HashSet;
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::share::SharedGroup;
use super::target::Target;
use crate::broker::session::Session;

/// Where messages on one topic go.
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
    pub(in crate::broker) fn is_empty(&self) -> bool {
        self.targets.is_empty() && self.groups.is_empty()
    }

    /// Those of the sessions that may get the messages.
    pub(super) fn only(mut self, may_read: impl Fn(&Session) -> bool) -> Self {
        self.targets.retain(|target| may_read(&target.session));
        self.groups.retain_mut(|group| match group.only(&may_read) {
            None => true,
            Some(rest) => {
                let is_left = !rest.is_empty();
                *group = Arc::new(rest);
                is_left
            }
        });
        let mut sessions =
            HashSet::with_capacity_and_hasher(self.targets.len(), RandomState::default());
        let mut numbers = self.targets.iter().map(|target| target.session.number());
        self.has_repeats = !numbers.all(|number| sessions.insert(number));
        self
    }

    /// Whether a message goes to one session only, once.
    pub(in crate::broker) fn is_exclusive(&self) -> bool {
        self.targets.len() + self.groups.len() == 1
    }
}
