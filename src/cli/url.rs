use super::UsageError;
use super::number::integer;

/// The value of `-L`: `mqtt://[USERNAME[:PASSWORD]@]HOST[:PORT]/TOPIC`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Url {
    pub(super) scheme: Scheme,
    pub(super) username: Option<Vec<u8>>,
    pub(super) password: Option<Vec<u8>>,
    pub(super) host: Vec<u8>,
    pub(super) port: u16,
    /// Everything behind the first `/`, unchanged, unless it is empty.
    pub(super) topic: Option<Vec<u8>>,
}

/// The scheme of a URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    Mqtt,
    Mqtts,
    WebSocket,
    SecureWebSocket,
}

impl Scheme {
    fn from_name(name: &[u8]) -> Option<Self> {
        match name {
            b"mqtt" => Some(Self::Mqtt),
            b"mqtts" => Some(Self::Mqtts),
            b"ws" => Some(Self::WebSocket),
            b"wss" => Some(Self::SecureWebSocket),
            _ => None,
        }
    }

    pub(super) fn is_websocket(self) -> bool {
        matches!(self, Self::WebSocket | Self::SecureWebSocket)
    }

    pub(super) fn is_encrypted(self) -> bool {
        matches!(self, Self::Mqtts | Self::SecureWebSocket)
    }

    fn default_port(self) -> u16 {
        match self {
            Self::Mqtt => 1883,
            Self::Mqtts => 8883,
            Self::WebSocket => 80,
            Self::SecureWebSocket => 443,
        }
    }
}

impl Url {
    pub(super) fn parse(url: &[u8]) -> Result<Self, UsageError> {
        let (scheme, rest) = split_scheme(url)?;
        let (authority, topic) = match memchr::memchr(b'/', rest) {
            Some(slash) => (&rest[..slash], &rest[slash + 1..]),
            None => (rest, &[][..]),
        };
        let (user, place) = match memchr::memrchr(b'@', authority) {
            Some(at) => (Some(&authority[..at]), &authority[at + 1..]),
            None => (None, authority),
        };
        let (username, password) = match user {
            None => (None, None),
            Some(user) => match memchr::memchr(b':', user) {
                Some(colon) => (
                    Some(percent_decoded(&user[..colon])),
                    Some(percent_decoded(&user[colon + 1..])),
                ),
                None => (Some(percent_decoded(user)), None),
            },
        };
        let (host, port) = host_and_port(place)?;
        Ok(Self {
            scheme,
            username,
            password,
            host: host.to_vec(),
            port: port.unwrap_or(scheme.default_port()),
            topic: (!topic.is_empty()).then(|| topic.to_vec()),
        })
    }
}

fn split_scheme(url: &[u8]) -> Result<(Scheme, &[u8]), UsageError> {
    memchr::memmem::find(url, b"://")
        .and_then(|end| {
            let scheme = Scheme::from_name(&url[..end].to_ascii_lowercase())?;
            Some((scheme, &url[end + 3..]))
        })
        .ok_or_else(|| UsageError::new("Error: Unsupported URL scheme.\n\n"))
}

/// Splits `HOST`, `HOST:PORT`, `[ADDRESS]` and `[ADDRESS]:PORT`.
pub(super) fn host_and_port(place: &[u8]) -> Result<(&[u8], Option<u16>), UsageError> {
    let bracketed = place
        .strip_prefix(b"[")
        .and_then(|rest| memchr::memchr(b']', rest).map(|end| (&rest[..end], &rest[end + 1..])));
    let (host, port) = match bracketed {
        Some((host, rest)) => (host, rest.strip_prefix(b":")),
        None => match memchr::memchr(b':', place) {
            Some(colon) => (&place[..colon], Some(&place[colon + 1..])),
            None => (place, None),
        },
    };
    let Some(port) = port else {
        return Ok((host, None));
    };
    let number = integer(port).and_then(|number| u16::try_from(number).ok());
    match number {
        Some(number) => Ok((host, Some(number))),
        None => Err(UsageError::new(format!(
            "Error: Invalid port given: {}\n",
            String::from_utf8_lossy(port)
        ))),
    }
}

/// Replaces each `%` with two hexadecimal digits by its byte.
fn percent_decoded(text: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        let escaped = after.get(..2).filter(|_| byte == b'%').and_then(|digits| {
            let digits = std::str::from_utf8(digits).ok()?;
            digits
                .bytes()
                .all(|digit| digit.is_ascii_hexdigit())
                .then_some(())?;
            u8::from_str_radix(digits, 16).ok()
        });
        match escaped {
            Some(byte) => {
                decoded.push(byte);
                rest = &after[2..];
            }
            None => {
                decoded.push(byte);
                rest = after;
            }
        }
    }
    decoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_login_host_port_and_topic() {
        let url = Url::parse(b"MQTT://us%40er:p:w@h:99/a/b?c#d").unwrap();
        assert_eq!(url.username.as_deref(), Some(&b"us@er"[..]));
        assert_eq!(url.password.as_deref(), Some(&b"p:w"[..]));
        assert_eq!(
            (&url.host[..], url.port, url.topic.as_deref()),
            (&b"h"[..], 99, Some(&b"a/b?c#d"[..]))
        );
        let url = Url::parse(b"ws://h/t").unwrap();
        assert_eq!((url.scheme, url.port), (Scheme::WebSocket, 80));
        assert_eq!(Url::parse(b"wss://h/t").unwrap().port, 443);
        assert_eq!(Url::parse(b"mqtts://h/t").unwrap().port, 8883);
        let url = Url::parse(b"mqtt://[::1]:7/t").unwrap();
        assert_eq!((&url.host[..], url.port), (&b"::1"[..], 7));
    }

    #[test]
    fn other_schemes_are_refused_and_a_missing_topic_is_none() {
        for url in [&b"http://h/t"[..], b"h/t"] {
            let error = Url::parse(url).unwrap_err();
            assert_eq!(error.text(), "Error: Unsupported URL scheme.");
        }
        for url in [&b"mqtt://h"[..], b"mqtt://h/"] {
            assert_eq!(Url::parse(url).unwrap().topic, None);
        }
    }
}
