//! Lines that a client can cause at will, of which the log gets a few a minute and then
//! their number.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasher, Hash};
use std::time::{Duration, Instant};

use foldhash::fast::RandomState;
use parking_lot::Mutex;

use super::line::{self, LONGEST_LINE};
use super::{Log, LogType};

/// The time that lines are counted before their number is logged.
const WINDOW: Duration = Duration::from_secs(60);
/// The most kinds and causers of lines that are told apart; what more of them cause is
/// counted together.
const MAX_COUNTED: usize = 1024;
/// Room for the number behind the text of a line.
const NUMBER_LENGTH: usize = 60;

/// A kind of line that a client can cause at will.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::broker) enum LineKind {
    /// Messages are dropped because too much waits for a session.
    MessagesDropped,
    /// Messages are dropped because a client may not read them.
    MessagesUnreadable,
    /// A client may read nothing that its filter matches.
    UnreadableFilter,
    /// A message is larger than a client takes.
    MessageTooLarge,
    /// A PUBREC has an unknown packet identifier.
    UnknownPacketId,
    /// A client exceeds its receive maximum.
    QuotaExceeded,
    /// The name of a client is a pattern of topics.
    DangerousName,
    /// A client does what the protocol forbids.
    ProtocolError,
    /// TLS or WebSocket fail.
    HandshakeFailed,
    /// A client speaks TLS where it is not spoken.
    UnexpectedTls,
    /// A client has no certificate where it needs one.
    CertificateMissing,
    /// A proxy does not say whom it speaks for.
    ProxyHeaderCorrupt,
    /// There are as many connections as are allowed.
    TooManyConnections,
    /// As many connections have not sent their CONNECT as may.
    TooManyHandshakes,
    /// Logins from an address fail, and have to wait longer for their check.
    LoginsDelayed,
    /// As many logins wait for their check as may.
    TooManyLogins,
    /// The system has no more sockets to give.
    AcceptFailed,
    /// A bridge drops what the remote broker sends, or the remote broker refuses a message.
    BridgeRefusal,
    /// The memory limit is reached.
    MemoryShort,
    /// The client that holds most is disconnected.
    LargestDisconnected,
    /// The memory limit is not reached any more.
    MemoryRelieved,
}

impl LineKind {
    fn log_type(self) -> LogType {
        match self {
            Self::AcceptFailed => LogType::Error,
            Self::UnknownPacketId
            | Self::QuotaExceeded
            | Self::TooManyHandshakes
            | Self::LoginsDelayed
            | Self::TooManyLogins
            | Self::BridgeRefusal
            | Self::MemoryShort => LogType::Warning,
            Self::MessagesDropped
            | Self::MessagesUnreadable
            | Self::UnreadableFilter
            | Self::MessageTooLarge
            | Self::DangerousName
            | Self::UnexpectedTls
            | Self::CertificateMissing
            | Self::ProxyHeaderCorrupt
            | Self::TooManyConnections
            | Self::LargestDisconnected
            | Self::MemoryRelieved => LogType::Notice,
            Self::ProtocolError | Self::HandshakeFailed => LogType::Information,
        }
    }

    /// The lines a minute: one where a packet is enough to cause it, a few where each takes
    /// a connection or concerns the whole broker.
    fn per_window(self) -> u32 {
        match self {
            Self::MessagesDropped
            | Self::MessageTooLarge
            | Self::UnknownPacketId
            | Self::QuotaExceeded
            | Self::TooManyHandshakes
            | Self::LoginsDelayed
            | Self::TooManyLogins
            | Self::BridgeRefusal
            | Self::DangerousName => 1,
            _ => 10,
        }
    }
}

/// The log for lines that a client can cause at will.
///
/// Lines are counted by their kind and whoever causes them: a session, an address, or nobody
/// in particular. While the log has lines of [`LogType::Debug`], it has all of these as well.
pub(in crate::broker) struct RateLimitedLog {
    log: Log,
    hasher: RandomState,
    counted: Mutex<Counted>,
}

impl RateLimitedLog {
    pub(in crate::broker) fn new(log: Log) -> Self {
        Self {
            log,
            hasher: RandomState::default(),
            counted: Mutex::default(),
        }
    }

    /// Logs a line that `causer` has caused, or counts it.
    pub(in crate::broker) fn write(
        &self,
        kind: LineKind,
        causer: impl Hash,
        text: fmt::Arguments<'_>,
    ) {
        self.write_many(kind, causer, 1, text);
    }

