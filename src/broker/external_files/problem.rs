use crate::broker::config::Location;
use crate::broker::log::Log;

/// TLS cannot be set up, or the present user may not write or open something.
pub(super) const CANNOT_START: u8 = 1;
/// A file of users or rules is wrong.
pub(super) const BAD_FILE: u8 = 3;
/// A file of users or rules cannot be opened.
pub(super) const MISSING_FILE: u8 = 13;
/// The process's number cannot be written.
pub(in crate::broker) const NO_PID_FILE: u8 = 14;

/// Something that a broker cannot start with.
pub(in crate::broker) struct Problem {
    /// The lines for the log: the fault, its place, and the remedy.
    pub(in crate::broker) lines: Vec<String>,
    /// The exit code of a broker that does not start for it.
    pub(in crate::broker) exit_code: u8,
}

impl Problem {
    pub(super) fn new(
        exit_code: u8,
        message: String,
        location: Option<&Location>,
        hint: String,
    ) -> Self {
        let mut lines = vec![message];
        lines.extend(location.iter().flat_map(|location| location.found_at()));
        lines.extend(hint.lines().map(str::to_owned));
        Self { lines, exit_code }
    }

    pub(in crate::broker) fn log(&self, log: &Log) {
        for line in &self.lines {
            log.error(format_args!("{line}"));
        }
    }
}
