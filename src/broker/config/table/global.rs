//! Options about the broker as a whole: its process, messages, log and limits.

use std::time::Duration;

use super::super::diagnostic::Severity;
use super::super::row::{Row, Structure, unused};
use super::super::text::{did_you_mean, one_of};
use super::super::value::Value::{self, Bool, Choice, Integer, Special, Text, Unread};
use super::super::value::{Argument, Beyond, INVALID, Note, Outcome, Range, TextRule, Wrong};
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
const CONNECT_SIZE: Range = Range::ANY.from(
    20,
    Beyond::Refused("Error: 'max_connect_size' must be >= 20."),
);
const SIXTEEN_BITS: Range = Range::between(0, 65535, INVALID);

// A row is a line, so that the table can be read down.
#[rustfmt::skip]
pub(super) static PROCESS: &[Row] = &[
    Row::global(&["user"], Text(TextRule::LAST_WINS, |config, user| config.user = Some(user)))
        .kept(|new, running| new.user.clone_from(&running.user))
        .documented("mosquitto", "",
            "The account that the broker runs as when root starts it. It changes to this account \
             after it has read the configuration, the password and ACL files and the \
             certificates, and has opened the log file. `root` keeps root's rights."),
    Row::global(&["pid_file"], Text(ONCE, |config, path| config.pid_file = Some(path.into())))
        .kept(|new, running| new.pid_file.clone_from(&running.pid_file))
        .documented("", "",
            "The file that the broker writes its process ID to. The directory must exist, and the \
             account of `user` must be allowed to write to it."),
    Row::structure(&["include_dir"], Structure::IncludeDir)
        .documented("", "",
            "A directory whose files with names that end in `.conf` are read at this place, \
             sorted by name as bytes. Upper case comes before lower case."),
    Row::structure(&["per_listener_settings"], Structure::PerListenerSettings).fixed().deprecated("")
        .documented("false", "",
            "Gives each listener its own `password_file`, `acl_file`, `allow_anonymous`, \
             `allow_zero_length_clientid`, `auto_id_prefix` and plugins, which then have to stand \
             below their `listener`. The option must come before all of these."),
    Row::global(&["sys_interval"], Integer(SIXTEEN_BITS, |config, number| config.sys_interval = duration(number, 1)))
        .documented("10", "seconds",
            "The time between two updates of the topics below `$SYS/broker`. 0 turns them off."),
    Row::global(&["set_tcp_nodelay"], Bool(|config, on| config.set_tcp_nodelay = on))
        .documented("true", "",
            "Sends small packets immediately instead of waiting for more data (TCP_NODELAY). \
             Mosquitto's default is false."),
    Row::global(&["enable_control_api"], Bool(unused())).obsolete(CONTROL_API)
        .documented("false", "",
            "Has no effect: the broker has no `$CONTROL` topics."),
    Row::global(&["packet_buffer_size", "websockets_headers_size"], Integer(Range::between(0, 65535, BUFFER_SIZE), |config, bytes| config.websockets_headers_size = headers_size(bytes)))
        .documented("0", "bytes",
            "The longest head of a WebSocket request. 0 stands for 16384, because browsers send \
             the cookies of all ports of a host."),
];

