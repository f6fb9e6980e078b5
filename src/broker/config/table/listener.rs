//! Options about one listener.

use std::fmt::Display;
use std::fs;
use std::path::PathBuf;

use super::super::row::{Reload, Row, Structure};
use super::super::text::did_you_mean;
use super::super::value::Value::{Bool, Choice, Integer, Special, Text};
use super::super::value::{Argument, DUPLICATE, INVALID, Outcome, Range, TextRule, Wrong};
use crate::broker::config::model::{Listener, Protocol, ProtocolVersions, SocketDomain};
use crate::transport::proxy::ProxyVersion;

const ONCE: TextRule = TextRule::ONCE;
const PREFIX: TextRule = ONCE.at_most(50, "Error: 'listener_auto_id_prefix' length must be <= 50.");
const QOS: Range = Range::between(0, 2, "Error: 'max_qos' must be between 0 and 2 inclusive.");
const ALIASES: Range = Range::between(0, 65535, "Error: Invalid '{name}' value in configuration.");
const PROXY_VERSION: Range = Range::between(1, 2, "Error: enable_proxy_protocol must be 1 or 2.");
const SOCKET_DOMAIN: &str = "Error: Invalid 'socket_domain' value '{value}' in configuration.";

// A row is a line, so that the table can be read down.
#[rustfmt::skip]
pub(super) static ROWS: &[Row] = &[
    Row::structure(&["listener"], Structure::Listener).reload(Reload::WithListener)
        .documented("", "",
            "Opens a port: `listener PORT [ADDRESS]`. The address is an IP address or a host \
             name; without one, the broker listens on all addresses. `listener 0 /PATH` opens a \
             Unix socket. Options below the line apply to this listener, until the next \
             `listener`."),
    Row::structure(&["port"], Structure::Port).fixed().deprecated("Please use 'listener' instead.")
        .documented("1883", "",
            "The port of the default listener."),
    Row::structure(&["bind_address"], Structure::BindAddress).fixed().deprecated("")
        .documented("", "",
            "The address of the default listener. Without it, the broker listens on all \
             addresses."),
    Row::default_listener(&["bind_interface"], Text(ONCE, |listener, name| listener.bind_interface = Some(name)))
        .kept_by_listener(|new, running| new.bind_interface.clone_from(&running.bind_interface))
        .documented("", "",
            "A network interface, for example `eth0`. The listener opens only the addresses of \
             this interface."),
    Row::default_listener(&["socket_domain"], Choice(SOCKET_DOMAIN, &[
        ("ipv4", Some(|listener| listener.socket_domain = SocketDomain::Ipv4)),
        ("ipv6", Some(|listener| listener.socket_domain = SocketDomain::Ipv6)),
    ])).kept_by_listener(|new, running| new.socket_domain = running.socket_domain)
        .documented("", "",
            "`ipv4` or `ipv6`: opens only addresses of this family."),
    Row::default_listener(&["protocol"], Special(protocol))
        .documented("mqtt", "",
            "`mqtt`; `websockets` for MQTT over WebSocket; or `http_api` for a page, metrics and an \
             API that show and steer the running broker. An `http_api` listener also takes MQTT \
             over WebSocket."),
    Row::default_listener(&["max_connections"], Integer(Range::NATURAL, |listener, number| listener.max_connections = u32::try_from(number).ok().filter(|&number| number != 0)))
        .documented("-1", "",
            "The number of connections on this listener. Further connections are closed. 0 and -1 \
             mean no limit."),
    Row::default_listener(&["max_qos", "maximum_qos"], Integer(QOS, |listener, qos| listener.max_qos = u8::try_from(qos).unwrap_or(2)))
        .documented("2", "",
            "The highest QoS on this listener, 0 to 2. MQTT 5 clients are told. A message with a \
             higher QoS ends the connection, and subscriptions are granted at most this QoS."),
    Row::listener(&["max_topic_alias"], Integer(ALIASES, |listener, number| listener.max_topic_alias = u16::try_from(number).unwrap_or(u16::MAX)))
        .documented("10", "",
            "The number of topic aliases that an MQTT 5 client may define. 0 turns them off."),
    Row::listener(&["max_topic_alias_broker"], Integer(ALIASES, |listener, number| listener.max_topic_alias_broker = u16::try_from(number).unwrap_or(u16::MAX)))
        .documented("10", "",
            "The number of topic aliases that the broker defines for an MQTT 5 client, if the \
             client allows as many. 0 turns them off."),
    Row::listener(&["mount_point"], Special(mount_point))
        .documented("", "",
            "A prefix for all topics of this listener's clients. A client that publishes to \
             `door` below `mount_point guests/` publishes to `guests/door` for everyone else, and \
             does not see the prefix itself."),
    Row::default_listener(&["use_username_as_clientid"], Bool(|listener, on| listener.use_username_as_clientid = on))
        .documented("false", "",
            "Replaces the client identifier of each client by its user name, so that a user has \
             one connection at a time."),
    Row::listener(&["accept_protocol_versions"], Special(accept_protocol_versions))
        .documented("3,4,5", "",
            "The versions of MQTT that this listener accepts, separated by commas: 3 for MQTT \
             3.1, 4 for 3.1.1, 5 for 5.0."),
    Row::listener(&["listener_allow_anonymous"], Bool(|listener, on| listener.allow_anonymous = Some(on)))
        .documented("", "",
            "Allows clients to connect to this listener without a user name. It takes precedence \
             over `allow_anonymous`."),
    Row::listener(&["listener_auto_id_prefix"], Text(PREFIX, |listener, prefix| listener.auto_id_prefix = Some(prefix)))
        .documented("", "",
            "The beginning of the client identifiers that the broker chooses on this listener, up \
             to 50 characters. It takes precedence over `auto_id_prefix`."),
    Row::listener(&["enable_proxy_protocol"], Integer(PROXY_VERSION, |listener, version| listener.proxy_protocol = Some(proxy_version(version))))
        .documented("", "",
            "Expects a PROXY header of version 1 or 2 before anything else, so that the broker \
             knows the address of the client behind a proxy. Make sure that only the proxy can \
             reach the listener: the header is trusted."),
    Row::listener(&["proxy_protocol_v2_require_tls"], Bool(|listener, on| listener.proxy_protocol_v2_require_tls = on))
        .documented("false", "",
            "Refuses connections whose PROXY header (version 2) does not say that the client uses \
             TLS."),
    Row::listener(&["http_dir"], Special(http_dir))
        .documented("", "",
            "A directory whose files are served to browsers on the port of a `websockets` \
             listener."),
    Row::listener(&["websockets_origin"], Text(TextRule::LAST_WINS, |listener, origin| listener.websockets_origins.push(origin)))
        .documented("", "",
            "A web origin, for example `https://example.org`, whose pages may connect to this \
             listener. Repeat the option for several origins. Without it, the pages of every \
             origin may connect."),
];

