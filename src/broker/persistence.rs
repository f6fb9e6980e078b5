//! State that outlives the broker: sessions, their queues, and retained messages.
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
mod handle;
mod import;
mod key;
mod mosquitto_db;
mod opening;
mod pending;
mod record;
mod recovery;
mod redb;
mod repair;
mod shared;
mod stored_record;
#[cfg(test)]
mod tests;
mod ticket;
mod ticket_number;
mod writer;

pub(super) use self::backend::StoreError;
pub(super) use self::handle::Persistence;
pub(super) use self::key::Key;
pub(super) use self::opening::{Opened, StoreOptions, open};
pub(super) use self::pending::Urgency;
pub(super) use self::record::{
    DeliveryRecord, MessageRecord, Record, SessionRecord, Stage, StoredMessage, StoredPresence,
    SubscriptionRecord, WillRecord,
};
pub(super) use self::recovery::{RecoveredSession, Recovery};
pub(super) use self::stored_record::{StoredRecord, Transaction};
pub(super) use self::ticket::Ticket;
pub(super) use self::ticket_number::TicketNumber;