#[rustfmt::skip]
pub(super) static MESSAGES: &[Row] = &[
    Row::global(&["retain_available"], Bool(|config, on| config.retain_available = on))
        .documented("true", "",
            "Allows clients to publish retained messages. With false, a retained message ends the \
             connection of its publisher, with reason 0x9A in MQTT 5."),
    Row::global(&["retain_expiry_interval"], Integer(SWEEP_MINUTES, |config, number| config.retain_expiry_interval = duration(number, 60)))
        .documented("", "minutes",
            "The time between two searches for expired retained messages, at least 1. Without the \
             option they are removed once a minute. A message that has expired is never \
             delivered, whenever the search takes place."),
    Row::global(&["check_retain_source"], Bool(|config, on| config.check_retain_source = on))
        .documented("false", "",
            "Delivers a retained message only if its publisher is still allowed to write to the \
             topic. Mosquitto's manual says true, but 2.1 behaves like false."),
    Row::global(&["allow_duplicate_messages"], Bool(|config, on| config.allow_duplicate_messages = on)).deprecated("")
        .documented("true", "",
            "Delivers a message once for each of a client's subscriptions that match it. With \
             false, a client gets it once."),
    Row::global(&["upgrade_outgoing_qos"], Bool(|config, on| config.upgrade_outgoing_qos = on))
        .documented("false", "",
            "Delivers messages at the QoS of the subscription even if they were published at a \
             lower one. The MQTT standard asks for the lower of the two."),
    Row::global(&["queue_qos0_messages"], Bool(|config, on| config.queue_qos0_messages = on))
        .documented("false", "",
            "Queues messages of QoS 0, too, for clients with a persistent session that are \
             offline."),
    Row::global(&["persistent_client_expiration"], Special(persistent_client_expiration))
        .documented("", "",
            "The longest time that the session of an offline client is kept: a number followed by \
             `s`, `h`, `d`, `w`, `m` (30 days) or `y`, for example `2w`. Without the option, \
             sessions are kept for as long as the client asks. Set it if clients connect with \
             changing client identifiers and without a clean session."),
];

#[rustfmt::skip]
pub(super) static LOG: &[Row] = &[
    Row::global(&["log_dest"], Special(log_dest))
        .documented("stderr", "",
            "The destination of the log: `stderr`, `stdout`, `syslog`, `topic` (messages below \
             `$SYS/broker/log`), `file` followed by a path, or `none`. Repeat the option for \
             several destinations. SIGRTMIN reopens the file after it was rotated."),
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
    ]))
        .documented("error, warning, notice and information", "",
            "A type of lines that the log contains: `error`, `warning`, `notice`, `information`, \
             `subscribe`, `unsubscribe`, `websockets`, `internal`, `debug`, `all` or `none`. \
             Repeat the option for several types. The first `log_type` replaces the default."),
    Row::global(&["log_timestamp"], Bool(|config, on| config.log.timestamp = on))
        .documented("true", "",
            "Begins each line of the log with the time."),
    Row::global(&["log_timestamp_format"], Text(ONCE, |config, format| config.log.timestamp_format = Some(format)))
        .documented("", "",
            "The format of that time, in the notation of `strftime` and in local time, for \
             example `%Y-%m-%dT%H:%M:%S`. Without the option it is the number of seconds since \
             1970."),
    Row::global(&["log_facility"], Integer(Range::between(0, 7, INVALID), |config, number| config.log.local_facility = u8::try_from(number).ok()))
        .documented("", "",
            "The facility of lines that go to the system's log: 0 to 7 for `local0` to `local7`. \
             Without the option it is `daemon`."),
    Row::global(&["connection_messages"], Bool(|config, on| config.connection_messages = on))
        .documented("true", "",
            "Logs clients that connect and disconnect."),
    Row::global(&["websockets_log_level"], Unread).obsolete(WEBSOCKETS_LOG_LEVEL)
        .documented("", "",
            "Has no effect. Use `log_type websockets`."),
];

#[rustfmt::skip]
pub(super) static PERSISTENCE: &[Row] = &[
    Row::global(&["persistence", "retained_persistence"], Bool(|config, on| config.persistence.is_on = on))
        .kept(|new, running| new.persistence.is_on = running.persistence.is_on)
        .documented("false", "",
            "Stores sessions, queued messages and retained messages, so that they survive a \
             restart of the broker, a crash and a power cut."),
    Row::global(&["persistence_file"], Text(ONCE, |config, name| config.persistence.file = Some(name.into())))
        .kept(|new, running| new.persistence.file.clone_from(&running.persistence.file))
        .documented("mq-broker", "",
            "The name of the store, to which the broker appends `.store`. It never opens or \
             overwrites a database of Mosquitto."),
    Row::global(&["persistence_location"], Text(ONCE, |config, path| config.persistence.location = Some(path.into())))
        .kept(|new, running| new.persistence.location.clone_from(&running.persistence.location))
        .documented("", "",
            "The directory of the store. Without the option it is the directory that the broker \
             was started in."),
    Row::global(&["persistence_sync"], Bool(|config, on| config.persistence.sync = on))
        .kept(|new, running| new.persistence.sync = running.persistence.sync)
        .documented("true", "",
            "Waits for the disk before anything is acknowledged: a power cut loses nothing. With \
             false the disk gets everything within a second, so that a power cut loses at most \
             the last second; a crash of the broker still loses nothing. Neither can damage the \
             store. Choose false if the disk is slow, as an SD card is, and the last second does \
             not matter."),
    // Everything is stored as it happens.
    Row::global(&["autosave_interval"], Integer(Range::NATURAL, unused()))
        .documented("1800", "seconds",
            "Has no effect: the broker stores everything immediately."),
    Row::global(&["autosave_on_changes"], Bool(unused()))
        .documented("false", "",
            "Has no effect: the broker stores everything immediately."),
];

