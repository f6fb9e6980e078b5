//! A running broker, from its first socket to its last.

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::Broker;
use super::auth::{AccessControl, Authenticator, read_rules};
use super::clock::Clock;
use super::config::{Config, Listener, Overrides, Protocol};
use super::housekeeping::keep_house;
use super::listener::{ListenerContext, ListeningSocket, TlsListeners, bind, listen};
use super::log::{Log, LogType};
use super::memory::watch_memory;
use super::persistence::Opened;
use super::session::{Ending, Link};
use super::sys::{keep_topics, topic_sink};
use super::systemd::ServiceManager;

/// How long the clients have to take what waits for them when the broker stops.
const FAREWELL: Duration = Duration::from_secs(2);

/// After a mistake in a file of users or rules.
const RIGHTS_STAY: &str = "Error: The users and rules of before the reload stay in force.";

/// What a broker is started with.
pub(super) struct Start {
    pub(super) config: Config,
    pub(super) config_files: Vec<PathBuf>,
    pub(super) overrides: Overrides,
    pub(super) authenticator: Authenticator,
    pub(super) access: AccessControl,
    pub(super) tls: TlsListeners,
    pub(super) log: Log,
    pub(super) clock: Clock,
    /// The store and what was in it.
    pub(super) opened: Option<Opened>,
    /// What the broker calls itself.
    pub(super) name: String,
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
        authenticator,
        access,
        tls,
        log,
        clock,
        opened,
        name,
    } = start;
    let mut signals = Signals::new()?;
    let (persistence, recovery) = opened.map(Opened::into_parts).unzip();
    let broker = Arc::new(Broker::new(
        config,
        authenticator,
        access,
        tls,
        log.clone(),
        clock,
        persistence,
    ));
    log.set_topic_sink(Some(topic_sink(&broker)));
    if let (Some(persistence), Some(recovery)) = (broker.persistence(), recovery) {
        let restored = broker.restore(recovery, persistence);
        log.information(format_args!("{restored}"));
    }
    let (stop, stopped) = watch::channel(false);
    for (index, listener) in broker.config().listeners.iter().enumerate() {
        let context = Arc::new(ListenerContext::new(index, listener));
        tell_of_pages(listener, &log);
        for socket in bind(listener, &log)? {
            let socket = ListeningSocket::new(socket)?;
            let (context, broker) = (Arc::clone(&context), Arc::clone(&broker));
            tokio::spawn(listen(socket, context, broker, stopped.clone()));
        }
    }
    tokio::spawn(keep_house(Arc::clone(&broker)));
    tokio::spawn(watch_memory(Arc::clone(&broker)));
    tokio::spawn(keep_topics(Arc::clone(&broker), name.clone()));
    log.information(format_args!("{name} running"));
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

    /// Reads the configuration, the certificates, and the files of users and rules again.
    /// A mistake in them is told and leaves everything as it was.
    fn reload(&self, files: &[PathBuf], overrides: &Overrides) {
        self.log.information(format_args!("Reloading config."));
        let config = if files.is_empty() {
            self.config.clone()
        } else {
            match Config::load(files, overrides) {
                Ok((config, diagnostics)) => {
                    for diagnostic in &diagnostics {
                        self.tell(diagnostic.severity.into(), &diagnostic.lines());
                    }
                    config
                }
                Err(errors) => {
                    for diagnostic in &errors.diagnostics {
                        self.tell(diagnostic.severity.into(), &diagnostic.lines());
                    }
                    return;
                }
            }
        };
        self.tell(LogType::Error, &self.tls.reload(&self.config));
        let rules = match read_rules(&self.config, &config) {
            Ok(rules) => rules,
            Err(error) => {
                self.tell(LogType::Error, &error.lines());
                self.log.error(format_args!("{RIGHTS_STAY}"));
                return;
            }
        };
        if let Err(error) = self.authenticator.reload(&self.config, &config) {
            self.log.error(format_args!("{error}"));
            self.log.error(format_args!("{RIGHTS_STAY}"));
            return;
        }
        self.access.change(rules);
        self.tell(LogType::Warning, &self.access.warnings());
        self.router.forget_matches();
        self.drop_unreadable();
        self.end_revoked_logins();
        self.policy.change(&config);
        self.log.reconfigure(&config.log);
        self.log.reopen();
    }

    /// Takes out of all queues what their clients may no longer read.
    fn drop_unreadable(&self) {
        self.sessions.for_each(|session| {
            let identity = session.identity();
            session
                .state()
                .retain_queued(|message| self.may_read(&identity, &message.topic));
        });
    }

    /// Ends the connections of clients whose login no longer passes.
    fn end_revoked_logins(&self) {
        self.sessions.for_each(|session| {
            let login = match &session.state().link {
                Link::Online(attachment) => (
                    attachment.connection,
                    attachment.listener,
                    attachment.credentials.clone(),
                ),
                Link::Offline { .. } | Link::Ended => return,
            };
            let (connection, listener, credentials) = login;
            if !self
                .authenticator
                .allows_now(listener, credentials.as_deref())
            {
                let mut state = session.state();
                if state.attachment(connection).is_some() {
                    state.end_connection(Ending::LoginRevoked);
                }
            }
        });
    }

    fn tell(&self, log_type: LogType, lines: &[String]) {
        for line in lines {
            self.log.write(log_type, format_args!("{line}"));
        }
    }
}
