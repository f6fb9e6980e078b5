//! Options about one bridge: a connection of this broker to another one.

mod parts;

use std::time::Duration;

use self::parts::{
    INVALID_WORD, address, proxy, restart_timeout, session_expiry, start_type, tcp_keepalive, topic,
};
use super::super::diagnostic::Severity;
use super::super::model::{Bridge, BridgeReloadType};
use super::super::row::{PSK, Reload, Row, Structure, unused};
use super::super::value::Value::{Bool, Choice, Integer, Special, Text};
use super::super::value::{Argument, Beyond, INVALID, Outcome, Range, TextRule, Wrong, read_bool};
use crate::protocol::ProtocolVersion;

const ONCE: TextRule = TextRule::ONCE;
const REMOTE_CLIENTID: TextRule =
    ONCE.with_duplicate_text("Error: Duplicate 'bridge remote clientid' value in configuration.");

const KEEPALIVE: Range = at_least(5, "keepalive interval too low, using 5 seconds.").to(
    65535,
    Beyond::Refused("Error: Bridge keepalive value too high."),
);
const THRESHOLD: Range = at_least(1, "threshold too low, using 1 message.");
const IDLE_TIMEOUT: Range = at_least(1, "idle_timeout interval too low, using 1 second.");
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
const USER_TIMEOUT: Range =
    Range::ANY.from(0, Beyond::Refused("Error: invalid TCP user timeout value."));

/// A number that is at least `minimum`; a lower one is raised with the notice `saying`.
const fn at_least(minimum: i32, saying: &'static str) -> Range {
    Range::ANY.from(minimum, Beyond::ClampedSaying(Severity::Notice, saying))
}

