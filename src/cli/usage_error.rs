use std::fmt;
use std::io::{self, IsTerminal, Write};

use crate::options::Program;

/// An error in a command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageError {
    /// Mosquitto's text, with its line ends.
    text: String,
    manner: Manner,
    hint: Option<String>,
}

/// The output that goes with the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    /// A pointer to the help follows, even with `--quiet`.
    Usage,
    /// Nothing follows.
    Bare,
    /// Nothing follows; `--quiet` drops the text.
    Quietable,
    /// The whole help follows on standard output.
    WithHelp,
}

impl UsageError {
    /// Creates an error that is followed by a pointer to the help.
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self::with(text, Manner::Usage)
    }

    /// Creates an error that stands alone.
    pub(super) fn bare(text: impl Into<String>) -> Self {
        Self::with(text, Manner::Bare)
    }

    /// Creates an error that stands alone and that `--quiet` drops.
    pub(super) fn quietable(text: impl Into<String>) -> Self {
        Self::with(text, Manner::Quietable)
    }

    /// Creates an error that is followed by the whole help.
    pub(super) fn with_help(text: impl Into<String>) -> Self {
        Self::with(text, Manner::WithHelp)
    }

    /// Creates the error that a URL and the other options have no topic.
    pub(super) fn lacking_url_topic() -> Self {
        Self::new("Error: Invalid URL for -L argument specified - topic missing.\n")
    }

    fn with(text: impl Into<String>, manner: Manner) -> Self {
        Self {
            text: text.into(),
            manner,
            hint: None,
        }
    }

    /// Adds a hint for people at a terminal.
    pub(super) fn hint(mut self, hint: Option<String>) -> Self {
        self.hint = hint;
        self
    }

    /// Returns Mosquitto's text, without what follows.
    pub fn text(&self) -> &str {
        self.text.trim_end()
    }

    /// Prints the error as Mosquitto does.
    pub fn print(&self, program: &Program, quiet: bool) {
        if quiet && self.manner == Manner::Quietable {
            return;
        }
        let mut stderr = io::stderr();
        // Nobody can be informed if standard error is closed.
        let _ = write!(stderr, "{}", self.text);
        if let (Some(hint), true) = (&self.hint, stderr.is_terminal()) {
            let _ = writeln!(stderr, "Hint: {hint}");
        }
        if self.manner == Manner::Usage {
            let _ = write!(stderr, "\nUse '{} --help' to see usage.\n", program.name());
        }
    }

    /// Returns whether the whole help follows on standard output.
    pub(super) fn shows_help(&self) -> bool {
        self.manner == Manner::WithHelp
    }
}

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl std::error::Error for UsageError {}
