use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// A signal that ends the program in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Interruption {
    /// Ctrl+C
    Interrupt,
    Terminate,
}

/// The signal that the terminal has another size.
pub(super) fn resized() -> io::Result<Signal> {
    signal(SignalKind::window_change())
}

/// The signals that end the program in order; others do what they always do.
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

    /// The next one.
    pub(super) async fn next(&mut self) -> Interruption {
        tokio::select! {
            _ = self.interrupt.recv() => Interruption::Interrupt,
            _ = self.terminate.recv() => Interruption::Terminate,
        }
    }
}
