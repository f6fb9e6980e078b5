//! What a service manager is told: that the broker is ready, and that it lives.

use std::env;
use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use tokio::time::interval;

/// The socket of the service manager that started the broker.
pub(super) struct ServiceManager {
    socket: UnixDatagram,
    address: SocketAddr,
}

impl ServiceManager {
    /// The one that `NOTIFY_SOCKET` names, if there is one.
    pub(super) fn from_environment() -> Option<Self> {
        let name = env::var_os("NOTIFY_SOCKET")?;
        Some(Self {
            socket: UnixDatagram::unbound().ok()?,
            address: address(&name).ok()?,
        })
    }

    /// Says that clients can connect.
    pub(super) fn ready(&self) {
        self.notify("READY=1\n");
    }

    /// Says again and again that the broker lives, if that is wanted: a runtime that
    /// serves nobody any more does not say it either.
    pub(super) async fn keep_alive(self) {
        let Some(limit) = watchdog() else { return };
        let mut half = interval(limit / 2);
        loop {
            half.tick().await;
            self.notify("WATCHDOG=1\n");
        }
    }

    fn notify(&self, text: &str) {
        // A service manager that is gone needs no word.
        let _ = self.socket.send_to_addr(text.as_bytes(), &self.address);
    }
}

/// A name that begins with `@` is one without a file.
fn address(name: &OsStr) -> io::Result<SocketAddr> {
    match name.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name),
        None => SocketAddr::from_pathname(name),
    }
}

/// How long the broker may be silent.
fn watchdog() -> Option<Duration> {
    let number = |name: &str| env::var(name).ok()?.parse::<u64>().ok();
    let is_other = number("WATCHDOG_PID").is_some_and(|id| id != u64::from(std::process::id()));
    let microseconds = number("WATCHDOG_USEC").filter(|&number| number > 1 && !is_other)?;
    Some(Duration::from_micros(microseconds))
}
