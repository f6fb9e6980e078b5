//! Signals that end the program, but never during a write or with the echo off.

use std::fs::File;
use std::sync::Arc;
use std::thread;

use nix::sys::signal::{SigSet, Signal};
use nix::sys::termios::{self, LocalFlags, SetArg, Termios};
use parking_lot::{Mutex, MutexGuard};

/// A watcher of SIGINT, SIGTERM and SIGHUP.
///
/// A signal ends the program with its [`exit_code`] as soon as nothing is being written.
#[derive(Debug, Default)]
pub(super) struct Interrupts {
    silent: Arc<Mutex<Option<SilentTerminal>>>,
}

/// A terminal without echo, and its earlier settings.
#[derive(Debug)]
struct SilentTerminal {
    terminal: File,
    before: Termios,
}

/// A guard that makes signals wait.
pub(super) struct Hold<'a> {
    _guard: MutexGuard<'a, Option<SilentTerminal>>,
}

/// A guard that keeps a terminal's echo off.
pub(super) struct HiddenEcho<'a> {
    interrupts: &'a Interrupts,
}

impl Interrupts {
    /// Starts to watch, which must precede any other thread of the program.
    pub(super) fn watch() -> Interrupts {
        let interrupts = Interrupts::default();
        let signals = SigSet::from_iter([Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP]);
        // Blocked signals wait for the thread that asks for them; without it they act as
        // before.
        if signals.thread_block().is_err() {
            return interrupts;
        }
        let silent = Arc::clone(&interrupts.silent);
        let watcher = thread::Builder::new().spawn(move || {
            let Ok(signal) = signals.wait() else { return };
            let silent = silent.lock();
            if let Some(terminal) = &*silent {
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
            _guard: self.silent.lock(),
        }
    }

    /// Turns the echo of `terminal` off.
    pub(super) fn hide_echo(&self, terminal: File) -> nix::Result<HiddenEcho<'_>> {
        let before = termios::tcgetattr(&terminal)?;
        let mut settings = before.clone();
        settings.local_flags.remove(LocalFlags::ECHO);
        let mut silent = self.silent.lock();
        termios::tcsetattr(&terminal, SetArg::TCSANOW, &settings)?;
        *silent = Some(SilentTerminal { terminal, before });
        Ok(HiddenEcho { interrupts: self })
    }
}

impl SilentTerminal {
    fn restore(&self) {
        // A terminal that is gone cannot be restored and need not be.
        let _ = termios::tcsetattr(&self.terminal, SetArg::TCSANOW, &self.before);
    }
}

impl Drop for HiddenEcho<'_> {
    fn drop(&mut self) {
        if let Some(terminal) = self.interrupts.silent.lock().take() {
            terminal.restore();
        }
    }
}

/// Returns the exit code after `signal`, as in a shell: 130 for SIGINT, 143 for SIGTERM.
pub(super) fn exit_code(signal: Signal) -> u8 {
    128 + signal as u8
}
