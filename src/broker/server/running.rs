//! A broker whose listeners are open.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::accept::listen;
use super::memory_limit::watch_memory;
use crate::broker::Broker;
use crate::broker::bridge::Bridges;
use crate::broker::config::{Config, Listener, Protocol};
use crate::broker::external_files::{ExternalFiles, listen_problem};
use crate::broker::ground::Clock;
use crate::broker::housekeeping::run_housekeeping;
use crate::broker::listener::{ListeningSocket, bind};
use crate::broker::log::Log;
use crate::broker::persistence::Opened;
use crate::broker::sys::{run_sys_topics, topic_sink};

/// Time that connections get to handle what their clients sent before the broker stops.
const LAST_INPUT: Duration = Duration::from_millis(200);
/// Time that clients get to take their waiting messages when the broker stops.
const FAREWELL: Duration = Duration::from_secs(2);

/// Everything that a broker is started with.
pub(in crate::broker) struct Start {
    pub(in crate::broker) config: Config,
    pub(in crate::broker) external_files: ExternalFiles,
    pub(in crate::broker) log: Log,
    pub(in crate::broker) clock: Clock,
    /// The store and what was in it.
    pub(in crate::broker) opened: Option<Opened>,
    /// The title of the broker in its log and on `$SYS/broker/version`.
    pub(in crate::broker) name: String,
}

/// A broker whose listeners are open. Dropping it ends its tasks at once; clients are
/// given time only by [`Server::stop`].
pub(in crate::broker) struct Server {
    broker: Arc<Broker>,
    stop: watch::Sender<bool>,
    /// Housekeeping and the accept loops.
    tasks: JoinSet<()>,
    addresses: Vec<SocketAddr>,
}

impl Server {
    /// Opens the listeners of a broker and accepts connections.
    ///
    /// # Errors
    ///
    /// A socket cannot be opened; the log says which one and why.
    pub(in crate::broker) fn start(start: Start) -> io::Result<Self> {
        let Start {
            config,
            external_files,
            log,
            clock,
            opened,
            name,
        } = start;
        let (persistence, recovery) = opened.map(Opened::into_parts).unzip();
        let broker = Broker::new(config, external_files, log.clone(), clock, persistence);
        let broker = Arc::new(broker);
        log.set_topic_sink(Some(topic_sink(&broker)));
        if let (Some(persistence), Some(recovery)) = (broker.persistence(), recovery) {
            let restored = broker.restore(recovery, persistence);
            log.information(format_args!("{restored}"));
        }
        let (stop, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        // Before the first client publishes anything.
        let bridges = Bridges::new(&broker, stopped.clone());
        let mut addresses = Vec::new();
        for (index, listener) in broker.config().listeners.iter().enumerate() {
            log_http_dir(listener, &log);
            let sockets = bind(listener, &log).map_err(|error| {
                listen_problem(&broker.config(), index, &error).log(&log);
                io::Error::from(error)
            })?;
            for socket in sockets {
                addresses.extend(socket.address());
                let socket = ListeningSocket::new(socket, broker.config().set_tcp_nodelay)?;
                let broker = Arc::clone(&broker);
                tasks.spawn(listen(socket, index, broker, stopped.clone()));
            }
        }
        tasks.spawn(bridges.run());
        tasks.spawn(run_housekeeping(Arc::clone(&broker)));
        watch_memory(&broker);
        tasks.spawn(run_sys_topics(Arc::clone(&broker), name.clone()));
        log.information(format_args!("{name} running"));
        Ok(Self {
            broker,
            stop,
            tasks,
            addresses,
        })
    }

    /// The state that all connections share.
    pub(in crate::broker) fn broker(&self) -> &Arc<Broker> {
        &self.broker
    }

    /// The network addresses of the listeners, in the order of the configuration.
    pub(in crate::broker) fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Closes the listeners, publishes all wills, gives clients a moment to take their
    /// waiting messages, and closes the store.
    pub(in crate::broker) async fn stop(mut self) {
        let _ = self.stop.send(true);
        self.broker.stop().await;
        self.tasks.shutdown().await;
        self.broker.env.limited_log.report_all();
        if let Some(persistence) = self.broker.persistence() {
            persistence.close();
        }
    }
}

fn log_http_dir(listener: &Listener, log: &Log) {
    match (&listener.http_dir, listener.protocol) {
        (None, _) => {}
        (Some(directory), Protocol::WebSockets) => {
            log.information(format_args!("Using http_dir {}", directory.display()));
        }
        (Some(_), Protocol::Mqtt | Protocol::HttpApi) => log.warning(format_args!(
            "Warning: 'http_dir' has no effect without 'protocol websockets'."
        )),
    }
}

impl Broker {
    /// Publishes all wills, and gives clients a moment to take their waiting messages.
    ///
    /// A client that has sent a DISCONNECT leaves no will, even if its packet is not read yet.
    async fn stop(&self) {
        let deadline = Instant::now() + LAST_INPUT;
        let mut reading = self.read_last_input_of_wills();
        while !reading.is_empty() && Instant::now() < deadline {
            sleep(Duration::from_millis(2)).await;
            reading.retain(|session| session.state().reads_last_input());
        }
        self.publish_all_wills();
        self.end_connections();
        let deadline = Instant::now() + FAREWELL;
        while self.has_connections() && Instant::now() < deadline {
            sleep(Duration::from_millis(5)).await;
        }
    }
}
