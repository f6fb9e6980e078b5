use std::fmt;

use super::diagnostic::{Diagnostic, Severity};
use super::model::Config;

/// A configuration that cannot be used: everything that was found in it, in order.
#[derive(Clone, Debug, PartialEq)]
pub struct ConfigErrors {
    /// Errors, of which there is at least one, and what else was worth telling.
    pub diagnostics: Vec<Diagnostic>,
    /// What could be read nevertheless, so that the files that it names can be looked at.
    pub config: Box<Config>,
}

impl ConfigErrors {
    /// The exit code of a program that cannot start for these errors.
    pub const EXIT_CODE: u8 = 3;
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self
            .diagnostics
            .iter()
            .filter(|diagnostic| diagnostic.severity == Severity::Error)
            .flat_map(Diagnostic::lines)
            .collect();
        formatter.write_str(&lines.join("\n"))
    }
}

impl std::error::Error for ConfigErrors {}