    /// Logs one line for `number` events.
    pub(in crate::broker) fn write_many(
        &self,
        kind: LineKind,
        causer: impl Hash,
        number: usize,
        text: fmt::Arguments<'_>,
    ) {
        if self.log.enabled(LogType::Debug) {
            self.log.write(kind.log_type(), text);
            return;
        }
        if !self.log.enabled(kind.log_type()) {
            return;
        }
        let cause = Cause {
            kind,
            causer: Some(self.hasher.hash_one(causer)),
        };
        let now = Instant::now();
        let line = self.counted.lock().count(cause, number, now, text);
        if let Some(line) = line {
            self.log.write(kind.log_type(), format_args!("{line}"));
        }
    }

    /// Logs the numbers of lines whose minute is over.
    pub(in crate::broker) fn report(&self) {
        let now = Instant::now();
        let report = self.counted.lock().report(now);
        self.write_report(report);
    }

    /// Logs the numbers of lines that `causer` will cause no more.
    pub(in crate::broker) fn report_end_of(&self, causer: impl Hash) {
        let mut counted = self.counted.lock();
        if counted.0.is_empty() {
            return;
        }
        let causer = Some(self.hasher.hash_one(causer));
        let report = counted.end(|cause| cause.causer == causer, Instant::now());
        drop(counted);
        self.write_report(report);
    }

    /// Logs all numbers, at the end of the broker.
    pub(in crate::broker) fn report_all(&self) {
        let report = self.counted.lock().end(|_| true, Instant::now());
        self.write_report(report);
    }

    fn write_report(&self, report: Vec<(LineKind, String)>) {
        for (kind, line) in report {
            self.log.write(kind.log_type(), format_args!("{line}"));
        }
    }
}

/// A kind of line and its causer, counted as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Cause {
    kind: LineKind,
    /// A hash of the causer; `None` stands for all that found no room of their own.
    causer: Option<u64>,
}

/// The lines of one cause.
struct Lines {
    /// The time of the first of them since the last report.
    since: Instant,
    /// Those that were logged since then.
    logged: u32,
    /// Those that were not.
    suppressed: usize,
    /// The last that was logged.
    text: String,
}

/// The lines of the last minute.
#[derive(Default)]
struct Counted(HashMap<Cause, Lines, RandomState>);

impl Counted {
    /// Counts a line that stands for `number` events; returns it if it is to be logged.
    fn count(
        &mut self,
        mut cause: Cause,
        number: usize,
        now: Instant,
        text: fmt::Arguments<'_>,
    ) -> Option<String> {
        if self.0.len() >= MAX_COUNTED && !self.0.contains_key(&cause) {
            cause.causer = None;
        }
        let lines = self.0.entry(cause).or_insert_with(|| Lines {
            since: now,
            logged: 0,
            suppressed: 0,
            text: String::new(),
        });
        if lines.logged >= cause.kind.per_window() {
            lines.suppressed += number;
            return None;
        }
        lines.logged += 1;
        lines.suppressed += number - 1;
        lines.text = line::text(text);
        Some(lines.text.clone())
    }

    /// Takes the numbers of lines whose minute is over. The report counts as a line of the
    /// next minute; a cause without any in a minute is forgotten.
    fn report(&mut self, now: Instant) -> Vec<(LineKind, String)> {
        let mut report = Vec::new();
        self.0.retain(|cause, lines| {
            if now.duration_since(lines.since) < WINDOW {
                return true;
            }
            let line = lines.report(now);
            let is_needed = line.is_some();
            report.extend(line.map(|line| (cause.kind, line)));
            (lines.since, lines.logged, lines.suppressed) = (now, 1, 0);
            is_needed
        });
        report
    }

    /// Forgets causes, and takes the numbers of their lines.
    fn end(
        &mut self,
        mut is_over: impl FnMut(&Cause) -> bool,
        now: Instant,
    ) -> Vec<(LineKind, String)> {
        let over = self.0.extract_if(|cause, _| is_over(cause));
        over.filter_map(|(cause, lines)| Some((cause.kind, lines.report(now)?)))
            .collect()
    }
}

