//! `acl_file`: who may read and write which topics.

mod parse;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::protocol::{Text, TopicFilter, TopicName, levels, levels_match};

/// The rules of one file. They never change, so threads share them in an `Arc`.
#[derive(Debug, Default)]
pub(in crate::broker) struct Acl {
    /// For clients without user name.
    anonymous: Rules,
    users: HashMap<Box<str>, Rules>,
    /// For everybody, where the lists above decide nothing.
    patterns: Rules,
    warnings: Vec<String>,
}

/// What a client wants to do with a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::broker) enum Access {
    /// Get its messages.
    Read,
    /// Publish on it.
    Write,
}

/// What the rules say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::broker) enum Decision {
    Allowed,
    Denied,
    /// There are patterns, and the user name would be a wildcard in them.
    DangerousUsername,
    /// There are patterns, and the client identifier would be a wildcard in them.
    DangerousClientId,
}

/// Whom the rules are asked about.
#[derive(Clone, Copy, Debug)]
pub(in crate::broker) struct Who<'a> {
    pub(in crate::broker) client_id: &'a Text,
    pub(in crate::broker) username: Option<&'a Text>,
}

/// Rules in the order in which they are asked: the denials, then the others as they
/// stand in the file.
#[derive(Debug, Default)]
struct Rules {
    denials: Vec<TopicFilter>,
    grants: Vec<(Grant, TopicFilter)>,
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
    /// Whether access is granted or denied; `None` where no rule speaks of it.
    fn decide(&self, access: Access, matches: impl Fn(&TopicFilter) -> bool) -> Option<Decision> {
        if self.denials.iter().any(&matches) {
            return Some(Decision::Denied);
        }
        let granted = self
            .grants
            .iter()
            .any(|(grant, filter)| grant.covers(access) && matches(filter));
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

    /// What is worth telling about the file.
    pub(in crate::broker) fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Whether some rights depend on the user name.
    pub(in crate::broker) fn names_users(&self) -> bool {
        let grants = self.patterns.grants.iter().map(|(_, pattern)| pattern);
        let mut patterns = self.patterns.denials.iter().chain(grants);
        let names_user = |pattern: &TopicFilter| levels(pattern.as_bytes()).any(|it| it == b"%u");
        !self.users.is_empty() || patterns.any(names_user)
    }

    /// Whether `who` may do that with the topic: the user's own list first, then the
    /// patterns; what nobody grants is denied.
    pub(in crate::broker) fn decide(
        &self,
        access: Access,
        topic: &TopicName,
        who: Who<'_>,
    ) -> Decision {
        let topic = topic.as_bytes();
        let own = match who.username {
            None => Some(&self.anonymous),
            Some(username) => self.users.get(username.as_str()),
        };
        let decided = own.and_then(|own| own.decide(access, |filter| is_meant(filter, topic)));
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
        let decided = self
            .patterns
            .decide(access, |pattern| is_meant_for(pattern, topic, who));
        decided.unwrap_or(Decision::Denied)
    }
}

fn has_wildcard(name: &Text) -> bool {
    memchr::memchr2(b'+', b'#', name.as_bytes()).is_some()
}

fn is_meant(filter: &TopicFilter, topic: &[u8]) -> bool {
    let filter = filter.as_bytes();
    speaks_of(filter, topic) && levels_match(levels(filter), levels(topic))
}

/// Whether the topic is what the pattern names for `who`. A name with a `/` stands for
/// several levels, as in Mosquitto.
fn is_meant_for(pattern: &TopicFilter, topic: &[u8], who: Who<'_>) -> bool {
    let pattern = pattern.as_bytes();
    if who.username.is_none() && levels(pattern).any(|level| level == b"%u") {
        return false;
    }
    let filled = levels(pattern).flat_map(|level| match (level, who.username) {
        (b"%c", _) => levels(who.client_id.as_bytes()),
        (b"%u", Some(username)) => levels(username.as_bytes()),
        _ => levels(level),
    });
    speaks_of(pattern, topic) && levels_match(filled, levels(topic))
}

/// Only a rule that begins with `$` is about topics that do.
fn speaks_of(rule: &[u8], topic: &[u8]) -> bool {
    topic.first() != Some(&b'$') || rule.first() == Some(&b'$')
}

/// Why an ACL file cannot be used. [`Display`](std::fmt::Display) is Mosquitto's text,
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
