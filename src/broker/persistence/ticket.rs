use std::cell::Cell;
use std::num::NonZeroU64;

use super::Persistence;

/// Tells tickets apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::broker) struct TicketNumber(pub(super) NonZeroU64);

/// What a batch of packets waits for before it may be acknowledged: all changes that
/// were made under the ticket are stored, or are no longer needed.
///
/// It costs nothing until something is stored. While it is open it is not done.
pub(in crate::broker) struct Ticket<'a> {
    persistence: Option<&'a Persistence>,
    number: Cell<Option<TicketNumber>>,
}

impl<'a> Ticket<'a> {
    /// A ticket; where nothing is stored there is nothing to wait for.
    pub(in crate::broker) fn new(persistence: Option<&'a Persistence>) -> Self {
        Self {
            persistence,
            number: Cell::new(None),
        }
    }

    /// The store, if there is one.
    pub(in crate::broker) fn persistence(&self) -> Option<&'a Persistence> {
        self.persistence
    }

    /// The ticket's number if anything was done under it.
    pub(in crate::broker) fn number(&self) -> Option<TicketNumber> {
        self.number.get()
    }

    /// The ticket's number, for what has to wait for it.
    pub(in crate::broker) fn opened(&self) -> Option<TicketNumber> {
        let persistence = self.persistence?;
        if self.number.get().is_none() {
            self.number.set(Some(persistence.open_ticket()));
        }
        self.number.get()
    }

    /// Makes the ticket wait for everything that was changed so far.
    pub(in crate::broker) fn wait_for_all(&self) {
        if let (Some(persistence), Some(number)) = (self.persistence, self.opened()) {
            persistence.wait_for_all(number);
        }
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        if let (Some(persistence), Some(number)) = (self.persistence, self.number.get()) {
            persistence.close_ticket(number);
        }
    }
}
