//! Signals that end the program: never in the middle of a write, and never with a dark terminal.

use std::fs::File;
use std::sync::Arc;
use std::thread;

use nix::sys::signal::{SigSet, Signal};
use nix::sys::termios::{self, LocalFlags, SetArg, Termios};
use parking_lot::{Mutex, MutexGuard};

/// Watches for SIGINT, SIGTERM and SIGHUP. One of them ends the program as soon as nothing is being
/// written, with the exit code of [`exit_code`].
#[derive(Debug, Default)]
pub(super) struct Interrupts {
    dark: Arc<Mutex<Option<DarkTerminal>>>,
}

/// A terminal whose echo is off, and its settings from before.
#[derive(Debug)]
struct DarkTerminal {
    terminal: File,
    before: Termios,
}

/// While it lives, signals wait.
pub(super) struct Hold<'a> {
    _guard: MutexGuard<'a, Option<DarkTerminal>>,
}

/// While it lives, a terminal's echo is off.
pub(super) struct Darkness<'a> {
    interrupts: &'a Interrupts,
}

impl Interrupts {
    /// Begins to watch. To be called before the program has any other thread.
    pub(super) fn watch() -> Interrupts {
        let interrupts = Interrupts::default();
        let signals = SigSet::from_iter([Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP]);
        // Once blocked, they wait for the thread that asks for them; without it they act as ever.
        if signals.thread_block().is_err() {
            return interrupts;
        }
        let dark = Arc::clone(&interrupts.dark);
        let watcher = thread::Builder::new().spawn(move || {
            let Ok(signal) = signals.wait() else { return };
            let dark = dark.lock();
            if let Some(terminal) = &*dark {
                terminal.restore();
            }
            // The lock is still held, so no write can begin any more.
            std::process::exit(exit_code(signal).into());
        });
        if watcher.is_err() {
            let _ = signals.thread_unblock();
        }
        interrupts
    }

    /// Makes signals wait.
    pub(super) fn hold(&self) -> Hold<'_> {
        Hold {
            _guard: self.dark.lock(),
        }
    }

    /// Turns the echo of `terminal` off.
    pub(super) fn darken(&self, terminal: File) -> nix::Result<Darkness<'_>> {
        let before = termios::tcgetattr(&terminal)?;
        let mut settings = before.clone();
        settings.local_flags.remove(LocalFlags::ECHO);
        let mut dark = self.dark.lock();
        termios::tcsetattr(&terminal, SetArg::TCSANOW, &settings)?;
        *dark = Some(DarkTerminal { terminal, before });
        Ok(Darkness { interrupts: self })
    }
}

impl DarkTerminal {
    fn restore(&self) {
        // A terminal that is gone cannot be restored and need not be.
        let _ = termios::tcsetattr(&self.terminal, SetArg::TCSANOW, &self.before);
    }
}

impl Drop for Darkness<'_> {
    fn drop(&mut self) {
        if let Some(terminal) = self.interrupts.dark.lock().take() {
            terminal.restore();
        }
    }
}

/// The exit code of a program that `signal` ended, as a shell gives it: 130 for SIGINT, 143 for SIGTERM.
pub(super) fn exit_code(signal: Signal) -> u8 {
    128 + signal as u8
}
