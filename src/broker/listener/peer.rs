use std::fmt;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

/// Where a connection comes from, as the log names it.
#[derive(Clone, Debug)]
pub(in crate::broker) enum Peer {
    Network(SocketAddr),
    /// The path of the Unix socket; whoever connects to it has no address.
    Unix(Arc<Path>),
}

impl Peer {
    /// A network peer; an IPv4 one of an IPv6 socket by its IPv4 address.
    pub(in crate::broker) fn from_address(address: SocketAddr) -> Self {
        Self::Network(SocketAddr::new(address.ip().to_canonical(), address.port()))
    }

    /// The address without the port.
    pub(in crate::broker) fn host(&self) -> String {
        match self {
            Self::Network(address) => address.ip().to_string(),
            Self::Unix(path) => path.display().to_string(),
        }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "{}:0", path.display()),
        }
    }
}
