//! `acl_file`: who may read and write which topics.

pub(super) mod coverage;
mod parse;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::protocol::{Text, TopicFilter, TopicName, levels, levels_match};

/// The rules of one file. They never change, so threads share them in an `Arc`.
#[derive(Debug, Default)]
pub(in crate::broker) struct Acl {
    file: PathBuf,
    /// For clients without user name.
    anonymous: Rules,
    users: HashMap<Box<str>, Rules>,
    /// For everybody, where the lists above decide nothing.
    patterns: Rules,
    warnings: Vec<String>,
}

/// The ways in which a client uses a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::broker) enum Access {
    /// Get its messages.
    Read,
    /// Publish on it.
    Write,
}

/// The answer of the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::broker) enum Decision {
    Allowed,
    Denied,
    /// There are patterns, and the user name would be a wildcard in them.
    DangerousUsername,
    /// There are patterns, and the client identifier would be a wildcard in them.
    DangerousClientId,
}

/// The client that the rules are asked about.
#[derive(Clone, Copy, Debug)]
pub(in crate::broker) struct Who<'a> {
    pub(in crate::broker) client_id: &'a Text,
    pub(in crate::broker) username: Option<&'a Text>,
}

/// Rules in the order in which they are asked: the denials, then the others as they
/// stand in the file.
#[derive(Debug, Default)]
struct Rules {
    denials: Vec<Rule>,
    grants: Vec<(Grant, Rule)>,
}

/// A rule without the access that it gives or takes.
#[derive(Debug)]
struct Rule {
    filter: TopicFilter,
    /// Set if `%c` and `%u` stand for the client's names.
    is_pattern: bool,
    /// The line of the file, counted from 1.
    line: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Grant {
    Read,
    Write,
    ReadWrite,
}

impl Grant {
    fn covers(self, access: Access) -> bool {
        match self {
            Self::Read => access == Access::Read,
            Self::Write => access == Access::Write,
            Self::ReadWrite => true,
        }
    }
}

impl Rules {
    /// Returns whether access is granted or denied; `None` where no rule speaks of it.
    fn decide(&self, access: Access, topic: &[u8], who: Who<'_>) -> Option<Decision> {
        if self.denials.iter().any(|rule| rule.matches(topic, who)) {
            return Some(Decision::Denied);
        }
        let granted = self
            .grants
            .iter()
            .any(|(grant, rule)| grant.covers(access) && rule.matches(topic, who));
        granted.then_some(Decision::Allowed)
    }

    fn is_empty(&self) -> bool {
        self.denials.is_empty() && self.grants.is_empty()
    }
}

impl Acl {
    /// Reads the file at `path`.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or lines of it make no sense: all of them are told.
    pub(in crate::broker) fn read(path: &Path) -> Result<Self, Vec<AclError>> {
        match fs::read(path) {
            Ok(contents) => Self::parse(path, &contents),
            Err(source) => {
                let file = path.to_owned();
                Err(vec![AclError::Open { file, source }])
            }
        }
    }

    /// Returns the warnings about the file.
    pub(in crate::broker) fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Returns whether some rights depend on the user name.
    pub(in crate::broker) fn names_users(&self) -> bool {
        let grants = self.patterns.grants.iter().map(|(_, pattern)| pattern);
        let mut patterns = self.patterns.denials.iter().chain(grants);
        !self.users.is_empty() || patterns.any(Rule::names_user)
    }

    /// Returns whether `who` may do that with the topic: the user's own list first, then the
    /// patterns; what nobody grants is denied.
    pub(in crate::broker) fn decide(
        &self,
        access: Access,
        topic: &TopicName,
        who: Who<'_>,
    ) -> Decision {
        let topic = topic.as_bytes();
        let own = self.own_rules(who);
        let decided = own.and_then(|own| own.decide(access, topic, who));
        if let Some(decision) = decided {
            return decision;
        }
        if self.patterns.is_empty() {
            return Decision::Denied;
        }
        if who.username.is_some_and(has_wildcard) {
            return Decision::DangerousUsername;
        }
        if has_wildcard(who.client_id) {
            return Decision::DangerousClientId;
        }
        let decided = self.patterns.decide(access, topic, who);
        decided.unwrap_or(Decision::Denied)
    }

