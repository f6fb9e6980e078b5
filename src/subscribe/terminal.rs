use std::io::{self, IsTerminal};

/// The abilities of standard output beyond plain text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Terminal {
    /// True if standard output is a terminal.
    pub(super) present: bool,
    /// True if colours are wanted.
    pub(super) colours: bool,
}

impl Terminal {
    pub(super) fn of_stdout() -> Self {
        let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        let present = io::stdout().is_terminal();
        let dumb = set("TERM").is_some_and(|term| term == "dumb");
        Self {
            present,
            colours: present && !dumb && set("NO_COLOR").is_none(),
        }
    }
}
