use std::fmt;
use std::io::{self, IsTerminal, Write};

use crate::options::Program;

/// A command line that cannot be followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageError {
    /// Mosquitto's text, with the line ends that it has there.
    text: String,
    manner: Manner,
    hint: Option<String>,
}

/// What goes with the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    /// The way to the help follows; not even `--quiet` keeps it back.
    Usage,
    /// Nothing follows.
    Bare,
    /// As `Bare`, but kept back by `--quiet`.
    Quietable,
    /// The whole help goes to standard output.
    WithHelp,
}

impl UsageError {
    /// An error that is followed by the way to the help.
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self::with(text, Manner::Usage)
    }

    /// An error that stands alone.
    pub(super) fn bare(text: impl Into<String>) -> Self {
        Self::with(text, Manner::Bare)
    }

    /// An error that stands alone and that `--quiet` keeps back.
    pub(super) fn quietable(text: impl Into<String>) -> Self {
        Self::with(text, Manner::Quietable)
    }

    /// An error that is followed by the whole help.
    pub(super) fn with_help(text: impl Into<String>) -> Self {
        Self::with(text, Manner::WithHelp)
    }

    fn with(text: impl Into<String>, manner: Manner) -> Self {
        Self {
            text: text.into(),
            manner,
            hint: None,
        }
    }

    /// Adds what people at a terminal are told.
    pub(super) fn hint(mut self, hint: Option<String>) -> Self {
        self.hint = hint;
        self
    }

    /// Mosquitto's text, without what follows.
    pub fn text(&self) -> &str {
        self.text.trim_end()
    }

    /// Prints the error as Mosquitto does.
    pub fn print(&self, program: &Program, quiet: bool) {
        if quiet && self.manner == Manner::Quietable {
            return;
        }
        let mut stderr = io::stderr();
        // Nobody is left to be told when standard error is closed.
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
