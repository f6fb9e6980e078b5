//! The program that has a port, as far as `/proc` shows it.

use std::ffi::OsStr;
use std::fmt;
use std::fs;
use std::path::Path;

/// A process that listens on a TCP port.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PortUser {
    port: u16,
    name: String,
    process: u32,
    /// The systemd unit that it belongs to.
    service: Option<String>,
}

impl PortUser {
    /// Looks for the process that listens on `port`. Only root sees those of other users.
    pub(super) fn find(port: u16) -> Option<Self> {
        let sockets: Vec<String> = ["/proc/net/tcp", "/proc/net/tcp6"]
            .iter()
            .filter_map(|table| fs::read_to_string(table).ok())
            .flat_map(|table| listening_sockets(&table, port))
            .collect();
        let process = fs::read_dir("/proc")
            .ok()?
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok())
            .find(|process| has_any(*process, &sockets))?;
        let directory = Path::new("/proc").join(process.to_string());
        let name = fs::read_to_string(directory.join("comm")).ok()?;
        let cgroup = fs::read_to_string(directory.join("cgroup")).unwrap_or_default();
        Some(Self {
            port,
            name: name.trim_end().to_owned(),
            process,
            service: service_of(&cgroup),
        })
    }
}

/// The sockets of a table of `/proc/net` that listen on `port`, as links to them are written.
fn listening_sockets(table: &str, port: u16) -> Vec<String> {
    const LISTEN: &str = "0A";
    const ADDRESS: usize = 1;
    const STATE: usize = 3;
    const INODE: usize = 9;
    let port = format!(":{port:04X}");
    let lines = table.lines().skip(1);
    lines
        .map(|line| line.split_ascii_whitespace().collect::<Vec<_>>())
        .filter(|fields| {
            let is_on_port = fields.get(ADDRESS).is_some_and(|own| own.ends_with(&port));
            is_on_port && fields.get(STATE) == Some(&LISTEN)
        })
        .filter_map(|fields| Some(format!("socket:[{}]", fields.get(INODE)?)))
        .collect()
}

/// Returns whether one of the process's files is one of the sockets.
fn has_any(process: u32, sockets: &[String]) -> bool {
    let files = fs::read_dir(format!("/proc/{process}/fd"));
    files.into_iter().flatten().flatten().any(|file| {
        let target = fs::read_link(file.path()).unwrap_or_default();
        sockets.iter().any(|socket| target == OsStr::new(socket))
    })
}

/// The systemd service in a process's `cgroup` file.
fn service_of(cgroup: &str) -> Option<String> {
    let path = cgroup.lines().last()?;
    let unit = path.rsplit('/').find(|unit| unit.ends_with(".service"))?;
    Some(unit.trim_end_matches(".service").to_owned())
}

impl fmt::Display for PortUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            port,
            name,
            process,
            service,
        } = self;
        write!(
            f,
            "The program '{name}' (process {process}) listens on port {port}. "
        )?;
        match service {
            Some(service) => write!(f, "'sudo systemctl stop {service}' stops it."),
            None => write!(f, "'kill {process}' stops it."),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_listening_sockets_of_a_port_are_found_in_the_table() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt\
                     \n   0: 0100007F:075B 00000000:0000 0A 00000000:00000000 00:00000000 00000000  \
                     105        0 4711 1 0000000000000000 100 0 0 10 0\
                     \n   1: 0100007F:075B 0100007F:D431 01 00000000:00000000 00:00000000 00000000  \
                     105        0 4712 1 0000000000000000 20 4 30 10 -1\n";
        assert_eq!(listening_sockets(table, 1883), ["socket:[4711]"]);
        assert_eq!(listening_sockets(table, 1884), Vec::<String>::new());
    }

    #[test]
    fn a_service_is_named_by_its_unit() {
        let unit = |cgroup| service_of(cgroup);
        assert_eq!(
            unit("0::/system.slice/mosquitto.service\n").unwrap(),
            "mosquitto"
        );
        assert_eq!(unit("0::/user.slice/session-2.scope\n"), None);
        assert_eq!(unit(""), None);
    }

    #[test]
    fn a_process_of_ours_that_listens_is_found() {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        assert_eq!(PortUser::find(port).unwrap().process, std::process::id());
    }
}
