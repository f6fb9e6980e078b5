use std::path::Path;

use super::{Acl, AclError, Grant, Rule, Rules};
use crate::protocol::TopicFilter;

/// The access that a line gives or takes.
enum Effect {
    Deny,
    Grant(Grant),
}

/// A line of the file whose errors name it.
#[derive(Clone, Copy)]
struct SourceLine<'a> {
    file: &'a Path,
    line: usize,
}

impl Acl {
    /// Reads the lines of an ACL file; `file` is its name in the errors, of which there is
    /// one for each wrong line.
    pub(super) fn parse(file: &Path, contents: &[u8]) -> Result<Self, Vec<AclError>> {
        let mut acl = Self {
            file: file.to_owned(),
            ..Self::default()
        };
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
            let source = SourceLine {
                file,
                line: index + 1,
            };
            errors.extend(acl.read_line(line, &mut user, source).err());
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
        source: SourceLine<'_>,
    ) -> Result<(), AclError> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let rest = rest.trim();
        match word {
            "user" if rest.is_empty() => {
                return Err(AclError::MissingUsername {
                    file: source.file.to_owned(),
                    line: source.line,
                });
            }
            "user" => *user = Some(rest.into()),
            "topic" => {
                let rules = match user {
                    None => &mut self.anonymous,
                    Some(name) => self.users.entry(name.clone()).or_default(),
                };
                rules.add(rest, source, false)?;
            }
            "pattern" => {
                let pattern = self.patterns.add(rest, source, true)?;
                let mut levels = pattern.split('/');
                if !levels.any(|level| matches!(level, "%c" | "%u")) {
                    self.warnings.push(format!(
                        "Warning: ACL pattern '{pattern}' does not contain '%c' or '%u'."
                    ));
                }
            }
            _ => {
                return Err(AclError::InvalidLine {
                    file: source.file.to_owned(),
                    line: source.line,
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
    fn add<'a>(
        &mut self,
        text: &'a str,
        source: SourceLine<'_>,
        is_pattern: bool,
    ) -> Result<&'a str, AclError> {
        let (file, line) = (source.file.to_owned(), source.line);
        if text.is_empty() {
            return Err(AclError::EmptyTopic { file, line });
        }
        let (effect, topic) = match text.split_once(' ') {
            None => (Effect::Grant(Grant::ReadWrite), text),
            Some((word, topic)) => (access(word, source)?, topic.trim_start()),
        };
        let Ok(filter) = TopicFilter::try_from(topic) else {
            let topic = topic.to_owned();
            return Err(AclError::InvalidTopic { file, line, topic });
        };
        let rule = Rule {
            filter,
            is_pattern,
            line,
        };
        match effect {
            Effect::Deny => self.denials.push(rule),
            Effect::Grant(grant) => self.grants.push((grant, rule)),
        }
        Ok(topic)
    }
}

fn access(word: &str, source: SourceLine<'_>) -> Result<Effect, AclError> {
    match word {
        "read" => Ok(Effect::Grant(Grant::Read)),
        "write" => Ok(Effect::Grant(Grant::Write)),
        "readwrite" => Ok(Effect::Grant(Grant::ReadWrite)),
        "deny" => Ok(Effect::Deny),
        _ => Err(AclError::InvalidAccess {
            file: source.file.to_owned(),
            line: source.line,
            word: word.to_owned(),
        }),
    }
}
