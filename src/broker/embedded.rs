//! A broker inside another program.

mod subscription;
#[cfg(test)]
mod tests;

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use thiserror::Error;
use tokio::net::UnixStream;

pub use self::subscription::{Received, Subscription};
use super::Broker;
use super::config::{Config, ListenAddress, Listener};
use super::connection::{self, ConnectionPermit};
use super::external_files::ExternalFiles;
use super::fanout::Fanout;
use super::ground::Clock;
use super::listener::{ListenerContext, Peer};
use super::log::Log;
use super::message::{Message, Publication};
use super::persistence::{self, StoreOptions};
use super::reload::ReloadError;
use super::server::{Server, Start};
use crate::client::{self, Client, ConnectOptions};
use crate::protocol::{
    InvalidTopic, ProtocolVersion, QoS, Subscription as Request, SubscriptionOptions, TopicFilter,
    TopicName,
};
use crate::transport::socket::Socket;

/// Name of an embedded broker in its log and on `$SYS/broker/version`.
const NAME: &str = concat!("mq-broker version ", env!("CARGO_PKG_VERSION"));

/// The settings of a broker that runs inside the calling program.
///
/// Without [`Builder::config`] and [`Builder::listen`] it opens no port: only the program
/// itself reaches it, by [`Handle::publish`], [`Handle::subscribe`] and [`Handle::connect`].
#[derive(Debug, Default)]
#[must_use = "a builder does nothing until it is started"]
pub struct Builder {
    config: Config,
}

/// Reasons why a broker does not start.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StartError {
    /// A file that the configuration names (users, rules, certificates) cannot be used.
    #[error("{}", .0.join("\n"))]
    ExternalFiles(Vec<String>),
    /// The store cannot be opened.
    #[error("{0}")]
    Store(String),
    /// A listener cannot be opened.
    #[error("Cannot open a listener: {0}")]
    Listener(#[source] io::Error),
}

