//! Options about the broker as a whole: its process, messages, log and limits.

use std::time::Duration;

use super::super::diagnostic::Severity;
use super::super::text::{did_you_mean, one_of};
use super::super::value::Value::{self, Bool, Choice, Integer, Special, Text, Unread};
use super::super::value::{Argument, Beyond, INVALID, Note, Outcome, Range, TextRule, Wrong};
use super::{Row, Structure, unused};
use crate::broker::config::model::{Config, DEFAULT_HEADERS_SIZE};
use crate::broker::log::{LogType, LogTypes};

const ONCE: TextRule = TextRule::ONCE;
const BUFFER_SIZE: &str = "Error: Packet buffer size must be between 0 and 65535 inclusive.";
const CONTROL_API: &str =
    "Warning: The 'enable_control_api' option has no effect: the broker has no $CONTROL topics.";
const WEBSOCKETS_LOG_LEVEL: &str =
    "Warning: The 'websockets_log_level' option has no effect; use 'log_type websockets'.";
const RETRY_INTERVAL: &str = "Warning: The 'retry_interval' option is no longer available.";
const DHPARAMFILE: &str = "Warning: dhparamfile is no longer required.";

const SWEEP_MINUTES: Range =
    Range::between(1, 10_000_000, "Error: retain_expiry_interval must be >= 1.").to(
        10_000_000,
        Beyond::ClampedSaying(
            Severity::Warning,
            "Warning: retain_expiry_interval being capped at 19 years.",
        ),
    );
const INFLIGHT_MESSAGES: Range = Range::NATURAL.to(
    65535,
    Beyond::Refused("Error: 'max_inflight_messages' must be <= 65535."),
);
const PACKET_SIZE: Range = Range::ANY.from(
    20,
    Beyond::Refused("Error: 'max_packet_size' must be >= 20."),
);
const SIXTEEN_BITS: Range = Range::between(0, 65535, INVALID);

