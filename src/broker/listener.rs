//! Listening sockets, what speaks TLS on them, and the peers behind them.

mod address_count;
mod bind;
mod handshakes;
mod interface;
mod listen_error;
mod peer;
mod port_user;
mod tls;

use std::future::poll_fn;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use socket2::SockRef;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::net::UnixListener;
use tokio_rustls::TlsAcceptor;

pub(super) use self::address_count::AddressCounts;
pub(super) use self::bind::{BoundSocket, SocketFile, bind, check};
pub(super) use self::handshakes::{Handshake, Handshakes};
pub(super) use self::interface::addresses_of;
pub(super) use self::listen_error::ListenError;
pub(super) use self::peer::Peer;
pub(super) use self::tls::{ListenerTls, Negotiated, TlsError, handshake_failure, listener_tls};
use super::config::{Config, EffectiveSecurity, Listener, ProtocolVersions};
use super::ground::{ListenerName, MountPoint};
use crate::protocol::{ProtocolVersion, QoS};
use crate::transport::socket::Socket;
use crate::transport::watch::{has_input, watch};

/// A listener as the connections see it that it took since the last reload: what a client
/// was told when it connected stays true for it.
pub(super) struct ListenerContext {
    config: Arc<Config>,
    /// Its place in the configuration.
    index: usize,
    name: ListenerName,
    max_qos: u8,
    max_topic_alias: u16,
    mount_point: Option<MountPoint>,
    tls: Option<TlsAcceptor>,
    connections: Arc<AtomicU32>,
}

impl ListenerContext {
    /// The listener with this place in the configuration, and what speaks TLS on it.
    pub(super) fn new(config: Arc<Config>, index: usize, tls: Option<TlsAcceptor>) -> Self {
        let listener = &config.listeners[index];
        Self {
            name: ListenerName::from(listener),
            max_qos: listener.max_qos,
            max_topic_alias: listener.max_topic_alias,
            mount_point: listener.mount_point.as_deref().map(MountPoint::new),
            index,
            config,
            tls,
            connections: Arc::default(),
        }
    }

    /// The same listener after a reload; its connections are counted on.
    pub(super) fn renewed(before: &Self, config: Arc<Config>, tls: Option<TlsAcceptor>) -> Self {
        Self {
            connections: Arc::clone(&before.connections),
            ..Self::new(config, before.index, tls)
        }
    }

    /// The configuration as it was when the connections were taken.
    pub(super) fn config(&self) -> &Config {
        &self.config
    }

    pub(super) fn settings(&self) -> &Listener {
        &self.config.listeners[self.index]
    }

    pub(super) fn security(&self) -> EffectiveSecurity<'_> {
        self.config.effective_security(self.settings())
    }

    /// The number of connections that it has now.
    pub(super) fn connections(&self) -> &AtomicU32 {
        &self.connections
    }

    /// Returns the acceptor of TLS connections, if the listener speaks TLS.
    pub(super) fn tls(&self) -> Option<TlsAcceptor> {
        self.tls.clone()
    }

    /// The listener's place in the configuration.
    pub(super) fn index(&self) -> usize {
        self.index
    }

    pub(super) fn name(&self) -> &ListenerName {
        &self.name
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

    /// Returns the prefix of the topics of the clients here, if they have one.
    pub(super) fn mount_point(&self) -> Option<&MountPoint> {
        self.mount_point.as_ref()
    }

    /// Returns whether clients may speak this version here.
    pub(super) fn accepts(&self, version: ProtocolVersion) -> bool {
        let ProtocolVersions { v3_1, v3_1_1, v5 } = self.settings().protocol_versions;
        match version {
            ProtocolVersion::V31 => v3_1,
            ProtocolVersion::V311 => v3_1_1,
            ProtocolVersion::V5 => v5,
        }
    }
}

/// A socket that takes connections.
pub(super) enum ListeningSocket {
    Tcp {
        listener: AsyncFd<TcpListener>,
        /// Whether small packets go at once on the connections that it takes (TCP_NODELAY),
        /// which is cheaper to inherit than to set.
        nodelay: bool,
    },
    /// The socket and the file that it is known by.
    Unix(UnixListener, SocketFile),
}

