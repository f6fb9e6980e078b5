//! State that an ended session leaves behind.
//!
//! A client can make it large. So it is moved out of the session at once and cleared away later,
//! a few parts at a time, when neither the session nor its shard is locked.

use std::collections::hash_map;
use std::vec;

use super::presence::{Ending, Presence};
use super::queue::Queue;
use super::queued::{OrphanedSharedMessage, Queued};
use super::shared::Session;
use super::shared_filters::SharedFilters;
use super::stored::AckedRecords;
use super::subscription::StoredSubscription;
use super::will::StoredWill;
use super::window::Window;
use crate::broker::ground::SessionNumber;
use crate::broker::persistence::StoredRecord;
use crate::broker::wire::Outbox;
use crate::protocol::{PacketId, TopicFilter};

/// State of an ended session that is still to be cleared away.
///
/// The record of the session, and those of its shared subscriptions, go last: after a crash in
/// between the next broker finds the session and ends it once more.
pub(in crate::broker) struct Remains {
    session: SessionNumber,
    will: Option<Box<StoredWill>>,
    subscriptions: hash_map::IntoIter<TopicFilter, StoredSubscription>,
    shared: SharedFilters,
    shared_records: Vec<StoredRecord>,
    window: Window,
    in_flight: vec::IntoIter<Queued>,
    queue: Queue,
    incoming: vec::IntoIter<PacketId>,
    released: hash_map::IntoIter<PacketId, Box<StoredRecord>>,
    _outbox: Outbox,
    _record: Option<Box<StoredRecord>>,
}

/// A part of an ended session.
pub(in crate::broker) enum Remnant {
    /// A filter that the session is still subscribed to.
    Subscription(TopicFilter),
    /// A message that another member of a group is to get.
    SharedMessage(OrphanedSharedMessage),
    /// A QoS 2 message that was received and not released.
    Incoming(PacketId),
    /// A message or record that nobody needs.
    Waste,
}

impl Session {
    /// Ends the session and takes out everything that it has.
    pub(in crate::broker) fn end(&self) -> Remains {
        let mut state = self.state();
        state.end_connection(Ending::TakenOver);
        state.shut_down_after_rest();
        let outbound = &mut state.outbound;
        let outbox = std::mem::take(&mut outbound.outbox);
        let queue = std::mem::take(&mut outbound.queue);
        let mut window = outbound.window.take();
        let registration = &mut state.registration;
        let will = registration.will.take();
        let subscriptions = std::mem::take(&mut registration.subscriptions);
        let incoming: Vec<_> = registration.incoming.packet_ids().collect();
        let record = registration.record.take();
        registration.incoming.clear();
        state.detach(Presence::Ended);
        drop(state);
        self.set_connected(false);
        Remains {
            session: self.number(),
            will,
            subscriptions: subscriptions.into_iter(),
            shared: SharedFilters::default(),
            shared_records: Vec::new(),
            released: window.take_released().into_iter(),
            window,
            in_flight: Vec::new().into_iter(),
            queue,
            incoming: incoming.into_iter(),
            _outbox: outbox,
            _record: record,
        }
    }
}

impl Remains {
    /// The session that ended.
    pub(in crate::broker) fn session(&self) -> SessionNumber {
        self.session
    }

    pub(in crate::broker) fn take_will(&mut self) -> Option<Box<StoredWill>> {
        self.will.take()
    }

    /// Takes the next part, or `None` after the last one. Records that can go now are added to
    /// `gone`.
    ///
    /// Subscriptions come first: afterwards the session is no member of its groups.
    pub(in crate::broker) fn take_next(&mut self, gone: &mut AckedRecords) -> Option<Remnant> {
        if let Some((filter, stored)) = self.subscriptions.next() {
            return Some(Remnant::Subscription(
                self.subscription(filter, stored, gone),
            ));
        }
        if !self.window.is_empty() {
            self.in_flight = self.window.drain().into_iter();
        }
        if let Some(queued) = self.in_flight.next() {
            return Some(self.message(queued, true, gone));
        }
        if let Some(queued) = self.queue.pop_any() {
            return Some(self.message(queued, false, gone));
        }
        if let Some(packet_id) = self.incoming.next() {
            return Some(Remnant::Incoming(packet_id));
        }
        let released = self.released.next().map(|(_, record)| *record);
        let record = released.or_else(|| self.shared_records.pop())?;
        gone.add_record(record);
        Some(Remnant::Waste)
    }

    fn subscription(
        &mut self,
        filter: TopicFilter,
        stored: StoredSubscription,
        gone: &mut AckedRecords,
    ) -> TopicFilter {
        if let Some(share) = stored.granted.share {
            self.shared.insert(share, filter.clone());
            self.shared_records
                .extend(stored.record.map(|record| *record));
        } else if let Some(record) = stored.record {
            gone.add_record(*record);
        }
        filter
    }

    fn message(&self, queued: Queued, is_in_flight: bool, gone: &mut AckedRecords) -> Remnant {
        match self.shared.for_another_member(queued, is_in_flight) {
            Ok(orphaned) => Remnant::SharedMessage(orphaned),
            Err(queued) => {
                gone.add(queued);
                Remnant::Waste
            }
        }
    }
}
