//! Values of bridge options that have parts.

use std::net::Ipv6Addr;
use std::time::Duration;

use crate::broker::config::diagnostic::Severity;
use crate::broker::config::model::{
    Bridge, BridgeAddress, BridgeDirection, BridgeTopic, DEFAULT_PORT, RestartTimeout, StartType,
};
use crate::broker::config::value::{Argument, Note, Outcome, Wrong, read_integer};
use crate::client::Proxy;
use crate::protocol::{QoS, TopicFilter, TopicName};
use crate::transport::tcp::Keepalive;

/// The error for a word that an option does not know.
pub(super) const INVALID_WORD: &str = "Error: Invalid '{name}' value in configuration ({value}).";

/// The longest base and constant of `restart_timeout`, in seconds.
const LONGEST_BASE: i32 = 3600;
/// The longest cap.
const LONGEST_CAP: i32 = 7200;

/// Reads `address`: the words up to a comment.
pub(super) fn address(bridge: &mut Bridge, argument: &Argument<'_>) -> Outcome {
    if !bridge.addresses.is_empty() {
        return Err(Wrong::new(
            "Error: Invalid bridge configuration, 'address' only allowed once.",
        )
        .hint("Several addresses stand on one line, separated by spaces."));
    }
    let words = argument.words().take_while(|word| !word.starts_with('#'));
    let addresses: Result<Vec<_>, _> = words.map(|word| one_address(&word)).collect();
    bridge.addresses = addresses?;
    match bridge.addresses.is_empty() {
        true => Err(Wrong::new("Error: Empty address value in configuration.")),
        false => Ok(None),
    }
}

fn one_address(word: &str) -> Result<BridgeAddress, Wrong> {
    let (host, port) = match word.rsplit_once(':') {
        // All of an IPv6 address may stand without brackets if no port follows.
        Some(_) if word.parse::<Ipv6Addr>().is_ok() => (word, None),
        Some((_, port)) if port.ends_with(']') => (word, None),
        Some((host, port)) => (host, Some(port)),
        None => (word, None),
    };
    let port = match port {
        None => DEFAULT_PORT,
        Some(port) => match port.parse() {
            Ok(port) if port > 0 => port,
            _ => {
                return Err(Wrong::new(format!(
                    "Error: Invalid bridge port value ({port})."
                )));
            }
        },
    };
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    let host = bare.unwrap_or(host).to_owned();
    match host.is_empty() {
        true => Err(Wrong::new("Error: Empty address value in configuration.")),
        false => Ok(BridgeAddress { host, port }),
    }
}

/// Reads `topic PATTERN [DIRECTION [QOS [LOCAL-PREFIX [REMOTE-PREFIX]]]]`.
pub(super) fn topic(bridge: &mut Bridge, argument: &Argument<'_>) -> Outcome {
    let text = argument.text()?;
    let (pattern, rest) = split_pattern(&text)?;
    let mut words = rest.split(' ').filter(|word| !word.is_empty());
    let direction = match words.next() {
        None => BridgeDirection::Out,
        Some(word) if word.eq_ignore_ascii_case("out") => BridgeDirection::Out,
        Some(word) if word.eq_ignore_ascii_case("in") => BridgeDirection::In,
        Some(word) if word.eq_ignore_ascii_case("both") => BridgeDirection::Both,
        Some(word) => {
            return Err(
                Wrong::new(format!("Error: Invalid bridge topic direction '{word}'."))
                    .hint("It is one of: out, in, both."),
            );
        }
    };
    // What follows the direction may be a comment.
    let mut words = words.take_while(|word| !word.starts_with('#'));
    let qos = match words.next() {
        None => QoS::AtMostOnce,
        Some("0") => QoS::AtMostOnce,
        Some("1") => QoS::AtLeastOnce,
        Some("2") => QoS::ExactlyOnce,
        Some(word) => {
            return Err(
                Wrong::new(format!("Error: Invalid bridge QoS level '{word}'."))
                    .hint("It is one of: 0, 1, 2."),
            );
        }
    };
    let local_prefix = prefix("local", words.next())?;
    let remote_prefix = prefix("remote", words.next())?;
    if pattern.is_empty() && (local_prefix.is_empty() || remote_prefix.is_empty()) {
        return Err(Wrong::new("Error: Invalid bridge remapping.").hint(
            "A topic line with an empty pattern renames one topic: it needs both prefixes.",
        ));
    }
    let topic = BridgeTopic {
        local: filter("local", &local_prefix, pattern)?,
        remote: filter("remote", &remote_prefix, pattern)?,
        local_prefix,
        remote_prefix,
        direction,
        qos,
    };
    if direction.is_out() && topic.local.is_shared() {
        return Err(Wrong::new(format!(
            "Error: Invalid bridge topic local prefix and pattern combination '{}'.",
            topic.local
        ))
        .hint("A bridge cannot share what it sends with other clients."));
    }
    if bridge.topics.contains(&topic) {
        return Ok(Some(Note {
            severity: Severity::Information,
            message: format!("Duplicate bridge topic '{pattern}', skipping"),
        }));
    }
    bridge.topics.push(topic);
    Ok(None)
}

/// Splits the pattern off, which may stand in quotes with spaces in it.
fn split_pattern(text: &str) -> Result<(&str, &str), Wrong> {
    match text.strip_prefix('"') {
        Some(rest) => rest.split_once('"').ok_or_else(|| {
            Wrong::new(format!(
                "Error: Missing closing quote in topic value ({text})."
            ))
        }),
        None => Ok(text.split_once(' ').unwrap_or((text, ""))),
    }
}

