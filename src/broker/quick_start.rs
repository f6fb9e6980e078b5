//! What somebody sees who tries the broker at a terminal.

use std::io::{self, IsTerminal};
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;

use super::config::{Config, DEFAULT_PORT, ListenAddress, Listener, Protocol};

/// The port of the HTTP API, as in Mosquitto's local mode.
const HTTP_API_PORT: u16 = 9883;

/// Whether somebody has started the broker by hand and without a configuration.
pub(super) fn is_tried_out(config: &Config, files: &[PathBuf]) -> bool {
    config.local_only && files.is_empty() && io::stderr().is_terminal()
}

/// Adds a listener for the page that shows the broker, unless another program has its port.
pub(super) fn open_http_api(config: &mut Config) {
    if TcpListener::bind((Ipv4Addr::LOCALHOST, HTTP_API_PORT)).is_ok() {
        let host = ListenAddress::Host(Ipv4Addr::LOCALHOST.to_string());
        config.listeners.push(Listener {
            protocol: Protocol::HttpApi,
            ..Listener::new(HTTP_API_PORT, host)
        });
    }
}

/// Where the broker listens, what to try with it, and the next step; `program` is its name.
pub(super) fn text(config: &Config, program: &str) -> String {
    let (publish, subscribe, passwd) = match program {
        "mosquitto" => ("mosquitto_pub", "mosquitto_sub", "mosquitto_passwd"),
        _ => ("mq-pub", "mq-sub", "mq-passwd"),
    };
    let (pages, others): (Vec<_>, Vec<_>) = config
        .listeners
        .iter()
        .partition(|listener| listener.protocol == Protocol::HttpApi);
    let page = match pages.first() {
        Some(listener) => format!(
            "To watch it, in a browser:\n    http://127.0.0.1:{}/\n",
            listener.port
        ),
        None => String::new(),
    };
    let ports: Vec<_> = others
        .iter()
        .map(|listener| listener.port.to_string())
        .collect();
    let ports = ports.join(" and ");
    let option = match others.first() {
        Some(listener) if listener.port != DEFAULT_PORT => format!(" -p {}", listener.port),
        _ => String::new(),
    };
    format!(
        r"
Listening on 127.0.0.1 and ::1, port {ports}, for this machine only.
To try it, in two other terminals:
    {subscribe}{option} -v -t 'test/#'
    {publish}{option} -t test/hello -m 'Hello, world'
{page}To let others in, make a password file, name it in a configuration, and start again:
    {passwd} -c passwords alice
    printf 'listener 1883\npassword_file passwords\n' > mosquitto.conf
    {program} -c mosquitto.conf

"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::config::Overrides;

    fn lines(ports: &[u16], program: &str) -> Vec<String> {
        let overrides = Overrides {
            ports: ports.to_vec(),
            ..Overrides::default()
        };
        let (config, _) = Config::load(&[], &overrides).unwrap();
        text(&config, program).lines().map(str::to_owned).collect()
    }

    #[test]
    fn the_commands_fit_the_port_and_the_name() {
        let lines_of_default = lines(&[], "mq-broker");
        assert_eq!(lines_of_default[3], "    mq-sub -v -t 'test/#'");
        let lines = lines(&[1884, 1885], "mosquitto");
        assert_eq!(
            lines[1],
            "Listening on 127.0.0.1 and ::1, port 1884 and 1885, for this machine only."
        );
        assert_eq!(lines[3], "    mosquitto_sub -p 1884 -v -t 'test/#'");
        assert_eq!(lines[8], "    mosquitto -c mosquitto.conf");
    }
}
