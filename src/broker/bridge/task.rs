//! The life of a bridge: when it connects, and to which address.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::attempt::{self, Failure};
use super::backoff::{Backoff, random};
use super::negotiated::{Fallback, Negotiated};
use super::opening::BridgeParts;
use super::order::Order;
use super::relay::{End, Relay};
use super::settings::Settings;
use super::state;
use crate::broker::Broker;
use crate::broker::config::{Bridge, BridgeAddress, BridgeReloadType, StartType};
use crate::broker::session::Session;
use crate::broker::statistics::BridgeStatus;
use crate::protocol::ConnAck;

/// The time between two looks at what waits for a lazy bridge.
const LAZY_INTERVAL: Duration = Duration::from_millis(100);

/// A bridge.
pub(super) struct Task {
    broker: Arc<Broker>,
    settings: Settings,
    session: Arc<Session>,
    status: Arc<BridgeStatus>,
    orders: watch::Receiver<Order>,
    stopped: watch::Receiver<bool>,
    negotiated: Negotiated,
    backoff: Backoff,
    /// The place of the address that is tried next.
    address: usize,
    /// The number of attempts that failed since the last connection.
    failures: u32,
}

/// The next reason to connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
    /// None is needed.
    Now,
    /// This time has passed.
    After(Duration),
    /// Messages wait.
    Messages,
    /// None but a reload.
    Reload,
}

/// The end of a wait before its time.
enum Interruption {
    /// The broker stops.
    Stop,
    Order(Order),
}

impl Task {
    /// Makes the bridge's session.
    pub(super) fn new(
        broker: &Arc<Broker>,
        settings: Settings,
        orders: watch::Receiver<Order>,
        stopped: watch::Receiver<bool>,
    ) -> Self {
        let is_clean = settings.config.is_locally_clean();
        let identity = &settings.identity;
        let session = broker.prepare_bridge_session(identity, is_clean, &settings.topics);
        let status = broker
            .bridges
            .add(&settings.config.name, &identity.client_id);
        let task = Self {
            broker: Arc::clone(broker),
            session,
            status,
            orders,
            stopped,
            negotiated: Negotiated::new(&settings.config),
            backoff: Backoff::new(settings.config.restart_timeout),
            address: 0,
            failures: 0,
            settings,
        };
        task.publish_state(false);
        task
    }

    /// Connects and serves until the broker stops or the bridge is to end.
    pub(super) async fn run(mut self) {
        let mut reason = Reason::Now;
        loop {
            tokio::select! {
                interruption = interruption(&mut self.orders, &mut self.stopped) => {
                    match self.obey(interruption) {
                        Some(next) => reason = next,
                        None => return,
                    }
                    continue;
                }
                () = wait_for(reason, &self.session, self.settings.config.threshold) => {}
            }
            self.begin_attempt();
            let Some(address) = self.current_address().cloned() else {
                return;
            };
            let connecting = attempt::connect(&self.settings, &self.negotiated, &address);
            let result = tokio::select! {
                interruption = interruption(&mut self.orders, &mut self.stopped) => {
                    match self.obey(interruption) {
                        Some(next) => reason = next,
                        None => return,
                    }
                    continue;
                }
                result = connecting => result,
            };
            reason = match result {
                Ok((link, connack)) => {
                    let connected = Instant::now();
                    self.connected(&connack);
                    let parts = BridgeParts {
                        broker: &self.broker,
                        settings: &self.settings,
                        session: &self.session,
                        status: &self.status,
                    };
                    let relay = Relay::attach(link, &connack, &self.negotiated, parts).await;
                    self.session = Arc::clone(&relay.session);
                    let end = self.serve(relay).await;
                    match self.disconnected(end, connected.elapsed()) {
                        Some(next) => next,
                        None => return,
                    }
                }
                Err(failure) => self.failed(&failure),
            };
        }
    }

    /// Serves a connection until it ends; orders that can wait until then wait.
    async fn serve(&mut self, mut relay: Relay) -> End {
        let first = self
            .settings
            .config
            .addresses
            .first()
            .filter(|_| self.address > 0);
        let first = first.filter(|_| !self.settings.config.round_robin).cloned();
        let mut waiting = None;
        let end = loop {
            tokio::select! {
                end = relay.run() => break end,
                // The end of the broker comes by the session, after the last messages.
                order = next_order(&mut self.orders) => {
                    match order {
                        Order::End => break End::Removed,
                        Order::Be(bridge) => {
                            let is_immediate = bridge.reload_type == BridgeReloadType::Immediate;
                            waiting = Some(*bridge);
                            if is_immediate {
                                break End::Changed;
                            }
                        }
                    }
                }
                () = until_reachable(&self.settings.config, first.as_ref()) => {
                    break End::FirstIsBack;
                }
            }
        };
        let end = relay.finish(end, self.settings.remote_state_topic()).await;
        if let Some(bridge) = waiting
            && !matches!(end, End::Stopped | End::Removed)
        {
            self.change(&bridge);
        }
        end
    }

