//! The URL of a proxy.

use thiserror::Error;

use super::Proxy;
use crate::transport::socks5::Login;

const DEFAULT_PORT: u16 = 1080;
/// The maximum length of a user name and a password of SOCKS5.
const MAX_LOGIN: usize = 255;

/// A reason that a text is not the URL of a proxy.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ProxyUrlError {
    /// The scheme is not `socks5h`.
    #[error("Unsupported proxy protocol: {0}")]
    Scheme(String),
    /// There is no host.
    #[error("Invalid proxy")]
    NoHost,
    /// The port is not one.
    #[error("Invalid proxy port {0}")]
    Port(String),
    /// The user name contains a `:`.
    #[error("Username cannot contain ':'")]
    Username,
    /// The login or the brackets of the address are malformed.
    #[error("Malformed proxy URL")]
    Malformed,
}

impl Proxy {
    /// Parses `socks5h://[USERNAME[:PASSWORD]@]HOST[:PORT]`.
    pub fn parse(url: &[u8]) -> Result<Self, ProxyUrlError> {
        let Some(rest) = url.strip_prefix(b"socks5h://") else {
            let url = String::from_utf8_lossy(url).into_owned();
            return Err(ProxyUrlError::Scheme(url));
        };
        let (login, place) = match memchr::memrchr(b'@', rest) {
            Some(at) => (Some(parse_login(&rest[..at])?), &rest[at + 1..]),
            None => (None, rest),
        };
        let (host, port) = split_port(place)?;
        if host.is_empty() {
            return Err(ProxyUrlError::NoHost);
        }
        Ok(Self {
            host: String::from_utf8_lossy(host).into_owned(),
            port,
            login,
        })
    }
}

fn parse_login(user: &[u8]) -> Result<Login, ProxyUrlError> {
    let (username, password) = match memchr::memchr(b':', user) {
        Some(colon) => (&user[..colon], &user[colon + 1..]),
        None => (user, &[][..]),
    };
    let decoded = |text| {
        decode(text)
            .filter(|text| text.len() <= MAX_LOGIN)
            .ok_or(ProxyUrlError::Malformed)
    };
    let login = Login {
        username: decoded(username)?,
        password: decoded(password)?,
    };
    if login.username.is_empty() || memchr::memchr(b'@', user).is_some() {
        return Err(ProxyUrlError::Malformed);
    }
    if login.username.contains(&b':') {
        return Err(ProxyUrlError::Username);
    }
    Ok(login)
}

/// Decodes the escapes of the characters that separate the parts of the URL; others are
/// wrong.
fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        if byte != b'%' {
            decoded.push(byte);
            rest = after;
            continue;
        }
        decoded.push(match after.get(..2)? {
            b"25" => b'%',
            b"3A" | b"3a" => b':',
            b"40" => b'@',
            _ => return None,
        });
        rest = &after[2..];
    }
    Some(decoded)
}

/// Splits `HOST`, `HOST:PORT`, `[ADDRESS]` and `[ADDRESS]:PORT`.
fn split_port(place: &[u8]) -> Result<(&[u8], u16), ProxyUrlError> {
    let (host, port) = match place.strip_prefix(b"[") {
        Some(rest) => {
            let end = memchr::memchr(b']', rest).ok_or(ProxyUrlError::Malformed)?;
            match &rest[end + 1..] {
                [] => (&rest[..end], None),
                [b':', port @ ..] => (&rest[..end], Some(port)),
                _ => return Err(ProxyUrlError::Malformed),
            }
        }
        None => match memchr::memchr(b':', place) {
            Some(colon) => (&place[..colon], Some(&place[colon + 1..])),
            None => (place, None),
        },
    };
    let Some(port) = port else {
        return Ok((host, DEFAULT_PORT));
    };
    let text = String::from_utf8_lossy(port);
    match text.trim().parse() {
        Ok(number) if number > 0 => Ok((host, number)),
        _ => Err(ProxyUrlError::Port(text.into_owned())),
    }
}