fn prefix(side: &str, word: Option<&str>) -> Result<String, Wrong> {
    let prefix = match word {
        None | Some("\"\"") => return Ok(String::new()),
        Some(word) => word,
    };
    match TopicName::try_from(prefix) {
        Ok(_) => Ok(prefix.to_owned()),
        Err(error) => Err(Wrong::new(format!(
            "Error: Invalid bridge topic {side} prefix '{prefix}'."
        ))
        .hint(format!("{error}."))),
    }
}

fn filter(side: &str, prefix: &str, pattern: &str) -> Result<TopicFilter, Wrong> {
    let filter = format!("{prefix}{pattern}");
    TopicFilter::try_from(filter.as_str()).map_err(|error| {
        Wrong::new(format!(
            "Error: Invalid bridge topic {side} prefix and pattern combination '{filter}'."
        ))
        .hint(format!("{error}."))
    })
}

/// Reads `start_type`.
pub(super) fn start_type(bridge: &mut Bridge, argument: &Argument<'_>) -> Outcome {
    let word = argument.word()?;
    bridge.start_type = match word.as_str() {
        "automatic" => StartType::Automatic,
        "lazy" => StartType::Lazy,
        "once" => StartType::Once,
        "manual" => return Err(Wrong::new("Error: Manual start_type not supported.")),
        _ => return Err(Wrong::new(argument.fill(INVALID_WORD, &word))),
    };
    Ok(None)
}

/// Reads `restart_timeout CONSTANT` and `restart_timeout BASE CAP [STABLE]`.
pub(super) fn restart_timeout(bridge: &mut Bridge, argument: &Argument<'_>) -> Outcome {
    let seconds = |number: i32| Duration::from_secs(u64::try_from(number).unwrap_or(0));
    let mut words = argument.words().take_while(|word| !word.starts_with('#'));
    let base = read_integer(
        argument.name,
        &words.next().ok_or_else(|| argument.empty())?,
    )?;
    let mut note = match base {
        ..1 => Some("restart_timeout interval too low, using 1 second."),
        1..=LONGEST_BASE => None,
        _ => Some("restart_timeout interval too high, using 3600 seconds."),
    };
    let base = base.clamp(1, LONGEST_BASE);
    let Some(cap) = words.next() else {
        bridge.restart_timeout = RestartTimeout::Constant(seconds(base));
        return Ok(note.map(noted));
    };
    let cap = read_integer(argument.name, &cap)?;
    if cap < base {
        return Err(Wrong::new(
            "Error: backoff cap is lower than the base in restart_timeout.",
        ));
    }
    if cap > LONGEST_CAP {
        note = Some("Error: backoff cap too high, using 7200 seconds.");
    }
    let stable = match words.next() {
        None => 0,
        Some(word) => read_integer(argument.name, &word)?,
    };
    if stable < 0 {
        return Err(Wrong::new(
            "Error: stable connection period cannot be negative.",
        ));
    }
    bridge.restart_timeout = RestartTimeout::Jitter {
        base: seconds(base),
        cap: seconds(cap.min(LONGEST_CAP)),
        stable: seconds(stable),
    };
    Ok(note.map(noted))
}

fn noted(message: &str) -> Note {
    Note {
        severity: Severity::Notice,
        message: message.to_owned(),
    }
}

/// Reads `bridge_session_expiry_interval`: any number of 32 bits without a sign.
pub(super) fn session_expiry(bridge: &mut Bridge, argument: &Argument<'_>) -> Outcome {
    let word = argument.word()?;
    let for_ever = word == u32::MAX.to_string() || word.eq_ignore_ascii_case("0xffffffff");
    let seconds = match for_ever {
        true => {
            return Ok({
                bridge.session_expiry_interval = u32::MAX;
                None
            });
        }
        false => read_integer(argument.name, &word)?,
    };
    bridge.session_expiry_interval = u32::try_from(seconds)
        .map_err(|_| Wrong::new("Error: bridge_session_expiry_interval must not be negative."))?;
    Ok(None)
}

/// Reads `bridge_tcp_keepalive IDLE INTERVAL COUNT`.
pub(super) fn tcp_keepalive(bridge: &mut Bridge, argument: &Argument<'_>) -> Outcome {
    let mut words = argument.words();
    let mut next = |part: &str| {
        let number = words.next().and_then(|word| word.parse::<i32>().ok());
        let number = number.and_then(|number| u32::try_from(number).ok());
        number
            .filter(|&number| number > 0)
            .ok_or_else(|| Wrong::new(format!("Error: invalid TCP keepalive {part} value.")))
    };
    bridge.tcp_keepalive = Some(Keepalive {
        idle: Duration::from_secs(next("idle")?.into()),
        interval: Duration::from_secs(next("interval")?.into()),
        count: next("counter")?,
    });
    Ok(None)
}

/// Reads `bridge_proxy`.
pub(super) fn proxy(bridge: &mut Bridge, argument: &Argument<'_>) -> Outcome {
    let url = argument.word()?;
    Proxy::parse(url.as_bytes()).map_err(|error| {
        Wrong::new(format!("Error: Invalid '{}' value.", argument.name)).hint(format!(
            "{error}. It has the form socks5h://[USERNAME[:PASSWORD]@]HOST[:PORT]."
        ))
    })?;
    bridge.proxy = Some(url);
    Ok(None)
}
