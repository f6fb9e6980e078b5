use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, ToSocketAddrs};
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::Arc;

use nix::sys::stat::{Mode, umask};
use socket2::{Domain, Socket, Type};

use super::interface::addresses_of;
use crate::broker::config::{ListenAddress, Listener, SocketDomain};
use crate::broker::log::Log;

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
        // Its folder may be closed to the user that the broker became.
        let _ = fs::remove_file(&self.0);
    }
}

/// Opens the sockets of a listener and tells the log of each; an error was logged.
pub(in crate::broker) fn bind(listener: &Listener, log: &Log) -> io::Result<Vec<BoundSocket>> {
    let port = listener.port;
    if let (Some(interface), ListenAddress::Any | ListenAddress::Host(_)) =
        (&listener.bind_interface, &listener.address)
    {
        return bind_interface(interface, listener, log);
    }
    match &listener.address {
        ListenAddress::Any => {
            let addresses = [
                IpAddr::V4(Ipv4Addr::UNSPECIFIED),
                Ipv6Addr::UNSPECIFIED.into(),
            ];
            any_of(addresses.map(|ip| SocketAddr::new(ip, port)), listener, log)
        }
        ListenAddress::Loopback => {
            let addresses = [IpAddr::V4(Ipv4Addr::LOCALHOST), Ipv6Addr::LOCALHOST.into()];
            any_of(addresses.map(|ip| SocketAddr::new(ip, port)), listener, log)
        }
        ListenAddress::Host(host) => {
            let addresses = (host.as_str(), port)
                .to_socket_addrs()
                .inspect_err(|error| {
                    log.error(format_args!("Error creating listener: {error}."));
                })?;
            let mut addresses: Vec<_> = addresses.collect();
            addresses.sort_unstable();
            addresses.dedup();
            addresses
                .into_iter()
                .filter(|address| wanted(*address, listener.socket_domain))
                .map(|address| open(address, log).map(BoundSocket::Tcp))
                .collect()
        }
        ListenAddress::Unix(path) => {
            let name = path.display();
            log.information(format_args!("Opening unix listen socket on path {name}."));
            let socket = open_unix_socket(path)
                .inspect_err(|error| log.error(format_args!("Error: {name}: {error}")))?;
            Ok(vec![socket])
        }
        ListenAddress::InProcess => Ok(Vec::new()),
    }
}

/// Opens the addresses of an interface, or those of them that are the host's.
fn bind_interface(interface: &str, listener: &Listener, log: &Log) -> io::Result<Vec<BoundSocket>> {
    let told = |error: &io::Error| log.error(format_args!("Error: {error}"));
    let mut addresses = addresses_of(interface, listener.port).inspect_err(told)?;
    if let ListenAddress::Host(host) = &listener.address {
        let hosts: Vec<_> = (host.as_str(), listener.port)
            .to_socket_addrs()
            .inspect_err(told)?
            .collect();
        addresses.retain(|address| hosts.iter().any(|host| host.ip() == address.ip()));
    }
    addresses.retain(|address| wanted(*address, listener.socket_domain));
    if addresses.is_empty() {
        let error = io::Error::new(
            io::ErrorKind::AddrNotAvailable,
            format!("Interface {interface} has no such address."),
        );
        told(&error);
        return Err(error);
    }
    addresses
        .into_iter()
        .map(|address| open(address, log).map(BoundSocket::Tcp))
        .collect()
}

/// Opens what can be opened; at least one must be. A machine without IPv6 is no error.
fn any_of(
    addresses: [SocketAddr; 2],
    listener: &Listener,
    log: &Log,
) -> io::Result<Vec<BoundSocket>> {
    let mut sockets = Vec::new();
    let mut failure = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in addresses {
        if !wanted(address, listener.socket_domain) {
            continue;
        }
        match open(address, log) {
            Ok(socket) => sockets.push(BoundSocket::Tcp(socket)),
            // Half of a port would serve some clients and leave others to somebody else.
            Err(error) if in_use(&error) && listener.address == ListenAddress::Any => {
                return Err(error);
            }
            Err(error) => failure = error,
        }
    }
    if sockets.is_empty() {
        Err(failure)
    } else {
        Ok(sockets)
    }
}

fn wanted(address: SocketAddr, domain: SocketDomain) -> bool {
    match domain {
        SocketDomain::Any => true,
        SocketDomain::Ipv4 => address.is_ipv4(),
        SocketDomain::Ipv6 => address.is_ipv6(),
    }
}

fn open(address: SocketAddr, log: &Log) -> io::Result<TcpListener> {
    let (family, port) = (
        if address.is_ipv4() { "ipv4" } else { "ipv6" },
        address.port(),
    );
    log.information(format_args!(
        "Opening {family} listen socket on port {port}."
    ));
    let opened = open_socket(address);
    if let Err(error) = &opened {
        match in_use(error) {
            true => log.error(format_args!("Error: Address already in use")),
            false => log.error(format_args!("Error: {error}")),
        }
        if error.kind() == io::ErrorKind::PermissionDenied && port < 1024 {
            log.error(format_args!(
                "If you are trying to bind to a privileged port (<1024), try using setcap and \
                 do not start the broker as root:"
            ));
            log.error(format_args!(
                "    sudo setcap 'CAP_NET_BIND_SERVICE=+ep' PROGRAM"
            ));
        }
    }
    opened
}

fn in_use(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::AddrInUse
}

fn open_socket(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    // Connections inherit it: a client that asked for no keep alive may vanish behind a router.
    socket.set_keepalive(true)?;
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
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
