use std::fs::File;
use std::io;

use bytes::Bytes;
use nix::sys::termios::{SetArg, Termios, tcgetattr, tcsetattr};

use super::{ConnectOptions, Error, Report};

/// Asks at the terminal for the password after a refused login with only a user name.
///
/// Returns `None` if the error was another one, or nobody can be asked. Dropping the future
/// restores the terminal.
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

/// The terminal's settings, which are restored on drop.
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
        // It fails if the terminal is gone.
        let _ = tcsetattr(&self.terminal, SetArg::TCSANOW, &self.settings);
    }
}
