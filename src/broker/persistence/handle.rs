use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Waker;
use std::thread::JoinHandle;

use parking_lot::Mutex;

use super::backend::Backend;
use super::key::Key;
use super::pending::Pending;
use super::shared::Shared;
use super::stored_record::{StoredRecord, Transaction};
use super::ticket_number::TicketNumber;
use super::writer;
use crate::broker::ground::{Clock, SessionNumber};
use crate::broker::log::Log;
use crate::protocol::PacketId;

/// The store of a running broker.
pub(in crate::broker) struct Persistence {
    shared: Arc<Shared>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

/// State of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::broker) struct Health {
    /// Set while it refuses commits.
    pub(in crate::broker) has_failed: bool,
    /// The number of changes that wait for it.
    pub(in crate::broker) pending: usize,
}

impl Persistence {
    pub(super) fn start(
        backend: Box<dyn Backend>,
        last_number: u64,
        clock: Clock,
        log: Log,
    ) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::new(last_number, clock, log));
        let writer = writer::start(Arc::clone(&shared), backend)?;
        Ok(Self {
            shared,
            writer: Mutex::new(Some(writer)),
        })
    }

    /// A number that nothing in the store had before.
    pub(in crate::broker) fn unused_number(&self) -> u64 {
        self.shared.last_number.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// A record that is not stored before it is put.
    pub(in crate::broker) fn record(&self, key: Key) -> Box<StoredRecord> {
        self.record_of(key, false)
    }

    /// A record that the store has.
    pub(in crate::broker) fn restored(&self, key: Key) -> Box<StoredRecord> {
        self.record_of(key, true)
    }

    fn record_of(&self, key: Key, is_written: bool) -> Box<StoredRecord> {
        Box::new(StoredRecord::new(&self.shared, key, is_written))
    }

    /// Stores the changes of a transaction.
    pub(in crate::broker) fn commit(&self, transaction: Transaction) {
        if transaction.changes.is_empty() && transaction.incoming.is_empty() {
            return;
        }
        self.shared.change(|pending| {
            let mut sooner = false;
            for (key, change, urgency) in transaction.changes {
                sooner |= pending.put(key, change, urgency);
            }
            for (from, ticket) in transaction.incoming {
                sooner |= pending.put_incoming(from, ticket);
            }
            sooner
        });
    }

    /// Deletes records in one transaction.
    pub(in crate::broker) fn remove_together(&self, records: Vec<StoredRecord>) {
        if records.is_empty() {
            return;
        }
        self.shared.change(|pending| {
            let mut sooner = false;
            for record in &records {
                if record.take_written() {
                    sooner |= pending.remove(record.key());
                }
            }
            sooner
        });
    }

    /// Notes that a QoS 2 message has a record.
    pub(in crate::broker) fn restore_incoming(&self, session: SessionNumber, packet_id: PacketId) {
        self.shared
            .pending
            .lock()
            .restore_incoming(session, packet_id);
    }

    /// Deletes the record of a QoS 2 message that was released or dropped; returns
    /// whether it had one.
    pub(in crate::broker) fn remove_incoming(
        &self,
        session: SessionNumber,
        packet_id: PacketId,
    ) -> bool {
        let mut had_one = false;
        self.shared.change(|pending| {
            had_one = pending.remove_incoming(session, packet_id);
            had_one
        });
        had_one
    }

    /// Returns whether a ticket is done; if not, wakes the waker when it is.
    pub(in crate::broker) fn poll_done(&self, ticket: TicketNumber, waker: &Waker) -> bool {
        self.shared.pending.lock().tickets.poll_done(ticket, waker)
    }

    /// Returns whether a ticket is done.
    pub(in crate::broker) fn is_done(&self, ticket: TicketNumber) -> bool {
        self.shared.pending.lock().tickets.is_done(ticket)
    }

    pub(super) fn open_ticket(&self) -> TicketNumber {
        self.shared.pending.lock().tickets.open()
    }

    pub(super) fn close_ticket(&self, ticket: TicketNumber) {
        self.shared.pending.lock().tickets.release(ticket);
    }

    pub(super) fn wait_for_all(&self, ticket: TicketNumber) {
        self.shared.change(|pending| pending.wait_for_all(ticket));
    }

    /// Does `work`, all changes of which are stored together.
    pub(in crate::broker) fn together<T>(&self, work: impl FnOnce() -> T) -> T {
        self.shared.change(|pending| pending.set_held(true));
        let result = work();
        self.shared.change(|pending| pending.set_held(false));
        self.shared.work.notify_one();
        result
    }

    /// Has everything that was changed so far stored together.
    pub(in crate::broker) fn bring_forward(&self) {
        self.shared.change(Pending::store_all);
    }

    /// Returns the state of the store.
    pub(in crate::broker) fn health(&self) -> Health {
        Health {
            has_failed: self.shared.has_failed.load(Ordering::Relaxed),
            pending: self.shared.pending.lock().len(),
        }
    }

    /// Brings everything to the disk, without waiting for it.
    pub(in crate::broker) fn sync(&self) {
        self.shared.change(Pending::sync);
    }

    /// Stores what is pending, and nothing from then on. Blocks until that is done.
    pub(in crate::broker) fn close(&self) {
        self.shared.pending.lock().close();
        self.shared.work.notify_one();
        if let Some(writer) = self.writer.lock().take() {
            // A thread that panicked has nothing more to store.
            let _ = writer.join();
        }
    }
}

/// Closes the store, so that records which are dropped later stay in it: those of a broker whose
/// start fails, for example.
impl Drop for Persistence {
    fn drop(&mut self) {
        self.close();
    }
}
