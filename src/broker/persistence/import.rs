//! Takes over what Mosquitto saved.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::num::NonZeroU16;
use std::path::Path;
use std::sync::Arc;

use super::backend::StoreError;
use super::key::Key;
use super::mosquitto_db::{
    Snapshot, SnapshotClient, SnapshotDelivery, SnapshotMessage, SnapshotStage,
    SnapshotSubscription, parse,
};
use super::record::{
    DeliveryRecord, MessageRecord, Record, SessionRecord, Stage, StoredPresence, SubscriptionRecord,
};
use crate::broker::config::Listener;
use crate::broker::ground::{Clock, Expiry, Identity, ListenerName, SessionNumber, ShareId};
use crate::broker::log::Log;

/// A database of Mosquitto's as records of ours, in the order of their keys' kinds.
#[derive(Default)]
struct Imported {
    records: Vec<(Key, Record)>,
    last_number: u64,
    /// The numbers of messages that several sessions have still to get.
    messages: HashMap<*const SnapshotMessage, u64>,
    /// The messages that nobody was given yet.
    unpublished: HashSet<*const SnapshotMessage>,
}

impl Imported {
    fn number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }
}

/// Reads the database as records of ours.
pub(super) fn import(
    path: &Path,
    listeners: &[Listener],
    clock: Clock,
    log: &Log,
) -> Result<Vec<(Key, Record)>, StoreError> {
    let bytes = fs::read(path).map_err(|cause| StoreError::OpenDatabase {
        path: path.to_owned(),
        cause,
    })?;
    let snapshot = parse(&bytes).map_err(|cause| StoreError::Database {
        path: path.to_owned(),
        cause,
    })?;
    for warning in &snapshot.warnings {
        log.warning(format_args!("Warning: {}: {warning}", path.display()));
    }
    Ok(convert(&snapshot, listeners, clock).records)
}

fn convert(snapshot: &Snapshot, listeners: &[Listener], clock: Clock) -> Imported {
    let mut imported = Imported::default();
    let listener_on = |port| only_listener_on(port, listeners);
    for client in &snapshot.clients {
        // One that was to end with its connection has ended.
        if client.session_expiry > 0 {
            imported.take_client(client, listener_on(client.port), clock);
        }
    }
    for message in latest_by_topic(&snapshot.retained) {
        let key = Key::Retained(imported.number());
        let source = message.source.as_ref().map(|source| Identity {
            client_id: source.client_id.clone(),
            username: source.username.clone(),
            listener: listener_on(source.port),
        });
        let record = MessageRecord {
            source,
            ..message_record(message, clock)
        };
        imported
            .records
            .push((key, Record::Message(Box::new(record))));
    }
    // Sessions come before what belongs to them, and messages before their deliveries.
    imported
        .records
        .sort_by(|(one, _), (other, _)| one.to_bytes().as_ref().cmp(other.to_bytes().as_ref()));
    imported
}

/// The last retained message of each topic, of which a file made by hand can have many.
fn latest_by_topic(retained: &[Arc<SnapshotMessage>]) -> impl Iterator<Item = &SnapshotMessage> {
    let mut topics = HashSet::new();
    let messages = retained.iter().rev().map(Arc::as_ref);
    // An empty message is none.
    messages.filter(move |message| topics.insert(&message.topic) && !message.payload.is_empty())
}

impl Imported {
    fn take_client(
        &mut self,
        client: &SnapshotClient,
        listener: Option<ListenerName>,
        clock: Clock,
    ) {
        let session = SessionNumber::unused();
        let expires_at = client.expires_at.map(|at| clock.at_unix_seconds(at));
        let expiry = Expiry::from_seconds(client.session_expiry);
        let record = SessionRecord {
            identity: Identity {
                client_id: client.client_id.clone(),
                username: client.username.clone(),
                listener,
            },
            v5: false,
            receive_maximum: NonZeroU16::MAX,
            expiry,
            presence: StoredPresence::Offline {
                expires_at: expires_at.or(expiry.deadline(0)),
            },
        };
        let key = Key::Session(session);
        self.records.push((key, Record::Session(Box::new(record))));
        for subscription in &client.subscriptions {
            let key = Key::Subscription(session, self.number());
            let record = Record::Subscription(Box::new(subscription_record(subscription)));
            self.records.push((key, record));
        }
        for incoming in &client.incoming {
            let key = Key::Incoming(session, incoming.packet_id);
            self.records.push((key, Record::Incoming));
            // Its publisher's alone in what Mosquitto writes. In a file made by hand many
            // could have a large one, and each would store a copy.
            if !self.unpublished.insert(Arc::as_ptr(&incoming.message)) {
                continue;
            }
            // Mosquitto passes a QoS 2 message on when it is released; here that is done.
            let mut message = message_record(&incoming.message, clock);
            message.publisher = Some(session);
            let key = Key::Unpublished(self.number());
            let record = Record::Message(Box::new(message));
            self.records.push((key, record));
        }
        for delivery in &client.outgoing {
            self.take_delivery(session, delivery, clock);
        }
    }

    fn take_delivery(&mut self, session: SessionNumber, delivery: &SnapshotDelivery, clock: Clock) {
        let known = Arc::as_ptr(&delivery.message);
        let message = match self.messages.get(&known) {
            Some(&number) => number,
            None => {
                let number = self.number();
                let record = Record::Message(Box::new(message_record(&delivery.message, clock)));
                self.records.push((Key::Message(number), record));
                self.messages.insert(known, number);
                number
            }
        };
        let record = DeliveryRecord {
            message,
            qos: delivery.qos,
            retain: delivery.retain,
            subscription_id: delivery.subscription_ids.first().copied(),
            share: 0,
            stage: match delivery.stage {
                SnapshotStage::Queued => Stage::Waiting,
                SnapshotStage::AwaitingPubAck(packet_id)
                | SnapshotStage::AwaitingPubRec(packet_id) => Stage::Sent(packet_id),
                SnapshotStage::AwaitingPubComp(packet_id) => Stage::Released(packet_id),
            },
        };
        let key = Key::Delivery(session, self.number());
        self.records.push((key, Record::Delivery(record)));
    }
}

/// The listener with this port, as Mosquitto finds it again; `None` where there is no such
/// listener, or more than one.
fn only_listener_on(port: Option<NonZeroU16>, listeners: &[Listener]) -> Option<ListenerName> {
    let mut found = listeners
        .iter()
        .filter(|listener| port.is_some_and(|port| port.get() == listener.port));
    let only = found.next().filter(|_| found.next().is_none());
    only.map(ListenerName::from)
}

fn subscription_record(subscription: &SnapshotSubscription) -> SubscriptionRecord {
    let filter = &subscription.filter;
    SubscriptionRecord {
        filter: filter.to_owned_filter(),
        options: subscription.options,
        qos: subscription.options.qos,
        subscription_id: subscription.identifier,
        hands_out: false,
        share: match filter.is_shared() {
            true => ShareId::unused().get(),
            false => 0,
        },
    }
}

fn message_record(message: &SnapshotMessage, clock: Clock) -> MessageRecord {
    MessageRecord {
        topic: message.topic.clone(),
        payload: message.payload.clone(),
        qos: message.qos,
        retain: message.retain,
        properties: message.properties.clone(),
        expires_at: message.expires_at.map(|at| clock.at_unix_seconds(at)),
        publisher: None,
        source: None,
    }
}

#[cfg(test)]
mod tests;
