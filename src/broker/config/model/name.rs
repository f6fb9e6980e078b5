use super::{ListenAddress, Listener};
use crate::broker::ground::ListenerName;

impl From<&Listener> for ListenerName {
    fn from(listener: &Listener) -> Self {
        let port = listener.port;
        let name = match &listener.address {
            ListenAddress::Any => port.to_string(),
            ListenAddress::Loopback => format!("{port} localhost"),
            ListenAddress::Host(host) => format!("{port} {host}"),
            // A configuration is text, and so are the paths in it.
            ListenAddress::Unix(path) => format!("{port} {}", path.display()),
            ListenAddress::InProcess => "in-process".to_owned(),
        };
        Self::from(name.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_is_called_by_its_port_and_address() {
        let host = |host: &str| ListenAddress::Host(host.to_owned());
        let unix = ListenAddress::Unix("/run/mosquitto.sock".into());
        for (port, address, name) in [
            (1883, ListenAddress::Any, "1883"),
            (1883, ListenAddress::Loopback, "1883 localhost"),
            (1884, host("::1"), "1884 ::1"),
            (0, unix, "0 /run/mosquitto.sock"),
            (0, ListenAddress::InProcess, "in-process"),
        ] {
            let listener = Listener::new(port, address);
            assert_eq!(ListenerName::from(&listener).as_str(), name);
        }
    }
}
