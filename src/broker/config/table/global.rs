//! Options about the broker as a whole, about who may connect, and about plugins.

use std::time::Duration;

use super::super::diagnostic::Severity;
use super::super::value::{
    Argument, Beyond, INVALID, Note, Outcome, Range, TextRule, Value, Wrong,
};
use super::{ACCESS, Row, Structure, Support, unused};
use crate::broker::config::model::Config;
use crate::broker::log::{LogType, LogTypes};

const BUFFER_SIZE: &str = "Error: Packet buffer size must be between 0 and 65535 inclusive.";
const PLUGIN: &str = "Error: The '{name}' option is not supported: plugins are C libraries, which this broker does not load.";

pub(super) static ROWS: &[Row] = &[
    // The process
    Row::global(
        &["user"],
        Value::Text(TextRule::LAST_WINS, |config, user| config.user = Some(user)),
    ),
    Row::global(
        &["pid_file"],
        Value::Text(TextRule::ONCE, |config, path| {
            config.pid_file = Some(path.into())
        }),
    ),
    Row::structure(&["include_dir"], Structure::IncludeDir).reloaded(),
    Row::structure(&["per_listener_settings"], Structure::PerListenerSettings).deprecated(""),
    Row::global(
        &["sys_interval"],
        Value::Integer(Range::between(0, 65535, INVALID), |config, seconds| {
            config.sys_interval =
                non_zero(seconds).map(|seconds| Duration::from_secs(seconds.into()));
        }),
    )
    .reloaded()
    .later(),
    Row::global(
        &["set_tcp_nodelay"],
        Value::Bool(|config, on| config.set_tcp_nodelay = on),
    ),
    Row::global(&["enable_control_api"], Value::Bool(unused())).later(),
    Row::global(
        &["packet_buffer_size", "websockets_headers_size"],
        Value::Integer(Range::between(0, 65535, BUFFER_SIZE), unused()),
    )
    .later(),
    // Messages
    Row::global(
        &["retain_available"],
        Value::Bool(|config, on| config.retain_available = on),
    ),
    Row::global(
        &["retain_expiry_interval"],
        Value::Integer(
            Range::between(1, 10_000_000, "Error: retain_expiry_interval must be >= 1.").to(
                10_000_000,
                Beyond::ClampedSaying(
                    Severity::Warning,
                    "Warning: retain_expiry_interval being capped at 19 years.",
                ),
            ),
            |config, minutes| {
                config.retain_expiry_interval =
                    non_zero(minutes).map(|minutes| Duration::from_secs(60 * u64::from(minutes)));
            },
        ),
    )
    .later(),
    Row::global(
        &["check_retain_source"],
        Value::Bool(|config, on| config.check_retain_source = on),
    )
    .later(),
    Row::global(
        &["allow_duplicate_messages"],
        Value::Bool(|config, on| config.allow_duplicate_messages = on),
    )
    .reloaded()
    .deprecated(""),
    Row::global(
        &["upgrade_outgoing_qos"],
        Value::Bool(|config, on| config.upgrade_outgoing_qos = on),
    )
    .reloaded()
    .later(),
    Row::global(
        &["queue_qos0_messages"],
        Value::Bool(|config, on| config.queue_qos0_messages = on),
    )
    .reloaded(),
    Row::global(
        &["persistent_client_expiration"],
        Value::Special(persistent_client_expiration),
    )
    .reloaded(),
    // The log
    Row::global(&["log_dest"], Value::Special(log_dest)).reloaded(),
    Row::global(
        &["log_type"],
        Value::Choice(
            INVALID,
            &[
                (
                    "debug",
                    Some(|config| log_types(config).insert(LogType::Debug)),
                ),
                (
                    "error",
                    Some(|config| log_types(config).insert(LogType::Error)),
                ),
                (
                    "warning",
                    Some(|config| log_types(config).insert(LogType::Warning)),
                ),
                (
                    "notice",
                    Some(|config| log_types(config).insert(LogType::Notice)),
                ),
                (
                    "information",
                    Some(|config| log_types(config).insert(LogType::Information)),
                ),
                (
                    "subscribe",
                    Some(|config| log_types(config).insert(LogType::Subscribe)),
                ),
                (
                    "unsubscribe",
                    Some(|config| log_types(config).insert(LogType::Unsubscribe)),
                ),
                (
                    "websockets",
                    Some(|config| log_types(config).insert(LogType::WebSockets)),
                ),
                (
                    "internal",
                    Some(|config| log_types(config).insert(LogType::Internal)),
                ),
                ("none", Some(|config| *log_types(config) = LogTypes::NONE)),
                ("all", Some(|config| *log_types(config) = LogTypes::ALL)),
            ],
        ),
    )
    .reloaded(),
    Row::global(
        &["log_timestamp"],
        Value::Bool(|config, on| config.log.timestamp = on),
    )
    .reloaded(),
    Row::global(
        &["log_timestamp_format"],
        Value::Text(TextRule::ONCE, |config, format| {
            config.log.timestamp_format = Some(format)
        }),
    )
    .reloaded(),
    Row::global(
        &["log_facility"],
        Value::Integer(Range::between(0, 7, INVALID), |config, number| {
            config.log.local_facility = u8::try_from(number).ok();
        }),
    )
    .reloaded(),
    Row::global(
        &["connection_messages"],
        Value::Bool(|config, on| config.connection_messages = on),
    )
    .reloaded(),
    Row::global(&["websockets_log_level"], Value::Unread).support(Support::Obsolete(
        "Warning: The 'websockets_log_level' option has no effect; use 'log_type websockets'.",
    )),
    // Persistence
    Row::global(
        &["persistence", "retained_persistence"],
        Value::Bool(unused()),
    )
    .reloaded()
    .later(),
    Row::global(&["persistence_file"], Value::Text(TextRule::ONCE, unused()))
        .reloaded()
        .later(),
    Row::global(
        &["persistence_location"],
        Value::Text(TextRule::ONCE, unused()),
    )
    .reloaded()
    .later(),
    Row::global(
        &["autosave_interval"],
        Value::Integer(Range::NATURAL, unused()),
    )
    .reloaded()
    .later(),
    Row::global(&["autosave_on_changes"], Value::Bool(unused()))
        .reloaded()
        .later(),
    // Limits
    Row::global(
        &["max_inflight_messages"],
        Value::Integer(
            Range::NATURAL.to(
                65535,
                Beyond::Refused("Error: 'max_inflight_messages' must be <= 65535."),
            ),
            // 65535 is what MQTT 5 takes for "no limit".
            |config, number| {
                config.limits.max_inflight_messages = u16::try_from(number)
                    .ok()
                    .filter(|&n| n != u16::MAX)
                    .unwrap_or(0)
            },
        ),
    ),
    Row::global(
        &["max_inflight_bytes"],
        Value::Integer(Range::NATURAL, |config, bytes| {
            config.limits.max_inflight_bytes = non_zero(bytes)
        }),
    )
    .later(),
    Row::global(
        &["max_queued_messages"],
        Value::Integer(Range::NATURAL, |config, number| {
            config.limits.max_queued_messages = u32::try_from(number).ok()
        }),
    ),
    Row::global(
        &["max_queued_bytes"],
        Value::Integer(Range::NATURAL, |config, bytes| {
            config.limits.max_queued_bytes = u32::try_from(bytes).ok()
        }),
    ),
    Row::global(
        &["max_packet_size"],
        Value::Integer(
            Range::ANY.from(
                20,
                Beyond::Refused("Error: 'max_packet_size' must be >= 20."),
            ),
            |config, bytes| config.limits.max_packet_size = bytes.unsigned_abs(),
        ),
    ),
    Row::global(&["message_size_limit"], Value::Special(message_size_limit))
        .reloaded()
        .later(),
    Row::global(
        &["max_keepalive"],
        Value::Integer(Range::between(0, 65535, INVALID), |config, seconds| {
            config.limits.max_keepalive =
                u16::try_from(seconds).ok().filter(|&seconds| seconds != 0);
        }),
    ),
    Row::global(
        &["memory_limit"],
        Value::Integer(Range::ANY.from(0, Beyond::Refused(INVALID)), unused()),
    )
    .later(),
    Row::global(
        &["global_max_clients"],
        Value::Integer(Range::NATURAL, |config, number| {
            config.limits.global_max_clients = non_zero(number)
        }),
    )
    .later(),
    Row::global(
        &["global_max_connections"],
        Value::Integer(Range::NATURAL, |config, number| {
            config.limits.global_max_connections = non_zero(number)
        }),
    )
    .later(),
    // Who may connect
    Row::security(
        &["allow_anonymous"],
        Value::Bool(|security, on| security.allow_anonymous = Some(on)),
    )
    .per_listener_name("listener_allow_anonymous"),
    Row::security(
        &["password_file"],
        Value::Text(TextRule::LAST_WINS, |security, path| {
            security.password_file = Some(path.into())
        }),
    ),
    Row::security(&["acl_file"], Value::Text(TextRule::LAST_WINS, unused())).refused(ACCESS),
    Row::security(&["psk_file"], Value::Text(TextRule::LAST_WINS, unused()))
        .refused(super::ENCRYPTION),
    Row::security(
        &["allow_zero_length_clientid"],
        Value::Bool(|security, on| security.allow_zero_length_clientid = on),
    ),
    Row::security(
        &["auto_id_prefix"],
        Value::Text(
            TextRule::ONCE.at_most(50, "Error: auto_id_prefix length must be <= 50."),
            |security, prefix| security.auto_id_prefix = Some(prefix),
        ),
    )
    .deprecated("Please use 'listener_auto_id_prefix' instead."),
    Row::global(
        &["clientid_prefixes"],
        Value::Text(TextRule::LAST_WINS, unused()),
    )
    .reloaded()
    .refused(ACCESS)
    .deprecated(""),
    // Plugins
    Row::structure(
        &["plugin", "auth_plugin", "global_plugin", "plugin_load"],
        Structure::Plugin,
    )
    .refused(PLUGIN),
    Row::listener(&["plugin_use"], Value::Special(plugin_use)).refused(PLUGIN),
    Row::plugin(
        &["plugin_opt_*", "auth_opt_*"],
        Value::Special(plugin_option),
    ),
    Row::plugin(&["auth_plugin_deny_special_chars"], Value::Bool(unused())),
    // What once was
    Row::global(&["retry_interval"], Value::Unread).support(Support::Obsolete(
        "Warning: The 'retry_interval' option is no longer available.",
    )),
    Row::global(&["dhparamfile"], Value::Unread).support(Support::Obsolete(
        "Warning: dhparamfile is no longer required.",
    )),
];

