//! The meaning of the options about the connection, which both programs have.

use std::num::NonZeroU16;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;

use super::raw_options::{RawOptions, RawWill};
use super::{Kind, UsageError, tls};
use crate::client::{Address, ConnectOptions, Endpoint, Report};
use crate::protocol::{Properties, Property, ProtocolVersion, Text, Will};
use crate::transport::tcp::SocketOptions;

/// The number of QoS 1 and 2 messages that a client accepts and sends at once.
const DEFAULT_WINDOW: NonZeroU16 = NonZeroU16::new(20).expect("20 is not 0");
/// The time for a connection to stand, before the CONNECT.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const DEFAULT_PORT: u16 = 1883;
const DEFAULT_TLS_PORT: u16 = 8883;
/// The maximum length of a client identifier behind its prefix.
const ID_AFTER_PREFIX: usize = 9;

/// Returns the address of the broker and the way to it.
pub(super) fn endpoint(raw: &RawOptions) -> Result<Endpoint, UsageError> {
    let host = raw.host.as_deref().unwrap_or(b"localhost");
    let address = match raw.port {
        Some(0) => Address::Unix(PathBuf::from(std::ffi::OsString::from_vec(host.to_vec()))),
        port => Address::Tcp {
            host: String::from_utf8_lossy(host).into_owned(),
            port: port
                .or(raw.host_port)
                .unwrap_or(match raw.tls.changes_port() {
                    true => DEFAULT_TLS_PORT,
                    false => DEFAULT_PORT,
                }),
            bind: raw
                .bind
                .as_deref()
                .map(|bind| String::from_utf8_lossy(bind).into_owned()),
            options: SocketOptions::default(),
        },
    };
    let report = Report::new(raw.quiet);
    let tls = tls::connector(&raw.tls, raw.port, report)?;
    if tls.is_some() && raw.tls.insecure {
        report.hint("--insecure accepts any certificate, so anyone on the way can read and change the traffic");
    }
    Ok(Endpoint {
        address,
        proxy: raw.proxy.clone(),
        tls,
        websocket: raw.websocket,
        connect_timeout: raw.connect_timeout.unwrap_or(CONNECT_TIMEOUT),
    })
}

/// Checks combinations of options in Mosquitto's order, as far as that needs no I/O.
pub(super) fn check(raw: &RawOptions) -> Result<(), UsageError> {
    if raw.will.payload.is_some() && raw.will.topic.is_none() {
        return Err(UsageError::new(
            "Error: Will payload given, but no will topic given.\n",
        ));
    }
    if raw.will.retain && raw.will.topic.is_none() {
        return Err(UsageError::new(
            "Error: Will retain given, but no will topic given.\n",
        ));
    }
    raw.tls.check()?;
    if raw.id.is_some() {
        return Ok(());
    }
    if version(raw).is_v5() {
        if session_expiry(raw) == u32::MAX {
            return Err(UsageError::new(
                "Error: You must provide a client id if you are using an infinite session expiry interval.\n",
            ));
        }
    } else if raw.keep_session {
        return Err(UsageError::new(
            "Error: You must provide a client id if you are using the -c option.\n",
        ));
    }
    Ok(())
}

/// Returns the contents of the CONNECT.
///
/// `receive_at_most` is the number of messages after which the program ends.
pub(super) fn connect_options(
    raw: &RawOptions,
    kind: Kind,
    receive_at_most: Option<u64>,
) -> Result<ConnectOptions, UsageError> {
    let version = version(raw);
    if !raw.properties.connect.is_empty() && !version.is_v5() {
        return Err(UsageError::quietable(
            "Unable to connect (This feature is not supported).\n",
        ));
    }
    let client_id = client_id(raw, kind)?;
    let (username, password) = login(raw, version)?;
    let mut options = ConnectOptions::new(version);
    options.client_id = client_id;
    options.clean_start = !raw.keep_session;
    options.keep_alive = raw.keep_alive.unwrap_or(60);
    options.username = username;
    options.password = password;
    options.will = will(raw, version)?;
    options.inflight_maximum = raw
        .inflight_maximum
        .and_then(NonZeroU16::new)
        .unwrap_or(DEFAULT_WINDOW);
    if version.is_v5() {
        options.properties = connect_properties(raw, receive_at_most);
    }
    Ok(options)
}

pub(super) fn version(raw: &RawOptions) -> ProtocolVersion {
    raw.version.unwrap_or(ProtocolVersion::V311)
}

