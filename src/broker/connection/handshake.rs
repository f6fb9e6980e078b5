//! From an accepted socket to a client with a session. What this needs is gone when
//! the connection is served.

mod connack;
mod deadline;
mod login;
mod open;
mod presence;
mod read_connect;
mod refusal;
mod refused_client;

use std::fmt;
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
use self::login::{Login, log_in};
use self::open::{Opened, open};
use self::presence::while_present;
use self::read_connect::read_connect;
use self::refusal::Refusal;
use self::refused_client::{ClientNames, RefusedClient};
use super::buffers::Buffers;
use super::client::Connection;
use super::pending_replies::BatchStart;
use super::permit::ConnectionPermit;
use super::rate::Rate;
use super::task::ClientTask;
use crate::broker::Broker;
use crate::broker::auth::Logins;
use crate::broker::config::Limits;
use crate::broker::ground::{ConnectionNumber, Expiry, Identity};
use crate::broker::http::{self, Origin};
use crate::broker::lifecycle::{OpenedSession, Opening};
use crate::broker::listener::{self, Negotiated, Peer};
use crate::broker::log::LogType;
use crate::broker::message::Message;
use crate::broker::session::{ActiveConnection, Receiver, Session, Writer};
use crate::protocol::{
    ConnAck, ConnAckCode, Connect, Decoder, MaxCounts, Packet, ProtocolVersion, encode,
};
use crate::transport::Stream;
use crate::transport::shared_tcp::TcpConnection;
use crate::transport::socket::Socket;

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
        Ok(Opened::Mqtt(stream, certificate)) => {
            let connection = format_args!("Connection from {peer}");
            log_tls(certificate.tls.as_deref(), &connection, broker);
            (stream, certificate)
        }
        Ok(Opened::Web(visit)) => {
            let folder = listener.settings().http_dir.as_deref();
            Box::pin(visit.serve(folder, &peer, broker.log())).await;
            return None;
        }
        Ok(Opened::HttpApi(opened, certified_name)) => {
            let (socket, request) = *opened;
            let origin = Origin {
                listener: Arc::clone(listener),
                peer,
                certified_name,
            };
            Box::pin(http::serve(socket, request, origin, Arc::clone(broker))).await;
            return None;
        }
        Err(refusal) => {
            let client = RefusedClient {
                peer: &peer,
                names: None,
            };
            refusal.log(&client, broker);
            return None;
        }
    };
    let limits = &listener.config().limits;
    let mut decoder = Decoder::new(limits.max_connect_size.min(limits.max_packet_size));
    decoder.set_max_counts(MaxCounts {
        filters: limits.max_filters_per_packet.unwrap_or(u32::MAX),
        user_properties: limits.max_user_properties.unwrap_or(u32::MAX),
    });
    let mut rest = BytesMut::new();
    let reading = read_connect(&mut stream, &mut decoder, &mut rest, broker);
    let read = deadline.wait_for(peer.network(), pin!(reading)).await;
    drop(deadline);
    let connect = match read {
        Ok(connect) => connect,
        Err(refusal) => {
            let format = AnswerFormat::new(decoder.version(), None);
            let client = RefusedClient {
                peer: &peer,
                names: None,
            };
            refuse(stream, &refusal, format, &client, broker).await;
            return None;
        }
    };
    let format = AnswerFormat::new(
        Some(connect.version),
        connect.properties.maximum_packet_size(),
    );
    if broker.reload_gate.try_read().is_err() {
        // Whoever connects after a reload was asked for meets its outcome.
        drop(Box::pin(broker.reload_gate.read()).await);
    }
    let names = Box::new(ClientNames {
        client_id: connect.client_id.clone(),
        username: certificate
            .username
            .as_ref()
            .or(connect.username.as_ref())
            .cloned(),
    });
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
            let client = RefusedClient {
                peer: &peer,
                names: Some(names),
            };
            refuse(stream, &refusal, format, &client, broker).await;
            None
        }
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
                address: self.peer.address(),
                since: broker.clock().now(),
                receiver: Receiver {
                    version,
                    maximum_packet_size,
                    mount_point: listener.mount_point().cloned(),
                },
                // [MQTT-3.1.2-22]
                keep_alive: NonZeroU32::new(u32::from(keep_alive) * 1_500),
                waker: None,
                wants_output: true,
                socket: self.stream.tcp().map(TcpConnection::shared),
                writer: Writer::Task,
                credentials: credentials.map(Box::new),
                ending: None,
                reads_last_input: false,
            },
            receive_maximum: properties.receive_maximum().unwrap_or(window),
            topic_alias_maximum: properties
                .topic_alias_maximum()
                .unwrap_or(0)
                .min(listener.settings().max_topic_alias_broker),
            own_receive_maximum: own_receive_maximum(window, version, limits),
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
        let limits = &listener.config().limits;
        decoder.set_max_packet_size(limits.max_packet_size);
        let rate = Rate::new(limits);
        log_new_client(&accepted.connect, &session, &peer, broker);
        let client = format_args!("Client {}", session.client_id());
        log_tls(tls.as_deref(), &client, broker);
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
            is_handing_out: false,
            pause: None,
            rate,
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

/// Returns the number of QoS 2 messages that the client may have under way.
///
/// Before MQTT 5.0 no client learns of a limit. Some clients of MQTT 5.0 ignore it, and would lose
/// messages that they could send to other brokers.
fn own_receive_maximum(
    window: NonZeroU16,
    version: ProtocolVersion,
    limits: &Limits,
) -> NonZeroU16 {
    match version.is_v5() && limits.enforces_inflight_messages {
        true => window,
        false => NonZeroU16::MAX,
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

/// Answers a CONNECT that is refused, where the protocol has an answer, and closes.
async fn refuse(
    mut stream: Stream,
    refusal: &Refusal,
    format: AnswerFormat,
    client: &RefusedClient<'_>,
    broker: &Broker,
) {
    refusal.log(client, broker);
    let Some((connack, version)) = refusal.connack(format.version) else {
        return;
    };
    if !format.fits(&connack) {
        return;
    }
    let code = match connack.code {
        ConnAckCode::V3(code) => code.0,
        ConnAckCode::V5(reason) => reason as u8,
    };
    let mut out = BytesMut::new();
    if encode(&Packet::ConnAck(connack), version, &mut out).is_err() {
        return;
    }
    broker
        .log()
        .debug(format_args!("Sending CONNACK to {client} (0, {code})"));
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
    match &session.state().registration.will {
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

fn log_tls(tls: Option<&Negotiated>, subject: &dyn fmt::Display, broker: &Broker) {
    if let Some(tls) = tls.filter(|_| broker.live_options().connection_messages()) {
        let (version, cipher) = (tls.version(), tls.cipher());
        broker.log().notice(format_args!(
            "{subject} negotiated {version} cipher {cipher}"
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
        assert!(connection <= 176, "{connection} bytes");
        let session = size_of::<Session>();
        // Administrators see the address and the age of each connection: 40 bytes.
        assert!(session <= 360, "{session} bytes");
        let admission = size_of_future(admit);
        assert!(admission <= 1048, "{admission} bytes");
    }
}
