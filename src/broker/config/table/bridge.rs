//! Options about one bridge: a connection of this broker to another one.

use super::super::diagnostic::Severity;
use super::super::row::{Row, Structure, unused};
use super::super::value::Value::{Bool, Choice, Integer, Special, Text};
use super::super::value::{Argument, Beyond, INVALID, Outcome, Range, TextRule, Wrong};

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
    Row::structure(&["connection"], Structure::Bridge).refused(BRIDGE)
        .documented("", "",
            "Begins a bridge to another broker, with a name. Bridges are not available yet, and a \
             configuration with one is refused."),
    Row::bridge(&["address", "addresses"], Special(address))
        .documented("", "",
            "The addresses of the other broker, as `HOST[:PORT]`, separated by spaces."),
    Row::bridge(&["topic"], Special(not_empty))
        .documented("", "",
            "Topics that the bridge shares: `topic FILTER [out|in|both] [QOS] [LOCAL-PREFIX] \
             [REMOTE-PREFIX]`."),
    Row::bridge(&["remote_clientid", "clientid"], Text(REMOTE_CLIENTID, unused()))
        .documented("", "",
            "The client identifier that the bridge uses on the other broker."),
    Row::bridge(&["local_clientid"], Text(ONCE, unused()))
        .documented("", "",
            "The client identifier that the bridge has on this broker."),
    Row::bridge(&["remote_username", "username"], Text(ONCE, unused()))
        .documented("", "",
            "The user name for the other broker."),
    Row::bridge(&["remote_password", "password"], Text(ONCE, unused()))
        .documented("", "",
            "The password for the other broker."),
    Row::bridge(&["local_username"], Text(ONCE, unused()))
        .documented("", "",
            "The user name that the bridge has on this broker."),
    Row::bridge(&["local_password"], Text(ONCE, unused()))
        .documented("", "",
            "The password that belongs to `local_username`."),
    Row::bridge(&["cleansession"], Bool(unused()))
        .documented("false", "",
            "Discards the bridge's session on the other broker when the connection ends."),
    Row::bridge(&["local_cleansession"], Bool(unused()))
        .documented("", "",
            "Discards the bridge's session on this broker when the connection ends. Without the \
             option it follows `cleansession`."),
    Row::bridge(&["keepalive_interval"], Integer(KEEPALIVE, unused()))
        .documented("60", "seconds",
            "The keep alive of the bridge's connection, 5 to 65535."),
    Row::bridge(&["start_type"], Special(start_type))
        .documented("automatic", "",
            "When the bridge connects: `automatic`, `lazy` (when messages are waiting) or `once`."),
    Row::bridge(&["threshold"], Integer(THRESHOLD, unused()))
        .documented("10", "",
            "The number of waiting messages that makes a lazy bridge connect."),
    Row::bridge(&["idle_timeout"], Integer(IDLE_TIMEOUT, unused()))
        .documented("60", "seconds",
            "The time without messages after which a lazy bridge disconnects."),
    Row::bridge(&["restart_timeout"], Integer(RESTART_TIMEOUT, unused()))
        .documented("5 30", "seconds",
            "The time before a bridge reconnects: a constant, or the base and the limit of a \
             growing random delay. At most 3600."),
    Row::bridge(&["round_robin"], Bool(unused()))
        .documented("false", "",
            "With several addresses, stays with the one that worked last instead of preferring \
             the first."),
    Row::bridge(&["notifications"], Bool(unused()))
        .documented("true", "",
            "Publishes the state of the bridge as a retained message, on both brokers."),
    Row::bridge(&["notifications_local_only"], Bool(unused()))
        .documented("false", "",
            "Publishes the state of the bridge on this broker only."),
    Row::bridge(&["notification_topic"], Text(ONCE, unused()))
        .documented("", "",
            "The topic of the bridge's state. Without it, the topic is \
             `$SYS/broker/connection/NAME/state`."),
    Row::bridge(&["try_private"], Bool(unused()))
        .documented("true", "",
            "Tells the other broker that the client is a bridge, which helps to avoid loops."),
    Row::bridge(&["bridge_protocol_version"], Choice(INVALID, &[
        ("mqttv31", Some(|()| {})),
        ("mqttv311", Some(|()| {})),
        ("mqttv50", Some(|()| {})),
    ]))
        .documented("mqttv311", "",
            "The version of MQTT: `mqttv31`, `mqttv311` or `mqttv50`."),
    Row::bridge(&["bridge_attempt_unsubscribe"], Bool(unused()))
        .documented("true", "",
            "Unsubscribes on the other broker from topics that the configuration no longer has."),
    Row::bridge(&["bridge_outgoing_retain"], Bool(unused()))
        .documented("true", "",
            "Keeps the retain flag of messages that go to the other broker."),
    Row::bridge(&["bridge_max_packet_size"], Integer(Range::NATURAL, unused()))
        .documented("0", "bytes",
            "The largest packet for the other broker. 0 means no limit."),
    Row::bridge(&["bridge_max_topic_alias"], Integer(ALIASES, unused()))
        .documented("10", "",
            "The number of topic aliases that the other broker may define (MQTT 5)."),
    Row::bridge(&["bridge_receive_maximum"], Integer(RECEIVE_MAXIMUM, unused()))
        .documented("", "",
            "The number of unacknowledged messages that the other broker may send (MQTT 5)."),
    Row::bridge(&["bridge_session_expiry_interval"], Integer(SESSION_EXPIRY, unused()))
        .documented("", "seconds",
            "The time that the other broker keeps the bridge's session (MQTT 5)."),
    Row::bridge(&["bridge_bind_address"], Text(ONCE, unused()))
        .documented("", "",
            "The local address that the bridge connects from."),
    Row::bridge(&["bridge_tcp_keepalive"], Special(tcp_keepalive))
        .documented("", "",
            "TCP keep-alive probes: the idle time and the interval in seconds, and the number of \
             probes."),
    Row::bridge(&["bridge_tcp_user_timeout"], Integer(USER_TIMEOUT, unused()))
        .documented("", "milliseconds",
            "The longest time that sent data may remain unacknowledged by TCP."),
    Row::bridge(&["bridge_reload_type"], Choice(INVALID_WORD, &[
        ("lazy", Some(|()| {})),
        ("immediate", Some(|()| {})),
    ]))
        .documented("lazy", "",
            "When a reload reconnects a changed bridge: `lazy` or `immediate`."),
    Row::bridge(&["bridge_cafile"], Text(ONCE, unused()))
        .documented("", "",
            "The certificates of the authorities that sign the other broker's certificate. It \
             turns TLS on."),
    Row::bridge(&["bridge_capath"], Text(ONCE, unused()))
        .documented("", "",
            "A directory with certificates of authorities. It turns TLS on."),
    Row::bridge(&["bridge_tls_use_os_certs"], Bool(unused()))
        .documented("false", "",
            "Trusts the authorities of the operating system. It turns TLS on."),
    Row::bridge(&["bridge_certfile"], Text(ONCE, unused()))
        .documented("", "",
            "The certificate of the bridge, in PEM format."),
    Row::bridge(&["bridge_keyfile"], Text(TextRule::LAST_WINS, unused()))
        .documented("", "",
            "The private key that belongs to `bridge_certfile`."),
    Row::bridge(&["bridge_insecure"], Bool(unused()))
        .documented("false", "",
            "Accepts a certificate of the other broker that belongs to another host name."),
    Row::bridge(&["bridge_alpn"], Text(ONCE, unused()))
        .documented("", "",
            "The application protocol that the bridge asks for in the TLS handshake."),
    Row::bridge(&["bridge_tls_version"], Text(ONCE, unused()))
        .documented("", "",
            "The version of TLS for the bridge."),
    Row::bridge(&["bridge_ciphers"], Text(ONCE, unused()))
        .documented("", "",
            "The ciphers for TLS 1.2."),
    Row::bridge(&["bridge_ciphers_tls1.3"], Text(ONCE, unused()))
        .documented("", "",
            "The ciphers for TLS 1.3."),
    Row::bridge(&["bridge_require_ocsp"], Bool(unused()))
        .documented("false", "",
            "Requires that the other broker proves by OCSP that its certificate is not revoked."),
    Row::bridge(&["bridge_identity"], Text(ONCE, unused()))
        .documented("", "",
            "Has no effect: the broker has no pre-shared keys."),
    Row::bridge(&["bridge_psk"], Text(ONCE, unused()))
        .documented("", "",
            "Has no effect: the broker has no pre-shared keys."),
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