fn protocol(listener: &mut Listener, argument: &Argument<'_>) -> Outcome {
    let word = argument.word()?;
    listener.protocol = match word.as_str() {
        "mqtt" => Protocol::Mqtt,
        "websockets" => Protocol::WebSockets,
        "http_api" => Protocol::HttpApi,
        _ => {
            return Err(Wrong {
                message: argument.fill(INVALID, &word),
                hint: did_you_mean(&word, ["mqtt", "websockets", "http_api"].into_iter()),
            });
        }
    };
    Ok(None)
}

fn proxy_version(version: i32) -> ProxyVersion {
    match version {
        1 => ProxyVersion::V1,
        _ => ProxyVersion::V2,
    }
}

fn mount_point(listener: &mut Listener, argument: &Argument<'_>) -> Outcome {
    let text = argument.text()?;
    if text.contains(['+', '#']) {
        return Err(argument.wrong_text(Wrong::new(argument.fill(
            "Error: Invalid '{name}' value ({value}). Does it contain a wildcard character?",
            &text,
        ))));
    }
    listener.mount_point = Some(text);
    Ok(None)
}

fn http_dir(listener: &mut Listener, argument: &Argument<'_>) -> Outcome {
    let text = argument.text()?;
    let wrong = |why: &dyn Display| {
        let message = format!("Error: Unable to open http_dir '{text}': {why}.");
        argument.wrong_text(Wrong::new(message))
    };
    if listener.http_dir.replace(PathBuf::from(&text)).is_some() {
        return Err(Wrong::new(argument.fill(DUPLICATE, "")));
    }
    // Symbolic links in the path of the directory itself are its owner's affair.
    let directory = fs::canonicalize(&text).map_err(|error| wrong(&error))?;
    if !directory.is_dir() {
        return Err(wrong(&"it is not a directory"));
    }
    listener.http_dir = Some(directory);
    Ok(argument.comment_in_text())
}

/// `3`, `4` and `5`, separated by commas, spaces or tabs.
fn accept_protocol_versions(listener: &mut Listener, argument: &Argument<'_>) -> Outcome {
    argument.word()?;
    let mut versions = ProtocolVersions::NONE;
    for word in argument.words_before_comment() {
        for version in word.split([',', '\t']) {
            match version {
                "3" => versions.v3_1 = true,
                "4" => versions.v3_1_1 = true,
                "5" => versions.v5 = true,
                _ => {}
            }
        }
    }
    listener.protocol_versions = versions;
    Ok(None)
}
