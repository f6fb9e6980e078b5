use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, ToSocketAddrs};
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::Arc;

use nix::sys::stat::{Mode, umask};
use nix::unistd::{AccessFlags, access};
use socket2::{Domain, Socket, Type};

use super::interface::addresses_of;
use super::listen_error::ListenError;
use crate::broker::config::{ListenAddress, Listener, SocketDomain};
use crate::broker::log::Log;
use crate::files::directory_of;

/// Connections that wait to be taken.
const BACKLOG: i32 = 1024;

/// A socket that was opened.
#[derive(Debug)]
pub(in crate::broker) enum BoundSocket {
    Tcp(TcpListener),
    Unix(UnixListener, SocketFile),
}

impl BoundSocket {
    /// The network address that it listens on, with the port that the system chose for
    /// port 0; none for a Unix socket.
    pub(in crate::broker) fn address(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(socket) => socket.local_addr().ok(),
            Self::Unix(..) => None,
        }
    }
}

/// The file of a Unix socket, removed when the broker ends.
#[derive(Debug)]
pub(in crate::broker) struct SocketFile(Arc<Path>);

impl SocketFile {
    pub(in crate::broker) fn path(&self) -> Arc<Path> {
        Arc::clone(&self.0)
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Its directory may be closed to the user that the broker became.
        let _ = fs::remove_file(&self.0);
    }
}

/// Opens the sockets of a listener and logs each.
///
/// # Errors
///
/// The listener cannot be opened. The caller logs it, because it knows the line.
pub(in crate::broker) fn bind(
    listener: &Listener,
    log: &Log,
) -> Result<Vec<BoundSocket>, ListenError> {
    if let ListenAddress::Unix(path) = &listener.address {
        let name = path.display();
        log.information(format_args!("Opening unix listen socket on path {name}."));
        let socket = open_unix_socket(path).map_err(|cause| ListenError::unix(path, cause))?;
        return Ok(vec![socket]);
    }
    let open = |address: SocketAddr| {
        let family = if address.is_ipv4() { "ipv4" } else { "ipv6" };
        let port = address.port();
        log.information(format_args!(
            "Opening {family} listen socket on port {port}."
        ));
        let socket = bound_socket(address)?;
        socket.listen(BACKLOG)?;
        Ok(BoundSocket::Tcp(socket.into()))
    };
    let (sockets, missing) = open_all(listener, open)?;
    for error in missing {
        log.error(format_args!("{error}"));
    }
    Ok(sockets)
}

/// Finds out whether [`bind`] would succeed, and opens nothing for clients.
pub(in crate::broker) fn check(listener: &Listener) -> Result<(), ListenError> {
    match &listener.address {
        ListenAddress::Unix(path) => {
            check_unix_socket(path).map_err(|cause| ListenError::unix(path, cause))
        }
        _ => open_all(listener, bound_socket).map(drop),
    }
}

/// Opens the addresses of a listener by `open`; returns also the errors of those that it can
/// do without: a machine without IPv6 is no error.
fn open_all<T>(
    listener: &Listener,
    open: impl Fn(SocketAddr) -> io::Result<T>,
) -> Result<(Vec<T>, Vec<ListenError>), ListenError> {
    let is_named =
        listener.bind_interface.is_some() || matches!(listener.address, ListenAddress::Host(_));
    let mut opened = Vec::new();
    let mut missing = Vec::new();
    for address in addresses(listener)? {
        match open(address).map_err(|cause| ListenError::Open { address, cause }) {
            Ok(socket) => opened.push(socket),
            Err(error) if is_named => return Err(error),
            // Half of a port would serve some clients and leave others to somebody else.
            Err(error) if error.is_in_use() && listener.address == ListenAddress::Any => {
                return Err(error);
            }
            Err(error) => missing.push(error),
        }
    }
    match missing.pop() {
        Some(last) if opened.is_empty() => Err(last),
        last => {
            missing.extend(last);
            Ok((opened, missing))
        }
    }
}

/// The network addresses of a listener: at least one, unless it has a socket of its own kind.
fn addresses(listener: &Listener) -> Result<Vec<SocketAddr>, ListenError> {
    let port = listener.port;
    let both = |ipv4: Ipv4Addr, ipv6: Ipv6Addr| {
        let ips = [IpAddr::V4(ipv4), IpAddr::V6(ipv6)];
        ips.map(|ip| SocketAddr::new(ip, port)).to_vec()
    };
    let of_interface = listener.bind_interface.as_deref();
    let mut addresses = match (&listener.address, of_interface) {
        (ListenAddress::Unix(_) | ListenAddress::InProcess, _) => return Ok(Vec::new()),
        (ListenAddress::Any, None) => both(Ipv4Addr::UNSPECIFIED, Ipv6Addr::UNSPECIFIED),
        (ListenAddress::Loopback, _) => both(Ipv4Addr::LOCALHOST, Ipv6Addr::LOCALHOST),
        (ListenAddress::Host(host), None) => resolve(host, port)?,
        (ListenAddress::Any, Some(interface)) => interface_addresses(interface, port)?,
        (ListenAddress::Host(host), Some(interface)) => {
            let hosts = resolve(host, port)?;
            let mut addresses = interface_addresses(interface, port)?;
            addresses.retain(|address| hosts.iter().any(|host| host.ip() == address.ip()));
            addresses
        }
    };
    addresses.retain(|address| match listener.socket_domain {
        SocketDomain::Any => true,
        SocketDomain::Ipv4 => address.is_ipv4(),
        SocketDomain::Ipv6 => address.is_ipv6(),
    });
    addresses.sort_unstable();
    addresses.dedup();
    match addresses.is_empty() {
        true => Err(ListenError::no_address(listener)),
        false => Ok(addresses),
    }
}

fn interface_addresses(interface: &str, port: u16) -> Result<Vec<SocketAddr>, ListenError> {
    addresses_of(interface, port).map_err(ListenError::Interface)
}

fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>, ListenError> {
    let addresses = (host, port).to_socket_addrs();
    let addresses = addresses.map_err(|cause| ListenError::Unresolved {
        host: host.to_owned(),
        cause,
    })?;
    Ok(addresses.collect())
}

fn bound_socket(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    // Connections inherit it: a client that asked for no keep alive may vanish behind a router.
    socket.set_keepalive(true)?;
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

/// Opens a Unix socket for the broker's user and group, in place of one that an earlier
/// broker has left; a file of another kind is not touched.
fn open_unix_socket(path: &Path) -> io::Result<BoundSocket> {
    if fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket()) {
        fs::remove_file(path)?;
    }
    let outer = umask(Mode::S_IRWXO);
    let bound = UnixListener::bind(path);
    umask(outer);
    let socket = bound?;
    socket.set_nonblocking(true)?;
    Ok(BoundSocket::Unix(socket, SocketFile(path.into())))
}

/// Finds out whether a Unix socket can be opened, as [`open_unix_socket`] would.
fn check_unix_socket(path: &Path) -> io::Result<()> {
    if fs::symlink_metadata(path).is_ok_and(|file| !file.file_type().is_socket()) {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    Ok(access(
        &directory_of(path),
        AccessFlags::W_OK | AccessFlags::X_OK,
    )?)
}
