use std::io::{self, IsTerminal};

/// What may be done on standard output beyond plain text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Terminal {
    /// Whether someone looks at it.
    pub(super) present: bool,
    /// Whether they want colours.
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