/// Reasons why a subscription of the program itself is not made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SubscribeError {
    /// The topic filter is not one.
    #[error(transparent)]
    Filter(#[from] InvalidTopic),
    /// The broker has stopped.
    #[error(transparent)]
    Client(#[from] client::Error),
}

/// A running broker. Dropping the handle stops the listeners at once; [`Handle::stop`]
/// gives clients time to take their messages.
pub struct Handle {
    server: Server,
}

impl Broker {
    /// Begins the settings of a broker that runs inside the calling program.
    ///
    /// ```
    /// use mq::broker::Broker;
    /// use mq::protocol::QoS;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let broker = Broker::builder().start().await?;
    /// let mut readings = broker.subscribe("sensors/#", QoS::AtLeastOnce).await?;
    /// broker.publish("sensors/kitchen", "21.5", QoS::AtLeastOnce, false).await?;
    /// let message = readings.next().await?;
    /// assert_eq!(message.payload, "21.5");
    /// broker.stop().await;
    /// # Ok(())
    /// # }
    /// ```
    pub fn builder() -> Builder {
        Builder::default()
    }
}

impl Builder {
    /// Takes a configuration, read with [`Config::load`] or made in place. Its `user` and
    /// `pid_file` have no effect: the process belongs to the program.
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// Opens a listener for MQTT on an address; port 0 lets the system choose one, which
    /// [`Handle::addresses`] reports. Clients need a login unless the configuration allows
    /// anonymous ones.
    pub fn listen(mut self, address: SocketAddr) -> Self {
        let host = ListenAddress::Host(address.ip().to_string());
        self.config.local_only = false;
        self.config
            .listeners
            .push(Listener::new(address.port(), host));
        self
    }

    /// Starts the broker in the current Tokio runtime. The store, if there is one, is read
    /// before the first listener opens.
    ///
    /// # Errors
    ///
    /// A file, the store or a listener cannot be opened.
    pub async fn start(self) -> Result<Handle, StartError> {
        let mut config = self.config;
        config.listeners.push(in_process_listener());
        let log = Log::new("mq-broker");
        log.reconfigure(&config.log);
        let read = tokio::task::spawn_blocking({
            let log = log.clone();
            move || read(config, log)
        });
        let start = read
            .await
            .map_err(|error| StartError::Listener(error.into()))??;
        let server = Server::start(start).map_err(StartError::Listener)?;
        Ok(Handle { server })
    }
}

/// Reads the files of a configuration, which may take long.
fn read(config: Config, log: Log) -> Result<Start, StartError> {
    let external_files = ExternalFiles::read(&config, None).map_err(|problems| {
        let lines = problems.into_iter().flat_map(|problem| problem.lines);
        StartError::ExternalFiles(lines.collect())
    })?;
    external_files.log_warnings(&config, &log);
    let clock = Clock::new();
    let options = StoreOptions {
        persistence: &config.persistence,
        recover: false,
        import: None,
        listeners: &config.listeners,
    };
    let opened = persistence::open(&options, clock, &log)
        .map_err(|error| StartError::Store(error.to_string()))?;
    Ok(Start {
        config,
        external_files,
        log,
        clock,
        opened,
        name: NAME.to_owned(),
    })
}

/// The listener of the program's own clients, which no socket leads to.
fn in_process_listener() -> Listener {
    Listener::new(0, ListenAddress::InProcess)
}

impl Handle {
    /// The network addresses of the listeners, in the order of the configuration.
    pub fn addresses(&self) -> &[SocketAddr] {
        self.server.addresses()
    }

    /// Publishes a message as the broker itself. Returns when the message is as safe as the
    /// acknowledgement of a PUBLISH would promise. Slow subscribers do not hold it up, as they
    /// would a client of [`Handle::connect`]: beyond the bounds of their queues it is dropped
    /// for them.
    ///
    /// # Errors
    ///
    /// The topic is empty, too long, or has wildcards.
    pub async fn publish(
        &self,
        topic: &str,
        payload: impl Into<Bytes>,
        qos: QoS,
        retain: bool,
    ) -> Result<(), InvalidTopic> {
        let broker = self.server.broker();
        let topic = TopicName::try_from(topic)?;
        let message = Arc::new(Message::of_broker(topic, payload, qos, retain));
        let mut fanout = Fanout::new(broker, broker.clock().now());
        fanout.publish(Publication::from(message));
        let ticket = fanout.finish().ticket.number();
        let (Some(ticket), Some(persistence)) = (ticket, broker.persistence()) else {
            return Ok(());
        };
        poll_fn(|cx| match persistence.poll_done(ticket, cx.waker()) {
            true => Poll::Ready(Ok(())),
            false => Poll::Pending,
        })
        .await
    }

    /// Subscribes as a client of the program itself, with a clean session of its own that
    /// no access rule limits.
    ///
    /// # Errors
    ///
    /// The topic filter is not valid, or the broker has stopped.
    pub async fn subscribe(
        &self,
        topic_filter: &str,
        qos: QoS,
    ) -> Result<Subscription, SubscribeError> {
        let filter = TopicFilter::try_from(topic_filter)?;
        let mut options = ConnectOptions::new(ProtocolVersion::V5);
        options.keep_alive = 0;
        let client = self.connect(options).await?;
        let options = SubscriptionOptions {
            qos,
            ..SubscriptionOptions::default()
        };
        Ok(Subscription::new(client, Request { filter, options }).await?)
    }

    /// Connects a client of the program itself, which needs no login and is limited by no
    /// access rule. It has everything that MQTT offers: a persistent session, a will,
    /// acknowledgements.
    ///
    /// # Errors
    ///
    /// The broker refuses what `options` ask for, or has stopped.
    pub async fn connect(
        &self,
        options: ConnectOptions,
    ) -> Result<Client<UnixStream>, client::Error> {
        let (near, far) = UnixStream::pair().map_err(client::Error::Io)?;
        let broker = self.server.broker();
        let is_in_process = |listener: &&Arc<ListenerContext>| {
            listener.settings().address == ListenAddress::InProcess
        };
        let listener = broker.listeners.read().iter().find(is_in_process).cloned();
        let permit = listener.and_then(|listener| ConnectionPermit::new(&listener, broker).ok());
        if let Some(permit) = permit {
            let handshake = broker.handshakes.begin(None, || {}).await;
            let far = Socket::Unix(Box::new(far));
            tokio::spawn(connection::accept(far, Peer::InProcess, permit, handshake));
        }
        let mut client = Client::new(options);
        client.connect(near).await?;
        Ok(client)
    }

    /// Puts another configuration in force, as far as that is possible without a restart.
    /// The files that it names are read again.
    ///
    /// # Errors
    ///
    /// A file cannot be used, or the configuration needs a restart. The present settings,
    /// users and access rules stay in effect.
    pub async fn reload(&self, mut config: Config) -> Result<(), ReloadError> {
        config.listeners.push(in_process_listener());
        let broker = Arc::clone(self.server.broker());
        let gate = Arc::clone(&broker.reload_gate);
        let _closed = gate.write().await;
        let reload = tokio::task::spawn_blocking(move || broker.reload_config(config));
        reload
            .await
            .unwrap_or_else(|error| Err(ReloadError::from(error.to_string())))
    }

    /// Stops the broker: closes the listeners, publishes the wills, gives clients up to two
    /// seconds to take their messages, and closes the store.
    pub async fn stop(self) {
        self.server.stop().await;
    }
}

impl std::fmt::Debug for Handle {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Handle")
            .field("addresses", &self.addresses())
            .finish_non_exhaustive()
    }
}
