use std::io;
use std::net::SocketAddr;

use nix::ifaddrs::getifaddrs;

/// The addresses of a network interface, with this port.
pub(in crate::broker) fn addresses_of(interface: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    let mut is_there = false;
    let mut addresses = Vec::new();
    for entry in getifaddrs()? {
        if entry.interface_name != interface {
            continue;
        }
        is_there = true;
        let Some(address) = entry.address else {
            continue;
        };
        if let Some(ipv4) = address.as_sockaddr_in() {
            addresses.push(SocketAddr::new(ipv4.ip().into(), port));
        } else if let Some(ipv6) = address.as_sockaddr_in6() {
            let mut ipv6 = std::net::SocketAddrV6::from(*ipv6);
            ipv6.set_port(port);
            addresses.push(ipv6.into());
        }
    }
    match is_there {
        true => Ok(addresses),
        false => Err(io::Error::new(
            io::ErrorKind::NotFound,
            format!("Interface {interface} does not exist."),
        )),
    }
}
