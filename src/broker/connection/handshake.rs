//! From an accepted socket to a client with a session. What this needs is gone when
//! the connection is served.

mod connack;
mod deadline;
mod open;
mod presence;
mod read_connect;
mod refusal;

use std::net::IpAddr;
use std::num::{NonZeroU16, NonZeroU32};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::AsyncWriteExt;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use self::connack::{AnswerFormat, acceptance};
use self::deadline::Deadline;
use self::open::{Opened, open};
use self::presence::while_present;
use self::read_connect::read_connect;
use self::refusal::Refusal;
use super::Connection;
use super::buffers::Buffers;
use super::pending_replies::BatchStart;
use super::permit::ConnectionPermit;
use super::task::ClientTask;
use crate::broker::Broker;
use crate::broker::auth::{Credentials, LoginAttempt, Logins};
use crate::broker::ground::{ConnectionNumber, Expiry, Identity, random_bytes};
use crate::broker::lifecycle::{OpenedSession, Opening};
use crate::broker::listener::{self, ListenerContext, Negotiated, Peer};
use crate::broker::log::LogType;
use crate::broker::message::Message;
use crate::broker::session::{ActiveConnection, Session, Writer};
use crate::protocol::{
    ConnAck, Connect, Decoder, Packet, ProtocolVersion, ReasonCode, Text, Will, encode,
};
use crate::transport::Stream;
use crate::transport::shared_tcp::TcpConnection;
use crate::transport::socket::Socket;

/// A CONNECT takes so many bytes at most: five strings and some properties.
const MAX_CONNECT: u32 = 512 * 1024;

/// Serves one accepted socket until it ends; it is counted as long.
pub(in crate::broker) fn accept(
    socket: Socket,
    peer: Peer,
    permit: ConnectionPermit,
    handshake: listener::Handshake,
) -> ClientTask {
    let deadline = Deadline::new(handshake);
    ClientTask::new(Box::pin(admit(socket, peer, permit, deadline)))
}

async fn admit(
    socket: Socket,
    mut peer: Peer,
    mut permit: ConnectionPermit,
    mut deadline: Deadline,
) -> Option<Box<Connection>> {
    let network = peer.network();
    let opening = open(socket, &mut peer, &permit.listener);
    let opened = deadline.wait_for(network, pin!(opening)).await;
    // Behind a proxy the address is known by now.
    let counted = permit.count_for(peer.network());
    let opened = counted.map_err(Refusal::TooManyConnections).and(opened);
    let ConnectionPermit {
        listener, broker, ..
    } = &permit;
    let (mut stream, certificate) = match opened {
        Ok(Opened::Mqtt(stream, certificate)) => (stream, certificate),
        Ok(Opened::Web(visit)) => {
            let folder = listener.settings().http_dir.as_deref();
            Box::pin(visit.serve(folder, &peer, broker.log())).await;
            return None;
        }
        Err(refusal) => {
            refusal.log(&peer, broker);
            return None;
        }
    };
    let mut decoder = Decoder::new(MAX_CONNECT.min(listener.config().limits.max_packet_size));
    let mut rest = BytesMut::new();
    let reading = read_connect(&mut stream, &mut decoder, &mut rest, broker);
    let read = deadline.wait_for(peer.network(), pin!(reading)).await;
    drop(deadline);
    let connect = match read {
        Ok(connect) => connect,
        Err(refusal) => {
            let format = AnswerFormat::new(decoder.version(), None);
            refuse(stream, &refusal, format, &peer, broker).await;
            return None;
        }
    };
    let format = AnswerFormat::new(
        Some(connect.version),
        connect.properties.maximum_packet_size(),
    );
    let login = log_in(connect, certificate.username, peer.network(), &permit);
    let login = while_present(pin!(login), &mut stream, &mut rest, broker).await;
    let accepted = login.and_then(|login| {
        let connack = acceptance(&login, &permit);
        match format.fits(&connack) {
            true => Ok((login, connack)),
            false => Err(Refusal::ConnAckTooLarge),
        }
    });
    match accepted {
        Ok((login, connack)) => {
            let handshake = Handshake {
                stream,
                tls: certificate.tls,
                decoder,
                peer,
                permit,
            };
            let (opening, accepted) = handshake.opening(login, connack);
            let opened = match handshake.permit.broker.open_session(opening) {
                Ok(opened) => opened,
                // Hardly any CONNECT has to wait.
                Err(opening) => Box::pin(handshake.permit.broker.take_over(opening)).await,
            };
            let mut connection = handshake.connect(opened, accepted);
            connection.buffers.get().partial = rest;
            Some(connection)
        }
        Err(refusal) => {
            refuse(stream, &refusal, format, &peer, broker).await;
            None
        }
    }
}