// A row is a line, so that the table can be read down.
#[rustfmt::skip]
pub(super) static ROWS: &[Row] = &[
    // The process
    Row::global(&["user"], Text(TextRule::LAST_WINS, |config, user| config.user = Some(user))),
    Row::global(&["pid_file"], Text(ONCE, |config, path| config.pid_file = Some(path.into()))),
    Row::structure(&["include_dir"], Structure::IncludeDir).reloaded(),
    Row::structure(&["per_listener_settings"], Structure::PerListenerSettings).deprecated(""),
    Row::global(&["sys_interval"], Integer(SIXTEEN_BITS, |config, number| config.sys_interval = duration(number, 1))).reloaded(),
    Row::global(&["set_tcp_nodelay"], Bool(|config, on| config.set_tcp_nodelay = on)).reloaded(),
    Row::global(&["enable_control_api"], Bool(unused())).obsolete(CONTROL_API),
    Row::global(&["packet_buffer_size", "websockets_headers_size"], Integer(Range::between(0, 65535, BUFFER_SIZE), |config, bytes| config.websockets_headers_size = headers_size(bytes))).reloaded(),

    // Messages
    Row::global(&["retain_available"], Bool(|config, on| config.retain_available = on)).reloaded(),
    Row::global(&["retain_expiry_interval"], Integer(SWEEP_MINUTES, |config, number| config.retain_expiry_interval = duration(number, 60))).reloaded(),
    Row::global(&["check_retain_source"], Bool(|config, on| config.check_retain_source = on)).reloaded(),
    Row::global(&["allow_duplicate_messages"], Bool(|config, on| config.allow_duplicate_messages = on)).reloaded().deprecated(""),
    Row::global(&["upgrade_outgoing_qos"], Bool(|config, on| config.upgrade_outgoing_qos = on)).reloaded(),
    Row::global(&["queue_qos0_messages"], Bool(|config, on| config.queue_qos0_messages = on)).reloaded(),
    Row::global(&["persistent_client_expiration"], Special(persistent_client_expiration)).reloaded(),

    // The log
    Row::global(&["log_dest"], Special(log_dest)).reloaded(),
    Row::global(&["log_type"], Choice(INVALID, &[
        ("debug", Some(|config| log_types(config).insert(LogType::Debug))),
        ("error", Some(|config| log_types(config).insert(LogType::Error))),
        ("warning", Some(|config| log_types(config).insert(LogType::Warning))),
        ("notice", Some(|config| log_types(config).insert(LogType::Notice))),
        ("information", Some(|config| log_types(config).insert(LogType::Information))),
        ("subscribe", Some(|config| log_types(config).insert(LogType::Subscribe))),
        ("unsubscribe", Some(|config| log_types(config).insert(LogType::Unsubscribe))),
        ("websockets", Some(|config| log_types(config).insert(LogType::WebSockets))),
        ("internal", Some(|config| log_types(config).insert(LogType::Internal))),
        ("none", Some(|config| *log_types(config) = LogTypes::NONE)),
        ("all", Some(|config| *log_types(config) = LogTypes::ALL)),
    ])).reloaded(),
    Row::global(&["log_timestamp"], Bool(|config, on| config.log.timestamp = on)).reloaded(),
    Row::global(&["log_timestamp_format"], Text(ONCE, |config, format| config.log.timestamp_format = Some(format))).reloaded(),
    Row::global(&["log_facility"], Integer(Range::between(0, 7, INVALID), |config, number| config.log.local_facility = u8::try_from(number).ok())).reloaded(),
    Row::global(&["connection_messages"], Bool(|config, on| config.connection_messages = on)).reloaded(),
    Row::global(&["websockets_log_level"], Unread).obsolete(WEBSOCKETS_LOG_LEVEL),

    // Persistence
    Row::global(&["persistence", "retained_persistence"], Bool(|config, on| config.persistence.is_on = on)),
    Row::global(&["persistence_file"], Text(ONCE, |config, name| config.persistence.file = Some(name.into()))),
    Row::global(&["persistence_location"], Text(ONCE, |config, path| config.persistence.location = Some(path.into()))),
    Row::global(&["persistence_sync"], Bool(|config, on| config.persistence.sync = on)),
    // Everything is stored as it happens.
    Row::global(&["autosave_interval"], Integer(Range::NATURAL, unused())).reloaded(),
    Row::global(&["autosave_on_changes"], Bool(unused())).reloaded(),

    // Limits
    Row::global(&["max_inflight_messages"], Integer(INFLIGHT_MESSAGES, |config, number| config.limits.max_inflight_messages = receive_maximum(number))).reloaded(),
    Row::global(&["max_inflight_bytes"], Integer(Range::NATURAL, |config, bytes| config.limits.max_inflight_bytes = limit(bytes))).reloaded(),
    Row::global(&["max_queued_messages"], Integer(Range::NATURAL, |config, number| config.limits.max_queued_messages = u32::try_from(number).ok())).reloaded(),
    Row::global(&["max_queued_bytes"], Integer(Range::NATURAL, |config, bytes| config.limits.max_queued_bytes = u32::try_from(bytes).ok())).reloaded(),
    Row::global(&["max_packet_size"], Integer(PACKET_SIZE, |config, bytes| config.limits.max_packet_size = bytes.unsigned_abs())).reloaded(),
    Row::global(&["message_size_limit"], Special(message_size_limit)).reloaded(),
    Row::global(&["max_keepalive"], Integer(SIXTEEN_BITS, |config, seconds| config.limits.max_keepalive = u16::try_from(seconds).ok().filter(|&seconds| seconds != 0))).reloaded(),
    Row::global(&["memory_limit"], Integer(Range::ANY.from(0, Beyond::Refused(INVALID)), |config, bytes| config.limits.memory_limit = limit(bytes).map(|bytes| bytes as usize))),
    Row::global(&["global_max_clients"], Integer(Range::NATURAL, |config, number| config.limits.global_max_clients = limit(number))).reloaded(),
    Row::global(&["global_max_connections"], Integer(Range::NATURAL, |config, number| config.limits.global_max_connections = limit(number))).reloaded(),

    // What once was
    Row::global(&["retry_interval"], Unread).obsolete(RETRY_INTERVAL),
    Row::global(&["dhparamfile"], Unread).obsolete(DHPARAMFILE),
];

/// `number`, where 0 stands for "no limit".
fn limit(number: i32) -> Option<u32> {
    u32::try_from(number).ok().filter(|&number| number != 0)
}

