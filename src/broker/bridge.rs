//! Bridges: connections of this broker to others.
//!
//! A bridge has a session on this broker, like a client, and the connection of a client to the
//! remote broker. The session holds everything that outlives the connection, for both
//! directions: what is queued and in flight for the remote broker, and the packet identifiers
//! of the QoS 2 messages that came from it. So the store knows both halves of each exchange.
//!
//! - `settings` are what a block of the configuration means,
//! - `task` is the life of a bridge: when it connects, and to which address,
//! - `order` is what a reload wants of it,
//! - `attempt` connects, `negotiated` is what earlier answers have settled, and `backoff` says when to try again,
//! - `opening` is what a new connection asks for, `relay` serves a connection, `incoming` takes what the remote broker sends,
//! - `state` publishes whether the bridge is connected.

mod attempt;
mod backoff;
mod incoming;
mod negotiated;
mod opening;
mod order;
mod relay;
mod settings;
mod state;
mod task;

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinSet;

use self::order::Order;
use self::settings::Settings;
use self::task::Task;
use super::Broker;
use super::config::Bridge;

/// All bridges of a broker.
pub(super) struct Bridges {
    broker: Arc<Broker>,
    running: HashMap<String, Running>,
    tasks: JoinSet<()>,
    stopped: watch::Receiver<bool>,
}

/// A bridge whose task runs.
struct Running {
    config: Bridge,
    orders: watch::Sender<Order>,
}

impl Bridges {
    /// Makes the sessions of all bridges, so that no message is missed from now on.
    ///
    /// They connect once [`Bridges::run`] is polled.
    pub(super) fn new(broker: &Arc<Broker>, stopped: watch::Receiver<bool>) -> Self {
        let mut bridges = Self {
            broker: Arc::clone(broker),
            running: HashMap::new(),
            tasks: JoinSet::new(),
            stopped,
        };
        bridges.follow_config();
        bridges.end_forgotten_sessions();
        bridges
    }

    /// Ends stored sessions of bridges that are no longer in the configuration.
    fn end_forgotten_sessions(&self) {
        let broker = &self.broker;
        broker.sessions.for_each(|session| {
            if session.is_bridge() && !broker.bridges.has_client_id(session.client_id()) {
                broker.end_bridge_session(session);
            }
        });
    }

    /// Keeps the bridges as the configuration says for as long as the broker runs.
    pub(super) async fn run(mut self) {
        let broker = Arc::clone(&self.broker);
        let mut stopped = self.stopped.clone();
        loop {
            tokio::select! {
                () = broker.reloaded.notified() => self.follow_config(),
                Some(_) = self.tasks.join_next() => {}
                _ = stopped.wait_for(|&is_stopped| is_stopped) => break,
            }
        }
        while self.tasks.join_next().await.is_some() {}
    }

    /// Starts new bridges, ends those that are gone, and changes those that have changed.
    fn follow_config(&mut self) {
        let config = self.broker.config();
        let is_gone = |name: &String| !config.bridges.iter().any(|bridge| bridge.name == *name);
        self.running.retain(|name, running| {
            let is_gone = is_gone(name);
            if is_gone {
                running.orders.send_replace(Order::End);
            }
            !is_gone
        });
        for bridge in &config.bridges {
            match self.running.get_mut(&bridge.name) {
                Some(running) if running.config == *bridge => {}
                Some(running) => {
                    running.config = bridge.clone();
                    running
                        .orders
                        .send_replace(Order::Be(Box::new(bridge.clone())));
                }
                None => self.start(bridge),
            }
        }
    }

    fn start(&mut self, bridge: &Bridge) {
        let settings = match Settings::new(bridge, &self.broker.config()) {
            Ok(settings) => settings,
            Err(error) => {
                let name = &bridge.name;
                self.broker
                    .log()
                    .error(format_args!("Error creating bridge {name}: {error}."));
                return;
            }
        };
        let (orders, received) = watch::channel(Order::Be(Box::new(bridge.clone())));
        let task = Task::new(&self.broker, settings, received, self.stopped.clone());
        self.tasks.spawn(task.run());
        let running = Running {
            config: bridge.clone(),
            orders,
        };
        self.running.insert(bridge.name.clone(), running);
    }
}
