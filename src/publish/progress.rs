use std::io::{self, IsTerminal};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::client::Report;

/// A bar on standard error with the number and the rate of sent messages.
#[derive(Debug)]
pub(super) struct Progress(Option<ProgressBar>);

impl Progress {
    /// Creates a bar if someone watches; `total` is `None` if the number is not known.
    pub(super) fn new(total: Option<u64>, report: Report) -> Self {
        // Someone who types lines sees them.
        let typed = total.is_none() && io::stdin().is_terminal();
        if total == Some(1) || typed || report.is_quiet() || !io::stderr().is_terminal() {
            return Self(None);
        }
        let (bar, template) = match total {
            Some(total) => (
                ProgressBar::new(total),
                "{bar:30} {human_pos}/{human_len} messages, {per_sec}, {eta} left",
            ),
            None => (
                ProgressBar::no_length(),
                "{spinner} {human_pos} messages, {per_sec}, {elapsed}",
            ),
        };
        bar.set_draw_target(ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        Self(Some(bar))
    }

    /// Shows the number of sent messages.
    pub(super) fn set(&self, messages: u64) {
        if let Some(bar) = &self.0 {
            bar.set_position(messages);
        }
    }

    /// Runs an action that writes to standard error.
    pub(super) fn suspend(&self, action: impl FnOnce()) {
        match &self.0 {
            Some(bar) => bar.suspend(action),
            None => action(),
        }
    }

    /// Removes the bar.
    pub(super) fn finish(&self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}
