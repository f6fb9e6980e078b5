use std::io::{self, IsTerminal};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::client::Report;

/// A bar on standard error that shows how many messages went out, and how fast.
#[derive(Debug)]
pub(super) struct Progress(Option<ProgressBar>);

impl Progress {
    /// A bar when someone watches: `total` messages, or who knows how many.
    pub(super) fn new(total: Option<u64>, report: Report) -> Self {
        // Lines that are typed show themselves.
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

    /// Shows how many messages went out.
    pub(super) fn set(&self, messages: u64) {
        if let Some(bar) = &self.0 {
            bar.set_position(messages);
        }
    }

    /// Does something else with standard error.
    pub(super) fn suspend(&self, action: impl FnOnce()) {
        match &self.0 {
            Some(bar) => bar.suspend(action),
            None => action(),
        }
    }

    /// Takes the bar away.
    pub(super) fn finish(&self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}