impl ListeningSocket {
    /// Makes a socket that was opened part of the runtime.
    pub(super) fn new(socket: BoundSocket, nodelay: bool) -> io::Result<Self> {
        Ok(match socket {
            BoundSocket::Tcp(socket) => {
                SockRef::from(&socket).set_tcp_nodelay(nodelay)?;
                let listener = watch(socket, Interest::READABLE)?;
                Self::Tcp { listener, nodelay }
            }
            BoundSocket::Unix(socket, file) => Self::Unix(UnixListener::from_std(socket)?, file),
        })
    }

    /// Takes the connection that waits, or the next one.
    pub(super) async fn accept(&self) -> io::Result<(Socket, Peer)> {
        match self {
            Self::Tcp { listener, .. } => {
                let (stream, address) = accept_waiting(listener).await?;
                Ok((Socket::Tcp(stream.into()), Peer::from_address(address)))
            }
            Self::Unix(listener, file) => {
                let (stream, _) = listener.accept().await?;
                Ok((Socket::Unix(Box::new(stream)), Peer::Unix(file.path())))
            }
        }
    }
}

/// Takes the connection that waits, or the next one.
///
/// Returns whether one more waits is asked of the system first: it makes a whole socket before it
/// finds that there is nobody to take.
async fn accept_waiting(listener: &AsyncFd<TcpListener>) -> io::Result<(TcpStream, SocketAddr)> {
    loop {
        let mut ready = poll_fn(|cx| listener.poll_read_ready(cx)).await?;
        if let Ok(accepted) = ready.try_io(|listener| listener.get_ref().accept()) {
            if !has_input(listener.get_ref()) {
                ready.clear_ready();
            }
            let (stream, address) = accepted?;
            stream.set_nonblocking(true)?;
            return Ok((stream, address));
        }
    }
}

impl ListeningSocket {
    /// Lets small packets go at once, or not, as the configuration says since a reload.
    pub(super) fn set_nodelay(&self, accepted: &Socket, config: &Config) {
        if let (Self::Tcp { nodelay, .. }, Socket::Tcp(stream)) = (self, accepted)
            && config.set_tcp_nodelay != *nodelay
        {
            // A peer that is gone already shows at the first read.
            let _ = stream.set_nodelay(config.set_tcp_nodelay);
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpStream;

    use super::*;

    fn listening(nodelay: bool) -> (ListeningSocket, SocketAddr) {
        let socket = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = socket.local_addr().unwrap();
        socket.set_nonblocking(true).unwrap();
        let socket = ListeningSocket::new(BoundSocket::Tcp(socket), nodelay).unwrap();
        (socket, address)
    }

    #[tokio::test]
    async fn whoever_waits_is_taken_together_with_others_or_later() {
        let (socket, address) = listening(true);
        for together in [1, 3, 1, 2] {
            let connect = || std::net::TcpStream::connect(address).unwrap();
            let clients: Vec<_> = (0..together).map(|_| connect()).collect();
            for _ in &clients {
                socket.accept().await.unwrap();
            }
            // Nobody is left: the next one is waited for.
            let (client, accepted) = tokio::join!(TcpStream::connect(address), socket.accept());
            assert_eq!(client.unwrap().peer_addr().unwrap(), address);
            accepted.unwrap();
        }
    }

    #[tokio::test]
    async fn small_packets_go_at_once_unless_the_configuration_says_otherwise() {
        for (at_start, set_tcp_nodelay) in
            [(true, true), (true, false), (false, true), (false, false)]
        {
            let config = Config {
                set_tcp_nodelay,
                ..Config::default()
            };
            let (socket, address) = listening(at_start);
            let (client, accepted) = tokio::join!(TcpStream::connect(address), socket.accept());
            let accepted = accepted.unwrap().0;
            socket.set_nodelay(&accepted, &config);
            let Socket::Tcp(stream) = accepted else {
                panic!("a TCP listener takes TCP connections");
            };
            assert_eq!(stream.nodelay().unwrap(), set_tcp_nodelay);
            drop(client);
        }
    }
}
