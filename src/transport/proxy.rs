//! The PROXY protocol, by which a proxy names its client to a server.
//!
//! Versions 1 and 2 are read as HAProxy's specification describes them.

use std::ffi::OsStr;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::num::NonZeroU16;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt};

/// The maximum length of a line of version 1, with its end.
const LONGEST_LINE: usize = 108;
/// The first bytes of a header of version 2.
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";

/// The type of the record about the client's TLS, and the types in it.
const TLS_RECORD: u8 = 0x20;
const COMMON_NAME_RECORD: u8 = 0x22;
const CLIENT_SPEAKS_TLS: u8 = 0x01;
/// The flag for a certificate shown on this connection, or at the start of a resumed session.
const CLIENT_HAS_CERTIFICATE: u8 = 0x02 | 0x04;

/// The version of the header that a listener expects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyVersion {
    /// A line of text.
    V1,
    /// Binary.
    V2,
}

/// The client as its proxy describes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProxyHeader {
    /// The client's address, if the proxy knows it.
    pub client: Option<ProxyClient>,
    /// True if the client speaks TLS with the proxy.
    pub is_tls: bool,
    /// True if the client has shown a certificate that the proxy has verified.
    pub has_certificate: bool,
    /// The common name of this certificate.
    pub common_name: Option<String>,
}

/// The address of a proxy's client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProxyClient {
    /// An address of a network.
    Network(SocketAddr),
    /// The path of a Unix socket, which may be empty.
    Unix(PathBuf),
}

