use super::UsageError;
use crate::client::{Proxy, ProxyUrlError};

/// Parses `socks5h://[USERNAME[:PASSWORD]@]HOST[:PORT]`.
///
/// Some errors have no text, as in Mosquitto.
pub(super) fn parse(value: &[u8]) -> Result<Proxy, UsageError> {
    Proxy::parse(value).map_err(|error| match error {
        ProxyUrlError::Malformed => UsageError::new(""),
        ProxyUrlError::NoHost | ProxyUrlError::Username => {
            UsageError::new(format!("Error: {error}.\n"))
        }
        ProxyUrlError::Scheme(_) | ProxyUrlError::Port(_) => {
            UsageError::new(format!("Error: {error}\n"))
        }
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
