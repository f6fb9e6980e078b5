use std::sync::atomic::{AtomicUsize, Ordering};

use super::target::Target;
use crate::broker::ground::SessionNumber;
use crate::broker::session::Session;

/// The members of a shared subscription: each message goes to one of them
/// [MQTT-4.8.2-4].
#[derive(Debug, Default)]
pub(in crate::broker) struct SharedGroup {
    members: Vec<Target>,
    next: AtomicUsize,
}

impl SharedGroup {
    /// The member whose turn it is: connected ones take turns, absent ones only when
    /// nobody is connected, so that a message does not wait for someone who is away.
    pub(in crate::broker) fn next_member(&self) -> Option<&Target> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        let connected = || {
            self.members
                .iter()
                .filter(|member| member.session.is_connected())
        };
        match (connected().count(), self.members.len()) {
            (0, 0) => None,
            (0, all) => self.members.get(turn % all),
            (some, _) => connected().nth(turn % some),
        }
    }

    /// The group with `member` in it, in place of an earlier subscription of the same
    /// session. Groups that messages are under way to are left as they are.
    pub(super) fn with(&self, member: Target) -> Self {
        let mut members = self.others(member.session.number());
        members.push(member);
        self.replaced(members)
    }

    /// The group without this session.
    pub(in crate::broker) fn without(&self, session: SessionNumber) -> Self {
        self.replaced(self.others(session))
    }

    /// The group without those that may not get a message; `None` if all may.
    pub(in crate::broker) fn only(&self, may_read: impl Fn(&Session) -> bool) -> Option<Self> {
        let members = self.members.iter();
        let readers: Vec<_> = members
            .filter(|member| may_read(&member.session))
            .cloned()
            .collect();
        (readers.len() < self.members.len()).then(|| self.replaced(readers))
    }

    pub(in crate::broker) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    fn others(&self, session: SessionNumber) -> Vec<Target> {
        let members = self.members.iter();
        members
            .filter(|member| member.session.number() != session)
            .cloned()
            .collect()
    }

    fn replaced(&self, members: Vec<Target>) -> Self {
        Self {
            members,
            next: AtomicUsize::new(self.next.load(Ordering::Relaxed)),
        }
    }
}
