//! What outlives the broker: sessions, their queues, and retained messages.
//!
//! Whatever is to be kept has a [`StoredRecord`]. It puts the record into the store and,
//! when it is dropped, takes it away again. Changes are gathered in `pending`, where a
//! record that came and went before it was stored costs nothing, and a thread of their
//! own stores many at once. Who has to be sure that something is stored holds a
//! [`Ticket`].
//!
//! Changes of one thread are stored in their order, or together. What that promises is
//! kept by the order in which they are made: deliveries come before their message, which
//! makes them count; and a message and the identifier of its QoS 2 PUBLISH come together.

mod backend;
mod commit_log;
mod import;
mod key;
mod mosquitto_db;
mod opening;
mod pending;
mod record;
mod recovery;
mod redb;
mod repair;
#[cfg(test)]
mod tests;
mod ticket;
mod writer;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::Waker;
use std::thread::JoinHandle;

use parking_lot::{Condvar, Mutex};

use self::backend::Backend;
pub(super) use self::key::Key;
pub(super) use self::opening::{Opened, StoreOptions, open};
pub(super) use self::pending::Urgency;
use self::pending::{Change, Pending};
pub(super) use self::record::{
    DeliveryRecord, MessageRecord, Record, SessionRecord, Stage, StoredMessage, StoredPresence,
    SubscriptionRecord, WillRecord,
};
pub(super) use self::recovery::{RecoveredSession, Recovery};
pub(super) use self::ticket::{Ticket, TicketNumber};
use super::ground::{Clock, SessionNumber};
use super::log::Log;
use crate::protocol::PacketId;

/// The store of a running broker.
pub(super) struct Persistence {
    shared: Arc<Shared>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

/// How a store is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Health {
    /// Whether it takes nothing at the moment.
    pub(super) has_failed: bool,
    /// How many changes wait for it.
    pub(super) pending: usize,
}

/// What the records, the tickets and the storing thread share.
struct Shared {
    pending: Mutex<Pending>,
    /// Tells the storing thread that something is pending sooner than it knew.
    work: Condvar,
    last_number: AtomicU64,
    clock: Clock,
    log: Log,
    has_failed: AtomicBool,
}

impl Shared {
    fn has_failed(&self, has_failed: bool) {
        self.has_failed.store(has_failed, Ordering::Relaxed);
    }

    /// Changes what is pending, and tells the storing thread if it has to know.
    fn change(&self, change: impl FnOnce(&mut Pending) -> bool) {
        let mut pending = self.pending.lock();
        let sooner = change(&mut pending);
        drop(pending);
        if sooner {
            self.work.notify_one();
        }
    }
}

/// Changes that are made together: all of them are stored, or none.
#[derive(Default)]
pub(super) struct Transaction {
    changes: Vec<(Key, Change, Urgency)>,
    incoming: Vec<((SessionNumber, PacketId), Option<TicketNumber>)>,
}

impl Transaction {
    /// Notes that a QoS 2 message was taken and is not yet released.
    pub(super) fn put_incoming(&mut self, from: (SessionNumber, PacketId), ticket: &Ticket<'_>) {
        self.incoming.push((from, ticket.opened()));
    }
}

