use super::UsageError;
use super::number::integer;
use crate::client::Proxy;
use crate::transport::socks5::Login;

const DEFAULT_PORT: u16 = 1080;
/// The maximum length of a user name and a password of SOCKS5.
const MAX_LOGIN: usize = 255;

/// Parses `socks5h://[USERNAME[:PASSWORD]@]HOST[:PORT]`.
///
/// Some errors have no text, as in Mosquitto.
pub(super) fn parse(value: &[u8]) -> Result<Proxy, UsageError> {
    let Some(rest) = value.strip_prefix(b"socks5h://") else {
        return Err(UsageError::new(format!(
            "Error: Unsupported proxy protocol: {}\n",
            String::from_utf8_lossy(value)
        )));
    };
    let (login, place) = match memchr::memrchr(b'@', rest) {
        Some(at) => (Some(parse_login(&rest[..at])?), &rest[at + 1..]),
        None => (None, rest),
    };
    let (host, port) = split_port(place)?;
    if host.is_empty() {
        return Err(UsageError::new("Error: Invalid proxy.\n"));
    }
    Ok(Proxy {
        host: String::from_utf8_lossy(host).into_owned(),
        port,
        login,
    })
}

fn parse_login(user: &[u8]) -> Result<Login, UsageError> {
    let (username, password) = match memchr::memchr(b':', user) {
        Some(colon) => (&user[..colon], &user[colon + 1..]),
        None => (user, &[][..]),
    };
    let decoded = |text| {
        decode(text)
            .filter(|text| text.len() <= MAX_LOGIN)
            .ok_or_else(|| UsageError::new(""))
    };
    let login = Login {
        username: decoded(username)?,
        password: decoded(password)?,
    };
    if login.username.is_empty() || memchr::memchr(b'@', user).is_some() {
        return Err(UsageError::new(""));
    }
    if login.username.contains(&b':') {
        return Err(UsageError::new("Error: Username cannot contain ':'.\n"));
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
fn split_port(place: &[u8]) -> Result<(&[u8], u16), UsageError> {
    let (host, port) = match place.strip_prefix(b"[") {
        Some(rest) => {
            let end = memchr::memchr(b']', rest).ok_or_else(|| UsageError::new(""))?;
            match &rest[end + 1..] {
                [] => (&rest[..end], None),
                [b':', port @ ..] => (&rest[..end], Some(port)),
                _ => return Err(UsageError::new("")),
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
    integer(port)
        .and_then(|number| u16::try_from(number).ok())
        .filter(|&number| number > 0)
        .map(|number| (host, number))
        .ok_or_else(|| {
            let port = String::from_utf8_lossy(port);
            UsageError::new(format!("Error: Invalid proxy port {port}\n"))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_has_a_host_and_perhaps_a_port_and_a_login() {
        let proxy = parse(b"socks5h://us%40er:p%3Aw%25@[::1]:99").unwrap();
        assert_eq!((proxy.host.as_str(), proxy.port), ("::1", 99));
        let login = proxy.login.unwrap();
        assert_eq!(
            (&login.username[..], &login.password[..]),
            (&b"us@er"[..], &b"p:w%"[..])
        );
        let proxy = parse(b"socks5h://h").unwrap();
        assert_eq!((proxy.port, proxy.login), (1080, None));
    }

    #[test]
    fn wrong_proxies_get_mosquittos_errors() {
        for (url, text) in [
            (
                "socks4://x",
                "Error: Unsupported proxy protocol: socks4://x",
            ),
            ("socks5h://", "Error: Invalid proxy."),
            ("socks5h://h:70000", "Error: Invalid proxy port 70000"),
            ("socks5h://u%20@h", ""),
            ("socks5h://@h", ""),
            ("socks5h://a@b@h", ""),
            ("socks5h://a%3Ab@h", "Error: Username cannot contain ':'."),
        ] {
            assert_eq!(parse(url.as_bytes()).unwrap_err().text(), text, "{url}");
        }
    }
}
