//! Where connections are taken.

mod bind;
mod interface;
mod peer;
mod tls;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::net::{TcpListener, UnixListener};
use tokio::sync::watch;

pub(super) use self::bind::{BoundSocket, SocketFile, bind};
pub(super) use self::interface::addresses_of;
pub(super) use self::peer::Peer;
pub(super) use self::tls::{Negotiated, TlsListeners};
use super::Broker;
use super::config::{EffectiveSecurity, Listener, ProtocolVersions};
use super::connection;
use super::mount_point::MountPoint;
use super::statistics::Counter;
use crate::protocol::{ProtocolVersion, QoS};
use crate::transport::socket::Socket;

/// How long a listener rests when the system has no more sockets to give.
const ACCEPT_REST: Duration = Duration::from_millis(100);

/// A listener of the configuration as its connections see it.
pub(super) struct ListenerContext {
    /// Its place in the configuration.
    index: usize,
    max_qos: u8,
    max_topic_alias: u16,
    mount_point: Option<MountPoint>,
    connections: AtomicU32,
}

impl ListenerContext {
    pub(super) fn new(index: usize, listener: &Listener) -> Self {
        Self {
            index,
            max_qos: listener.max_qos,
            max_topic_alias: listener.max_topic_alias,
            mount_point: listener.mount_point.as_deref().map(MountPoint::new),
            connections: AtomicU32::new(0),
        }
    }

    pub(super) fn settings<'a>(&self, broker: &'a Broker) -> &'a Listener {
        &broker.config().listeners[self.index]
    }

    pub(super) fn security<'a>(&self, broker: &'a Broker) -> EffectiveSecurity<'a> {
        broker.config().effective_security(self.settings(broker))
    }

    /// The listener's place in the configuration.
    pub(super) fn index(&self) -> usize {
        self.index
    }

    /// The highest QoS, 0 to 2.
    pub(super) fn max_qos(&self) -> u8 {
        self.max_qos
    }

    /// The highest QoS.
    pub(super) fn maximum_qos(&self) -> QoS {
        QoS::from_u8(self.max_qos).unwrap_or(QoS::ExactlyOnce)
    }

    /// The highest topic alias that a client may use.
    pub(super) fn max_topic_alias(&self) -> u16 {
        self.max_topic_alias
    }

    /// What stands before the topics of the clients here, if anything.
    pub(super) fn mount_point(&self) -> Option<&MountPoint> {
        self.mount_point.as_ref()
    }

    /// Whether clients may speak this version here.
    pub(super) fn accepts(&self, version: ProtocolVersion, broker: &Broker) -> bool {
        let ProtocolVersions { v3_1, v3_1_1, v5 } = self.settings(broker).protocol_versions;
        match version {
            ProtocolVersion::V31 => v3_1,
            ProtocolVersion::V311 => v3_1_1,
            ProtocolVersion::V5 => v5,
        }
    }
}

/// Where connections come in.
pub(super) enum ListeningSocket {
    Tcp(TcpListener),
    /// The socket and the file that it is known by.
    Unix(UnixListener, SocketFile),
}

impl ListeningSocket {
    /// Makes a socket that was opened part of the runtime.
    pub(super) fn new(socket: BoundSocket) -> io::Result<Self> {
        Ok(match socket {
            BoundSocket::Tcp(socket) => Self::Tcp(TcpListener::from_std(socket)?),
            BoundSocket::Unix(socket, file) => Self::Unix(UnixListener::from_std(socket)?, file),
        })
    }

    async fn accept(&self) -> io::Result<(Socket, Peer)> {
        match self {
            Self::Tcp(listener) => {
                let (stream, address) = listener.accept().await?;
                Ok((Socket::Tcp(stream), Peer::from_address(address)))
            }
            Self::Unix(listener, file) => {
                let (stream, _) = listener.accept().await?;
                Ok((Socket::Unix(stream), Peer::Unix(file.path())))
            }
        }
    }
}

/// One of the connections of a listener, counted while it lasts.
pub(super) struct Counted {
    context: Arc<ListenerContext>,
    broker: Arc<Broker>,
}

impl Counted {
    /// Counts one more connection of the listener and of the broker, unless there are as
    /// many as allowed.
    fn new(context: &Arc<ListenerContext>, broker: &Arc<Broker>) -> Option<Self> {
        broker.statistics.add(Counter::Sockets, 1);
        let limits = &broker.config().limits;
        if !count(&broker.connections, limits.global_max_connections) {
            return None;
        }
        if !count(
            &context.connections,
            context.settings(broker).max_connections,
        ) {
            broker.connections.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        Some(Self {
            context: Arc::clone(context),
            broker: Arc::clone(broker),
        })
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.context.connections.fetch_sub(1, Ordering::Relaxed);
        self.broker.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Counts one more, unless there are as many as allowed.
fn count(counter: &AtomicU32, limit: Option<u32>) -> bool {
    let limit = limit.unwrap_or(u32::MAX);
    let more = |count: u32| (count < limit).then_some(count + 1);
    counter
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, more)
        .is_ok()
}

/// Takes connections from one socket until the broker stops.
pub(super) async fn listen(
    socket: ListeningSocket,
    context: Arc<ListenerContext>,
    broker: Arc<Broker>,
    mut stop: watch::Receiver<bool>,
) {
    loop {
        let accepted = tokio::select! {
            accepted = socket.accept() => accepted,
            _ = stop.changed() => return,
        };
        match accepted {
            Ok((socket, peer)) => take(socket, peer, &context, &broker),
            Err(error) => {
                // The peer was faster gone than taken, or there are no file descriptors.
                if !is_about_one_peer(&error) {
                    broker
                        .log()
                        .error(format_args!("Error: Unable to accept: {error}."));
                    tokio::time::sleep(ACCEPT_REST).await;
                }
            }
        }
    }
}

fn take(socket: Socket, peer: Peer, context: &Arc<ListenerContext>, broker: &Arc<Broker>) {
    let settings = context.settings(broker);
    let log = broker.log();
    let Some(counted) = Counted::new(context, broker) else {
        let host = peer.host();
        log.notice(format_args!(
            "Client connection from {host} denied: max_connections exceeded."
        ));
        return;
    };
    // A proxy has yet to say where the connection is from.
    if broker.policy().connection_messages() && settings.proxy_protocol.is_none() {
        log.notice(format_args!(
            "New connection from {peer} on port {}.",
            settings.port
        ));
    }
    if let (Socket::Tcp(stream), true) = (&socket, broker.config().set_tcp_nodelay) {
        // A peer that is gone already shows at the first read.
        let _ = stream.set_nodelay(true);
    }
    let (context, broker) = (Arc::clone(context), Arc::clone(broker));
    tokio::spawn(async move {
        connection::accept(socket, peer, context, broker).await;
        drop(counted);
    });
}

fn is_about_one_peer(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::Interrupted
    )
}