    /// Returns the list of the user, or of anonymous clients.
    fn own_rules(&self, who: Who<'_>) -> Option<&Rules> {
        match who.username {
            None => Some(&self.anonymous),
            Some(username) => self.users.get(username.as_str()),
        }
    }
}

impl Rule {
    fn names_user(&self) -> bool {
        self.is_pattern && levels(self.filter.as_bytes()).any(|level| level == b"%u")
    }

    /// Returns whether the rule can match anything: a pattern with a user name does only if
    /// there is one.
    fn applies_to(&self, who: Who<'_>) -> bool {
        who.username.is_some() || !self.names_user()
    }

    /// Returns the levels, with the client's names filled in. A name with a `/` is several
    /// levels, as in Mosquitto.
    fn levels<'a>(&'a self, who: Who<'a>) -> impl Iterator<Item = &'a [u8]> {
        levels(self.filter.as_bytes()).flat_map(move |level| match (level, who.username) {
            (b"%c", _) if self.is_pattern => levels(who.client_id.as_bytes()),
            (b"%u", Some(username)) if self.is_pattern => levels(username.as_bytes()),
            _ => levels(level),
        })
    }

    fn matches(&self, topic: &[u8], who: Who<'_>) -> bool {
        let filter = self.filter.as_bytes();
        if !speaks_of(filter, topic) {
            return false;
        }
        match self.is_pattern {
            false => levels_match(levels(filter), levels(topic)),
            true => self.applies_to(who) && levels_match(self.levels(who), levels(topic)),
        }
    }
}

/// The line of a denial in the file.
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keyword = if self.is_pattern { "pattern" } else { "topic" };
        write!(f, "{keyword} deny {}", self.filter)
    }
}

fn has_wildcard(name: &Text) -> bool {
    memchr::memchr2(b'+', b'#', name.as_bytes()).is_some()
}

/// Only a rule that begins with `$` is about topics that do.
fn speaks_of(rule: &[u8], topic: &[u8]) -> bool {
    topic.first() != Some(&b'$') || rule.first() == Some(&b'$')
}

/// A reason why an ACL file cannot be used. [`Display`](std::fmt::Display) is Mosquitto's text,
/// which names no line: [`AclError::place`] does.
#[derive(Debug, Error)]
pub(in crate::broker) enum AclError {
    #[error("Error: Unable to open acl_file \"{}\".", file.display())]
    Open { file: PathBuf, source: io::Error },
    #[error("Error: Empty topic in acl_file \"{}\".", file.display())]
    EmptyTopic { file: PathBuf, line: usize },
    #[error("Error: Invalid topic access type \"{word}\" in acl_file \"{}\".", file.display())]
    InvalidAccess {
        file: PathBuf,
        line: usize,
        word: String,
    },
    #[error("Error: Invalid ACL topic \"{topic}\" in acl_file \"{}\".", file.display())]
    InvalidTopic {
        file: PathBuf,
        line: usize,
        topic: String,
    },
    #[error("Error: Missing username in acl_file \"{}\".", file.display())]
    MissingUsername { file: PathBuf, line: usize },
    #[error("Error: Invalid line in acl_file \"{}\": {word}.", file.display())]
    InvalidLine {
        file: PathBuf,
        line: usize,
        word: String,
    },
}

impl AclError {
    /// The file, and the line that is wrong, counted from 1; no line when the file could
    /// not be read at all.
    pub(in crate::broker) fn place(&self) -> (&Path, Option<usize>) {
        match self {
            Self::Open { file, .. } => (file, None),
            Self::EmptyTopic { file, line }
            | Self::InvalidAccess { file, line, .. }
            | Self::InvalidTopic { file, line, .. }
            | Self::MissingUsername { file, line }
            | Self::InvalidLine { file, line, .. } => (file, Some(*line)),
        }
    }

    /// The way out.
    pub(in crate::broker) fn hint(&self) -> String {
        match self {
            Self::Open { source, .. } => format!("The system says: {source}."),
            Self::EmptyTopic { .. } => {
                "A topic filter is missing, as in 'topic read a/#'.".to_owned()
            }
            Self::InvalidAccess { .. } => "It is one of: read, write, readwrite, deny.".to_owned(),
            Self::InvalidTopic { .. } => {
                "'+' and '#' stand for whole levels, and '#' for the last one.".to_owned()
            }
            Self::MissingUsername { .. } => "A name is missing, as in 'user alice'.".to_owned(),
            Self::InvalidLine { .. } => {
                "A line begins with user, topic, pattern or, in the first column, #.".to_owned()
            }
        }
    }
}