/// Returns the session expiry in seconds; a kept session never ends unless `-x` says
/// otherwise.
fn session_expiry(raw: &RawOptions) -> u32 {
    let default = if raw.keep_session { u32::MAX } else { 0 };
    raw.session_expiry.unwrap_or(default)
}

fn connect_properties(raw: &RawOptions, receive_at_most: Option<u64>) -> Properties {
    let mut properties = raw.properties.connect.clone();
    let expiry = session_expiry(raw);
    if expiry != 0 && properties.session_expiry_interval().is_none() {
        properties.push(Property::SessionExpiryInterval(expiry));
    }
    if properties.receive_maximum().is_none() {
        let window = receive_at_most
            .and_then(|count| u16::try_from(count).ok())
            .and_then(NonZeroU16::new)
            .filter(|&count| count < DEFAULT_WINDOW)
            .unwrap_or(DEFAULT_WINDOW);
        properties.push(Property::ReceiveMaximum(window));
    }
    properties
}

fn client_id(raw: &RawOptions, kind: Kind) -> Result<Text, UsageError> {
    let invalid = || {
        UsageError::quietable(match kind {
            Kind::Publish => "Error: Invalid id.\n",
            Kind::Subscribe => "Error: Invalid id and/or clean_session.\n",
        })
    };
    if let Some(id) = &raw.id {
        return text(id)
            .filter(|id| !id.is_empty() && id.is_plain())
            .ok_or_else(invalid);
    }
    if let Some(prefix) = &raw.id_prefix {
        let mut id = prefix.clone();
        id.extend_from_slice(std::process::id().to_string().as_bytes());
        id.truncate(prefix.len() + ID_AFTER_PREFIX);
        return text(&id).filter(Text::is_plain).ok_or_else(invalid);
    }
    if raw.keep_session {
        return Err(invalid());
    }
    if version(raw) == ProtocolVersion::V31 {
        return Ok(generated_id());
    }
    Ok(Text::EMPTY)
}

/// Generates an identifier for MQTT 3.1, which has no empty ones.
fn generated_id() -> Text {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut random = [0; 18];
    if getrandom::fill(&mut random).is_err() {
        // Without randomness the process id still distinguishes the clients of one machine.
        random[..4].copy_from_slice(&std::process::id().to_be_bytes());
    }
    let mut id = b"mosq-".to_vec();
    id.extend(
        random
            .iter()
            .map(|&byte| LETTERS[usize::from(byte) % LETTERS.len()]),
    );
    text(&id).unwrap_or_default()
}

/// The user name and the password.
type Login = (Option<Text>, Option<Bytes>);

fn login(raw: &RawOptions, version: ProtocolVersion) -> Result<Login, UsageError> {
    let problem = || UsageError::quietable("Error: Problem setting username and/or password.\n");
    let username = match &raw.username {
        Some(username) => Some(text(username).ok_or_else(problem)?),
        None => None,
    };
    let password = raw.password.as_deref().map(Bytes::copy_from_slice);
    let too_long = password
        .as_ref()
        .is_some_and(|password| password.len() > usize::from(u16::MAX));
    if too_long || (password.is_some() && username.is_none() && !version.is_v5()) {
        // [MQTT-3.1.2-22]
        let lacks_name = (!too_long).then(|| {
            "-P needs a user name: -u NAME; only MQTT 5 has passwords without one".to_owned()
        });
        return Err(problem().hint(lacks_name));
    }
    Ok((username, password))
}

fn will(raw: &RawOptions, version: ProtocolVersion) -> Result<Option<Will>, UsageError> {
    let RawWill {
        topic: Some(topic),
        payload,
        qos,
        retain,
    } = &raw.will
    else {
        return Ok(None);
    };
    let payload = payload.clone().unwrap_or_default();
    let properties = raw.properties.will.clone();
    let too_long = payload.len() > usize::from(u16::MAX);
    if too_long || (!properties.is_empty() && !version.is_v5()) {
        return Err(UsageError::quietable("Error: Problem setting will.\n"));
    }
    Ok(Some(Will {
        topic: topic.clone(),
        payload,
        qos: *qos,
        retain: *retain,
        properties,
    }))
}

fn text(bytes: &[u8]) -> Option<Text> {
    Text::from_bytes(Bytes::copy_from_slice(bytes)).ok()
}