// A row is a line, so that the table can be read down.
#[rustfmt::skip]
pub(super) static ROWS: &[Row] = &[
    Row::structure(&["connection"], Structure::Bridge).reload(Reload::WithBridge)
        .documented("", "",
            "Begins a bridge to another broker, with a name. The options below it are about this \
             bridge, up to the next `connection`."),
    Row::bridge(&["address", "addresses"], Special(address))
        .documented("", "",
            "The addresses of the other broker, as `HOST[:PORT]`, separated by spaces. The port is \
             1883 unless it is given."),
    Row::bridge(&["topic"], Special(topic))
        .documented("", "",
            "Topics that the bridge shares: `topic FILTER [out|in|both] [QOS] [LOCAL-PREFIX] \
             [REMOTE-PREFIX]`."),
    Row::bridge(&["remote_clientid", "clientid"], Text(REMOTE_CLIENTID, |bridge, id| bridge.remote_clientid = Some(id)))
        .documented("", "",
            "The client identifier that the bridge uses on the other broker."),
    Row::bridge(&["local_clientid"], Text(ONCE, |bridge, text| bridge.local_clientid = Some(text)))
        .documented("", "",
            "The client identifier that the bridge has on this broker."),
    Row::bridge(&["remote_username", "username"], Text(ONCE, |bridge, text| bridge.remote_username = Some(text)))
        .documented("", "",
            "The user name for the other broker."),
    Row::bridge(&["remote_password", "password"], Text(ONCE, |bridge, text| bridge.remote_password = Some(text)))
        .documented("", "",
            "The password for the other broker."),
    Row::bridge(&["local_username"], Text(ONCE, |bridge, text| bridge.local_username = Some(text)))
        .documented("", "",
            "The user name that the bridge has on this broker. No access rule restricts a bridge."),
    Row::bridge(&["local_password"], Text(ONCE, |bridge, text| bridge.local_password = Some(text)))
        .documented("", "",
            "The password that belongs to `local_username`."),
    Row::bridge(&["cleansession"], Bool(|bridge, is_on| bridge.cleansession = is_on))
        .documented("false", "",
            "Discards the bridge's session on the other broker when the connection ends."),
    Row::bridge(&["local_cleansession"], Bool(|bridge, is_on| bridge.local_cleansession = Some(is_on)))
        .documented("", "",
            "Discards the bridge's session on this broker when the connection ends. Without the \
             option it follows `cleansession`."),
    Row::bridge(&["keepalive_interval"], Integer(KEEPALIVE, |bridge, seconds| bridge.keepalive_interval = word(seconds)))
        .documented("60", "seconds",
            "The keep alive of the bridge's connection, 5 to 65535."),
    Row::bridge(&["start_type"], Special(start_type))
        .documented("automatic", "",
            "When the bridge connects: `automatic`, `lazy` (when messages are waiting) or `once`."),
    Row::bridge(&["threshold"], Integer(THRESHOLD, |bridge, count| bridge.threshold = usize::try_from(count).unwrap_or(1)))
        .documented("10", "",
            "The number of waiting messages that makes a lazy bridge connect."),
    Row::bridge(&["idle_timeout"], Integer(IDLE_TIMEOUT, |bridge, seconds| bridge.idle_timeout = Duration::from_secs(natural(seconds).into())))
        .documented("60", "seconds",
            "The time without messages after which a lazy bridge disconnects."),
    Row::bridge(&["restart_timeout"], Special(restart_timeout))
        .documented("5 30", "seconds",
            "The time before a bridge reconnects: `N` is a constant; `BASE CAP` are the limits of \
             a growing random delay; `BASE CAP STABLE` begins at `BASE` again after a connection \
             that lasted for `STABLE`. `N` and `BASE` are at most 3600, `CAP` at most 7200."),
    Row::bridge(&["round_robin"], Bool(|bridge, is_on| bridge.round_robin = is_on))
        .documented("false", "",
            "With several addresses, prefers none. Without it the bridge returns to the first \
             address as soon as that can be reached."),
    Row::bridge(&["notifications"], Bool(|bridge, is_on| bridge.notifications = is_on))
        .documented("true", "",
            "Publishes the state of the bridge as a retained message, on both brokers."),
    Row::bridge(&["notifications_local_only"], Bool(|bridge, is_on| bridge.notifications_local_only = is_on))
        .documented("false", "",
            "Publishes the state of the bridge on this broker only."),
    Row::bridge(&["notification_topic"], Text(ONCE, |bridge, topic| bridge.notification_topic = Some(topic)))
        .documented("", "",
            "The topic of the bridge's state. Without it, the topic is \
             `$SYS/broker/connection/CLIENTID/state`, with the client identifier on the other broker."),
    Row::bridge(&["try_private"], Bool(|bridge, is_on| bridge.try_private = is_on))
        .documented("true", "",
            "Tells the other broker that the client is a bridge, which helps to avoid loops."),
    Row::bridge(&["bridge_protocol_version"], Choice(INVALID, &[
        ("mqttv31", Some(|bridge| bridge.protocol_version = ProtocolVersion::V31)),
        ("mqttv311", Some(|bridge| bridge.protocol_version = ProtocolVersion::V311)),
        ("mqttv50", Some(|bridge| bridge.protocol_version = ProtocolVersion::V5)),
    ]))
        .documented("mqttv311", "",
            "The version of MQTT: `mqttv31`, `mqttv311` or `mqttv50`."),
    Row::bridge(&["bridge_attempt_unsubscribe"], Bool(|bridge, is_on| bridge.attempt_unsubscribe = is_on))
        .documented("true", "",
            "Unsubscribes on the other broker from the topics of `out` lines at each connection. Some \
             services, AWS IoT among them, end a connection that does."),
    Row::bridge(&["bridge_outgoing_retain"], Bool(|bridge, is_on| bridge.outgoing_retain = is_on))
        .documented("true", "",
            "Keeps the retain flag of messages that go to the other broker."),
    Row::bridge(&["bridge_max_packet_size"], Integer(Range::NATURAL, |bridge, bytes| bridge.max_packet_size = natural(bytes)))
        .documented("0", "bytes",
            "The largest packet for the other broker. 0 means no limit."),
    Row::bridge(&["bridge_max_topic_alias"], Integer(ALIASES, |bridge, count| bridge.max_topic_alias = word(count)))
        .documented("10", "",
            "The number of topic aliases that the other broker may define (MQTT 5)."),
    Row::bridge(&["bridge_receive_maximum"], Integer(RECEIVE_MAXIMUM, |bridge, count| bridge.receive_maximum = Some(word(count))))
        .documented("", "",
            "The number of unacknowledged messages that the other broker may send (MQTT 5)."),
    Row::bridge(&["bridge_session_expiry_interval"], Special(session_expiry))
        .documented("", "seconds",
            "The time that the other broker keeps the bridge's session (MQTT 5). Without it, an \
             MQTT 5 broker forgets the session when the connection ends. 4294967295 means for ever."),
    Row::bridge(&["bridge_bind_address"], Text(ONCE, |bridge, address| bridge.bind_address = Some(address)))
        .documented("", "",
            "The local address that the bridge connects from."),
    Row::bridge(&["bridge_tcp_keepalive"], Special(tcp_keepalive))
        .documented("", "",
            "TCP keep-alive probes: the idle time and the interval in seconds, and the number of \
             probes."),
    Row::bridge(&["bridge_tcp_user_timeout"], Integer(USER_TIMEOUT, |bridge, milliseconds| {
        bridge.tcp_user_timeout = Some(Duration::from_millis(natural(milliseconds).into()));
    }))
        .documented("", "milliseconds",
            "The longest time that sent data may remain unacknowledged by TCP."),
    Row::bridge(&["bridge_reload_type"], Choice(INVALID_WORD, &[
        ("lazy", Some(|bridge| bridge.reload_type = BridgeReloadType::Lazy)),
        ("immediate", Some(|bridge| bridge.reload_type = BridgeReloadType::Immediate)),
    ]))
        .documented("lazy", "",
            "When a reload reconnects a changed bridge: `lazy` or `immediate`."),
    Row::bridge(&["bridge_cafile"], Text(ONCE, |bridge, path| bridge.tls.cafile = Some(path.into())))
        .documented("", "",
            "The certificates of the authorities that sign the other broker's certificate. It \
             turns TLS on."),
    Row::bridge(&["bridge_capath"], Text(ONCE, |bridge, path| bridge.tls.capath = Some(path.into())))
        .documented("", "",
            "A directory with certificates of authorities. It turns TLS on."),
    Row::bridge(&["bridge_tls_use_os_certs"], Bool(|bridge, is_on| bridge.tls.use_os_certs = is_on))
        .documented("false", "",
            "Trusts the authorities of the operating system. It turns TLS on."),
    Row::bridge(&["bridge_certfile"], Text(ONCE, |bridge, path| bridge.tls.certfile = Some(path.into())))
        .documented("", "",
            "The certificate of the bridge, in PEM format."),
    Row::bridge(&["bridge_keyfile"], Text(TextRule::LAST_WINS, |bridge, path| bridge.tls.keyfile = Some(path.into())))
        .documented("", "",
            "The private key that belongs to `bridge_certfile`."),
    Row::bridge(&["bridge_insecure"], Bool(|bridge, is_on| bridge.tls.insecure = is_on))
        .documented("false", "",
            "Accepts a certificate of the other broker that belongs to another host name. It must \
             still be signed by a trusted authority."),
    Row::bridge(&["bridge_alpn"], Text(ONCE, |bridge, name| bridge.tls.alpn = Some(name)))
        .documented("", "",
            "The application protocol that the bridge asks for in the TLS handshake."),
    Row::bridge(&["bridge_tls_version"], Choice(INVALID, &[
        ("tlsv1.2", Some(|bridge| bridge.tls.only_tls1_3 = false)),
        ("tlsv1.3", Some(|bridge| bridge.tls.only_tls1_3 = true)),
    ]))
        .documented("", "",
            "The version of TLS for the bridge."),
    Row::bridge(&["bridge_ciphers"], Text(ONCE, |bridge, list| bridge.tls.ciphers = Some(list)))
        .documented("", "",
            "The ciphers for TLS 1.2."),
    Row::bridge(&["bridge_ciphers_tls1.3"], Text(ONCE, |bridge, list| bridge.tls.ciphers_tls1_3 = Some(list)))
        .documented("", "",
            "The ciphers for TLS 1.3."),
    Row::bridge(&["bridge_require_ocsp"], Special(require_ocsp))
        .documented("false", "",
            "Not supported: `true` is refused, because the proof could not be checked."),
    Row::bridge(&["bridge_identity"], Text(ONCE, unused())).refused(PSK)
        .documented("", "",
            "Not supported: the broker has no pre-shared keys. Use certificates."),
    Row::bridge(&["bridge_psk"], Text(ONCE, unused())).refused(PSK)
        .documented("", "",
            "Not supported: the broker has no pre-shared keys. Use certificates."),
    Row::bridge(&["bridge_accept_unasked"], Bool(|bridge, is_on| bridge.accept_unasked = is_on))
        .documented("false", "",
            "Accepts messages from the remote broker that no `topic` line asks for. Without it \
             they are refused, and the log says so. Not in Mosquitto, which accepts them."),
    Row::bridge(&["bridge_transport"], Choice(INVALID, &[
        ("tcp", Some(|bridge| bridge.websockets = false)),
        ("websockets", Some(|bridge| bridge.websockets = true)),
    ]))
        .documented("tcp", "",
            "What carries MQTT to the remote broker: `tcp` or `websockets`, with TLS or without. \
             The path of the WebSocket is `/mqtt`. Not in Mosquitto."),
    Row::bridge(&["bridge_proxy"], Special(proxy))
        .documented("", "",
            "A SOCKS proxy on the way to the remote broker: \
             `socks5h://[USERNAME[:PASSWORD]@]HOST[:PORT]`. The proxy looks up the name of the \
             broker. Not in Mosquitto."),
];

/// A number that is known to be within 16 bits.
fn word(number: i32) -> u16 {
    u16::try_from(number).unwrap_or(u16::MAX)
}

/// A number that is known not to be negative.
fn natural(number: i32) -> u32 {
    u32::try_from(number).unwrap_or(0)
}

fn require_ocsp(_: &mut Bridge, argument: &Argument<'_>) -> Outcome {
    match read_bool(argument)? {
        false => Ok(None),
        true => Err(Wrong::new(
            "Error: The 'bridge_require_ocsp' option is not supported: this broker cannot check \
             OCSP responses.",
        )),
    }
}