/// A client that has shown who it is.
struct Login {
    connect: Box<Connect>,
    client_id: Text,
    /// Whether the broker chose the client identifier, or changed it.
    assigned: bool,
    /// The keep alive in force, in seconds.
    keep_alive: u16,
    credentials: Option<Credentials>,
}

/// Checks what a CONNECT asks for, in Mosquitto's order.
async fn log_in(
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
    if settings.username_from().is_some() {
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

/// The accepted parts of a CONNECT that its answer needs.
struct Accepted {
    /// Without its will.
    connect: Box<Connect>,
    number: ConnectionNumber,
    maximum_packet_size: u32,
    /// The answer, except whether a session is present.
    connack: ConnAck,
}

/// What a connection is made of.
struct Handshake {
    stream: Stream,
    tls: Option<Box<Negotiated>>,
    decoder: Decoder,
    peer: Peer,
    permit: ConnectionPermit,
}

impl Handshake {
    /// Splits a login into the session that it asks for and the parts for the answer.
    fn opening(&self, login: Login, connack: ConnAck) -> (Opening, Accepted) {
        let ConnectionPermit {
            listener, broker, ..
        } = &self.permit;
        let Login {
            mut connect,
            client_id,
            keep_alive,
            credentials,
            ..
        } = login;
        let limits = &listener.config().limits;
        let version = connect.version;
        let number = ConnectionNumber::unused();
        let window = NonZeroU16::new(limits.max_inflight_messages).unwrap_or(NonZeroU16::MAX);
        // Before MQTT 5.0 no client learns of a limit. Some clients of MQTT 5.0 ignore it, and
        // would lose messages that they could send to other brokers.
        let own_receive_maximum = match version.is_v5() && limits.enforces_inflight_messages {
            true => window,
            false => NonZeroU16::MAX,
        };
        let properties = &connect.properties;
        let maximum_packet_size = properties
            .maximum_packet_size()
            .map_or(u32::MAX, NonZeroU32::get);
        let opening = Opening {
            identity: Arc::new(Identity {
                username: credentials.as_ref().map(|login| login.username().clone()),
                client_id,
                listener: Some(listener.name().clone()),
            }),
            clean_start: connect.clean_start,
            expiry: session_expiry(
                &connect,
                broker.live_options().persistent_client_expiration(),
            ),
            active_connection: ActiveConnection {
                connection: number,
                version,
                maximum_packet_size,
                // [MQTT-3.1.2-22]
                keep_alive: NonZeroU32::new(u32::from(keep_alive) * 1_500),
                waker: None,
                wants_output: true,
                socket: self.stream.tcp().map(TcpConnection::shared),
                writer: Writer::Task,
                mount_point: listener.mount_point().cloned(),
                credentials: credentials.map(Box::new),
                ending: None,
                reads_last_input: false,
            },
            receive_maximum: properties.receive_maximum().unwrap_or(window),
            topic_alias_maximum: properties
                .topic_alias_maximum()
                .unwrap_or(0)
                .min(listener.settings().max_topic_alias_broker),
            own_receive_maximum,
            will: connect.will.take(),
        };
        let accepted = Accepted {
            connect,
            number,
            maximum_packet_size,
            connack,
        };
        (opening, accepted)
    }

    /// Makes the connection that serves the client, with its CONNACK to be written.
    fn connect(self, opened: OpenedSession, accepted: Accepted) -> Box<Connection> {
        let Self {
            stream,
            tls,
            mut decoder,
            peer,
            permit,
        } = self;
        let OpenedSession {
            session,
            present,
            stored,
        } = opened;
        let ConnectionPermit {
            listener, broker, ..
        } = &permit;
        decoder.set_max_packet_size(listener.config().limits.max_packet_size);
        log_new_client(&accepted.connect, &session, &peer, broker);
        log_tls(tls.as_deref(), session.client_id(), broker);
        if !Arc::ptr_eq(listener, &broker.listener(listener.index())) {
            // A reload came between, which may not have seen this client.
            let (broker, session) = (Arc::clone(broker), Arc::clone(&session));
            spawn_blocking(move || broker.end_if_revoked(&session, &Logins::new()));
        }
        let version = accepted.connect.version;
        let mut connection = Box::new(Connection {
            permit,
            session,
            number: accepted.number,
            peer,
            stream,
            version,
            maximum_packet_size: accepted.maximum_packet_size,
            decoder,
            buffers: Buffers::default(),
            pending_replies: None,
            topics: None,
            pause: None,
        });
        connection.acknowledge(accepted.connack, present);
        connection.gate_batch(BatchStart::default(), stored);
        let session = &connection.session;
        let broker = &connection.permit.broker;
        session
            .state()
            .refill(session, &broker.env, broker.clock().now());
        connection
    }
}

/// How long the session outlives the connection: clean session 0 of MQTT 3 is for ever.
fn session_expiry(connect: &Connect, limit: Option<u32>) -> Expiry {
    let expiry = match connect.version {
        ProtocolVersion::V5 => {
            Expiry::from_seconds(connect.properties.session_expiry_interval().unwrap_or(0))
        }
        _ if connect.clean_start => Expiry::AtDisconnect,
        _ => Expiry::Never,
    };
    expiry.capped(limit)
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

/// Answers a CONNECT that is refused, where the protocol has an answer, and closes.
async fn refuse(
    mut stream: Stream,
    refusal: &Refusal,
    format: AnswerFormat,
    peer: &Peer,
    broker: &Broker,
) {
    refusal.log(peer, broker);
    let Some((connack, version)) = refusal.connack(format.version) else {
        return;
    };
    if !format.fits(&connack) {
        return;
    }
    let mut out = BytesMut::new();
    if encode(&Packet::ConnAck(connack), version, &mut out).is_err() {
        return;
    }
    let farewell = Box::pin(async {
        stream.write_all(&out).await?;
        stream.flush().await?;
        stream.shutdown().await
    });
    // The client is refused whether or not it hears of it.
    let _ = timeout(Duration::from_secs(1), farewell).await;
}

fn log_new_client(connect: &Connect, session: &Session, peer: &Peer, broker: &Broker) {
    let (log, client_id) = (broker.log(), session.client_id());
    if broker.live_options().connection_messages() {
        let kind = if connect.bridge { "bridge" } else { "client" };
        let protocol = connect.version.level() | if connect.bridge { 0x80 } else { 0 };
        let (clean, keep_alive) = (u8::from(connect.clean_start), connect.keep_alive);
        let start = format_args!("New {kind} connected from {peer} as {client_id}");
        match &connect.username {
            Some(username) => log.notice(format_args!(
                "{start} (p{protocol}, c{clean}, k{keep_alive}, u'{username}')."
            )),
            None => {
                log.notice(format_args!(
                    "{start} (p{protocol}, c{clean}, k{keep_alive})."
                ));
            }
        }
    }
    if !log.enabled(LogType::Debug) {
        return;
    }
    match &session.state().will {
        None => log.debug(format_args!("No will message specified.")),
        Some(will) => {
            let Message {
                topic,
                payload,
                qos,
                retain,
                ..
            } = &*will.message;
            let (length, retain, qos) = (payload.len(), u8::from(*retain), u8::from(*qos));
            log.debug(format_args!(
                "Will message specified ({length} bytes) (r{retain}, q{qos})."
            ));
            log.debug(format_args!("\t{topic}"));
        }
    }
}

fn log_tls(tls: Option<&Negotiated>, client_id: &Text, broker: &Broker) {
    if let Some(tls) = tls.filter(|_| broker.live_options().connection_messages()) {
        let (version, cipher) = (tls.version(), tls.cipher());
        broker.log().notice(format_args!(
            "Client {client_id} negotiated {version} cipher {cipher}"
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Thousands of clients are idle most of the time; what each costs is this and its
    /// session.
    #[test]
    fn the_task_of_an_idle_client_is_small() {
        fn size_of_future<T, F>(_: impl FnOnce(Socket, Peer, ConnectionPermit, T) -> F) -> usize {
            size_of::<F>()
        }
        let task = size_of_future(accept);
        assert!(task <= 24, "{task} bytes");
        let connection = size_of::<Connection>();
        assert!(connection <= 160, "{connection} bytes");
        let session = size_of::<Session>();
        assert!(session <= 312, "{session} bytes");
        let admission = size_of_future(admit);
        assert!(admission <= 1024, "{admission} bytes");
    }
}
