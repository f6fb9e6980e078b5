use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::broker::Broker;
use crate::broker::listener::ListenerContext;
use crate::broker::statistics::Counter;

/// One of the connections that a listener and the broker may have, taken while it lasts.
pub(in crate::broker) struct ConnectionPermit {
    pub(in crate::broker) listener: Arc<ListenerContext>,
    pub(in crate::broker) broker: Arc<Broker>,
}

impl ConnectionPermit {
    /// Takes one more connection of the listener and of the broker, unless there are as
    /// many as allowed.
    pub(in crate::broker) fn new(
        listener: &Arc<ListenerContext>,
        broker: &Arc<Broker>,
    ) -> Option<Self> {
        broker.env.statistics.add(Counter::Sockets, 1);
        let limits = &listener.config().limits;
        if !count(&broker.connections, limits.global_max_connections) {
            return None;
        }
        if !count(listener.connections(), listener.settings().max_connections) {
            broker.connections.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        Some(Self {
            listener: Arc::clone(listener),
            broker: Arc::clone(broker),
        })
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
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
