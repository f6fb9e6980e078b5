//! The broker.
//!
//! - `embedded` starts a broker inside another program: [`Broker::builder`],
//! - [`command_line`] turns the arguments of `mq-broker` into what is to be done, and
//!   [`program`] does it,
//! - [`config`] reads `mosquitto.conf` into a typed model,
//! - [`log`] writes the log without ever holding up the broker,
//! - `web` gives the files of an `http_dir` to browsers,
//! - `listener` takes connections and `connection` serves one client each,
//! - `external_files` are the files that it names, and `reload` reads all of it again,
//! - `auth` says who may connect and what clients may do,
//! - `ground` are the values that all of these share,
//! - `bridge` connects the broker to others,
//! - `lifecycle` and `session` keep what belongs to a client, connected or not,
//! - `topics` finds who gets a message, `retained` keeps the last of each topic, and `fanout`
//!   passes it on,
//! - `statistics` counts, and `sys` tells it on the `$SYS` topics,
//! - `check` tells whether a broker answers,
//! - `systemd` speaks to the service manager, `subscription_tree` shows who subscribed,
//! - `memory` watches what is kept,
//! - `housekeeping` ends what has had its time.
//!
//! The way of a message through these is drawn in `docs/architecture.md`.

pub mod command_line;
pub mod config;
pub mod embedded;
pub mod log;
pub mod program;

mod auth;
mod bridge;
mod connection;
mod env;
mod external_files;
mod fanout;
mod figures;
mod ground;
mod health_check;
mod housekeeping;
mod http;
mod lifecycle;
mod listener;
mod live_options;
mod memory;
mod message;
mod persistence;
mod process;
mod quick_start;
mod reload;
mod retained;
mod rights;
mod server;
mod session;
mod statistics;
mod subscription_tree;
mod sys;
mod systemd;
mod topics;
mod web;
mod wire;

use std::sync::atomic::AtomicU32;
use std::sync::{Arc, OnceLock};

use parking_lot::RwLock;
use rustls::KeyLog;
use tokio::sync::Notify;

use self::auth::Authenticator;
use self::config::Config;
use self::env::Env;
use self::external_files::ExternalFiles;
use self::ground::Clock;
use self::listener::{AddressCounts, Handshakes, ListenerContext};
use self::live_options::LiveOptions;
use self::log::Log;
use self::message::Publication;
use self::persistence::{Persistence, Ticket};
use self::retained::RetainedMessages;
use self::session::registry::SessionRegistry;
use self::statistics::BridgeStatistics;
use self::topics::Router;

/// A broker: the state that all its connections share.
///
/// [`Broker::builder`] starts one inside another program.
pub struct Broker {
    /// The first field, as it has the store: sessions that are dropped behind it stay stored.
    env: Env,
    /// In the order of the configuration, as new connections see them.
    listeners: RwLock<Vec<Arc<ListenerContext>>>,
    authenticator: Authenticator,
    /// Where the keys of TLS connections are written.
    key_log: Option<Arc<dyn KeyLog>>,
    /// The connections of all listeners.
    connections: AtomicU32,
    address_counts: AddressCounts,
    handshakes: Arc<Handshakes>,
    /// Locked while a reload runs: a CONNECT waits for its end.
    reload_gate: Arc<tokio::sync::RwLock<()>>,
    sessions: SessionRegistry,
    router: Router,
    retained: Arc<RetainedMessages>,
    /// States and counters of the bridges.
    bridges: BridgeStatistics,
    /// Told when a reload has put a configuration in force.
    reloaded: Notify,
    /// The token of HTTP requests that change something.
    http_token: OnceLock<String>,
}

impl Broker {
    fn new(
        config: Config,
        external_files: ExternalFiles,
        log: Log,
        clock: Clock,
        persistence: Option<Persistence>,
    ) -> Self {
        let config = Arc::new(config);
        let listeners = external_files.tls.into_iter().enumerate();
        let listeners = listeners.map(|(index, tls)| {
            let acceptor = tls.map(|tls| tls.acceptor);
            Arc::new(ListenerContext::new(Arc::clone(&config), index, acceptor))
        });
        let listeners = listeners.collect();
        let env = Env::new(config, log, clock, external_files.rules, persistence);
        Self {
            listeners: RwLock::new(listeners),
            authenticator: Authenticator::new(external_files.logins, Arc::clone(&env.limited_log)),
            env,
            key_log: external_files.key_log,
            connections: AtomicU32::new(0),
            address_counts: AddressCounts::default(),
            handshakes: Arc::default(),
            reload_gate: Arc::default(),
            sessions: SessionRegistry::new(),
            router: Router::new(),
            retained: Arc::default(),
            bridges: BridgeStatistics::default(),
            reloaded: Notify::new(),
            http_token: OnceLock::new(),
        }
    }

    fn log(&self) -> &Log {
        &self.env.log
    }

    fn clock(&self) -> Clock {
        self.env.clock
    }

    fn live_options(&self) -> &LiveOptions {
        &self.env.options
    }

    fn config(&self) -> Arc<Config> {
        self.env.options.config()
    }

    /// The listener with this place in the configuration.
    fn listener(&self, index: usize) -> Arc<ListenerContext> {
        Arc::clone(&self.listeners.read()[index])
    }

    fn persistence(&self) -> Option<&Persistence> {
        self.env.persistence()
    }

    /// Keeps a message as its topic's retained one, or takes that one away.
    fn retain(&self, publication: &Publication, ticket: &Ticket<'_>) {
        let message = &publication.message;
        if !message.payload.is_empty() || self.retained.contains(&message.topic) {
            self.retained
                .set(publication.kept(), publication.source(), ticket);
        }
    }
}
