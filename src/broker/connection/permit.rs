use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use thiserror::Error;

use crate::broker::Broker;
use crate::broker::listener::ListenerContext;
use crate::broker::statistics::Counter;

/// The options that limit the number of connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(in crate::broker) enum ConnectionLimit {
    /// The limit of the listener or of the broker: Mosquitto has one text for both.
    #[error("max_connections")]
    All,
    #[error("max_connections_per_address")]
    PerAddress,
}

/// One of the connections that a listener and the broker may have, taken while it lasts.
pub(in crate::broker) struct ConnectionPermit {
    pub(in crate::broker) listener: Arc<ListenerContext>,
    pub(in crate::broker) broker: Arc<Broker>,
    /// The network of the peer, where its connections are counted.
    network: Option<Box<IpAddr>>,
}

impl ConnectionPermit {
    /// Takes one more connection of the listener and of the broker, unless there are as
    /// many as allowed.
    pub(in crate::broker) fn new(
        listener: &Arc<ListenerContext>,
        broker: &Arc<Broker>,
    ) -> Result<Self, ConnectionLimit> {
        broker.env.statistics.add(Counter::Sockets, 1);
        let limits = &listener.config().limits;
        if !count(&broker.connections, limits.global_max_connections) {
            return Err(ConnectionLimit::All);
        }
        if !count(listener.connections(), listener.settings().max_connections) {
            broker.connections.fetch_sub(1, Ordering::Relaxed);
            return Err(ConnectionLimit::All);
        }
        Ok(Self {
            listener: Arc::clone(listener),
            broker: Arc::clone(broker),
            network: None,
        })
    }

    /// Counts the connection as one of `network`, instead of another one. There may be as many
    /// as allowed already; a peer without an address is not counted.
    pub(in crate::broker) fn count_for(
        &mut self,
        network: Option<IpAddr>,
    ) -> Result<(), ConnectionLimit> {
        let limit = self.listener.config().limits.max_connections_per_address;
        let (Some(limit), Some(network)) = (limit, network) else {
            return Ok(());
        };
        if self.network.as_deref() == Some(&network) {
            return Ok(());
        }
        if !self.broker.address_counts.add(network, limit) {
            return Err(ConnectionLimit::PerAddress);
        }
        self.leave_network();
        self.network = Some(Box::new(network));
        Ok(())
    }

    fn leave_network(&mut self) {
        if let Some(network) = self.network.take() {
            self.broker.address_counts.remove(*network);
        }
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        self.leave_network();
        self.listener.connections().fetch_sub(1, Ordering::Relaxed);
        self.broker.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Counts one more, unless there are as many as allowed.
fn count(counter: &AtomicU32, limit: Option<u32>) -> bool {
    let limit = limit.unwrap_or(u32::MAX);
    let more = |count: u32| (count < limit).then_some(count + 1);
    counter
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, more)
        .is_ok()
}
