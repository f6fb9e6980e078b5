//! What both programs make of the options about the connection.

use std::num::NonZeroU16;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use bytes::Bytes;

use super::typed::{Typed, TypedWill};
use super::{Kind, UsageError, tls};
use crate::client::{Address, ConnectOptions, Endpoint, Report};
use crate::protocol::{Properties, Property, ProtocolVersion, Text, Will};

/// How many QoS 1 and 2 messages a client takes and sends at once.
const DEFAULT_WINDOW: NonZeroU16 = NonZeroU16::new(20).expect("20 is not 0");
const DEFAULT_PORT: u16 = 1883;
const DEFAULT_TLS_PORT: u16 = 8883;
/// How much of a client identifier follows its prefix.
const ID_AFTER_PREFIX: usize = 9;

/// Where the broker is.
pub(super) fn endpoint(typed: &Typed) -> Result<Endpoint, UsageError> {
    let host = typed.host.as_deref().unwrap_or(b"localhost");
    let address = match typed.port {
        Some(0) => Address::Unix(PathBuf::from(std::ffi::OsString::from_vec(host.to_vec()))),
        port => Address::Tcp {
            host: String::from_utf8_lossy(host).into_owned(),
            port: port.unwrap_or(match typed.tls.changes_port() {
                true => DEFAULT_TLS_PORT,
                false => DEFAULT_PORT,
            }),
            bind: typed
                .bind
                .as_deref()
                .map(|bind| String::from_utf8_lossy(bind).into_owned()),
        },
    };
    let report = Report::new(typed.quiet);
    let tls = tls::connector(&typed.tls, typed.port, report)?;
    if tls.is_some() && typed.tls.insecure {
        report.hint("--insecure accepts any certificate: whoever is in between can read along");
    }
    Ok(Endpoint {
        address,
        proxy: typed.proxy.clone(),
        tls,
        websocket: typed.websocket,
    })
}

/// Checks what must go together, in Mosquitto's order, and that no I/O is needed for.
pub(super) fn check(typed: &Typed) -> Result<(), UsageError> {
    if typed.will.payload.is_some() && typed.will.topic.is_none() {
        return Err(UsageError::new(
            "Error: Will payload given, but no will topic given.\n",
        ));
    }
    if typed.will.retain && typed.will.topic.is_none() {
        return Err(UsageError::new(
            "Error: Will retain given, but no will topic given.\n",
        ));
    }
    typed.tls.check()?;
    if typed.id.is_some() {
        return Ok(());
    }
    if version(typed).is_v5() {
        if session_expiry(typed) == u32::MAX {
            return Err(UsageError::new(
                "Error: You must provide a client id if you are using an infinite session expiry interval.\n",
            ));
        }
    } else if typed.keep_session {
        return Err(UsageError::new(
            "Error: You must provide a client id if you are using the -c option.\n",
        ));
    }
    Ok(())
}

/// What the CONNECT says. `receive_at_most` is how many messages will be taken at all.
pub(super) fn connect_options(
    typed: &Typed,
    kind: Kind,
    receive_at_most: Option<u64>,
) -> Result<ConnectOptions, UsageError> {
    let version = version(typed);
    if !typed.properties.connect.is_empty() && !version.is_v5() {
        return Err(UsageError::quietable(
            "Unable to connect (This feature is not supported).\n",
        ));
    }
    let client_id = client_id(typed, kind)?;
    let (username, password) = login(typed, version)?;
    let mut options = ConnectOptions::new(version);
    options.client_id = client_id;
    options.clean_start = !typed.keep_session;
    options.keep_alive = typed.keep_alive.unwrap_or(60);
    options.username = username;
    options.password = password;
    options.will = will(typed, version)?;
    options.inflight_maximum = typed
        .inflight_maximum
        .and_then(NonZeroU16::new)
        .unwrap_or(DEFAULT_WINDOW);
    if version.is_v5() {
        options.properties = connect_properties(typed, receive_at_most);
    }
    Ok(options)
}

pub(super) fn version(typed: &Typed) -> ProtocolVersion {
    typed.version.unwrap_or(ProtocolVersion::V311)
}

/// Seconds; a kept session lives for ever unless `-x` says otherwise.
fn session_expiry(typed: &Typed) -> u32 {
    let default = if typed.keep_session { u32::MAX } else { 0 };
    typed.session_expiry.unwrap_or(default)
}

fn connect_properties(typed: &Typed, receive_at_most: Option<u64>) -> Properties {
    let mut properties = typed.properties.connect.clone();
    let expiry = session_expiry(typed);
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

fn client_id(typed: &Typed, kind: Kind) -> Result<Text, UsageError> {
    let invalid = || {
        UsageError::quietable(match kind {
            Kind::Publish => "Error: Invalid id.\n",
            Kind::Subscribe => "Error: Invalid id and/or clean_session.\n",
        })
    };
    if let Some(id) = &typed.id {
        return text(id)
            .filter(|id| !id.is_empty() && id.is_plain())
            .ok_or_else(invalid);
    }
    if let Some(prefix) = &typed.id_prefix {
        let mut id = prefix.clone();
        id.extend_from_slice(std::process::id().to_string().as_bytes());
        id.truncate(prefix.len() + ID_AFTER_PREFIX);
        return text(&id).filter(Text::is_plain).ok_or_else(invalid);
    }
    if typed.keep_session {
        return Err(invalid());
    }
    if version(typed) == ProtocolVersion::V31 {
        return Ok(generated_id());
    }
    Ok(Text::EMPTY)
}

/// MQTT 3.1 has no empty identifiers.
fn generated_id() -> Text {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut random = [0; 18];
    if getrandom::fill(&mut random).is_err() {
        // Without randomness the process id still tells the clients of one machine apart.
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

fn login(typed: &Typed, version: ProtocolVersion) -> Result<Login, UsageError> {
    let problem = || UsageError::quietable("Error: Problem setting username and/or password.\n");
    let username = match &typed.username {
        Some(username) => Some(text(username).ok_or_else(problem)?),
        None => None,
    };
    let password = typed.password.as_deref().map(Bytes::copy_from_slice);
    let too_long = password
        .as_ref()
        .is_some_and(|password| password.len() > usize::from(u16::MAX));
    if too_long || (password.is_some() && username.is_none() && !version.is_v5()) {
        // [MQTT-3.1.2-22]
        return Err(problem());
    }
    Ok((username, password))
}

fn will(typed: &Typed, version: ProtocolVersion) -> Result<Option<Will>, UsageError> {
    let TypedWill {
        topic: Some(topic),
        payload,
        qos,
        retain,
    } = &typed.will
    else {
        return Ok(None);
    };
    let payload = payload.clone().unwrap_or_default();
    let properties = typed.properties.will.clone();
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
