use std::path::Path;

use super::{Acl, AclError, Grant, Rules};
use crate::protocol::TopicFilter;

/// What a line gives or takes.
enum Rule {
    Deny,
    Grant(Grant),
}

/// A line of the file whose errors name it.
#[derive(Clone, Copy)]
struct Place<'a> {
    file: &'a Path,
    line: usize,
}

impl Acl {
    /// Reads the lines of an ACL file; `file` is its name in the errors, of which there is
    /// one for each wrong line.
    pub(super) fn parse(file: &Path, contents: &[u8]) -> Result<Self, Vec<AclError>> {
        let mut acl = Self::default();
        let mut user: Option<Box<str>> = None;
        let mut errors = Vec::new();
        for (index, line) in contents.split(|&byte| byte == b'\n').enumerate() {
            if line.starts_with(b"#") {
                continue;
            }
            let line = String::from_utf8_lossy(line.trim_ascii_end());
            let line = line.trim_start_matches(' ');
            if line.is_empty() {
                continue;
            }
            let place = Place {
                file,
                line: index + 1,
            };
            errors.extend(acl.read_line(line, &mut user, place).err());
        }
        match errors.is_empty() {
            true => Ok(acl),
            false => Err(errors),
        }
    }

    /// Reads one line; `user` is the one whose rules follow.
    fn read_line(
        &mut self,
        line: &str,
        user: &mut Option<Box<str>>,
        place: Place<'_>,
    ) -> Result<(), AclError> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let rest = rest.trim();
        match word {
            "user" if rest.is_empty() => {
                return Err(AclError::MissingUsername {
                    file: place.file.to_owned(),
                    line: place.line,
                });
            }
            "user" => *user = Some(rest.into()),
            "topic" => {
                let rules = match user {
                    None => &mut self.anonymous,
                    Some(name) => self.users.entry(name.clone()).or_default(),
                };
                rules.add(rest, place)?;
            }
            "pattern" => {
                let pattern = self.patterns.add(rest, place)?;
                let mut levels = pattern.split('/');
                if !levels.any(|level| matches!(level, "%c" | "%u")) {
                    self.warnings.push(format!(
                        "Warning: ACL pattern '{pattern}' does not contain '%c' or '%u'."
                    ));
                }
            }
            _ => {
                return Err(AclError::InvalidLine {
                    file: place.file.to_owned(),
                    line: place.line,
                    word: word.to_owned(),
                });
            }
        }
        Ok(())
    }
}

impl Rules {
    /// Adds the rule that `text` says, and returns its filter. A single word is a filter,
    /// also when it is `read`.
    fn add<'a>(&mut self, text: &'a str, place: Place<'_>) -> Result<&'a str, AclError> {
        let (file, line) = (place.file.to_owned(), place.line);
        if text.is_empty() {
            return Err(AclError::EmptyTopic { file, line });
        }
        let (rule, topic) = match text.split_once(' ') {
            None => (Rule::Grant(Grant::ReadWrite), text),
            Some((word, topic)) => (access(word, place)?, topic.trim_start()),
        };
        let Ok(filter) = TopicFilter::try_from(topic) else {
            let topic = topic.to_owned();
            return Err(AclError::InvalidTopic { file, line, topic });
        };
        match rule {
            Rule::Deny => self.denials.push(filter),
            Rule::Grant(grant) => self.grants.push((grant, filter)),
        }
        Ok(topic)
    }
}

fn access(word: &str, place: Place<'_>) -> Result<Rule, AclError> {
    match word {
        "read" => Ok(Rule::Grant(Grant::Read)),
        "write" => Ok(Rule::Grant(Grant::Write)),
        "readwrite" => Ok(Rule::Grant(Grant::ReadWrite)),
        "deny" => Ok(Rule::Deny),
        _ => Err(AclError::InvalidAccess {
            file: place.file.to_owned(),
            line: place.line,
            word: word.to_owned(),
        }),
    }
}