    /// Does what is asked while there is no connection; returns the next reason to connect, or
    /// `None` if the bridge ends.
    fn obey(&mut self, interruption: Interruption) -> Option<Reason> {
        match interruption {
            Interruption::Stop => None,
            Interruption::Order(Order::End) => {
                self.remove();
                None
            }
            Interruption::Order(Order::Be(bridge)) => {
                self.change(&bridge);
                Some(Reason::Now)
            }
        }
    }

    /// Takes another block of the configuration; the session stays if its name does.
    fn change(&mut self, bridge: &Bridge) {
        let settings = match Settings::new(bridge, &self.broker.config()) {
            Ok(settings) => settings,
            Err(error) => {
                let name = &bridge.name;
                let log = self.broker.log();
                log.error(format_args!("Error changing bridge {name}: {error}."));
                return;
            }
        };
        let identity = &settings.identity;
        if identity.client_id != self.settings.identity.client_id {
            self.broker.end_bridge_session(&self.session);
            self.status = self.broker.bridges.add(&bridge.name, &identity.client_id);
        }
        let is_clean = bridge.is_locally_clean();
        self.session = self
            .broker
            .prepare_bridge_session(identity, is_clean, &settings.topics);
        self.negotiated = Negotiated::new(bridge);
        self.backoff = Backoff::new(bridge.restart_timeout);
        self.address = 0;
        self.failures = 0;
        self.settings = settings;
    }

    fn remove(&self) {
        self.publish_state(false);
        self.broker.end_bridge_session(&self.session);
        self.broker.bridges.remove(&self.status);
    }

    fn begin_attempt(&mut self) {
        let config = &self.settings.config;
        if config.is_locally_clean() {
            let (identity, topics) = (&self.settings.identity, &self.settings.topics);
            self.session = self.broker.prepare_bridge_session(identity, true, topics);
        }
        if self.is_worth_a_line() {
            let log = self.broker.log();
            if let Some(BridgeAddress { host, port }) = self.current_address() {
                log.notice(format_args!(
                    "Connecting bridge {} ({host}:{port})",
                    config.name
                ));
            }
            let remote_id = &self.settings.remote_id;
            log.debug(format_args!("Bridge {remote_id} sending CONNECT"));
        }
    }

    fn connected(&mut self, connack: &ConnAck) {
        let log = self.broker.log();
        let (name, client_id) = (&self.settings.config.name, self.session.client_id());
        log.debug(format_args!("Received CONNACK on connection {client_id}."));
        if self.failures > 0 {
            let failures = self.failures;
            log.notice(format_args!(
                "Bridge {name} connected after {failures} failed attempts."
            ));
        }
        if !connack.session_present && !self.settings.config.cleansession {
            log.debug(format_args!(
                "The remote broker has no session of bridge {name}."
            ));
        }
        self.failures = 0;
        self.status.connected();
        self.publish_state(true);
    }

    /// Returns the next reason to connect after a connection, or `None` if the bridge ends.
    fn disconnected(&mut self, end: End, lasted: Duration) -> Option<Reason> {
        self.status.disconnected();
        match end {
            End::Stopped => return None,
            End::Removed => {
                self.remove();
                return None;
            }
            End::Changed | End::FirstIsBack | End::Lost | End::Idle => self.publish_state(false),
        }
        if end == End::Changed {
            return Some(Reason::Now);
        }
        if self.settings.config.start_type == StartType::Lazy {
            self.keep_lazy_session();
            return Some(Reason::Messages);
        }
        if end == End::FirstIsBack {
            self.address = 0;
            return Some(Reason::Now);
        }
        self.next_address();
        if self.settings.config.start_type == StartType::Once {
            return Some(Reason::Reload);
        }
        let name = &self.settings.config.name;
        let log = self.broker.log();
        let delay = if self.backoff.reset_after(lasted) {
            log.information(format_args!(
                "Bridge {name} connection was stable enough, resetting backoff"
            ));
            self.backoff.shortest()
        } else {
            self.backoff.next(random())
        };
        Some(self.after(delay))
    }

    /// A lazy bridge counts what waits in its session, a clean one, too.
    fn keep_lazy_session(&mut self) {
        if self.settings.config.is_locally_clean() {
            let (identity, topics) = (&self.settings.identity, &self.settings.topics);
            self.session = self.broker.prepare_bridge_session(identity, true, topics);
        }
    }

