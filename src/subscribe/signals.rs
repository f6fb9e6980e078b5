use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// A signal that ends the program gracefully.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Interruption {
    /// Ctrl+C
    Interrupt,
    Terminate,
}

/// Returns the signal that the terminal's size has changed.
pub(super) fn resized() -> io::Result<Signal> {
    signal(SignalKind::window_change())
}

/// The signals that end the program gracefully.
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Waits for the next signal.
    pub(super) async fn next(&mut self) -> Interruption {
        tokio::select! {
            _ = self.interrupt.recv() => Interruption::Interrupt,
            _ = self.terminate.recv() => Interruption::Terminate,
        }
    }
}
