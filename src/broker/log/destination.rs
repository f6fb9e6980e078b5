//! The places that a line is written to. All of this runs on the log's own thread, or
//! before there is one; a line that cannot be written is lost, and nothing else is.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};

use super::line::formatted;
use super::settings::LogType;

/// Set to anything, it lets the log file be a symbolic link.
const ALLOW_SYMLINKS: &str = "MOSQUITTO_UNSAFE_ALLOW_SYMLINKS";

pub(super) fn write_to_stdout(line: &str) {
    let mut stdout = io::stdout().lock();
    let _ = stdout.write_all(ended(line).as_bytes());
    let _ = stdout.flush();
}

pub(super) fn write_to_stderr(line: &str) {
    let _ = io::stderr().lock().write_all(ended(line).as_bytes());
}

fn ended(line: &str) -> String {
    format!("{line}\n")
}

/// A log file, which may have failed to open.
pub(super) struct LogFile {
    path: PathBuf,
    file: Option<File>,
}

impl LogFile {
    /// Opens `path` to append to it; it is made with mode 0600 if need be.
    pub(super) fn open(path: &Path) -> Self {
        let follow = std::env::var_os(ALLOW_SYMLINKS).is_some();
        let flags = if follow { 0 } else { nix::libc::O_NOFOLLOW };
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .custom_flags(flags)
            .open(path)
            .ok();
        if file.is_none() {
            write_to_stderr(&format!(
                "Error: Unable to open log file {} for writing.",
                path.display()
            ));
        }
        Self {
            path: path.to_owned(),
            file,
        }
    }

    /// Returns whether there is a file to write to.
    pub(super) fn is_open(&self) -> bool {
        self.file.is_some()
    }

    /// Opens the file again, as it may have been renamed; goes on with the one that is
    /// there where that fails.
    pub(super) fn reopen(&mut self) {
        let opened = Self::open(&self.path);
        if opened.is_open() {
            *self = opened;
        }
    }

    /// Appends `line` by one write; without the file errors go to standard error.
    pub(super) fn write(&mut self, log_type: LogType, line: &str) {
        match &mut self.file {
            Some(file) => {
                let _ = file.write_all(ended(line).as_bytes());
            }
            None if log_type == LogType::Error => write_to_stderr(line),
            None => {}
        }
    }
}

/// The system's log, reached by its socket (RFC 3164).
pub(super) struct Syslog {
    socket_path: PathBuf,
    socket: Option<UnixDatagram>,
    identity: String,
    facility: u8,
}

impl Syslog {
    /// The address of the system's log.
    pub(super) const SOCKET_PATH: &str = "/dev/log";
    const DAEMON: u8 = 3;
    const LOCAL_0: u8 = 16;

    /// A sender called `program`; `local_facility` is that of the settings.
    pub(super) fn new(socket_path: &Path, program: &str, local_facility: Option<u8>) -> Self {
        Self {
            socket_path: socket_path.to_owned(),
            socket: None,
            identity: format!("{program}[{}]", std::process::id()),
            facility: local_facility.map_or(Self::DAEMON, |number| Self::LOCAL_0 + number),
        }
    }

    /// Sends `line`, said at `second` since 1970.
    pub(super) fn write(&mut self, log_type: LogType, second: i64, line: &str) {
        let priority = self.facility * 8 + severity(log_type);
        let time = formatted("%b %e %H:%M:%S", second);
        let datagram = format!("<{priority}>{time} {}: {line}", self.identity);
        let is_sent = |socket: &UnixDatagram| socket.send(datagram.as_bytes()).is_ok();
        if self.socket.as_ref().is_some_and(is_sent) {
            return;
        }
        // The system's log may have been restarted since.
        self.socket = connect(&self.socket_path).ok().filter(is_sent);
    }
}

fn connect(path: &Path) -> io::Result<UnixDatagram> {
    let socket = UnixDatagram::unbound()?;
    socket.connect(path)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// The severity that the system's log knows.
fn severity(log_type: LogType) -> u8 {
    match log_type {
        LogType::Error => 3,
        LogType::Warning => 4,
        LogType::Notice | LogType::Subscribe | LogType::Unsubscribe => 5,
        LogType::Information => 6,
        LogType::Debug | LogType::WebSockets | LogType::Internal => 7,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_log_gets_priority_time_name_and_process() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let receiver = UnixDatagram::bind(&path).unwrap();
        let mut syslog = Syslog::new(&path, "mosquitto", Some(2));
        syslog.write(LogType::Warning, 1_700_000_020, "1700000020: careful");

        let mut buffer = [0; 200];
        let length = receiver.recv(&mut buffer).unwrap();
        let datagram = std::str::from_utf8(&buffer[..length]).unwrap();
        assert!(datagram.starts_with("<148>Nov 1"), "{datagram}");
        let end = format!(":40 mosquitto[{}]: 1700000020: careful", std::process::id());
        assert!(datagram.ends_with(&end), "{datagram}");
    }

    #[test]
    fn a_restarted_system_log_is_found_again() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let mut syslog = Syslog::new(&path, "mq-broker", None);
        syslog.write(LogType::Error, 0, "nobody listens");
        for text in ["first", "second"] {
            let receiver = UnixDatagram::bind(&path).unwrap();
            syslog.write(LogType::Error, 0, text);
            let mut buffer = [0; 200];
            let length = receiver.recv(&mut buffer).unwrap();
            assert!(buffer[..length].starts_with(b"<27>"));
            assert!(buffer[..length].ends_with(text.as_bytes()));
            std::fs::remove_file(&path).unwrap();
        }
    }
}