    /// Returns the next reason to connect after an attempt that failed.
    fn failed(&mut self, failure: &Failure) -> Reason {
        self.log_failure(failure);
        let config = &self.settings.config;
        let code = failure.refusal();
        let fallback = code.and_then(|code| self.negotiated.fall_back(code, config));
        self.log_fallback(fallback);
        if fallback.is_none() {
            self.next_address();
        }
        self.failures += 1;
        let config = &self.settings.config;
        if config.is_locally_clean() && config.start_type != StartType::Lazy {
            self.broker.end_bridge_session(&self.session);
        }
        if config.start_type == StartType::Once && fallback.is_none() {
            return Reason::Reload;
        }
        let delay = self.backoff.next(random());
        self.after(delay)
    }

    fn after(&self, delay: Duration) -> Reason {
        if self.backoff.is_random() && self.is_worth_a_line() {
            let (name, milliseconds) = (&self.settings.config.name, delay.as_millis());
            self.broker.log().information(format_args!(
                "Bridge {name} next backoff will be {milliseconds} ms"
            ));
        }
        Reason::After(delay)
    }

    fn log_failure(&self, failure: &Failure) {
        if !self.is_worth_a_line() {
            return;
        }
        let config = &self.settings.config;
        let log = self.broker.log();
        let Some(BridgeAddress { host, port }) = self.current_address() else {
            return;
        };
        let name = &config.name;
        log.warning(format_args!(
            "Warning: Unable to connect bridge {name} ({host}:{port}): {failure}."
        ));
        if let Some(hint) = failure.hint(&self.negotiated, config) {
            log.notice(format_args!("{hint}"));
        }
    }

    fn log_fallback(&self, fallback: Option<Fallback>) {
        let (name, log) = (&self.settings.config.name, self.broker.log());
        match fallback {
            Some(Fallback::Version) => log.warning(format_args!(
                "Warning: Remote bridge {name} does not support MQTT v5.0, reconnecting using \
                 MQTT v3.1.1."
            )),
            Some(Fallback::Private) => log.notice(format_args!(
                "Bridge {name} connects as a client like any other from now on: the remote \
                 broker knows no bridges."
            )),
            Some(Fallback::Retain | Fallback::QoS) | None => {}
        }
    }

    /// Returns whether the log has a line of this attempt: of the first, the second, the fourth
    /// and so on.
    fn is_worth_a_line(&self) -> bool {
        self.failures == 0 || self.failures.is_power_of_two()
    }

    fn current_address(&self) -> Option<&BridgeAddress> {
        self.settings.config.addresses.get(self.address)
    }

    fn next_address(&mut self) {
        self.address = (self.address + 1) % self.settings.config.addresses.len().max(1);
    }

    fn publish_state(&self, is_connected: bool) {
        if let Some(topic) = &self.settings.state_topic {
            state::publish(&self.broker, topic, self.session.number(), is_connected);
        }
    }
}

/// Waits for the reason to connect.
async fn wait_for(reason: Reason, session: &Session, threshold: usize) {
    match reason {
        Reason::Now => {}
        Reason::After(delay) => sleep(delay).await,
        Reason::Messages => {
            while session.state().undelivered() < threshold {
                sleep(LAZY_INTERVAL).await;
            }
        }
        Reason::Reload => std::future::pending().await,
    }
}

async fn interruption(
    orders: &mut watch::Receiver<Order>,
    stopped: &mut watch::Receiver<bool>,
) -> Interruption {
    tokio::select! {
        () = until_stopped(stopped) => Interruption::Stop,
        order = next_order(orders) => Interruption::Order(order),
    }
}

async fn next_order(orders: &mut watch::Receiver<Order>) -> Order {
    match orders.changed().await {
        Ok(()) => orders.borrow_and_update().clone(),
        // Whoever gives orders has ended with the broker, or has given the last one.
        Err(_) => std::future::pending().await,
    }
}

async fn until_stopped(stopped: &mut watch::Receiver<bool>) {
    // An error means that the broker is gone.
    let _ = stopped.wait_for(|&is_stopped| is_stopped).await;
}

/// Waits until the first address can be reached; for ever if there is none to wait for.
async fn until_reachable(bridge: &Bridge, first: Option<&BridgeAddress>) {
    /// The time between two attempts.
    const INTERVAL: Duration = Duration::from_secs(5);
    let Some(first) = first else {
        return std::future::pending().await;
    };
    loop {
        sleep(INTERVAL).await;
        if attempt::is_reachable(bridge, first).await {
            return;
        }
    }
}