impl Persistence {
    fn start(
        backend: Box<dyn Backend>,
        last_number: u64,
        clock: Clock,
        log: Log,
    ) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            pending: Mutex::default(),
            work: Condvar::new(),
            last_number: AtomicU64::new(last_number),
            clock,
            log,
            has_failed: AtomicBool::new(false),
        });
        let writer = writer::start(Arc::clone(&shared), backend)?;
        Ok(Self {
            shared,
            writer: Mutex::new(Some(writer)),
        })
    }

    /// A number that nothing in the store had before.
    pub(super) fn unused_number(&self) -> u64 {
        self.shared.last_number.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// A record that is not stored before it is put.
    pub(super) fn record(&self, key: Key) -> Box<StoredRecord> {
        self.record_of(key, false)
    }

    /// A record that the store has.
    pub(super) fn restored(&self, key: Key) -> Box<StoredRecord> {
        self.record_of(key, true)
    }

    fn record_of(&self, key: Key, is_written: bool) -> Box<StoredRecord> {
        Box::new(StoredRecord {
            shared: Arc::clone(&self.shared),
            key,
            is_written: AtomicBool::new(is_written),
        })
    }

    /// Stores changes that belong together.
    pub(super) fn commit(&self, together: Transaction) {
        if together.changes.is_empty() && together.incoming.is_empty() {
            return;
        }
        self.shared.change(|pending| {
            let mut sooner = false;
            for (key, change, urgency) in together.changes {
                sooner |= pending.put(key, change, urgency);
            }
            for (from, ticket) in together.incoming {
                sooner |= pending.put_incoming(from, ticket);
            }
            sooner
        });
    }

    /// Takes records away that belong together.
    pub(super) fn remove_together(&self, records: Vec<StoredRecord>) {
        if records.is_empty() {
            return;
        }
        self.shared.change(|pending| {
            let mut sooner = false;
            for record in &records {
                if record.is_written.swap(false, Ordering::Relaxed) {
                    sooner |= pending.remove(record.key);
                }
            }
            sooner
        });
    }

    /// Notes that a QoS 2 message has a record.
    pub(super) fn restore_incoming(&self, session: SessionNumber, packet_id: PacketId) {
        self.shared
            .pending
            .lock()
            .restore_incoming(session, packet_id);
    }

    /// Takes away the record of a QoS 2 message that was released or forgotten; says
    /// whether it had one.
    pub(super) fn remove_incoming(&self, session: SessionNumber, packet_id: PacketId) -> bool {
        let mut had_one = false;
        self.shared.change(|pending| {
            had_one = pending.remove_incoming(session, packet_id);
            had_one
        });
        had_one
    }

    /// Whether a ticket is done; if not, the waker is told when it is.
    pub(super) fn poll_done(&self, ticket: TicketNumber, waker: &Waker) -> bool {
        self.shared.pending.lock().tickets.poll_done(ticket, waker)
    }

    /// Whether a ticket is done.
    pub(super) fn is_done(&self, ticket: TicketNumber) -> bool {
        self.shared.pending.lock().tickets.is_done(ticket)
    }

    fn open_ticket(&self) -> TicketNumber {
        self.shared.pending.lock().tickets.open()
    }

    fn close_ticket(&self, ticket: TicketNumber) {
        self.shared.pending.lock().tickets.release(ticket);
    }

    fn wait_for_all(&self, ticket: TicketNumber) {
        self.shared.change(|pending| pending.wait_for_all(ticket));
    }

    /// Does `work`, all changes of which are stored together.
    pub(super) fn together<T>(&self, work: impl FnOnce() -> T) -> T {
        self.shared.change(|pending| pending.set_held(true));
        let result = work();
        self.shared.change(|pending| pending.set_held(false));
        self.shared.work.notify_one();
        result
    }

    /// Has everything that was changed so far stored together.
    pub(super) fn bring_forward(&self) {
        self.shared.change(Pending::store_all);
    }

    /// How the store is.
    pub(super) fn health(&self) -> Health {
        Health {
            has_failed: self.shared.has_failed.load(Ordering::Relaxed),
            pending: self.shared.pending.lock().len(),
        }
    }

    /// Brings everything to the disk, without waiting for it.
    pub(super) fn sync(&self) {
        self.shared.change(Pending::sync);
    }

    /// Stores what is pending, and nothing from then on. Blocks until that is done.
    pub(super) fn close(&self) {
        self.shared.pending.lock().close();
        self.shared.work.notify_one();
        if let Some(writer) = self.writer.lock().take() {
            // A thread that panicked has nothing more to store.
            let _ = writer.join();
        }
    }
}

/// A record that the store has from its first [`StoredRecord::put`] until this value is
/// dropped.
pub(super) struct StoredRecord {
    shared: Arc<Shared>,
    key: Key,
    is_written: AtomicBool,
}

impl StoredRecord {
    pub(super) fn key(&self) -> Key {
        self.key
    }

    pub(super) fn is_written(&self) -> bool {
        self.is_written.load(Ordering::Relaxed)
    }

    /// Puts the record, or replaces it.
    pub(super) fn put(&self, record: Record, urgency: Urgency, ticket: Option<&Ticket<'_>>) {
        let change = self.change(record, ticket);
        self.shared
            .change(|pending| pending.put(self.key, change, urgency));
    }

    /// Puts the record together with others.
    pub(super) fn put_with(
        &self,
        together: &mut Transaction,
        record: Record,
        urgency: Urgency,
        ticket: Option<&Ticket<'_>>,
    ) {
        let change = self.change(record, ticket);
        together.changes.push((self.key, change, urgency));
    }

    fn change(&self, record: Record, ticket: Option<&Ticket<'_>>) -> Change {
        let is_new = !self.is_written.swap(true, Ordering::Relaxed);
        Change::put(record, is_new, ticket.and_then(Ticket::opened))
    }
}

impl Drop for StoredRecord {
    fn drop(&mut self) {
        if self.is_written() {
            self.shared.change(|pending| pending.remove(self.key));
        }
    }
}

impl std::fmt::Debug for StoredRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("StoredRecord").field(&self.key).finish()
    }
}