impl Lines {
    /// The line that tells how many more there were, if there were any.
    fn report(&self, now: Instant) -> Option<String> {
        if self.suppressed == 0 {
            return None;
        }
        let seconds = now.duration_since(self.since).as_secs() + 1;
        let text = line::cut(&self.text, LONGEST_LINE - NUMBER_LENGTH);
        Some(format!(
            "{text} ({} more within {} s)",
            self.suppressed,
            seconds.min(WINDOW.as_secs())
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cause(kind: LineKind, causer: u64) -> Cause {
        Cause {
            kind,
            causer: Some(causer),
        }
    }

    fn texts(report: Vec<(LineKind, String)>) -> Vec<String> {
        report.into_iter().map(|(_, line)| line).collect()
    }

    #[test]
    fn a_session_gets_one_line_and_one_number_a_minute() {
        let (mut counted, start) = (Counted::default(), Instant::now());
        let dropped = cause(LineKind::MessagesDropped, 1);
        let count = |number, seconds, counted: &mut Counted| {
            let now = start + Duration::from_secs(seconds);
            counted.count(dropped, number, now, format_args!("Drops."))
        };
        assert_eq!(count(5, 0, &mut counted).as_deref(), Some("Drops."));
        assert_eq!(count(100, 59, &mut counted), None);
        let at = |seconds| start + Duration::from_secs(seconds);
        assert!(counted.report(at(59)).is_empty());
        assert_eq!(
            texts(counted.report(at(60))),
            ["Drops. (104 more within 60 s)"]
        );
        assert_eq!(count(7, 61, &mut counted), None);
        assert!(counted.report(at(119)).is_empty());
        assert_eq!(
            texts(counted.report(at(120))),
            ["Drops. (7 more within 60 s)"]
        );
        assert!(counted.report(at(180)).is_empty());
        assert_eq!(count(1, 181, &mut counted).as_deref(), Some("Drops."));
    }

    #[test]
    fn lines_that_take_a_connection_each_are_logged_ten_times_before_they_are_counted() {
        let (mut counted, now) = (Counted::default(), Instant::now());
        let lines = (0..25).filter_map(|number| {
            let cause = cause(LineKind::ProtocolError, 1);
            counted.count(cause, 1, now, format_args!("Error {number}."))
        });
        assert_eq!(lines.count(), 10);
        let report = counted.end(|_| true, now);
        assert_eq!(texts(report), ["Error 9. (15 more within 1 s)"]);
    }

    #[test]
    fn each_kind_and_each_causer_has_a_number_of_its_own() {
        let (mut counted, now) = (Counted::default(), Instant::now());
        for kind in [LineKind::UnknownPacketId, LineKind::QuotaExceeded] {
            for causer in [1, 2] {
                let line = format_args!("{kind:?} {causer}");
                assert!(counted.count(cause(kind, causer), 1, now, line).is_some());
                assert!(counted.count(cause(kind, causer), 1, now, line).is_none());
            }
        }
        let mut ended = texts(counted.end(|cause| cause.causer == Some(2), now));
        ended.sort();
        assert_eq!(
            ended,
            [
                "QuotaExceeded 2 (1 more within 1 s)",
                "UnknownPacketId 2 (1 more within 1 s)"
            ]
        );
        assert_eq!(counted.end(|_| true, now).len(), 2);
    }

    #[test]
    fn many_causers_take_no_more_memory_and_no_more_lines() {
        let (mut counted, now) = (Counted::default(), Instant::now());
        let lines = (0..3 * MAX_COUNTED as u64).filter_map(|causer| {
            let cause = cause(LineKind::MessagesDropped, causer);
            counted.count(cause, 1, now, format_args!("Drops of {causer}."))
        });
        assert_eq!(lines.count(), MAX_COUNTED + 1);
        assert_eq!(counted.0.len(), MAX_COUNTED + 1);
    }

    #[test]
    fn the_number_stands_behind_a_line_of_any_length() {
        let (mut counted, now) = (Counted::default(), Instant::now());
        let name = "é".repeat(LONGEST_LINE);
        for _ in 0..2 {
            let cause = cause(LineKind::QuotaExceeded, 1);
            counted.count(cause, 1, now, format_args!("{name}"));
        }
        let report = texts(counted.end(|_| true, now));
        assert!(report[0].ends_with("é (1 more within 1 s)"), "{report:?}");
        assert!(report[0].len() <= LONGEST_LINE);
    }
}
