//! Where the options of a configuration stand, for what is said of them after the reading.

use std::collections::HashMap;

use super::diagnostic::Location;

/// The part of a configuration that an option is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// The broker as a whole.
    Broker,
    /// The listener with this place in [`Config::listeners`](super::Config::listeners).
    Listener(usize),
}

/// Where each option stands, and what it says there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Places {
    options: HashMap<(&'static str, Scope), Place>,
}

/// An option of one part of a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The line that counts: the last one.
    pub(super) location: Location,
    /// The values of all its lines, as they are written.
    pub(super) values: Vec<Vec<u8>>,
}

impl Places {
    /// Where the option stands; `None` where it does not, and counts with its default.
    pub fn location(&self, option: &'static str, scope: Scope) -> Option<&Location> {
        self.place(option, scope).map(|place| &place.location)
    }

    /// What the option says; two equal ones mean the same.
    pub(super) fn values(&self, option: &'static str, scope: Scope) -> &[Vec<u8>] {
        self.place(option, scope)
            .map_or(&[], |place| place.values.as_slice())
    }

    pub(super) fn add(&mut self, option: &'static str, scope: Scope, place: Place) {
        self.options.insert((option, scope), place);
    }

    /// Replaces what there is of `to` by what another configuration has of `from`.
    pub(super) fn copy_scope(&mut self, other: &Self, from: Scope, to: Scope) {
        self.options.retain(|(_, scope), _| *scope != to);
        for ((option, scope), place) in &other.options {
            if *scope == from {
                self.options.insert((option, to), place.clone());
            }
        }
    }

    /// Replaces what there is of the option by what another configuration has of it.
    pub(super) fn copy_option(&mut self, other: &Self, option: &'static str, scope: Scope) {
        self.options.remove(&(option, scope));
        if let Some(place) = other.place(option, scope) {
            self.options.insert((option, scope), place.clone());
        }
    }

    fn place(&self, option: &'static str, scope: Scope) -> Option<&Place> {
        self.options.get(&(option, scope))
    }
}
