//! A broker under the control of signals, as a program runs it.

use std::convert::Infallible;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::last_resort;
use super::running::{Server, Start};
use crate::broker::Broker;
use crate::broker::config::Overrides;
use crate::broker::systemd::ServiceManager;

/// Time that the quick start waits for the log lines before it.
const LAST_LINES: Duration = Duration::from_secs(1);

/// Files and texts that only a broker run by a program has.
pub(in crate::broker) struct Control {
    /// Files that SIGHUP reads again.
    pub(in crate::broker) config_files: Vec<PathBuf>,
    pub(in crate::broker) overrides: Overrides,
    /// Text for somebody at a terminal, printed once the broker runs.
    pub(in crate::broker) greeting: Option<String>,
}

/// Signals that stop the broker.
struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }
}

/// Signals that ask something of a running broker.
struct RequestSignals {
    hang_up: Signal,
    /// Asks for a snapshot of what is kept.
    user_1: Signal,
    /// Asks for the subscriptions.
    user_2: Signal,
    /// Says that the log file has been moved away.
    rotate: Signal,
}

impl RequestSignals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            hang_up: signal(SignalKind::hangup())?,
            user_1: signal(SignalKind::user_defined1())?,
            user_2: signal(SignalKind::user_defined2())?,
            rotate: signal(SignalKind::from_raw(nix::libc::SIGRTMIN()))?,
        })
    }

    /// Does what they ask for, one after the other.
    async fn obey(&mut self, broker: &Arc<Broker>, control: &Control) -> Infallible {
        let log = broker.log();
        loop {
            tokio::select! {
                _ = self.user_1.recv() => {
                    if let Some(persistence) = broker.persistence() {
                        log.information(format_args!("Saving the store to the disk."));
                        persistence.sync();
                    }
                }
                _ = self.rotate.recv() => log.reopen(),
                _ = self.user_2.recv() => print_subscription_tree(broker).await,
                _ = self.hang_up.recv() => reload(broker, control).await,
            }
        }
    }
}

/// Runs a broker until SIGTERM or SIGINT stops it.
///
/// # Errors
///
/// A socket cannot be opened, which the log explains, or a signal cannot be watched.
pub(in crate::broker) async fn run(start: Start, control: Control) -> io::Result<()> {
    let mut signals = StopSignals::new()?;
    let mut requests = RequestSignals::new()?;
    let log = start.log.clone();
    last_resort::watch(log.clone())?;
    let server = Server::start(start)?;
    if let Some(greeting) = &control.greeting {
        log.flush(LAST_LINES);
        eprint!("{greeting}");
    }
    if let Some(manager) = ServiceManager::from_environment() {
        manager.ready();
        tokio::spawn(manager.keep_alive());
    }
    // Whatever is under way, such as a reload of a file that cannot be read, is not waited for.
    tokio::select! {
        _ = signals.terminate.recv() => {}
        _ = signals.interrupt.recv() => {}
        never = requests.obey(server.broker(), &control) => match never {},
    }
    server.stop().await;
    Ok(())
}

/// Prints on a thread of its own, because a reader of standard output may be slow.
async fn print_subscription_tree(broker: &Arc<Broker>) {
    let broker = Arc::clone(broker);
    let print = move || {
        let mut stdout = io::stdout().lock();
        let _ = stdout.write_all(broker.subscription_tree().as_bytes());
        let _ = stdout.flush();
    };
    let _ = tokio::task::spawn_blocking(print).await;
}

/// Reads the files off the network threads.
async fn reload(broker: &Arc<Broker>, control: &Control) {
    let (broker, files) = (Arc::clone(broker), control.config_files.clone());
    let overrides = control.overrides.clone();
    let gate = Arc::clone(&broker.reload_gate);
    let _closed = gate.write().await;
    let reload = move || broker.reload(&files, &overrides);
    let _ = tokio::task::spawn_blocking(reload).await;
}
