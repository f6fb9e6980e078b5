use std::cell::Cell;

use super::handle::Persistence;
use super::pending::Urgency;
use super::record::Record;
use super::stored_record::{StoredRecord, Transaction};
use super::ticket_number::TicketNumber;
use crate::broker::ground::SessionNumber;
use crate::protocol::PacketId;

/// Condition for the acknowledgement of a batch of packets.
///
/// It holds when all changes that were made under the ticket are stored or no longer needed.
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

impl StoredRecord {
    /// Puts the record, or replaces it.
    pub(in crate::broker) fn put(
        &self,
        record: Record,
        urgency: Urgency,
        ticket: Option<&Ticket<'_>>,
    ) {
        let change = self.change(record, ticket.and_then(Ticket::opened));
        self.shared()
            .change(|pending| pending.put(self.key(), change, urgency));
    }

    /// Puts the record together with others.
    pub(in crate::broker) fn put_with(
        &self,
        transaction: &mut Transaction,
        record: Record,
        urgency: Urgency,
        ticket: Option<&Ticket<'_>>,
    ) {
        let change = self.change(record, ticket.and_then(Ticket::opened));
        transaction.changes.push((self.key(), change, urgency));
    }
}

impl Transaction {
    /// Notes that a QoS 2 message was accepted and is not yet released.
    pub(in crate::broker) fn put_incoming(
        &mut self,
        from: (SessionNumber, PacketId),
        ticket: &Ticket<'_>,
    ) {
        self.incoming.push((from, ticket.opened()));
    }
}
