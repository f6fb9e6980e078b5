//! A running broker, from its first socket to its last.

mod accept;
mod memory_limit;

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use self::accept::listen;
use self::memory_limit::watch_memory;
use super::Broker;
use super::config::{Config, Listener, Overrides, Protocol};
use super::ground::Clock;
use super::housekeeping::keep_house;
use super::listener::{ListeningSocket, bind};
use super::log::Log;
use super::persistence::Opened;
use super::resources::Resources;
use super::sys::{keep_topics, topic_sink};
use super::systemd::ServiceManager;

/// How long the clients have to take what waits for them when the broker stops.
const FAREWELL: Duration = Duration::from_secs(2);

/// How long the greeting waits for the log before it.
const LAST_LINES: Duration = Duration::from_secs(1);

/// What a broker is started with.
pub(super) struct Start {
    pub(super) config: Config,
    pub(super) config_files: Vec<PathBuf>,
    pub(super) overrides: Overrides,
    pub(super) resources: Resources,
    pub(super) log: Log,
    pub(super) clock: Clock,
    /// The store and what was in it.
    pub(super) opened: Option<Opened>,
    /// What the broker calls itself.
    pub(super) name: String,
    /// What to tell somebody at a terminal once it runs.
    pub(super) greeting: Option<String>,
}

/// The signals that a broker heeds.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
    /// Asks for a snapshot of what is kept.
    user_1: Signal,
    /// Asks for the subscriptions.
    user_2: Signal,
    /// Says that the log file has been moved away.
    rotate: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
            user_1: signal(SignalKind::user_defined1())?,
            user_2: signal(SignalKind::user_defined2())?,
            rotate: signal(SignalKind::from_raw(nix::libc::SIGRTMIN()))?,
        })
    }
}

/// Runs a broker until a signal stops it.
pub(super) async fn run(start: Start) -> io::Result<()> {
    let Start {
        config,
        config_files,
        overrides,
        resources,
        log,
        clock,
        opened,
        name,
        greeting,
    } = start;
    let mut signals = Signals::new()?;
    let (persistence, recovery) = opened.map(Opened::into_parts).unzip();
    let broker = Broker::new(config, resources, log.clone(), clock, persistence);
    let broker = Arc::new(broker);
    log.set_topic_sink(Some(topic_sink(&broker)));
    if let (Some(persistence), Some(recovery)) = (broker.persistence(), recovery) {
        let restored = broker.restore(recovery, persistence);
        log.information(format_args!("{restored}"));
    }
    let (stop, stopped) = watch::channel(false);
    for (index, listener) in broker.config().listeners.iter().enumerate() {
        tell_of_pages(listener, &log);
        for socket in bind(listener, &log)? {
            let socket = ListeningSocket::new(socket, broker.config().set_tcp_nodelay)?;
            let broker = Arc::clone(&broker);
            tokio::spawn(listen(socket, index, broker, stopped.clone()));
        }
    }
    tokio::spawn(keep_house(Arc::clone(&broker)));
    tokio::spawn(watch_memory(Arc::clone(&broker)));
    tokio::spawn(keep_topics(Arc::clone(&broker), name.clone()));
    log.information(format_args!("{name} running"));
    if let Some(greeting) = greeting {
        log.flush(LAST_LINES);
        eprint!("{greeting}");
    }
    if let Some(manager) = ServiceManager::from_environment() {
        manager.ready();
        tokio::spawn(manager.keep_alive());
    }
    loop {
        tokio::select! {
            _ = signals.terminate.recv() => break,
            _ = signals.interrupt.recv() => break,
            _ = signals.user_1.recv() => {
                if let Some(persistence) = broker.persistence() {
                    log.information(format_args!("Saving the store to the disk."));
                    persistence.sync();
                }
            }
            _ = signals.rotate.recv() => log.reopen(),
            _ = signals.user_2.recv() => {
                let broker = Arc::clone(&broker);
                // A reader of standard output may be slow.
                let print = move || {
                    let mut stdout = io::stdout().lock();
                    let _ = stdout.write_all(broker.subscription_tree().as_bytes());
                    let _ = stdout.flush();
                };
                let _ = tokio::task::spawn_blocking(print).await;
            }
            _ = signals.hang_up.recv() => {
                // Files are read off the network threads.
                let (broker, files) = (Arc::clone(&broker), config_files.clone());
                let overrides = overrides.clone();
                let reload = move || broker.reload(&files, &overrides);
                let _ = tokio::task::spawn_blocking(reload).await;
            }
        }
    }
    let _ = stop.send(true);
    broker.stop().await;
    if let Some(persistence) = broker.persistence() {
        persistence.close();
    }
    Ok(())
}

fn tell_of_pages(listener: &Listener, log: &Log) {
    match (&listener.http_dir, listener.protocol) {
        (None, _) => {}
        (Some(folder), Protocol::WebSockets) => {
            log.information(format_args!("Using http_dir {}", folder.display()));
        }
        (Some(_), Protocol::Mqtt) => log.warning(format_args!(
            "Warning: 'http_dir' has no effect without 'protocol websockets'."
        )),
    }
}

impl Broker {
    /// Publishes all wills, and gives every client a moment to take what waits for it.
    async fn stop(&self) {
        self.publish_all_wills();
        self.end_connections();
        let deadline = Instant::now() + FAREWELL;
        while self.has_connections() && Instant::now() < deadline {
            sleep(Duration::from_millis(5)).await;
        }
    }
}