/// `number` times `unit` seconds, where 0 stands for "never".
fn duration(number: i32, unit: u64) -> Option<Duration> {
    limit(number).map(|number| Duration::from_secs(u64::from(number) * unit))
}

/// A size in bytes, where 0, with which no client could connect, is the default.
fn headers_size(number: i32) -> usize {
    limit(number).map_or(DEFAULT_HEADERS_SIZE, |bytes| bytes as usize)
}

/// A Receive Maximum, where 65535, which is MQTT's "no limit", becomes 0, which is ours.
fn receive_maximum(number: i32) -> u16 {
    u16::try_from(number)
        .ok()
        .filter(|&number| number != u16::MAX)
        .unwrap_or(0)
}

fn log_types(config: &mut Config) -> &mut LogTypes {
    config.log.types.get_or_insert(LogTypes::NONE)
}

fn log_dest(config: &mut Config, argument: &Argument<'_>) -> Outcome {
    const WORDS: [&str; 7] = ["none", "stdout", "stderr", "syslog", "topic", "dlt", "file"];
    let word = argument.word()?;
    let destinations = config.log.destinations.get_or_insert_default();
    match word.as_str() {
        "none" => *destinations = Default::default(),
        "stdout" => destinations.stdout = true,
        "stderr" => destinations.stderr = true,
        "syslog" => destinations.syslog = true,
        "topic" => destinations.topic = true,
        "dlt" => {
            return Ok(Some(Note {
                severity: Severity::Warning,
                message: "Warning: The 'log_dest' value 'dlt' is not supported and has no effect."
                    .to_owned(),
            }));
        }
        "file" if destinations.file.is_some() => {
            return Err(Wrong::new("Error: Duplicate \"log_dest file\" value.")
                .hint("There is one log file at most."));
        }
        "file" => {
            let path = Argument {
                name: argument.name,
                rest: argument.rest["file".len()..].trim_ascii(),
            };
            if path.rest.is_empty() {
                return Err(Wrong::new(
                    "Error: Empty \"log_dest file\" value in configuration.",
                ));
            }
            destinations.file = Some(path.text()?.into());
        }
        _ => {
            let words = WORDS.into_iter();
            let hint = did_you_mean(&word, words.clone()).unwrap_or_else(|| one_of(words));
            return Err(Wrong::new(argument.fill(INVALID, &word)).hint(hint));
        }
    }
    Ok(None)
}

/// A number and a unit; as in Mosquitto what stands between them is not looked at, so that
/// `1.5d` is a day.
fn persistent_client_expiration(config: &mut Config, argument: &Argument<'_>) -> Outcome {
    const HOUR: u64 = 3600;
    const DAY: u64 = 24 * HOUR;
    let word = argument.word()?;
    let wrong = || {
        Wrong::new("Error: Invalid 'persistent_client_expiration' duration in configuration.")
            .hint("It is a number with a unit: s, h, d, w, m (30 days) or y, as in '2w'.")
    };
    let unit = match word.chars().last() {
        Some('s') => 1,
        Some('h') => HOUR,
        Some('d') => DAY,
        Some('w') => 7 * DAY,
        Some('m') => 30 * DAY,
        Some('y') => 365 * DAY,
        _ => return Err(wrong()),
    };
    let digits = word
        .find(|character: char| !character.is_ascii_digit())
        .unwrap_or(word.len());
    let number: u32 = word[..digits].parse().map_err(|_| wrong())?;
    if number == 0 {
        return Err(wrong());
    }
    config.persistent_client_expiration = Some(Duration::from_secs(u64::from(number) * unit));
    Ok(None)
}

fn message_size_limit(config: &mut Config, argument: &Argument<'_>) -> Outcome {
    const LARGEST: i32 = 268_435_455;
    let integer: Value<Config> =
        Value::Integer(Range::between(0, LARGEST, INVALID), |config, bytes| {
            config.limits.message_size_limit = limit(bytes);
        });
    integer.read(config, argument)?;
    Ok(Some(Note {
        severity: Severity::Notice,
        message: "Note: It is recommended to replace `message_size_limit` with `max_packet_size`."
            .to_owned(),
    }))
}
