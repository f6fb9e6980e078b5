//! Records of a session, and of the messages that its client has still to get.

use std::sync::Arc;

use super::presence::Presence;
use super::queued::Queued;
use super::shared::Session;
use super::state::SessionState;
use crate::broker::ground::{GrantedOptions, ShareId};
use crate::broker::message::Message;
use crate::broker::persistence::{
    DeliveryRecord, Key, Persistence, Record, SessionRecord, Stage, StoredPresence, StoredRecord,
    Ticket, Transaction, Urgency,
};
use crate::protocol::{PacketId, QoS};

/// Stores deliveries to one session in one transaction; costs nothing if it is not stored.
pub(super) struct Recorder<'a> {
    session: &'a Session,
    ticket: &'a Ticket<'a>,
    transaction: Transaction,
    has_stored: bool,
}

impl<'a> Recorder<'a> {
    pub(super) fn new(session: &'a Session, ticket: &'a Ticket<'a>) -> Self {
        Self {
            session,
            ticket,
            transaction: Transaction::default(),
            has_stored: false,
        }
    }

    /// Returns the session that gets them.
    pub(super) fn session(&self) -> &'a Session {
        self.session
    }

    /// Returns the store if it has the session.
    pub(super) fn persistence(&self) -> Option<&'a Persistence> {
        let persistence = self.ticket.persistence();
        persistence.filter(|_| self.session.is_stored())
    }

    /// Returns the ticket that waits for what is stored here.
    pub(super) fn ticket(&self) -> &'a Ticket<'a> {
        self.ticket
    }

    /// Stores that the session has still to get a message.
    pub(super) fn queued(&mut self, queued: &mut Queued, urgency: Urgency) {
        self.put(queued, Stage::Waiting, urgency);
    }

    /// Stores that a message is being sent to the session. A QoS 2 message must not be
    /// written before that is stored: after a crash its packet identifier is what tells
    /// the receiver that it has the message already.
    pub(super) fn sent(&mut self, queued: &mut Queued, packet_id: PacketId) -> Gate {
        match queued.qos {
            QoS::AtMostOnce => Gate::Open,
            // Its identifier may be another after a crash.
            QoS::AtLeastOnce if queued.record.is_some() => Gate::Open,
            QoS::AtLeastOnce => {
                self.put(queued, Stage::Waiting, Urgency::Deferred);
                Gate::Open
            }
            QoS::ExactlyOnce => {
                self.put(queued, Stage::Sent(packet_id), Urgency::Immediate);
                match self.persistence() {
                    Some(_) => Gate::Closed,
                    None => Gate::Open,
                }
            }
        }
    }

    fn put(&mut self, queued: &mut Queued, stage: Stage, urgency: Urgency) {
        let Some(persistence) = self.persistence() else {
            return;
        };
        let number = self.session.number();
        let message = queued.message.stored_number(persistence);
        let record = queued.record.get_or_insert_with(|| {
            persistence.record(Key::Delivery(number, persistence.unused_number()))
        });
        let delivery = DeliveryRecord {
            message,
            qos: queued.qos,
            retain: queued.retain,
            subscription_id: queued.granted.subscription_id,
            share: queued.granted.share.map_or(0, ShareId::get),
            stage,
        };
        // The message itself, which follows, is what its publisher waits for.
        let ticket = match stage {
            Stage::Waiting => None,
            Stage::Sent(_) | Stage::Released(_) => Some(self.ticket),
        };
        record.put_with(
            &mut self.transaction,
            Record::Delivery(delivery),
            urgency,
            ticket,
        );
        self.has_stored = true;
    }

    /// Stores a message that no batch brings, such as a retained one.
    pub(super) fn message(&mut self, message: &Arc<Message>) {
        let stored = message.stored.get().filter(|stored| !stored.is_written());
        if let Some(stored) = stored {
            let record = Record::IfReferenced(Arc::<Message>::downgrade(message));
            stored.put_with(
                &mut self.transaction,
                record,
                Urgency::Immediate,
                Some(self.ticket),
            );
        }
    }

    /// Lets go of a message that the session is not to get after all.
    pub(super) fn discard(&mut self, queued: Queued) {
        // A record is put before it is taken away.
        if let Some(persistence) = self.ticket.persistence() {
            persistence.commit(std::mem::take(&mut self.transaction));
        }
        drop(queued);
    }

    /// Hands everything over; returns whether there was something.
    pub(super) fn finish(self) -> bool {
        if let Some(persistence) = self.ticket.persistence() {
            persistence.commit(self.transaction);
        }
        self.has_stored
    }
}

