//! What is logged, and where it goes.

use std::path::PathBuf;

/// The subject of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u16)]
pub enum LogType {
    /// Something failed.
    Error = 1 << 0,
    /// Something may not work as meant.
    Warning = 1 << 1,
    /// Something out of the ordinary run: also clients that come and go.
    Notice = 1 << 2,
    /// Actions of the broker itself.
    Information = 1 << 3,
    /// Every packet.
    Debug = 1 << 4,
    /// Every subscription made.
    Subscribe = 1 << 5,
    /// Every subscription ended.
    Unsubscribe = 1 << 6,
    /// The WebSocket layer.
    WebSockets = 1 << 7,
    /// The inside of the broker.
    Internal = 1 << 8,
}

/// A set of [`LogType`]s.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LogTypes(u16);

impl LogTypes {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// Everything.
    pub const ALL: Self = Self((LogType::Internal as u16 * 2) - 1);
    /// Errors, warnings, notices and information.
    pub const DEFAULT: Self = Self(
        LogType::Error as u16
            | LogType::Warning as u16
            | LogType::Notice as u16
            | LogType::Information as u16,
    );

    /// Returns whether `log_type` is in the set.
    pub const fn contains(self, log_type: LogType) -> bool {
        self.0 & log_type as u16 != 0
    }

    /// Adds `log_type` to the set.
    pub fn insert(&mut self, log_type: LogType) {
        self.0 |= log_type as u16;
    }

    pub(super) const fn bits(self) -> u16 {
        self.0
    }

    pub(super) const fn from_bits(bits: u16) -> Self {
        Self(bits & Self::ALL.0)
    }
}

/// The destinations of log lines; each line goes to all that are set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Destinations {
    /// Standard output.
    pub stdout: bool,
    /// Standard error.
    pub stderr: bool,
    /// The system's log.
    pub syslog: bool,
    /// The topics below `$SYS/broker/log`, by [`Log::set_topic_sink`](super::Log::set_topic_sink).
    pub topic: bool,
    /// A file, to which lines are appended.
    pub file: Option<PathBuf>,
}

/// The options of a configuration about the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The destinations; `None`: not configured, which means standard error.
    pub destinations: Option<Destinations>,
    /// The types of lines; `None`: not configured, which means [`LogTypes::DEFAULT`].
    pub types: Option<LogTypes>,
    /// Whether a line begins with the time.
    pub timestamp: bool,
    /// The format of the time, in the notation of `strftime`, local time; `None`: seconds
    /// since 1970.
    pub timestamp_format: Option<String>,
    /// The facility of the system log, `local0` to `local7`; `None`: `daemon`.
    pub local_facility: Option<u8>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            destinations: None,
            types: None,
            timestamp: true,
            timestamp_format: None,
            local_facility: None,
        }
    }
}

impl Settings {
    /// Returns the destinations of lines.
    pub fn destinations(&self) -> Destinations {
        self.destinations.clone().unwrap_or(Destinations {
            stderr: true,
            ..Destinations::default()
        })
    }

    /// Returns the types of lines: none if they would go nowhere.
    pub fn types(&self) -> LogTypes {
        match &self.destinations {
            Some(destinations) if *destinations == Destinations::default() => LogTypes::NONE,
            _ => self.types.unwrap_or(LogTypes::DEFAULT),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_types_are_in_all_and_only_four_are_on_by_default() {
        let types = [
            (LogType::Error, true),
            (LogType::Warning, true),
            (LogType::Notice, true),
            (LogType::Information, true),
            (LogType::Debug, false),
            (LogType::Subscribe, false),
            (LogType::Unsubscribe, false),
            (LogType::WebSockets, false),
            (LogType::Internal, false),
        ];
        for (log_type, is_default) in types {
            assert!(LogTypes::ALL.contains(log_type));
            assert!(!LogTypes::NONE.contains(log_type));
            assert_eq!(LogTypes::DEFAULT.contains(log_type), is_default);
        }
    }

    #[test]
    fn no_line_is_made_that_would_go_nowhere() {
        let nowhere = Settings {
            destinations: Some(Destinations::default()),
            types: Some(LogTypes::ALL),
            ..Settings::default()
        };
        assert_eq!(nowhere.types(), LogTypes::NONE);
        assert_eq!(Settings::default().types(), LogTypes::DEFAULT);
    }
}
