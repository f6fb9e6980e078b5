//! The lines of a configuration's options, for messages after it was read.

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
pub struct SourceLines {
    options: HashMap<(&'static str, Scope), SourceLine>,
}

/// An option of one part of a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SourceLine {
    /// The line that counts: the last one.
    pub(super) location: Location,
    /// The values of all its lines, as they are written.
    pub(super) values: Vec<Vec<u8>>,
}

impl SourceLines {
    /// Where the option stands; `None` where it does not, and counts with its default.
    pub fn location(&self, option: &'static str, scope: Scope) -> Option<&Location> {
        self.line(option, scope).map(|line| &line.location)
    }

    /// What the option says; two equal ones mean the same.
    pub(super) fn values(&self, option: &'static str, scope: Scope) -> &[Vec<u8>] {
        self.line(option, scope)
            .map_or(&[], |line| line.values.as_slice())
    }

    pub(super) fn add(&mut self, option: &'static str, scope: Scope, line: SourceLine) {
        self.options.insert((option, scope), line);
    }

    /// Replaces what there is of `to` by what another configuration has of `from`.
    pub(super) fn copy_scope(&mut self, other: &Self, from: Scope, to: Scope) {
        self.options.retain(|(_, scope), _| *scope != to);
        for ((option, scope), line) in &other.options {
            if *scope == from {
                self.options.insert((option, to), line.clone());
            }
        }
    }

    /// Replaces what there is of the option by what another configuration has of it.
    pub(super) fn copy_option(&mut self, other: &Self, option: &'static str, scope: Scope) {
        self.options.remove(&(option, scope));
        if let Some(line) = other.line(option, scope) {
            self.options.insert((option, scope), line.clone());
        }
    }

    fn line(&self, option: &'static str, scope: Scope) -> Option<&SourceLine> {
        self.options.get(&(option, scope))
    }
}
