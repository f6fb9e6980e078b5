//! What the reader of a configuration has to say about it.

use std::fmt;
use std::path::PathBuf;

use crate::broker::log::{Log, LogType};

/// How much a [`Diagnostic`] matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The configuration cannot be used.
    Error,
    /// Something has no effect, or another one than the file may suggest.
    Warning,
    /// Something is out of date.
    Notice,
    /// Worth knowing.
    Information,
}

impl From<Severity> for LogType {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Error => Self::Error,
            Severity::Warning => Self::Warning,
            Severity::Notice => Self::Notice,
            Severity::Information => Self::Information,
        }
    }
}

/// A line of a configuration file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// The file, as it was named.
    pub file: PathBuf,
    /// Counted from 1.
    pub line: usize,
    /// The `include_dir` line that brought the file in, if one did.
    pub included_from: Option<Box<Location>>,
}

impl Location {
    /// The lines that lead to an error here, in Mosquitto's words.
    pub fn found_at(&self) -> Vec<String> {
        match &self.included_from {
            Some(include_dir) => vec![
                format!("Error found at '{self}'."),
                format!("Error found at {include_dir}."),
            ],
            None => vec![format!("Error found at {self}.")],
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.file.display(), self.line)
    }
}

/// One thing to tell about a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How much it matters.
    pub severity: Severity,
    /// What it is about, in Mosquitto's words where it has some. Errors begin with `Error: `.
    pub message: String,
    /// Where an error stands; none for what only the whole file shows.
    pub location: Option<Location>,
    /// The way out, if one can be guessed.
    pub hint: Option<String>,
}

impl Diagnostic {
    /// A warning.
    pub(super) fn warning(message: String) -> Self {
        Self {
            severity: Severity::Warning,
            message,
            location: None,
            hint: None,
        }
    }

    /// Writes the lines to the log, at its severity.
    pub(in crate::broker) fn log(&self, log: &Log) {
        for line in self.lines() {
            log.write(LogType::from(self.severity), format_args!("{line}"));
        }
    }

    /// The lines to log, in order: the message, where it was found, the hint.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = vec![self.message.clone()];
        lines.extend(self.location.iter().flat_map(Location::found_at));
        lines.extend(self.hint.clone());
        lines
    }
}