/// Messages that were acknowledged: what the store has of them goes all at once.
#[derive(Default)]
pub(in crate::broker) struct AckedRecords {
    records: Vec<StoredRecord>,
}

impl AckedRecords {
    /// Takes the records of a message that one receiver has.
    pub(super) fn add(&mut self, kept: Queued) {
        let Some(record) = kept.record else { return };
        self.records.push(*record);
        // Nobody else is to get it.
        if let Some(message) = Arc::into_inner(kept.message) {
            let stored = message.stored.into_inner();
            self.records.extend(stored.map(|stored| *stored));
        }
    }

    /// Takes a record that is needed no longer.
    pub(super) fn add_record(&mut self, record: StoredRecord) {
        self.records.push(record);
    }

    /// Takes all that away from the store.
    pub(in crate::broker) fn forget(self, persistence: Option<&Persistence>) {
        if let Some(persistence) = persistence {
            persistence.remove_together(self.records);
        }
    }
}

/// Permission to write a packet before something is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gate {
    Open,
    Closed,
}

impl Session {
    /// Stores the session as it is now. `ticket` waits for it.
    pub(in crate::broker) fn store(&self, state: &SessionState, ticket: Option<&Ticket<'_>>) {
        let Some(record) = &state.registration.record else {
            return;
        };
        let session = SessionRecord {
            identity: (*self.identity()).clone(),
            v5: self.is_v5(),
            receive_maximum: state.outbound.window.receive_maximum(),
            expiry: state.registration.expiry,
            presence: match state.presence {
                Presence::Online(_) => StoredPresence::Online,
                Presence::Offline { expires_at } => StoredPresence::Offline { expires_at },
                Presence::Ended => return,
            },
        };
        let urgency = if ticket.is_some() {
            Urgency::Immediate
        } else {
            Urgency::Lazy
        };
        record.put(Record::Session(Box::new(session)), urgency, ticket);
    }
}

impl Session {
    /// Returns the record for a new subscription, if the store has the session.
    pub(in crate::broker) fn subscription_record(
        &self,
        persistence: Option<&Persistence>,
    ) -> Option<Box<StoredRecord>> {
        let persistence = persistence.filter(|_| self.is_stored())?;
        let number = persistence.unused_number();
        Some(persistence.record(Key::Subscription(self.number(), number)))
    }
}

impl SessionState {
    /// Stores which packet identifiers messages in flight have, as the connection's end
    /// does, so that they are sent again as repetitions also after a restart.
    pub(in crate::broker) fn store_in_flight(&self, persistence: &Persistence) {
        let mut transaction = Transaction::default();
        for (packet_id, queued) in self.outbound.window.unacknowledged() {
            let Some(record) = &queued.record else {
                continue;
            };
            if queued.qos != QoS::AtLeastOnce {
                continue;
            }
            let delivery = DeliveryRecord {
                message: queued.message.stored_number(persistence),
                qos: queued.qos,
                retain: queued.retain,
                subscription_id: queued.granted.subscription_id,
                share: queued.granted.share.map_or(0, ShareId::get),
                stage: Stage::Sent(packet_id),
            };
            record.put_with(
                &mut transaction,
                Record::Delivery(delivery),
                Urgency::Lazy,
                None,
            );
        }
        persistence.commit(transaction);
    }

    /// Takes back a delivery that was stored; to be called in the order of the records.
    pub(in crate::broker) fn restore(
        &mut self,
        message: Arc<Message>,
        delivery: &DeliveryRecord,
        packet_id: Option<PacketId>,
        record: Box<StoredRecord>,
    ) {
        let queued = Queued {
            qos: delivery.qos,
            retain: delivery.retain,
            granted: GrantedOptions {
                qos: delivery.qos,
                no_local: false,
                retain_as_published: delivery.retain,
                subscription_id: delivery.subscription_id,
                share: ShareId::from_stored(delivery.share),
            },
            held: message.held_size(),
            message,
            record: Some(record),
        };
        match packet_id {
            Some(packet_id) => self.outbound.window.restore(packet_id, queued),
            None => self.outbound.queue.push(queued),
        }
    }

    /// Takes back that a PUBREL is owed.
    pub(in crate::broker) fn restore_released(
        &mut self,
        packet_id: PacketId,
        record: Box<StoredRecord>,
    ) {
        self.outbound.window.restore_released(packet_id, record);
    }
}
