//! Lines of the log in one expression: `notice!(log, "Client {id} connected.")`.

/// Logs a line of [`LogType::Warning`](super::LogType::Warning).
macro_rules! warning {
    ($log:expr, $($text:tt)+) => { $log.warning(format_args!($($text)+)) };
}

/// Logs a line of [`LogType::Notice`](super::LogType::Notice).
macro_rules! notice {
    ($log:expr, $($text:tt)+) => { $log.notice(format_args!($($text)+)) };
}

/// Logs a line of [`LogType::Information`](super::LogType::Information).
macro_rules! information {
    ($log:expr, $($text:tt)+) => { $log.information(format_args!($($text)+)) };
}

/// Logs a line that the causer can cause at will, or counts it.
macro_rules! limited {
    ($log:expr, $kind:expr, $causer:expr, $($text:tt)+) => {
        $log.write($kind, $causer, format_args!($($text)+))
    };
}

pub(in crate::broker) use {information, limited, notice, warning};
