//! The broker.
//!
//! - [`command_line`] turns the arguments of `mq-broker` into what is to be done, and
//!   [`program`] does it,
//! - [`config`] reads `mosquitto.conf` into a typed model,
//! - [`log`] writes the log without ever holding up the broker,
//! - `web` gives the files of an `http_dir` to browsers,
//! - `listener` takes connections and `connection` serves one client each,
//! - `auth` says who may connect and what clients may do,
//! - `mount_point` puts a prefix before the topics of a listener's clients,
//! - `session_store` and `session` keep what belongs to a client, connected or not,
//! - `router` finds who gets a message, `fanout` passes it on, `retained` keeps the last,
//! - `statistics` counts, and `sys` tells it on the `$SYS` topics,
//! - `check` tells whether a broker answers,
//! - `systemd` speaks to the service manager, `subscription_tree` shows who subscribed,
//! - `memory` watches what is kept,
//! - `housekeeping` ends what has had its time.
//!
//! The way of a message through these is drawn in `docs/architecture.md`.

pub mod command_line;
pub mod config;
pub mod log;
pub mod program;

mod auth;
mod check;
mod clock;
mod connection;
mod fanout;
mod housekeeping;
mod listener;
mod memory;
mod message;
mod mount_point;
mod persistence;
mod policy;
mod process;
mod retained;
mod router;
mod server;
mod session;
mod session_store;
mod statistics;
mod subscription_tree;
mod sys;
mod systemd;
mod web;
mod will;

use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use self::auth::{AccessControl, Authenticator, Identity};
use self::clock::{Clock, Millis};
use self::config::Config;
use self::fanout::Fanout;
use self::listener::TlsListeners;
use self::log::Log;
use self::memory::Memory;
use self::message::{Message, Publication};
use self::persistence::{Persistence, Ticket};
use self::policy::Policy;
use self::retained::{Retained, RetainedMessages};
use self::router::Router;
use self::session::QueueLimits;
use self::session::Unsettled;
use self::session_store::SessionStore;
use self::statistics::Statistics;
use crate::protocol::TopicFilter;

/// What all connections of a broker share.
pub(crate) struct Broker {
    log: Log,
    clock: Clock,
    /// Switches that may be turned while the broker runs.
    policy: Policy,
    /// The configuration of the start; what a reload may change is in `policy`, in the
    /// log and in `authenticator`.
    config: Config,
    queue_limits: QueueLimits,
    authenticator: Authenticator,
    access: AccessControl,
    tls: TlsListeners,
    /// The connections of all listeners.
    connections: AtomicU32,
    sessions: SessionStore,
    router: Router,
    retained: RetainedMessages,
    statistics: Statistics,
    /// Where `persistence` is on.
    persistence: Option<Persistence>,
    memory: Memory,
}

impl Broker {
    fn new(
        config: Config,
        authenticator: Authenticator,
        access: AccessControl,
        tls: TlsListeners,
        log: Log,
        clock: Clock,
        persistence: Option<Persistence>,
    ) -> Self {
        Self {
            log,
            clock,
            policy: Policy::new(&config),
            queue_limits: QueueLimits::new(&config.limits),
            config,
            authenticator,
            access,
            tls,
            connections: AtomicU32::new(0),
            sessions: SessionStore::new(),
            router: Router::new(),
            retained: RetainedMessages::default(),
            statistics: Statistics::default(),
            persistence,
            memory: Memory::default(),
        }
    }

    fn log(&self) -> &Log {
        &self.log
    }

    fn clock(&self) -> Clock {
        self.clock
    }

    fn policy(&self) -> &Policy {
        &self.policy
    }

    fn config(&self) -> &Config {
        &self.config
    }

    fn persistence(&self) -> Option<&Persistence> {
        self.persistence.as_ref()
    }

    fn queue_limits(&self) -> &QueueLimits {
        &self.queue_limits
    }

    /// Keeps a message as its topic's retained one, or takes that one away.
    fn retain(&self, publication: &Publication, ticket: &Ticket<'_>) {
        let message = &publication.message;
        if !message.payload.is_empty() || self.retained.contains(&message.topic) {
            self.retained
                .set(publication.kept(), publication.source(), ticket);
        }
    }

    /// The retained messages that a client gets for a new subscription.
    fn retained_for(
        &self,
        reader: &Identity,
        filter: &TopicFilter,
        now: Millis,
    ) -> Vec<Arc<Message>> {
        let mut found = self.retained.matching(filter, now);
        if self.access.is_restricted() {
            found.retain(|Retained { message, source }| {
                let is_still_right =
                    |source: &Arc<Identity>| self.may_write(source, &message.topic);
                self.may_read(reader, &message.topic) && source.as_ref().is_none_or(is_still_right)
            });
        }
        found.into_iter().map(|retained| retained.message).collect()
    }

    /// Gives messages that a member of a group did not get to the others.
    fn publish_to_groups(&self, unsettled: &[Unsettled]) {
        let mut fanout = Fanout::new(self, self.clock.now());
        for Unsettled {
            filter, message, ..
        } in unsettled
        {
            let group = filter
                .shared()
                .and_then(|shared| self.router.group(&shared));
            let Some(group) = group else { continue };
            let readers = group.only(|session| self.may_session_read(session, &message.topic));
            let group = readers.map_or(group, Arc::new);
            fanout.publish_to_group(Publication::from(Arc::clone(message)), group);
        }
        fanout.finish();
    }

    /// Publishes a message of the broker's own.
    fn publish(&self, message: Arc<Message>) {
        self.publish_for(message, None);
    }

    /// Publishes a message that a client left behind, such as a will.
    fn publish_for(&self, message: Arc<Message>, client: Option<Arc<Identity>>) {
        let mut fanout = Fanout::new(self, self.clock.now());
        fanout.publish(Publication::from(message).published_by(client));
        fanout.finish();
    }
}