/// `number`, where 0 and less stand for "no limit".
fn non_zero(number: i32) -> Option<u32> {
    u32::try_from(number).ok().filter(|&number| number != 0)
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
            return Err(Wrong::new("Error: Duplicate \"log_dest file\" value."));
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
            return Err(Wrong {
                message: argument.fill(INVALID, &word),
                hint: super::super::text::did_you_mean(&word, WORDS.into_iter()),
            });
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
    let wrong =
        || Wrong::new("Error: Invalid 'persistent_client_expiration' duration in configuration.");
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
            config.limits.message_size_limit = non_zero(bytes);
        });
    integer.read(config, argument)?;
    Ok(Some(Note {
        severity: Severity::Notice,
        message: "Note: It is recommended to replace `message_size_limit` with `max_packet_size`."
            .to_owned(),
    }))
}

fn plugin_use<T>(_: &mut T, argument: &Argument<'_>) -> Outcome {
    let name = argument.word()?;
    Err(Wrong::new(format!(
        "Error: Plugin '{name}' not previously loaded."
    )))
}

fn plugin_option(_: &mut (), argument: &Argument<'_>) -> Outcome {
    let key = argument.name.split_once("_opt_").map_or("", |(_, key)| key);
    if key.len() < 3 {
        return Err(Wrong::new("Error: Invalid 'plugin_opt_' config option."));
    }
    if argument.rest.is_empty() {
        return Err(Wrong::new(format!(
            "Error: Empty '{key}' value in configuration."
        )));
    }
    argument.text().map(|_| None)
}
