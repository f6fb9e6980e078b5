//! States and counters of the bridges.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::protocol::Text;

/// All bridges of the broker.
#[derive(Debug, Default)]
pub(in crate::broker) struct BridgeStatistics {
    bridges: Mutex<Vec<Arc<BridgeStatus>>>,
}

/// One bridge.
#[derive(Debug)]
pub(in crate::broker) struct BridgeStatus {
    /// The name of its block in the configuration.
    pub(in crate::broker) name: String,
    /// The client identifier of its session on this broker.
    pub(in crate::broker) client_id: Text,
    is_connected: AtomicBool,
    connections: AtomicU64,
    sent: AtomicU64,
    received: AtomicU64,
}

impl BridgeStatistics {
    /// Adds a bridge, in place of one of the same name.
    pub(in crate::broker) fn add(&self, name: &str, client_id: &Text) -> Arc<BridgeStatus> {
        let status = Arc::new(BridgeStatus {
            name: name.to_owned(),
            client_id: client_id.clone(),
            is_connected: AtomicBool::default(),
            connections: AtomicU64::default(),
            sent: AtomicU64::default(),
            received: AtomicU64::default(),
        });
        let mut bridges = self.bridges.lock();
        bridges.retain(|known| known.name != name);
        bridges.push(Arc::clone(&status));
        status
    }

    /// Forgets a bridge that has ended.
    pub(in crate::broker) fn remove(&self, status: &Arc<BridgeStatus>) {
        let mut bridges = self.bridges.lock();
        bridges.retain(|known| !Arc::ptr_eq(known, status));
    }

    /// Returns all bridges.
    pub(in crate::broker) fn all(&self) -> Vec<Arc<BridgeStatus>> {
        self.bridges.lock().clone()
    }

    /// Returns whether a client identifier is that of a bridge.
    pub(in crate::broker) fn has_client_id(&self, client_id: &Text) -> bool {
        let bridges = self.bridges.lock();
        bridges.iter().any(|bridge| bridge.client_id == *client_id)
    }
}

impl BridgeStatus {
    /// Notes that the remote broker accepted a connection.
    pub(in crate::broker) fn connected(&self) {
        self.is_connected.store(true, Ordering::Relaxed);
        self.connections.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes that the connection has ended.
    pub(in crate::broker) fn disconnected(&self) {
        self.is_connected.store(false, Ordering::Relaxed);
    }

    /// Counts messages for the remote broker.
    pub(in crate::broker) fn sent(&self, messages: usize) {
        self.sent.fetch_add(messages as u64, Ordering::Relaxed);
    }

    /// Counts messages from the remote broker.
    pub(in crate::broker) fn received(&self, messages: usize) {
        self.received.fetch_add(messages as u64, Ordering::Relaxed);
    }

    /// Returns whether the connection stands.
    pub(in crate::broker) fn is_connected(&self) -> bool {
        self.is_connected.load(Ordering::Relaxed)
    }

    /// Returns the counters with their names: `sent`, `received`, `reconnects`.
    pub(in crate::broker) fn counters(&self) -> [(&'static str, u64); 3] {
        let connections = self.connections.load(Ordering::Relaxed);
        [
            ("sent", self.sent.load(Ordering::Relaxed)),
            ("received", self.received.load(Ordering::Relaxed)),
            ("reconnects", connections.saturating_sub(1)),
        ]
    }
}
