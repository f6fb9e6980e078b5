//! TCP connections to a broker.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use nix::errno::Errno;
use socket2::{SockRef, TcpKeepalive};
use thiserror::Error;
use tokio::net::{TcpSocket, TcpStream, lookup_host};

/// A reason that there is no TCP connection.
#[derive(Debug, Error)]
pub enum ConnectError {
    /// A host name has no address.
    #[error("{host}: {cause}")]
    Lookup {
        /// The name that was looked up.
        host: String,
        /// The resolver's error.
        cause: io::Error,
    },
    /// The last of the host's addresses does not accept the connection.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Options of a socket beyond the defaults of the system.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SocketOptions {
    /// Keep-alive probes.
    pub keepalive: Option<Keepalive>,
    /// The longest time for which sent data may remain unacknowledged.
    pub user_timeout: Option<Duration>,
}

/// Keep-alive probes of TCP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keepalive {
    /// The silence before the first probe.
    pub idle: Duration,
    /// The time between two probes.
    pub interval: Duration,
    /// The number of unanswered probes that ends the connection.
    pub count: u32,
}

impl SocketOptions {
    fn apply(&self, stream: &TcpStream) -> io::Result<()> {
        let socket = SockRef::from(stream);
        if let Some(Keepalive {
            idle,
            interval,
            count,
        }) = self.keepalive
        {
            let probes = TcpKeepalive::new().with_time(idle);
            let probes = probes.with_interval(interval).with_retries(count);
            socket.set_tcp_keepalive(&probes)?;
        }
        #[cfg(target_os = "linux")]
        if self.user_timeout.is_some() {
            socket.set_tcp_user_timeout(self.user_timeout)?;
        }
        Ok(())
    }
}

/// Connects to the first of the host's addresses that answers.
///
/// The connection comes from the address `bind`, if there is one. The stream sends at once
/// what is written to it (TCP_NODELAY), because its users write in batches.
pub async fn connect(
    host: &str,
    port: u16,
    bind: Option<&str>,
    options: &SocketOptions,
) -> Result<TcpStream, ConnectError> {
    let local = match bind {
        Some(bind) => lookup(bind, 0).await?,
        None => Vec::new(),
    };
    let mut last_error = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for remote in lookup(host, port).await? {
        let attempt = match bind {
            None => TcpStream::connect(remote).await,
            Some(_) => connect_from(&local, remote).await,
        };
        match attempt {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                options.apply(&stream)?;
                return Ok(stream);
            }
            Err(error) => last_error = error,
        }
    }
    Err(last_error.into())
}

async fn lookup(host: &str, port: u16) -> Result<Vec<SocketAddr>, ConnectError> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    match lookup_host((host, port)).await {
        Ok(addresses) => Ok(addresses.collect()),
        Err(cause) => Err(ConnectError::Lookup {
            host: host.to_owned(),
            cause,
        }),
    }
}

/// Connects from the first usable local address of the same family.
async fn connect_from(local: &[SocketAddr], remote: SocketAddr) -> io::Result<TcpStream> {
    let mut last_error = io::Error::from(Errno::EAFNOSUPPORT);
    for &address in local {
        if address.is_ipv4() != remote.is_ipv4() {
            continue;
        }
        let socket = match remote {
            SocketAddr::V4(_) => TcpSocket::new_v4()?,
            SocketAddr::V6(_) => TcpSocket::new_v6()?,
        };
        match socket.bind(address) {
            Ok(()) => return socket.connect(remote).await,
            Err(error) => last_error = error,
        }
    }
    Err(last_error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "current_thread")]
    async fn a_stream_comes_from_the_address_it_is_bound_to() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let stream = connect(
            "127.0.0.1",
            port,
            Some("127.0.0.1"),
            &SocketOptions::default(),
        )
        .await
        .unwrap();
        let (_, peer) = listener.accept().await.unwrap();
        assert_eq!(stream.local_addr().unwrap(), peer);
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_port_without_listener_refuses() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        match connect("127.0.0.1", port, None, &SocketOptions::default()).await {
            Err(ConnectError::Io(error)) => {
                assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
            }
            other => panic!("{other:?}"),
        }
    }
}
