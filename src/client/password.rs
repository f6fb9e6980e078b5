use std::fs::File;
use std::io;

use bytes::Bytes;
use nix::sys::termios::{SetArg, Termios, tcgetattr, tcsetattr};

use super::{ConnectOptions, Error, Report};

/// Asks at the terminal for the password when the broker refused a login with a user name
/// and without a password. `None` when it was another error, or nobody can be asked.
///
/// A dropped future leaves the terminal as it was.
pub async fn ask_password(
    error: &Error,
    options: &ConnectOptions,
    report: Report,
) -> Option<Bytes> {
    let username = options.username.as_ref()?;
    if options.password.is_some() || !error.is_login_refused() || !report.has_reader() {
        return None;
    }
    let prompt = format!("Password for {username}: ");
    let _echo = Echo::save()?;
    let answer = tokio::task::spawn_blocking(|| rpassword::prompt_password(prompt)).await;
    let password = answer.ok()?.ok()?;
    (!password.is_empty()).then(|| Bytes::from(password))
}

/// The terminal's settings, which are restored when this is dropped.
struct Echo {
    terminal: File,
    settings: Termios,
}

impl Echo {
    fn save() -> Option<Self> {
        let terminal = File::open("/dev/tty").ok()?;
        let settings = tcgetattr(&terminal).map_err(io::Error::from).ok()?;
        Some(Self { terminal, settings })
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        // The terminal is gone when it fails.
        let _ = tcsetattr(&self.terminal, SetArg::TCSANOW, &self.settings);
    }
}