/// A reason that a connection does not begin with a header.
#[derive(Debug, Error)]
pub enum ProxyError {
    /// The bytes are not a header.
    #[error("corrupt PROXY header")]
    Corrupt,
    /// The proxy itself checks the server's health, without a client.
    #[error("the connection is the proxy's own")]
    Local,
    /// The connection failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Reads a header and nothing behind it.
///
/// # Errors
///
/// There is no whole header, or no client behind the proxy.
pub async fn read_header<S>(
    stream: &mut S,
    version: ProxyVersion,
) -> Result<ProxyHeader, ProxyError>
where
    S: AsyncRead + Unpin,
{
    match version {
        ProxyVersion::V1 => read_line(stream).await,
        ProxyVersion::V2 => read_binary(stream).await,
    }
}

async fn read_line<S: AsyncRead + Unpin>(stream: &mut S) -> Result<ProxyHeader, ProxyError> {
    // It reads byte by byte, because the next bytes belong to another protocol.
    let mut line = Vec::with_capacity(LONGEST_LINE);
    while !line.ends_with(b"\r\n") {
        if line.len() == LONGEST_LINE {
            return Err(ProxyError::Corrupt);
        }
        line.push(stream.read_u8().await?);
        if !b"PROXY ".starts_with(&line[..line.len().min(6)]) {
            return Err(ProxyError::Corrupt);
        }
    }
    let line = std::str::from_utf8(&line[..line.len() - 2]).map_err(|_| ProxyError::Corrupt)?;
    parse_line(line).ok_or(ProxyError::Corrupt)
}

fn parse_line(line: &str) -> Option<ProxyHeader> {
    let mut words = line.strip_prefix("PROXY ")?.split(' ');
    let family = words.next()?;
    if family == "UNKNOWN" {
        return Some(ProxyHeader::default());
    }
    let source: IpAddr = words.next()?.parse().ok()?;
    let _destination: IpAddr = words.next()?.parse().ok()?;
    let port: NonZeroU16 = words.next()?.parse().ok()?;
    let _destination_port: NonZeroU16 = words.next()?.parse().ok()?;
    let is_right = match family {
        "TCP4" => source.is_ipv4(),
        "TCP6" => source.is_ipv6(),
        _ => false,
    };
    (is_right && words.next().is_none()).then(|| ProxyHeader {
        client: Some(ProxyClient::Network(SocketAddr::new(source, port.get()))),
        ..ProxyHeader::default()
    })
}

async fn read_binary<S: AsyncRead + Unpin>(stream: &mut S) -> Result<ProxyHeader, ProxyError> {
    let mut head = [0; 16];
    stream.read_exact(&mut head).await?;
    if head[..12] != *SIGNATURE {
        return Err(ProxyError::Corrupt);
    }
    let length = usize::from(u16::from_be_bytes([head[14], head[15]]));
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    match head[12] {
        0x20 => return Err(ProxyError::Local),
        0x21 => {}
        _ => return Err(ProxyError::Corrupt),
    }
    parse_body(head[13], &body).ok_or(ProxyError::Corrupt)
}

/// Parses the addresses of a header of version 2 and the records behind them.
fn parse_body(family: u8, body: &[u8]) -> Option<ProxyHeader> {
    const TCP4: u8 = 0x11;
    const TCP6: u8 = 0x21;
    const UNIX: u8 = 0x31;
    let length = match family {
        TCP4 => 12,
        TCP6 => 36,
        // Proxies may shorten the paths of 108 bytes each.
        UNIX => body.len().min(216),
        _ => return None,
    };
    let (addresses, records) = body.split_at_checked(length)?;
    let port = |at: usize| u16::from_be_bytes([addresses[at], addresses[at + 1]]);
    let client = match family {
        TCP4 => {
            let ip: [u8; 4] = addresses[..4].try_into().ok()?;
            let address = SocketAddr::new(Ipv4Addr::from(ip).into(), port(8));
            ProxyClient::Network(address)
        }
        TCP6 => {
            let ip: [u8; 16] = addresses[..16].try_into().ok()?;
            let address = SocketAddr::new(Ipv6Addr::from(ip).into(), port(32));
            ProxyClient::Network(address)
        }
        _ => {
            let path = &addresses[..addresses.len().min(108)];
            let length = memchr::memchr(0, path).unwrap_or(path.len());
            ProxyClient::Unix(OsStr::from_bytes(&path[..length]).into())
        }
    };
    let mut header = ProxyHeader {
        client: Some(client),
        ..ProxyHeader::default()
    };
    for (kind, value) in parse_records(records)? {
        if kind == TLS_RECORD {
            read_tls_record(value, &mut header)?;
        }
    }
    Some(header)
}

fn read_tls_record(value: &[u8], header: &mut ProxyHeader) -> Option<()> {
    let (&[flags, verified @ ..], records) = value.split_first_chunk::<5>()?;
    header.is_tls = flags & CLIENT_SPEAKS_TLS != 0;
    let is_verified = verified == [0; 4];
    header.has_certificate = header.is_tls && is_verified && flags & CLIENT_HAS_CERTIFICATE != 0;
    for (kind, value) in parse_records(records)? {
        if kind == COMMON_NAME_RECORD && header.has_certificate {
            header.common_name = Some(String::from_utf8(value.to_vec()).ok()?);
        }
    }
    Some(())
}

/// Splits records into their types and values.
fn parse_records(mut bytes: &[u8]) -> Option<Vec<(u8, &[u8])>> {
    let mut records = Vec::new();
    while !bytes.is_empty() {
        let (&[kind, high, low], rest) = bytes.split_first_chunk::<3>()?;
        let length = usize::from(u16::from_be_bytes([high, low]));
        let (value, rest) = rest.split_at_checked(length)?;
        records.push((kind, value));
        bytes = rest;
    }
    Some(records)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(bytes: &[u8], version: ProxyVersion) -> Result<ProxyHeader, ProxyError> {
        read_header(&mut &*bytes, version).await
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_line_names_the_client() {
        for (line, client) in [
            (
                "PROXY TCP4 1.2.3.4 5.6.7.8 1000 1883\r\n",
                Some("1.2.3.4:1000"),
            ),
            ("PROXY TCP6 ::1 ::2 1000 1883\r\n", Some("[::1]:1000")),
            ("PROXY UNKNOWN\r\n", None),
            ("PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", None),
        ] {
            let header = read(line.as_bytes(), ProxyVersion::V1).await.unwrap();
            let expected = client.map(|client| ProxyClient::Network(client.parse().unwrap()));
            assert_eq!(header.client, expected, "{line}");
        }
        for line in [
            "GET / HTTP/1.1\r\n",
            "PROXY TCP4 ::1 ::2 1 2\r\n",
            "PROXY TCP4 1.2.3.4 5.6.7.8 1000\r\n",
            "PROXY TCP4 1.2.3.4 5.6.7.8 1000 70000\r\n",
            "PROXY TCP4 1.2.3.4 5.6.7.8 0 1883\r\n",
            "PROXY TCP4 1.2.3.4 5.6.7.8 1000 0\r\n",
            "\r\n\r\n\0\r\nQUIT\n!",
        ] {
            let result = read(line.as_bytes(), ProxyVersion::V1).await;
            assert!(matches!(result, Err(ProxyError::Corrupt)), "{line}");
        }
        let endless = [b"PROXY ".to_vec(), vec![b'x'; 1000]].concat();
        let result = read(&endless, ProxyVersion::V1).await;
        assert!(matches!(result, Err(ProxyError::Corrupt)));
    }

    fn binary(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
        let length = u16::try_from(body.len()).unwrap().to_be_bytes();
        [&SIGNATURE[..], &[command, family], &length, body].concat()
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_binary_header_names_the_client_and_its_certificate() {
        let addresses = [1, 2, 3, 4, 5, 6, 7, 8, 3, 232, 7, 91];
        let tls = [
            0x20, 0, 13, 7, 0, 0, 0, 0, 0x22, 0, 5, b'a', b'l', b'i', b'c', b'e',
        ];
        let body = [&addresses[..], &tls].concat();
        let header = read(&binary(0x21, 0x11, &body), ProxyVersion::V2)
            .await
            .unwrap();
        let client = ProxyClient::Network("1.2.3.4:1000".parse().unwrap());
        assert_eq!(header.client, Some(client));
        assert!(header.is_tls);
        assert_eq!(header.common_name.as_deref(), Some("alice"));

        // The proxy could not verify the certificate.
        let mut unverified = body.clone();
        unverified[19] = 1;
        let header = read(&binary(0x21, 0x11, &unverified), ProxyVersion::V2).await;
        assert_eq!(header.unwrap().common_name, None);

        let local = read(&binary(0x20, 0, &[]), ProxyVersion::V2).await;
        assert!(matches!(local, Err(ProxyError::Local)));
        for end in 0..body.len() {
            let cut = binary(0x21, 0x11, &body[..end]);
            let header = read(&cut, ProxyVersion::V2).await;
            assert!(header.is_err() || end == addresses.len(), "{end}");
        }
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_unix_path_may_be_shorter_than_its_field() {
        let path = |name: &str| Some(ProxyClient::Unix(name.into()));
        let padded = [&b"/run/a"[..], &[0; 210]].concat();
        let with_record = [&padded[..], &[5, 0, 1, 0]].concat();
        for (body, client) in [
            (&b"/run/a"[..], path("/run/a")),
            (b"/run/a\0", path("/run/a")),
            (&padded, path("/run/a")),
            (&with_record, path("/run/a")),
            (b"", path("")),
        ] {
            let header = read(&binary(0x21, 0x31, body), ProxyVersion::V2).await;
            assert_eq!(header.unwrap().client, client, "{body:?}");
        }
    }
}
