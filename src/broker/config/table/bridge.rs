//! Options about one bridge: a connection of this broker to another one.

use super::super::diagnostic::Severity;
use super::super::value::Value::{Bool, Choice, Integer, Special, Text};
use super::super::value::{Argument, Beyond, INVALID, Outcome, Range, TextRule, Wrong};
use super::{Row, Structure, unused};

const ONCE: TextRule = TextRule::ONCE;
const REMOTE_CLIENTID: TextRule =
    ONCE.with_duplicate_text("Error: Duplicate 'bridge remote clientid' value in configuration.");
const BRIDGE: &str = "Error: The '{name}' option is not supported yet: \
    this broker does not connect to others.";
const INVALID_WORD: &str = "Error: Invalid '{name}' value in configuration ({value}).";

const KEEPALIVE: Range = at_least(5, "keepalive interval too low, using 5 seconds.").to(
    65535,
    Beyond::Refused("Error: Bridge keepalive value too high."),
);
const THRESHOLD: Range = at_least(1, "threshold too low, using 1 message.");
const IDLE_TIMEOUT: Range = at_least(1, "idle_timeout interval too low, using 1 second.");
const RESTART_TIMEOUT: Range = at_least(1, "restart_timeout interval too low, using 1 second.").to(
    3600,
    Beyond::ClampedSaying(
        Severity::Notice,
        "restart_timeout interval too high, using 3600 seconds.",
    ),
);
const ALIASES: Range = Range::between(
    0,
    65535,
    "Error: bridge_max_topic_alias must be > 0 and <= 65535.",
);
const RECEIVE_MAXIMUM: Range = Range::ANY
    .from(
        1,
        Beyond::Refused("Error: bridge_receive_maximum must be greater than 0."),
    )
    .to(
        65535,
        Beyond::Refused("Error: bridge_receive_maximum must be lower than 65535."),
    );
const SESSION_EXPIRY: Range = Range::ANY.from(
    0,
    Beyond::Refused("Error: bridge_session_expiry_interval must not be negative."),
);
const USER_TIMEOUT: Range =
    Range::ANY.from(0, Beyond::Refused("Error: invalid TCP user timeout value."));

/// A number that is at least `minimum`; a lower one is raised with the notice `saying`.
const fn at_least(minimum: i32, saying: &'static str) -> Range {
    Range::ANY.from(minimum, Beyond::ClampedSaying(Severity::Notice, saying))
}

// A row is a line, so that the table can be read down.
#[rustfmt::skip]
pub(super) static ROWS: &[Row] = &[
    Row::structure(&["connection"], Structure::Bridge).refused(BRIDGE),
    Row::bridge(&["address", "addresses"], Special(address)),
    Row::bridge(&["topic"], Special(not_empty)),
    Row::bridge(&["remote_clientid", "clientid"], Text(REMOTE_CLIENTID, unused())),
    Row::bridge(&["local_clientid"], Text(ONCE, unused())),
    Row::bridge(&["remote_username", "username"], Text(ONCE, unused())),
    Row::bridge(&["remote_password", "password"], Text(ONCE, unused())),
    Row::bridge(&["local_username"], Text(ONCE, unused())),
    Row::bridge(&["local_password"], Text(ONCE, unused())),
    Row::bridge(&["cleansession"], Bool(unused())),
    Row::bridge(&["local_cleansession"], Bool(unused())),
    Row::bridge(&["keepalive_interval"], Integer(KEEPALIVE, unused())),
    Row::bridge(&["start_type"], Special(start_type)),
    Row::bridge(&["threshold"], Integer(THRESHOLD, unused())),
    Row::bridge(&["idle_timeout"], Integer(IDLE_TIMEOUT, unused())),
    Row::bridge(&["restart_timeout"], Integer(RESTART_TIMEOUT, unused())),
    Row::bridge(&["round_robin"], Bool(unused())),
    Row::bridge(&["notifications"], Bool(unused())),
    Row::bridge(&["notifications_local_only"], Bool(unused())),
    Row::bridge(&["notification_topic"], Text(ONCE, unused())),
    Row::bridge(&["try_private"], Bool(unused())),
    Row::bridge(&["bridge_protocol_version"], Choice(INVALID, &[
        ("mqttv31", Some(|()| {})),
        ("mqttv311", Some(|()| {})),
        ("mqttv50", Some(|()| {})),
    ])),
    Row::bridge(&["bridge_attempt_unsubscribe"], Bool(unused())),
    Row::bridge(&["bridge_outgoing_retain"], Bool(unused())),
    Row::bridge(&["bridge_max_packet_size"], Integer(Range::NATURAL, unused())),
    Row::bridge(&["bridge_max_topic_alias"], Integer(ALIASES, unused())),
    Row::bridge(&["bridge_receive_maximum"], Integer(RECEIVE_MAXIMUM, unused())),
    Row::bridge(&["bridge_session_expiry_interval"], Integer(SESSION_EXPIRY, unused())),
    Row::bridge(&["bridge_bind_address"], Text(ONCE, unused())),
    Row::bridge(&["bridge_tcp_keepalive"], Special(tcp_keepalive)),
    Row::bridge(&["bridge_tcp_user_timeout"], Integer(USER_TIMEOUT, unused())),
    Row::bridge(&["bridge_reload_type"], Choice(INVALID_WORD, &[
        ("lazy", Some(|()| {})),
        ("immediate", Some(|()| {})),
    ])),
    Row::bridge(&["bridge_cafile"], Text(ONCE, unused())),
    Row::bridge(&["bridge_capath"], Text(ONCE, unused())),
    Row::bridge(&["bridge_tls_use_os_certs"], Bool(unused())),
    Row::bridge(&["bridge_certfile"], Text(ONCE, unused())),
    Row::bridge(&["bridge_keyfile"], Text(TextRule::LAST_WINS, unused())),
    Row::bridge(&["bridge_insecure"], Bool(unused())),
    Row::bridge(&["bridge_alpn"], Text(ONCE, unused())),
    Row::bridge(&["bridge_tls_version"], Text(ONCE, unused())),
    Row::bridge(&["bridge_ciphers"], Text(ONCE, unused())),
    Row::bridge(&["bridge_ciphers_tls1.3"], Text(ONCE, unused())),
    Row::bridge(&["bridge_require_ocsp"], Bool(unused())),
    Row::bridge(&["bridge_identity"], Text(ONCE, unused())),
    Row::bridge(&["bridge_psk"], Text(ONCE, unused())),
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
        _ => Err(Wrong::new(argument.fill(INVALID_WORD, &word))),
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
