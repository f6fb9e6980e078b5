use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use nix::errno::Errno;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::UnixStream;

use super::Error;
use crate::protocol::MAX_REMAINING_LENGTH;
use crate::transport::socks5::{self, Login};
use crate::transport::tcp::{self, SocketOptions};
use crate::transport::tls_client::Connector;
use crate::transport::websocket;

/// A byte stream to a broker.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// The address of a broker and the way to it.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// The address.
    pub address: Address,
    /// The proxy on the way.
    pub proxy: Option<Proxy>,
    /// The TLS settings, if TLS is spoken.
    pub tls: Option<Connector>,
    /// True if MQTT runs over WebSocket.
    pub websocket: bool,
    /// The time in which the stream must stand.
    pub connect_timeout: Duration,
}

/// The address of a broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A TCP port.
    Tcp {
        /// A host name or an address.
        host: String,
        /// The port.
        port: u16,
        /// The local host name or address to connect from.
        bind: Option<String>,
        /// The options of the socket.
        options: SocketOptions,
    },
    /// A Unix domain socket.
    Unix(PathBuf),
}

/// A SOCKS5 proxy, which looks up the broker's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    /// A host name or an address.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The login for the proxy.
    pub login: Option<Login>,
}

impl Endpoint {
    /// Returns the broker's host, or the socket's path.
    pub fn host(&self) -> String {
        match &self.address {
            Address::Tcp { host, .. } => host.clone(),
            Address::Unix(path) => path.display().to_string(),
        }
    }

    /// Opens a stream, with the handshakes of the proxy, TLS and WebSocket.
    pub async fn open(&self) -> Result<Box<dyn Stream>, Error> {
        let stream = tokio::time::timeout(self.connect_timeout, self.open_in_time()).await;
        stream.unwrap_or_else(|_| Err(Error::Io(Errno::ETIMEDOUT.into())))
    }

    /// Returns the name or address that is looked up first.
    pub(super) fn first_host(&self) -> String {
        match &self.proxy {
            Some(proxy) => proxy.host.clone(),
            None => self.host(),
        }
    }

    async fn open_in_time(&self) -> Result<Box<dyn Stream>, Error> {
        let mut stream = self.open_plain().await?;
        let host = match &self.address {
            Address::Tcp { host, .. } => host.as_str(),
            Address::Unix(_) => "localhost",
        };
        if let Some(tls) = &self.tls {
            stream = Box::new(tls.connect(stream, host).await?);
        }
        if self.websocket {
            let max_message = MAX_REMAINING_LENGTH as usize;
            stream = Box::new(websocket::connect(stream, host, max_message).await?);
        }
        Ok(stream)
    }

    async fn open_plain(&self) -> Result<Box<dyn Stream>, Error> {
        match (&self.address, &self.proxy) {
            (
                Address::Tcp {
                    host,
                    port,
                    bind,
                    options,
                },
                None,
            ) => Ok(Box::new(
                tcp::connect(host, *port, bind.as_deref(), options).await?,
            )),
            (
                Address::Tcp {
                    host,
                    port,
                    bind,
                    options,
                },
                Some(proxy),
            ) => {
                let bind = bind.as_deref();
                let mut stream = tcp::connect(&proxy.host, proxy.port, bind, options).await?;
                socks5::connect(&mut stream, proxy.login.as_ref(), host, *port).await?;
                Ok(Box::new(stream))
            }
            (Address::Unix(path), _) if path.as_os_str().is_empty() => {
                Err(Error::Io(io::ErrorKind::InvalidInput.into()))
            }
            (Address::Unix(path), _) => {
                let stream = UnixStream::connect(path).await.map_err(Error::Io)?;
                Ok(Box::new(stream))
            }
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(Proxy { host, port, .. }) = &self.proxy {
            return write!(f, "{host} port {port}");
        }
        match &self.address {
            Address::Tcp { host, port, .. } => write!(f, "{host} port {port}"),
            Address::Unix(path) => path.display().fmt(f),
        }
    }
}
