//! The last lines of the log, for people who look into the running broker.

use std::collections::VecDeque;
use std::time::SystemTime;

use parking_lot::Mutex;
use tokio::sync::watch;

use super::LogType;

/// Lines that are kept.
const KEPT: usize = 500;

/// A line that is kept.
#[derive(Clone, Debug)]
pub(in crate::broker) struct RecentLine {
    /// The number of the line since the start, from 1.
    pub(in crate::broker) number: u64,
    pub(in crate::broker) log_type: LogType,
    pub(in crate::broker) at: SystemTime,
    pub(in crate::broker) text: String,
}

/// The last lines of the log.
pub(super) struct RecentLines {
    lines: Mutex<VecDeque<RecentLine>>,
    /// The number of the last line.
    last: watch::Sender<u64>,
}

impl Default for RecentLines {
    fn default() -> Self {
        Self {
            lines: Mutex::default(),
            last: watch::Sender::new(0),
        }
    }
}

impl RecentLines {
    /// Keeps a line.
    pub(super) fn push(&self, log_type: LogType, at: SystemTime, text: &str) {
        let mut lines = self.lines.lock();
        let number = lines.back().map_or(0, |last| last.number) + 1;
        if lines.len() == KEPT {
            lines.pop_front();
        }
        lines.push_back(RecentLine {
            number,
            log_type,
            at,
            text: text.to_owned(),
        });
        drop(lines);
        self.last.send_replace(number);
    }

    /// Returns the lines with a larger number, the oldest first.
    pub(super) fn after(&self, number: u64) -> Vec<RecentLine> {
        let lines = self.lines.lock();
        let newer = lines.iter().filter(|line| line.number > number);
        newer.cloned().collect()
    }

    /// Returns what changes with each line.
    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.last.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_kept() {
        let recent = RecentLines::default();
        for number in 1..=KEPT + 2 {
            recent.push(LogType::Notice, SystemTime::now(), &number.to_string());
        }
        let lines = recent.after(0);
        assert_eq!(lines.len(), KEPT);
        assert_eq!((lines[0].number, lines[0].text.as_str()), (3, "3"));
        assert_eq!(recent.after(KEPT as u64).len(), 2);
    }
}
