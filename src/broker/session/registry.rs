//! All sessions by client identifier.

use std::borrow::Borrow;
use std::collections::HashSet;
use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::Arc;

use foldhash::fast::RandomState;
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Notify;

use super::shared::Session;
use super::waiting::WaitingConnects;
use crate::broker::ground::ConnectionNumber;
use crate::protocol::Text;

const SHARDS: usize = 64;

pub(in crate::broker) type Sessions = HashSet<ByClientId, RandomState>;

/// A part of the sessions, and the CONNECTs that wait for one of them.
#[derive(Default)]
pub(in crate::broker) struct Shard {
    pub(in crate::broker) sessions: Sessions,
    pub(in crate::broker) waiting: WaitingConnects,
}

impl Shard {
    /// Returns the session with this client identifier.
    pub(in crate::broker) fn find(&self, client_id: &Text) -> Option<Arc<Session>> {
        let known = self.sessions.get(client_id);
        known.map(|known| Arc::clone(&known.0))
    }

    /// Returns whether the session is still the one with its client identifier.
    pub(in crate::broker) fn holds(&self, session: &Arc<Session>) -> bool {
        let known = self.sessions.get(session.client_id());
        known.is_some_and(|known| Arc::ptr_eq(&known.0, session))
    }
}

/// A session that is found by its client identifier.
pub(in crate::broker) struct ByClientId(pub(in crate::broker) Arc<Session>);

impl Borrow<Text> for ByClientId {
    fn borrow(&self) -> &Text {
        self.0.client_id()
    }
}

impl Hash for ByClientId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.client_id().hash(state);
    }
}

impl PartialEq for ByClientId {
    fn eq(&self, other: &Self) -> bool {
        self.0.client_id() == other.0.client_id()
    }
}

impl Eq for ByClientId {}

/// The sessions of the broker.
///
/// A shard is locked before a session's state, never after it.
pub(in crate::broker) struct SessionRegistry {
    shards: Box<[Mutex<Shard>]>,
    hasher: RandomState,
}

/// A CONNECT's place among those that wait for one client identifier, while it lasts.
pub(in crate::broker) struct PlaceInLine<'a> {
    sessions: &'a SessionRegistry,
    client_id: Text,
    connection: ConnectionNumber,
    /// Told when something has changed for the first of them.
    pub(in crate::broker) turn: Arc<Notify>,
}

impl<'a> PlaceInLine<'a> {
    pub(in crate::broker) fn last(
        sessions: &'a SessionRegistry,
        client_id: &Text,
        connection: ConnectionNumber,
    ) -> Self {
        let mut shard = sessions.shard(client_id);
        Self {
            sessions,
            client_id: client_id.clone(),
            connection,
            turn: shard.waiting.join(client_id, connection),
        }
    }
}

impl Drop for PlaceInLine<'_> {
    fn drop(&mut self) {
        let mut shard = self.sessions.shard(&self.client_id);
        shard.waiting.leave(&self.client_id, self.connection);
    }
}

impl SessionRegistry {
    pub(in crate::broker) fn new() -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Self {
            shards,
            hasher: RandomState::default(),
        }
    }

    pub(in crate::broker) fn shard(&self, client_id: &Text) -> MutexGuard<'_, Shard> {
        let hash = self.hasher.hash_one(client_id) as usize;
        self.shards[hash % SHARDS].lock()
    }

    /// Returns the session with this client identifier.
    pub(in crate::broker) fn find(&self, client_id: &Text) -> Option<Arc<Session>> {
        self.shard(client_id).find(client_id)
    }

    pub(in crate::broker) fn contains(&self, client_id: &Text) -> bool {
        self.shard(client_id).sessions.contains(client_id)
    }

    /// The number of sessions, connected or not.
    pub(in crate::broker) fn len(&self) -> usize {
        let lengths = self.shards.iter().map(|shard| shard.lock().sessions.len());
        lengths.sum()
    }

    /// Takes up a session of an earlier broker; returns the one that had the client identifier.
    pub(in crate::broker) fn restore(&self, session: Arc<Session>) -> Option<Arc<Session>> {
        let mut shard = self.shard(session.client_id());
        let earlier = shard.sessions.replace(ByClientId(session));
        earlier.map(|earlier| earlier.0)
    }

    /// The number of shards.
    pub(in crate::broker) fn shards(&self) -> usize {
        self.shards.len()
    }

    /// The sessions of one shard.
    pub(in crate::broker) fn of_shard(&self, shard: usize) -> Vec<Arc<Session>> {
        let shard = self.shards[shard].lock();
        let sessions = shard.sessions.iter();
        sessions.map(|known| Arc::clone(&known.0)).collect()
    }

    /// Returns the sessions in parts, each copied when it is asked for.
    pub(in crate::broker) fn parts(&self) -> impl Iterator<Item = Vec<Arc<Session>>> + '_ {
        self.shards.iter().map(|shard| {
            let shard = shard.lock();
            let sessions = shard.sessions.iter();
            sessions.map(|known| Arc::clone(&known.0)).collect()
        })
    }

    /// Calls `visit` for each session, without a lock.
    pub(in crate::broker) fn for_each(&self, mut visit: impl FnMut(&Arc<Session>)) {
        for shard in 0..self.shards() {
            self.of_shard(shard).iter().for_each(&mut visit);
        }
    }
}
