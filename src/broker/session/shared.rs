//! A session as its connection and all who deliver to it share it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::{Mutex, MutexGuard};

use super::state::SessionState;
use crate::broker::auth::AccessControl;
use crate::broker::ground::{ConnectionNumber, Identity, Millis, SessionNumber};
use crate::protocol::{Text, TopicName};

/// A session.
pub(in crate::broker) struct Session {
    number: SessionNumber,
    /// The user who opened it; those who resume it have the same client identifier.
    opener: Arc<Identity>,
    connected: AtomicBool,
    /// Set if the client speaks, or last spoke, MQTT 5.0.
    v5: AtomicBool,
    /// The time of the client's last packet.
    last_activity: AtomicU64,
    /// Set while its connection is not read because a subscriber is slower.
    paused: AtomicBool,
    /// Set if the store has it, and with it the messages that its client has still to get.
    is_stored: bool,
    /// Held by the connection that handles a batch of packets.
    batch: Mutex<()>,
    /// The user who opened or last resumed it.
    identity: Mutex<Arc<Identity>>,
    state: Mutex<SessionState>,
}

impl Session {
    pub(in crate::broker) fn new(
        number: SessionNumber,
        identity: Arc<Identity>,
        state: SessionState,
    ) -> Self {
        Self {
            number,
            opener: Arc::clone(&identity),
            connected: AtomicBool::new(false),
            v5: AtomicBool::new(false),
            last_activity: AtomicU64::new(0),
            paused: AtomicBool::new(false),
            is_stored: state.registration.record.is_some(),
            batch: Mutex::new(()),
            identity: Mutex::new(identity),
            state: Mutex::new(state),
        }
    }

    pub(in crate::broker) fn number(&self) -> SessionNumber {
        self.number
    }

    /// Returns whether the session is that of a bridge of this broker.
    pub(in crate::broker) fn is_bridge(&self) -> bool {
        self.identity.lock().is_bridge()
    }

    pub(in crate::broker) fn client_id(&self) -> &Text {
        &self.opener.client_id
    }

    /// Returns whether the store has the session, and with it the messages that its client has
    /// still to get.
    pub(in crate::broker) fn is_stored(&self) -> bool {
        self.is_stored
    }

    /// Returns the user to whom the session belongs.
    pub(in crate::broker) fn identity(&self) -> Arc<Identity> {
        Arc::clone(&self.identity.lock())
    }

    /// Passes the session on; returns whether that changes anything.
    pub(in crate::broker) fn set_identity(&self, identity: &Arc<Identity>) -> bool {
        let mut own = self.identity.lock();
        let changed = **own != **identity;
        if changed {
            *own = Arc::clone(identity);
        }
        changed
    }

    /// Returns whether the client gets messages on the topic.
    pub(in crate::broker) fn may_read(&self, access: &AccessControl, topic: &TopicName) -> bool {
        !access.is_restricted() || access.may_read(&self.identity(), topic)
    }

    /// Returns whether a client is connected, as far as can be told without waiting.
    pub(in crate::broker) fn is_connected(&self) -> bool {
        self.connected.load(Ordering::Relaxed)
    }

    pub(in crate::broker) fn set_connected(&self, connected: bool) {
        self.connected.store(connected, Ordering::Relaxed);
    }

    pub(in crate::broker) fn set_v5(&self, v5: bool) {
        self.v5.store(v5, Ordering::Relaxed);
    }

    /// Returns whether the client speaks, or last spoke, MQTT 5.0.
    pub(in crate::broker) fn is_v5(&self) -> bool {
        self.v5.load(Ordering::Relaxed)
    }

    /// Waits until no other connection handles packets for the session, and keeps others from it.
    ///
    /// Packets that a client sends again on a new connection are handled after those that the
    /// broker has read of the last one. Returns `None` if the session is no longer this
    /// connection's.
    pub(in crate::broker) fn lock_batch(
        &self,
        connection: ConnectionNumber,
    ) -> Option<MutexGuard<'_, ()>> {
        let batch = self.batch.lock();
        let is_current = self.state().active_connection(connection).is_some();
        is_current.then_some(batch)
    }

    /// Locks the state, briefly and never across an await.
    ///
    /// Nobody who holds it locks another session's.
    pub(in crate::broker) fn state(&self) -> MutexGuard<'_, SessionState> {
        self.state.lock()
    }

    pub(in crate::broker) fn touch(&self, now: Millis) {
        self.last_activity.store(now, Ordering::Relaxed);
    }

    pub(in crate::broker) fn last_activity(&self) -> Millis {
        self.last_activity.load(Ordering::Relaxed)
    }

    pub(in crate::broker) fn set_paused(&self, paused: bool) {
        self.paused.store(paused, Ordering::Relaxed);
    }

    pub(in crate::broker) fn is_paused(&self) -> bool {
        self.paused.load(Ordering::Relaxed)
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Session").field(self.client_id()).finish()
    }
}
