use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::key::Key;
use super::pending::{Change, Urgency};
use super::record::Record;
use super::shared::Shared;
use super::ticket_number::TicketNumber;
use crate::broker::ground::SessionNumber;
use crate::protocol::PacketId;

/// Changes that are made together: all of them are stored, or none.
#[derive(Default)]
pub(in crate::broker) struct Transaction {
    pub(super) changes: Vec<(Key, Change, Urgency)>,
    pub(super) incoming: Vec<((SessionNumber, PacketId), Option<TicketNumber>)>,
}

/// A record that the store has from its first [`StoredRecord::put`] until this value is
/// dropped.
pub(in crate::broker) struct StoredRecord {
    shared: Arc<Shared>,
    key: Key,
    is_written: AtomicBool,
}

impl StoredRecord {
    pub(super) fn new(shared: &Arc<Shared>, key: Key, is_written: bool) -> Self {
        Self {
            shared: Arc::clone(shared),
            key,
            is_written: AtomicBool::new(is_written),
        }
    }

    pub(super) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// Marks the record as deleted; returns whether the store has it.
    pub(super) fn take_written(&self) -> bool {
        self.is_written.swap(false, Ordering::Relaxed)
    }

    pub(in crate::broker) fn key(&self) -> Key {
        self.key
    }

    pub(in crate::broker) fn is_written(&self) -> bool {
        self.is_written.load(Ordering::Relaxed)
    }

    /// Returns the change that puts the record.
    pub(super) fn change(&self, record: Record, ticket: Option<TicketNumber>) -> Change {
        let is_new = !self.is_written.swap(true, Ordering::Relaxed);
        Change::put(record, is_new, ticket)
    }
}

impl Drop for StoredRecord {
    fn drop(&mut self) {
        if self.is_written() {
            self.shared.change(|pending| pending.remove(self.key));
        }
    }
}

impl fmt::Debug for StoredRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("StoredRecord").field(&self.key).finish()
    }
}
