//! Values of options, and Mosquitto's errors for those that are invalid.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;

use super::UsageError;
use super::number::{decimal, integer, integer_with_base};
use crate::client::system_text;
use crate::protocol::{InvalidTopic, ProtocolVersion, QoS, RetainHandling, TopicFilter, TopicName};
use crate::subscribe::Format;

pub(super) fn count(value: &[u8]) -> Result<u64, UsageError> {
    positive(value).ok_or_else(|| {
        UsageError::new(format!(
            "Error: Invalid message count \"{}\".\n\n",
            lossy(value)
        ))
    })
}

pub(super) fn format(value: &[u8]) -> Result<Format, UsageError> {
    Format::parse(value).map_err(|error| UsageError::new(format!("Error: {error}\n")))
}

pub(super) fn keep_alive(value: &[u8]) -> Result<u16, UsageError> {
    integer(value)
        .and_then(|number| u16::try_from(number).ok())
        .filter(|&number| number >= 5)
        .ok_or_else(|| {
            UsageError::new(
                "Error: Invalid keepalive given, it must be between 5 and 65535 inclusive.\n\n",
            )
        })
}

pub(super) fn port(value: &[u8]) -> Result<u16, UsageError> {
    integer(value)
        .and_then(|number| u16::try_from(number).ok())
        .ok_or_else(|| UsageError::new(format!("Error: Invalid port given: {}\n", lossy(value))))
}

pub(super) fn version(value: &[u8]) -> Result<ProtocolVersion, UsageError> {
    match value {
        b"mqttv31" | b"31" => Ok(ProtocolVersion::V31),
        b"mqttv311" | b"311" => Ok(ProtocolVersion::V311),
        b"mqttv5" | b"5" => Ok(ProtocolVersion::V5),
        _ => Err(
            UsageError::new("Error: Invalid protocol version argument given.\n\n").hint(Some(
                "allowed are mqttv31, mqttv311 and mqttv5, or 31, 311 and 5".to_owned(),
            )),
        ),
    }
}

pub(super) fn qos(value: &[u8], error: &str, end: &str) -> Result<QoS, UsageError> {
    integer(value)
        .and_then(|number| u8::try_from(number).ok())
        .and_then(QoS::from_u8)
        .ok_or_else(|| UsageError::new(format!("Error: {error} {}{end}", lossy(value))))
}

/// Reads the first line of a file, so that an editor's line end does not count.
pub(super) fn password_in_file(value: Vec<u8>) -> Result<Vec<u8>, UsageError> {
    let path = path(value);
    let content = std::fs::read(&path).map_err(|error| {
        UsageError::new(format!(
            "Error: Unable to read password file \"{}\": {}.\n",
            path.display(),
            system_text(&error)
        ))
    })?;
    let line = content.split(|&byte| byte == b'\n').next().unwrap_or(&[]);
    Ok(line.strip_suffix(b"\r").unwrap_or(line).to_vec())
}

pub(super) fn password_in_variable(name: Vec<u8>) -> Result<Vec<u8>, UsageError> {
    let name = OsString::from_vec(name);
    // Looking up a name that no variable can have is not defined.
    let bytes = name.as_bytes();
    let possible = !bytes.is_empty() && !bytes.contains(&b'=') && !bytes.contains(&0);
    possible
        .then(|| std::env::var_os(&name))
        .flatten()
        .map(OsString::into_vec)
        .ok_or_else(|| {
            UsageError::new(format!(
                "Error: The environment variable {} of --pw-env is not set.\n",
                name.to_string_lossy()
            ))
        })
}

pub(super) fn random_filter(value: &[u8]) -> Result<f64, UsageError> {
    decimal(value)
        .filter(|chance| (0.1..=100.0).contains(chance))
        .ok_or_else(|| {
            UsageError::new("Error: --random-filter chance must be between 0.1-100.0\n\n")
        })
}

pub(super) fn repeat(value: &[u8]) -> Result<u64, UsageError> {
    positive(value)
        .ok_or_else(|| UsageError::new("Error: --repeat argument must be >0.\n\n".to_owned()))
}

pub(super) fn repeat_delay(value: &[u8]) -> Result<Duration, UsageError> {
    decimal(value)
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| UsageError::new("Error: --repeat-delay argument must be >=0.0.\n\n"))
}

pub(super) fn retain_handling(value: &[u8]) -> Result<RetainHandling, UsageError> {
    match value {
        b"always" => Ok(RetainHandling::Always),
        b"new" => Ok(RetainHandling::New),
        b"never" => Ok(RetainHandling::Never),
        _ => Err(UsageError::new(format!(
            "Error: Unknown value '{}' for --retain-handling.\n\n",
            lossy(value)
        ))),
    }
}

pub(super) fn session_expiry(value: &[u8]) -> Result<u32, UsageError> {
    if value == "∞".as_bytes() {
        return Ok(u32::MAX);
    }
    let number = integer_with_base(value)
        .ok_or_else(|| UsageError::new("Error: session-expiry-interval not a number.\n\n"))?;
    if number == -1 {
        return Ok(u32::MAX);
    }
    u32::try_from(number)
        .map_err(|_| UsageError::new("Error: session-expiry-interval out of range.\n\n"))
}

pub(super) fn timeout(value: &[u8]) -> Result<Duration, UsageError> {
    decimal(value)
        .filter(|&seconds| seconds > 0.0)
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| UsageError::new(format!("Error: Invalid timeout \"{}\".\n\n", lossy(value))))
}

pub(super) fn positive(value: &[u8]) -> Option<u64> {
    integer(value)
        .and_then(|number| u64::try_from(number).ok())
        .filter(|&number| number > 0)
}

pub(super) fn topic(value: Vec<u8>, option: &str, what: &str) -> Result<TopicName, UsageError> {
    let text = lossy(&value);
    TopicName::from_bytes(Bytes::from(value)).map_err(|error| match error {
        InvalidTopic::Malformed => malformed(option),
        _ => UsageError::new(format!(
            "Error: Invalid {what} topic '{text}', does it contain '+' or '#'?\n"
        ))
        .hint((error != InvalidTopic::Wildcard).then(|| error.to_string())),
    })
}

pub(super) fn filter(value: Vec<u8>, option: &str, what: &str) -> Result<TopicFilter, UsageError> {
    let text = lossy(&value);
    TopicFilter::from_bytes(Bytes::from(value)).map_err(|error| match error {
        InvalidTopic::Malformed => malformed(option),
        InvalidTopic::Wildcard => UsageError::new(invalid_filter(what, &text)).hint(Some(
            "'+' stands for one whole level, as in a/+/b, and '#' for all levels that follow, \
             as in a/#"
                .to_owned(),
        )),
        _ => UsageError::new(invalid_filter(what, &text)).hint(Some(error.to_string())),
    })
}

pub(super) fn invalid_filter(what: &str, text: &str) -> String {
    format!("Error: Invalid {what} topic '{text}', are all '+' and '#' wildcards correct?\n")
}

pub(super) fn malformed(option: &str) -> UsageError {
    UsageError::new(format!("Error: Malformed UTF-8 in {option} argument.\n\n"))
}

pub(super) fn lossy(value: &[u8]) -> String {
    String::from_utf8_lossy(value).into_owned()
}

pub(super) fn path(value: Vec<u8>) -> PathBuf {
    PathBuf::from(OsString::from_vec(value))
}
