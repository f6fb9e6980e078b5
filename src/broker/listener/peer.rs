use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

/// Where a connection comes from, as the log names it.
#[derive(Clone, Debug)]
pub(in crate::broker) enum Peer {
    Network(SocketAddr),
    /// The path of the Unix socket; whoever connects to it has no address.
    Unix(Arc<Path>),
    /// The program that the broker is embedded in.
    InProcess,
}

impl Peer {
    /// A network peer; an IPv4 one of an IPv6 socket by its IPv4 address.
    pub(in crate::broker) fn from_address(address: SocketAddr) -> Self {
        Self::Network(SocketAddr::new(address.ip().to_canonical(), address.port()))
    }

    /// The client that a web proxy speaks for, by its `X-Forwarded-For`: the last address,
    /// which is what the proxy itself has seen. Only a proxy on this host or in its own
    /// network is believed, as anybody can send the header.
    pub(in crate::broker) fn forwarded_for(self, header: &str) -> Self {
        let last = header.rsplit(',').next().unwrap_or_default().trim();
        let ip = last.parse::<IpAddr>().ok();
        let ip = ip.or_else(|| Some(last.parse::<SocketAddr>().ok()?.ip()));
        match (ip, &self) {
            (Some(ip), Self::Unix(_)) => Self::from_address(SocketAddr::new(ip, 0)),
            (Some(ip), Self::Network(proxy)) if is_near(proxy.ip()) => {
                Self::from_address(SocketAddr::new(ip, proxy.port()))
            }
            _ => self,
        }
    }

    /// Returns the network that the peer speaks for, `None` without an address.
    ///
    /// With IPv6 that is a /64: its owner has all of those addresses.
    pub(in crate::broker) fn network(&self) -> Option<IpAddr> {
        match self {
            Self::Network(address) => Some(match address.ip() {
                IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() >> 64 << 64).into(),
                ip => ip,
            }),
            Self::Unix(_) | Self::InProcess => None,
        }
    }

    /// Returns the network address, if there is one.
    pub(in crate::broker) fn address(&self) -> Option<SocketAddr> {
        match self {
            Self::Network(address) => Some(*address),
            Self::Unix(_) | Self::InProcess => None,
        }
    }

    /// Returns whether the peer is a program on this machine.
    pub(in crate::broker) fn is_loopback(&self) -> bool {
        match self {
            Self::Network(address) => address.ip().is_loopback(),
            Self::Unix(_) | Self::InProcess => true,
        }
    }

    /// The address without the port.
    pub(in crate::broker) fn host(&self) -> String {
        match self {
            Self::Network(address) => address.ip().to_string(),
            Self::Unix(path) => path.display().to_string(),
            Self::InProcess => self.to_string(),
        }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // Without the brackets that an IPv6 address has elsewhere, as in Mosquitto.
            Self::Network(address) => write!(f, "{}:{}", address.ip(), address.port()),
            Self::Unix(path) => write!(f, "{}:0", path.display()),
            Self::InProcess => f.write_str("in-process"),
        }
    }
}

/// Whether an address is of this host or of a network that is not public.
fn is_near(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_loopback() || ip.is_private() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(proxy: &str, header: &str) -> String {
        let proxy = Peer::from_address(proxy.parse().unwrap());
        proxy.forwarded_for(header).to_string()
    }

    #[test]
    fn a_proxy_nearby_says_whom_it_speaks_for() {
        assert_eq!(peer("127.0.0.1:5", "203.0.113.9"), "203.0.113.9:5");
        assert_eq!(peer("[::1]:5", "10.0.0.1, 2001:db8::1"), "2001:db8::1:5");
        assert_eq!(peer("172.17.0.2:5", " 203.0.113.9:80 "), "203.0.113.9:5");
        assert_eq!(peer("127.0.0.1:5", "unknown"), "127.0.0.1:5");
        assert_eq!(peer("127.0.0.1:5", ""), "127.0.0.1:5");
        assert_eq!(peer("198.51.100.1:5", "203.0.113.9"), "198.51.100.1:5");
        let unix = Peer::Unix(Path::new("/s").into());
        assert_eq!(
            unix.forwarded_for("203.0.113.9").to_string(),
            "203.0.113.9:0"
        );
    }
}
