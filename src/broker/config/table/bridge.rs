//! Options about one bridge: a connection of this broker to another one.

use super::super::diagnostic::Severity;
use super::super::value::{Argument, Beyond, INVALID, Outcome, Range, TextRule, Value, Wrong};
use super::{Row, Structure, unused};

const BRIDGE: &str =
    "Error: The '{name}' option is not supported yet: this broker does not connect to others.";
const CHOICE: &str = "Error: Invalid '{name}' value in configuration ({value}).";
const TOPIC_ALIAS: &str = "Error: bridge_max_topic_alias must be > 0 and <= 65535.";

/// A number that is at least `minimum`; a lower one is raised with the notice `saying`.
const fn at_least(minimum: i32, saying: &'static str) -> Range {
    Range::ANY.from(minimum, Beyond::ClampedSaying(Severity::Notice, saying))
}

pub(super) static ROWS: &[Row] = &[
    Row::structure(&["connection"], Structure::Bridge).refused(BRIDGE),
    Row::bridge(&["address", "addresses"], Value::Special(address)),
    Row::bridge(&["topic"], Value::Special(not_empty)),
    Row::bridge(
        &["remote_clientid", "clientid"],
        Value::Text(
            TextRule::ONCE.with_duplicate_text(
                "Error: Duplicate 'bridge remote clientid' value in configuration.",
            ),
            unused(),
        ),
    ),
    Row::bridge(&["local_clientid"], Value::Text(TextRule::ONCE, unused())),
    Row::bridge(
        &["remote_username", "username"],
        Value::Text(TextRule::ONCE, unused()),
    ),
    Row::bridge(
        &["remote_password", "password"],
        Value::Text(TextRule::ONCE, unused()),
    ),
    Row::bridge(&["local_username"], Value::Text(TextRule::ONCE, unused())),
    Row::bridge(&["local_password"], Value::Text(TextRule::ONCE, unused())),
    Row::bridge(&["cleansession"], Value::Bool(unused())),
    Row::bridge(&["local_cleansession"], Value::Bool(unused())),
    Row::bridge(
        &["keepalive_interval"],
        Value::Integer(
            at_least(5, "keepalive interval too low, using 5 seconds.").to(
                65535,
                Beyond::Refused("Error: Bridge keepalive value too high."),
            ),
            unused(),
        ),
    ),
    Row::bridge(&["start_type"], Value::Special(start_type)),
    Row::bridge(
        &["threshold"],
        Value::Integer(at_least(1, "threshold too low, using 1 message."), unused()),
    ),
    Row::bridge(
        &["idle_timeout"],
        Value::Integer(
            at_least(1, "idle_timeout interval too low, using 1 second."),
            unused(),
        ),
    ),
    Row::bridge(
        &["restart_timeout"],
        Value::Integer(
            at_least(1, "restart_timeout interval too low, using 1 second.").to(
                3600,
                Beyond::ClampedSaying(
                    Severity::Notice,
                    "restart_timeout interval too high, using 3600 seconds.",
                ),
            ),
            unused(),
        ),
    ),
    Row::bridge(&["round_robin"], Value::Bool(unused())),
    Row::bridge(&["notifications"], Value::Bool(unused())),
    Row::bridge(&["notifications_local_only"], Value::Bool(unused())),
    Row::bridge(
        &["notification_topic"],
        Value::Text(TextRule::ONCE, unused()),
    ),
    Row::bridge(&["try_private"], Value::Bool(unused())),
    Row::bridge(
        &["bridge_protocol_version"],
        Value::Choice(
            INVALID,
            &[
                ("mqttv31", Some(|()| {})),
                ("mqttv311", Some(|()| {})),
                ("mqttv50", Some(|()| {})),
            ],
        ),
    ),
    Row::bridge(&["bridge_attempt_unsubscribe"], Value::Bool(unused())),
    Row::bridge(&["bridge_outgoing_retain"], Value::Bool(unused())),
    Row::bridge(
        &["bridge_max_packet_size"],
        Value::Integer(Range::NATURAL, unused()),
    ),
    Row::bridge(
        &["bridge_max_topic_alias"],
        Value::Integer(Range::between(0, 65535, TOPIC_ALIAS), unused()),
    ),
    Row::bridge(
        &["bridge_receive_maximum"],
        Value::Integer(
            Range::ANY
                .from(
                    1,
                    Beyond::Refused("Error: bridge_receive_maximum must be greater than 0."),
                )
                .to(
                    65535,
                    Beyond::Refused("Error: bridge_receive_maximum must be lower than 65535."),
                ),
            unused(),
        ),
    ),
    Row::bridge(
        &["bridge_session_expiry_interval"],
        Value::Integer(
            Range::ANY.from(
                0,
                Beyond::Refused("Error: bridge_session_expiry_interval must not be negative."),
            ),
            unused(),
        ),
    ),
    Row::bridge(
        &["bridge_bind_address"],
        Value::Text(TextRule::ONCE, unused()),
    ),
    Row::bridge(&["bridge_tcp_keepalive"], Value::Special(tcp_keepalive)),
    Row::bridge(
        &["bridge_tcp_user_timeout"],
        Value::Integer(
            Range::ANY.from(0, Beyond::Refused("Error: invalid TCP user timeout value.")),
            unused(),
        ),
    ),
    Row::bridge(
        &["bridge_reload_type"],
        Value::Choice(
            CHOICE,
            &[("lazy", Some(|()| {})), ("immediate", Some(|()| {}))],
        ),
    ),
    Row::bridge(&["bridge_cafile"], Value::Text(TextRule::ONCE, unused())),
    Row::bridge(&["bridge_capath"], Value::Text(TextRule::ONCE, unused())),
    Row::bridge(&["bridge_tls_use_os_certs"], Value::Bool(unused())),
    Row::bridge(&["bridge_certfile"], Value::Text(TextRule::ONCE, unused())),
    Row::bridge(
        &["bridge_keyfile"],
        Value::Text(TextRule::LAST_WINS, unused()),
    ),
    Row::bridge(&["bridge_insecure"], Value::Bool(unused())),
    Row::bridge(&["bridge_alpn"], Value::Text(TextRule::ONCE, unused())),
    Row::bridge(
        &["bridge_tls_version"],
        Value::Text(TextRule::ONCE, unused()),
    ),
    Row::bridge(&["bridge_ciphers"], Value::Text(TextRule::ONCE, unused())),
    Row::bridge(
        &["bridge_ciphers_tls1.3"],
        Value::Text(TextRule::ONCE, unused()),
    ),
    Row::bridge(&["bridge_require_ocsp"], Value::Bool(unused())),
    Row::bridge(&["bridge_identity"], Value::Text(TextRule::ONCE, unused())),
    Row::bridge(&["bridge_psk"], Value::Text(TextRule::ONCE, unused())),
];

fn address(_: &mut (), argument: &Argument<'_>) -> Outcome {
    match argument.words().next() {
        Some(_) => Ok(None),
        None => Err(Wrong::new("Error: Empty address value in configuration.")),
    }
}

fn not_empty(_: &mut (), argument: &Argument<'_>) -> Outcome {
    argument.word().map(|_| None)
}

fn start_type(_: &mut (), argument: &Argument<'_>) -> Outcome {
    let word = argument.word()?;
    match word.as_str() {
        "automatic" | "lazy" | "once" => Ok(None),
        "manual" => Err(Wrong::new("Error: Manual start_type not supported.")),
        _ => Err(Wrong::new(argument.fill(CHOICE, &word))),
    }
}

fn tcp_keepalive(_: &mut (), argument: &Argument<'_>) -> Outcome {
    let mut words = argument.words();
    for part in ["idle", "interval", "counter"] {
        let number = words.next().and_then(|word| word.parse::<i32>().ok());
        if number.is_none_or(|number| number <= 0) {
            return Err(Wrong::new(format!(
                "Error: invalid TCP keepalive {part} value."
            )));
        }
    }
    Ok(None)
}
