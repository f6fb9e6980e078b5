//! The check of a CONNECT.

use std::net::IpAddr;

use super::refusal::Refusal;
use crate::broker::Broker;
use crate::broker::auth::{Credentials, LoginAttempt};
use crate::broker::connection::permit::ConnectionPermit;
use crate::broker::ground::random_bytes;
use crate::broker::listener::ListenerContext;
use crate::protocol::{Connect, ProtocolVersion, ReasonCode, Text, Will};

/// A client that has shown who it is.
pub(super) struct Login {
    pub(super) connect: Box<Connect>,
    pub(super) client_id: Text,
    /// Set if the broker chose the client identifier, or changed it.
    pub(super) assigned: bool,
    /// The keep alive in force, in seconds.
    pub(super) keep_alive: u16,
    pub(super) credentials: Option<Credentials>,
}

/// Checks what a CONNECT asks for, in Mosquitto's order.
pub(super) async fn log_in(
    mut connect: Box<Connect>,
    certified_name: Option<Text>,
    network: Option<IpAddr>,
    permit: &ConnectionPermit,
) -> Result<Login, Refusal> {
    let ConnectionPermit {
        listener, broker, ..
    } = permit;
    let settings = listener.settings();
    let version = connect.version;
    if !listener.accepts(version) {
        return Err(Refusal::VersionNotAccepted(version));
    }
    if connect.properties.authentication_method().is_some() {
        return Err(Refusal::Code(ReasonCode::BadAuthenticationMethod));
    }
    let mut client_id = client_id_of(&connect, listener)?;
    let mut assigned = connect.client_id.is_empty();
    if !broker.live_options().allows_client_id(&client_id) {
        return Err(Refusal::Code(ReasonCode::NotAuthorized));
    }
    if let Some(will) = &connect.will {
        check_will(will, settings.max_qos, broker)?;
    }
    let keep_alive = keep_alive_of(&connect, listener)?;
    adapt(&mut connect, certified_name, listener)?;
    let username = connect.username.as_ref();
    let credentials = Credentials::new(username, connect.password.as_deref());
    let attempt = LoginAttempt {
        listener: listener.name(),
        credentials: credentials.as_ref(),
        client_id: &client_id,
        network,
    };
    let checked = broker.authenticator.log_in(attempt).await;
    checked.map_err(Refusal::Login)?;
    if settings.use_username_as_clientid {
        let username = username.ok_or(Refusal::Code(ReasonCode::NotAuthorized))?;
        assigned = *username != connect.client_id;
        client_id = username.to_owned_text();
        if !broker.live_options().allows_client_id(&client_id) {
            return Err(Refusal::Code(ReasonCode::NotAuthorized));
        }
    }
    // What waits for a remote broker is nobody else's.
    if broker.bridges.has_client_id(&client_id) {
        return Err(Refusal::IdentifierRejected);
    }
    if broker.is_full_for(&client_id) {
        return Err(Refusal::TooManyClients);
    }
    Ok(Login {
        connect,
        client_id,
        assigned,
        keep_alive,
        credentials,
    })
}

/// Puts the name in a client's certificate, and the mount point of its listener, into the CONNECT.
fn adapt(
    connect: &mut Connect,
    certified_name: Option<Text>,
    listener: &ListenerContext,
) -> Result<(), Refusal> {
    if listener.settings().username_from().is_some() {
        // What the client says of itself does not count.
        connect.password = None;
        connect.username = certified_name;
        if connect.username.is_none() {
            return Err(Refusal::Code(ReasonCode::BadUserNameOrPassword));
        }
    }
    if let (Some(will), Some(mount_point)) = (&mut connect.will, listener.mount_point()) {
        let mounted = mount_point.mounted_name(&will.topic);
        will.topic = mounted.map_err(|_| Refusal::Will(ReasonCode::TopicNameInvalid))?;
    }
    Ok(())
}

/// The client identifier of a CONNECT, or a generated one where the client leaves that to
/// the broker.
fn client_id_of(connect: &Connect, listener: &ListenerContext) -> Result<Text, Refusal> {
    if !connect.client_id.is_empty() {
        return Ok(connect.client_id.to_owned_text());
    }
    let security = listener.security();
    let may_be_empty = match connect.version {
        ProtocolVersion::V31 => false,
        ProtocolVersion::V311 => connect.clean_start,
        ProtocolVersion::V5 => true,
    };
    match may_be_empty && security.allow_zero_length_clientid {
        true => Ok(generated_client_id(security.auto_id_prefix)),
        false => Err(Refusal::IdentifierRejected),
    }
}

/// Refuses a will that could not be published as it is.
fn check_will(will: &Will, max_qos: u8, broker: &Broker) -> Result<(), Refusal> {
    if u8::from(will.qos) > max_qos {
        return Err(Refusal::Will(ReasonCode::QosNotSupported));
    }
    if will.retain && !broker.live_options().retain_available() {
        return Err(Refusal::Will(ReasonCode::RetainNotSupported));
    }
    if broker.live_options().is_too_large(&will.payload) {
        return Err(Refusal::Code(ReasonCode::PacketTooLarge));
    }
    if will.topic.as_bytes().starts_with(b"$CONTROL/") {
        return Err(Refusal::Will(ReasonCode::TopicNameInvalid));
    }
    Ok(())
}

/// The keep alive in force, in seconds: that of the CONNECT, or `max_keepalive` for an
/// MQTT 5.0 client, which is told.
fn keep_alive_of(connect: &Connect, listener: &ListenerContext) -> Result<u16, Refusal> {
    match listener.config().limits.max_keepalive {
        Some(limit) if connect.keep_alive == 0 || connect.keep_alive > limit => {
            match connect.version.is_v5() {
                true => Ok(limit),
                false => Err(Refusal::KeepAlive),
            }
        }
        _ => Ok(connect.keep_alive),
    }
}

/// A client identifier that nobody else has: the prefix and 36 characters.
fn generated_client_id(prefix: &str) -> Text {
    let number = u128::from_be_bytes(random_bytes());
    let digits = format!("{number:032X}");
    let parts = [
        &digits[..8],
        &digits[8..12],
        &digits[12..16],
        &digits[16..20],
        &digits[20..],
    ];
    Text::try_from(format!("{prefix}{}", parts.join("-")).as_str())
        .expect("a short prefix and hexadecimal digits are an MQTT string")
}
