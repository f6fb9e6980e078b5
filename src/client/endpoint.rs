use std::fmt;
use std::io;
use std::path::PathBuf;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::UnixStream;

use super::Error;
use crate::transport::tcp;

/// A byte stream to a broker.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// Where a broker is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// At a TCP port.
    Tcp {
        /// A host name or an address.
        host: String,
        /// The port.
        port: u16,
        /// The local host name or address to connect from.
        bind: Option<String>,
    },
    /// At a Unix domain socket.
    Unix(PathBuf),
}

impl Endpoint {
    /// The broker's host, or the socket's path.
    pub fn host(&self) -> String {
        match self {
            Self::Tcp { host, .. } => host.clone(),
            Self::Unix(path) => path.display().to_string(),
        }
    }

    /// Opens a stream.
    pub async fn open(&self) -> Result<Box<dyn Stream>, Error> {
        match self {
            Self::Tcp { host, port, bind } => {
                Ok(Box::new(tcp::connect(host, *port, bind.as_deref()).await?))
            }
            Self::Unix(path) if path.as_os_str().is_empty() => {
                Err(Error::Io(io::ErrorKind::InvalidInput.into()))
            }
            Self::Unix(path) => {
                let stream = UnixStream::connect(path).await.map_err(Error::Io)?;
                Ok(Box::new(stream))
            }
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port, .. } => write!(f, "{host} port {port}"),
            Self::Unix(path) => path.display().fmt(f),
        }
    }
}
