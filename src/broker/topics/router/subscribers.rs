use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use foldhash::fast::RandomState;

use super::matches::Matches;
use super::share::SharedGroup;
use super::target::Target;
use crate::broker::ground::SessionNumber;

/// The subscribers of one filter.
#[derive(Default)]
pub(super) struct Subscribers(Option<Box<Table>>);

#[derive(Default)]
struct Table {
    targets: Targets,
    groups: Option<Box<Groups>>,
}

type Groups = HashMap<Bytes, Arc<SharedGroup>, RandomState>;

/// The sessions that subscribed for themselves. Most filters have one.
#[derive(Default)]
#[expect(
    clippy::box_collection,
    reason = "few filters have many subscribers, and all pay for the room"
)]
enum Targets {
    #[default]
    None,
    One(Target),
    Many(Box<HashMap<SessionNumber, Target, RandomState>>),
}

impl Subscribers {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Adds a session, or changes what it is granted. Returns whether it is new.
    pub(super) fn insert(&mut self, target: Target) -> bool {
        self.0.get_or_insert_default().targets.insert(target)
    }

    /// Removes a session. Returns whether it was there.
    pub(super) fn remove(&mut self, session: SessionNumber) -> bool {
        let Some(table) = &mut self.0 else {
            return false;
        };
        let is_removed = table.targets.remove(session);
        self.free_if_empty();
        is_removed
    }

    pub(super) fn group(&self, name: &Bytes) -> Option<&Arc<SharedGroup>> {
        self.0.as_ref()?.groups.as_ref()?.get(name)
    }

    pub(super) fn group_or_new(&mut self, name: &Bytes) -> &Arc<SharedGroup> {
        let groups = &mut self.0.get_or_insert_default().groups;
        groups
            .get_or_insert_default()
            .entry(Bytes::copy_from_slice(name))
            .or_default()
    }

    pub(super) fn remove_group(&mut self, name: &Bytes) {
        let Some(table) = &mut self.0 else { return };
        if let Some(groups) = &mut table.groups {
            groups.remove(name);
            if groups.is_empty() {
                table.groups = None;
            }
        }
        self.free_if_empty();
    }

    pub(super) fn collect(&self, matches: &mut Matches) {
        let Some(table) = &self.0 else { return };
        match &table.targets {
            Targets::None => {}
            Targets::One(target) => matches.targets.push(target.clone()),
            Targets::Many(targets) => matches.targets.extend(targets.values().cloned()),
        }
        if let Some(groups) = &table.groups {
            matches.groups.extend(groups.values().cloned());
        }
    }

    fn free_if_empty(&mut self) {
        let is_empty =
            |table: &Table| matches!(table.targets, Targets::None) && table.groups.is_none();
        if self.0.as_deref().is_some_and(is_empty) {
            self.0 = None;
        }
    }
}

impl Targets {
    fn insert(&mut self, target: Target) -> bool {
        match self {
            Self::None => {
                *self = Self::One(target);
                true
            }
            Self::One(known) if known.session.number() == target.session.number() => {
                *known = target;
                false
            }
            Self::One(known) => {
                let targets = [known.clone(), target];
                let by_number = |target: Target| (target.session.number(), target);
                *self = Self::Many(Box::new(targets.into_iter().map(by_number).collect()));
                true
            }
            Self::Many(targets) => targets.insert(target.session.number(), target).is_none(),
        }
    }

    fn remove(&mut self, session: SessionNumber) -> bool {
        match self {
            Self::One(known) if known.session.number() == session => {
                *self = Self::None;
                true
            }
            Self::Many(targets) => {
                let is_removed = targets.remove(&session).is_some();
                if targets.is_empty() {
                    *self = Self::None;
                } else if targets.len() * 4 < targets.capacity() {
                    targets.shrink_to(targets.len() * 2);
                }
                is_removed
            }
            Self::None | Self::One(_) => false,
        }
    }
}