#[rustfmt::skip]
pub(super) static LIMITS: &[Row] = &[
    Row::global(&["max_inflight_messages"], Integer(INFLIGHT_MESSAGES, |config, number| {
        config.limits.max_inflight_messages = receive_maximum(number);
        config.limits.enforces_inflight_messages = true;
    }))
        .documented("20", "",
            "The number of QoS 1 and 2 messages that may be under way to a client, and in MQTT 5 \
             from it, without being acknowledged. 0 means no limit. 1 keeps the order of messages \
             even if the client resends some. An MQTT 5 client that exceeds a configured number is \
             disconnected with reason code 0x93; the default is announced but not enforced."),
    Row::global(&["max_inflight_bytes"], Integer(Range::NATURAL, |config, bytes| config.limits.max_inflight_bytes = limit(bytes)))
        .documented("0", "bytes",
            "The total payload of the messages that may be under way to a client without being \
             acknowledged. One message is always allowed. 0 means no limit."),
    Row::global(&["max_queued_messages"], Integer(Range::NATURAL, |config, number| config.limits.max_queued_messages = u32::try_from(number).ok()))
        .documented("", "",
            "The number of QoS 1 and 2 messages that may wait for a client, in addition to those \
             under way. Further messages for this client are dropped. 0 means no limit. If \
             neither this option nor `max_queued_bytes` is set, the limit is 128 MiB of memory \
             for each client."),
    Row::global(&["max_queued_bytes"], Integer(Range::NATURAL, |config, bytes| config.limits.max_queued_bytes = u32::try_from(bytes).ok()))
        .documented("", "bytes",
            "The total payload of the messages that may wait for a client. If \
             `max_queued_messages` is set as well, both limits apply. 0 means no limit."),
    Row::global(&["max_packet_size"], Integer(PACKET_SIZE, |config, bytes| config.limits.max_packet_size = bytes.unsigned_abs()))
        .documented("2000000", "bytes",
            "The largest packet that the broker accepts, at least 20. MQTT 5 clients are told, \
             and a larger packet ends the connection."),
    Row::global(&["max_connect_size"], Integer(CONNECT_SIZE, |config, bytes| config.limits.max_connect_size = bytes.unsigned_abs()))
        .documented("65536", "bytes",
            "The largest CONNECT that the broker accepts, at least 20. A larger one ends the \
             connection. It limits the memory that clients can take before they have logged in."),
    Row::global(&["max_filters_per_packet"], Integer(Range::NATURAL, |config, number| config.limits.max_filters_per_packet = limit(number)))
        .documented("10000", "",
            "The number of topic filters in one SUBSCRIBE or UNSUBSCRIBE. A packet with more ends \
             the connection, with reason code 0x97 in MQTT 5. 0 means no limit."),
    Row::global(&["max_subscriptions_per_client"], Integer(Range::NATURAL, |config, number| config.limits.max_subscriptions_per_client = limit(number)))
        .documented("10000", "",
            "The number of subscriptions that a client may have. Further filters are refused: with \
             0x97 in MQTT 5, otherwise with 0x80. 0 means no limit."),
    Row::global(&["max_user_properties"], Integer(Range::NATURAL, |config, number| config.limits.max_user_properties = limit(number)))
        .documented("1000", "",
            "The number of user properties in one packet. A packet with more ends the connection, \
             with reason code 0x97. 0 means no limit."),
    Row::global(&["max_messages_per_second"], Integer(Range::NATURAL, |config, number| config.limits.max_messages_per_second = limit(number)))
        .documented("0", "",
            "The number of messages that a client may publish each second. The broker does not \
             read from a client that exceeds it until it is within the limit again. 0 means no \
             limit."),
    Row::global(&["max_bytes_per_second"], Integer(Range::NATURAL, |config, bytes| config.limits.max_bytes_per_second = limit(bytes)))
        .documented("0", "bytes",
            "The number of bytes that a client may send each second. The broker does not read from \
             a client that exceeds it until it is within the limit again. 0 means no limit."),
    Row::global(&["message_size_limit"], Special(message_size_limit))
        .documented("0", "bytes",
            "The largest payload that the broker passes on, up to 268435455. A larger message is \
             acknowledged and dropped, with reason 0x95 in MQTT 5. 0 means no limit. \
             `max_packet_size` is usually the better choice, because it also limits memory."),
    Row::global(&["max_keepalive"], Integer(SIXTEEN_BITS, |config, seconds| config.limits.max_keepalive = u16::try_from(seconds).ok().filter(|&seconds| seconds != 0)))
        .documented("0", "seconds",
            "The longest keep alive that a client may ask for. MQTT 5 clients with a longer one, \
             or with none, are told to use this one. Other clients are refused. 0 means no limit."),
    Row::global(&["memory_limit"], Integer(Range::ANY.from(0, Beyond::Refused(INVALID)), |config, bytes| config.limits.memory_limit = limit(bytes).map(|bytes| bytes as usize)))
        .documented("0", "bytes",
            "The memory that the process may take. When seven eighths of it are in use, new \
             sessions, subscriptions and retained messages are refused, and the sessions that \
             hold the most get no more messages queued. If that is not enough, the largest of \
             them are disconnected. Clients that hold little go on. 0 means no limit."),
    Row::global(&["global_max_clients"], Integer(Range::NATURAL, |config, number| config.limits.global_max_clients = limit(number)))
        .documented("-1", "",
            "The number of sessions, of connected and offline clients together. Further clients \
             are refused. 0 and -1 mean no limit."),
    Row::global(&["global_max_connections"], Integer(Range::NATURAL, |config, number| config.limits.global_max_connections = limit(number)))
        .documented("-1", "",
            "The number of connections on all listeners together. Further connections are closed. \
             0 and -1 mean no limit."),
    Row::global(&["max_connections_per_address"], Integer(Range::NATURAL, |config, number| config.limits.max_connections_per_address = limit(number)))
        .documented("-1", "",
            "The number of connections from one address, which is a /64 network with IPv6, on all \
             listeners together. Further connections are closed. Behind a proxy that passes it \
             on, the address of the client counts. Clients of Unix sockets are not counted. 0 \
             and -1 mean no limit. This option is not in Mosquitto."),
    Row::global(&["max_unauthenticated_connections"], Integer(Range::NATURAL, |config, number| config.limits.max_unauthenticated_connections = limit(number)))
        .documented("1000", "",
            "The number of connections that have not sent their CONNECT yet, on all listeners \
             together. At the limit, the address with the most of them makes room: its oldest \
             connection is closed, if it has had at least a second. Until there is room, new \
             connections wait. Logins that wait for their password to be checked have a limit of \
             their own, 1024. 0 and -1 mean no limit. This option is not in Mosquitto."),
];

#[rustfmt::skip]
pub(super) static OBSOLETE: &[Row] = &[
    Row::global(&["retry_interval"], Unread).obsolete(RETRY_INTERVAL)
        .documented("", "seconds",
            "Has no effect. Messages are resent when a client reconnects, as the MQTT standard \
             demands."),
    Row::global(&["dhparamfile"], Unread).obsolete(DHPARAMFILE)
        .documented("", "",
            "Has no effect. Key exchange in TLS 1.2 and 1.3 needs no such file."),
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
            return Ok(path.comment_in_text());
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
