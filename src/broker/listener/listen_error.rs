use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::port_user::PortUser;
use crate::broker::config::{ListenAddress, Listener, SocketDomain};

/// The reason why a listener cannot be opened.
#[derive(Debug, Error)]
pub(in crate::broker) enum ListenError {
    #[error("Error creating listener: {}.", of_resolver(.cause))]
    Unresolved { host: String, cause: io::Error },
    #[error("Error: {0}")]
    Interface(io::Error),
    #[error("Error: Interface {0} has no such address.")]
    NotOnInterface(String),
    #[error("Error: {host} has no {family} address.")]
    NotInDomain { host: String, family: &'static str },
    #[error("Error: {}", of_system(.cause))]
    Open {
        address: SocketAddr,
        cause: io::Error,
    },
    #[error("Error: {}: {cause}", .path.display())]
    Unix { path: PathBuf, cause: io::Error },
}

impl ListenError {
    pub(super) fn unix(path: &Path, cause: io::Error) -> Self {
        Self::Unix {
            path: path.to_owned(),
            cause,
        }
    }

    /// The error of a listener of whose addresses none is left.
    pub(super) fn no_address(listener: &Listener) -> Self {
        if let Some(interface) = &listener.bind_interface {
            return Self::NotOnInterface(interface.clone());
        }
        let host = match &listener.address {
            ListenAddress::Host(host) => host.clone(),
            _ => "This machine".to_owned(),
        };
        let family = match listener.socket_domain {
            SocketDomain::Ipv4 => "IPv4",
            SocketDomain::Ipv6 => "IPv6",
            SocketDomain::Any => "network",
        };
        Self::NotInDomain { host, family }
    }

    /// Returns whether another socket has the address.
    pub(in crate::broker) fn is_in_use(&self) -> bool {
        matches!(self, Self::Open { cause, .. } if cause.kind() == io::ErrorKind::AddrInUse)
    }

    /// The option whose line is to be mended.
    pub(in crate::broker) fn option(&self) -> &'static str {
        match self {
            Self::Interface(_) | Self::NotOnInterface(_) => "bind_interface",
            Self::NotInDomain { .. } => "socket_domain",
            Self::Unresolved { .. } | Self::Open { .. } | Self::Unix { .. } => "listener",
        }
    }

    /// The remedy; empty where none is known.
    pub(in crate::broker) fn hint(&self) -> String {
        match self {
            Self::Unresolved { host, .. } => format!(
                "This machine cannot resolve the name '{host}'. An IP address needs no resolving, \
                 and without an address the broker listens on all."
            ),
            Self::Interface(_) => "'ip link' shows what interfaces there are.".to_owned(),
            Self::NotOnInterface(interface) => {
                format!("'ip address show {interface}' shows the addresses that it has.")
            }
            Self::NotInDomain { .. } => {
                "Change the 'socket_domain', or the address of the listener.".to_owned()
            }
            Self::Open { address, cause } => open_hint(*address, cause.kind()),
            Self::Unix { cause, .. } => match cause.kind() {
                io::ErrorKind::AlreadyExists | io::ErrorKind::AddrInUse => {
                    "A file with this name is there, and is not a socket.".to_owned()
                }
                io::ErrorKind::PermissionDenied | io::ErrorKind::NotFound => {
                    "The broker's user needs an existing directory in which it may create files."
                        .to_owned()
                }
                _ => String::new(),
            },
        }
    }
}

fn open_hint(address: SocketAddr, kind: io::ErrorKind) -> String {
    let port = address.port();
    match kind {
        io::ErrorKind::AddrInUse => PortUser::find(port).map_or_else(
            || format!("Another program listens on port {port}. 'sudo ss -ltnp' shows which one."),
            |user| user.to_string(),
        ),
        io::ErrorKind::AddrNotAvailable => format!(
            "{} is not an address of this machine. 'ip address' shows those that are.",
            address.ip()
        ),
        io::ErrorKind::PermissionDenied if port < 1024 => {
            "If you are trying to bind to a privileged port (<1024), try using setcap and do not \
             start the broker as root:\n    sudo setcap 'CAP_NET_BIND_SERVICE=+ep' PROGRAM"
                .to_owned()
        }
        _ => String::new(),
    }
}

/// The resolver's own words.
fn of_resolver(error: &io::Error) -> String {
    let text = error.to_string();
    let words = text.strip_prefix("failed to lookup address information: ");
    words.map_or(text.clone(), str::to_owned)
}

/// Mosquitto's text for an address in use, and the system's for all else.
fn of_system(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => "Address already in use".to_owned(),
        _ => error.to_string(),
    }
}

impl From<ListenError> for io::Error {
    fn from(error: ListenError) -> Self {
        let kind = match &error {
            ListenError::Unresolved { cause, .. }
            | ListenError::Interface(cause)
            | ListenError::Open { cause, .. }
            | ListenError::Unix { cause, .. } => cause.kind(),
            ListenError::NotOnInterface(_) | ListenError::NotInDomain { .. } => {
                io::ErrorKind::AddrNotAvailable
            }
        };
        Self::new(kind, error)
    }
}
