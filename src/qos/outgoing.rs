use std::collections::VecDeque;
use std::num::NonZeroU16;

use super::in_flight::InFlightTable;
use crate::protocol::{Delivery, PacketId, QoS};

/// QoS 1 and 2 messages that were sent and not yet acknowledged.
///
/// This assigns packet identifiers, keeps to the receive maximum of the receiver
/// [MQTT-3.3.4-9], and knows what must be sent again after a reconnect. Messages that wait
/// for room in the window are the caller's.
#[derive(Debug)]
pub struct Outgoing<M> {
    receive_maximum: NonZeroU16,
    last_packet_id: Option<PacketId>,
    /// Allocated for the first message, because most sessions never get one at QoS 1 or 2.
    flight: Option<Box<Flight<M>>>,
}

/// Messages in flight and their order.
#[derive(Debug)]
struct Flight<M> {
    table: InFlightTable<InFlight<M>>,
    /// The number of messages of this connection that are not yet acknowledged.
    window_used: usize,
    /// A counter of PUBLISH and PUBREC packets that keeps resends in order.
    next_position: u64,
    /// The identifiers that the new connection must still send again.
    resends: VecDeque<PacketId>,
}

impl<M> Default for Flight<M> {
    fn default() -> Self {
        Self {
            table: InFlightTable::new(),
            window_used: 0,
            next_position: 0,
            resends: VecDeque::new(),
        }
    }
}

#[derive(Debug)]
struct InFlight<M> {
    position: u64,
    /// True if the message takes room in this connection's window.
    in_window: bool,
    stage: Stage<M>,
}

/// The packet that the receiver owes.
#[derive(Debug)]
enum Stage<M> {
    PubAck(M),
    PubRec(M),
    PubComp,
    /// SUBACK or UNSUBACK: the identifier belongs to a SUBSCRIBE or UNSUBSCRIBE.
    Reply,
}

/// The meaning of a PUBACK.
#[derive(Debug, PartialEq, Eq)]
pub enum PubAckOutcome<M> {
    /// The message is delivered.
    Delivered(M),
    /// No message with this identifier is in flight; ignore it.
    Unknown,
    /// The message in flight awaits another packet.
    Unexpected,
}

/// The meaning of a PUBREC.
#[derive(Debug, PartialEq, Eq)]
pub enum PubRecOutcome<M> {
    /// The receiver has the message: send a PUBREL.
    Received(M),
    /// The receiver has it already: send the PUBREL again.
    Repeated,
    /// The receiver refused the message: send nothing.
    Refused(M),
    /// No message with this identifier is in flight.
    Unknown,
    /// The message in flight awaits another packet.
    Unexpected,
}

/// The meaning of a PUBCOMP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PubCompOutcome {
    /// The delivery is complete.
    Complete,
    /// No message with this identifier is in flight; ignore it.
    Unknown,
    /// The message in flight awaits another packet.
    Unexpected,
}

/// A packet to send again after a reconnect.
#[derive(Debug, PartialEq, Eq)]
pub enum Resend<'a, M> {
    /// The PUBLISH, with DUP set [MQTT-3.3.1-1].
    Publish(Delivery, &'a M),
    /// The PUBREL.
    PubRel(PacketId),
}

impl<M> Outgoing<M> {
    /// Creates the state with nothing in flight; at most `receive_maximum` messages will be.
    pub fn new(receive_maximum: NonZeroU16) -> Self {
        Self {
            receive_maximum,
            last_packet_id: None,
            flight: None,
        }
    }

    /// Returns whether another message may be sent now.
    ///
    /// While messages must be sent again, new ones wait behind them.
    pub fn has_room(&self) -> bool {
        !self.has_resends() && self.window_has_room() && self.has_free_packet_id()
    }

    /// Returns the number of messages that may be sent now.
    pub fn room(&self) -> usize {
        if self.has_resends() {
            return 0;
        }
        let window = usize::from(self.receive_maximum.get()).saturating_sub(self.window_used());
        window.min(usize::from(u16::MAX) - self.in_flight())
    }

    /// Returns the number of messages and identifiers in flight.
    pub fn in_flight(&self) -> usize {
        self.flight.as_ref().map_or(0, |flight| flight.table.len())
    }

    /// Returns the number of messages in flight, without the identifiers of other packets.
    pub fn messages_in_flight(&self) -> usize {
        let all = self.entries().map(|(_, entry)| &entry.stage);
        all.filter(|stage| !matches!(stage, Stage::Reply)).count()
    }

    /// Returns whether nothing is in flight.
    pub fn is_empty(&self) -> bool {
        self.in_flight() == 0
    }

    /// Returns the receive maximum in force.
    pub fn receive_maximum(&self) -> NonZeroU16 {
        self.receive_maximum
    }

    /// Assigns a packet identifier to a message that is sent now at QoS 1 or 2.
    ///
    /// # Panics
    ///
    /// There is no room, or the QoS is 0.
    pub fn send(&mut self, qos: QoS, message: M) -> Delivery {
        self.send_with(qos, |_| message)
    }

    /// Does the same as [`Outgoing::send`] for a message that needs its packet identifier.
    pub fn send_with(&mut self, qos: QoS, message: impl FnOnce(PacketId) -> M) -> Delivery {
        assert!(self.has_room(), "the caller looks for room first");
        let packet_id = self
            .unused_packet_id()
            .expect("room means that one is free");
        let message = message(packet_id);
        let (delivery, stage) = match qos {
            QoS::AtMostOnce => panic!("QoS 0 has no packet identifier"),
            QoS::AtLeastOnce => (Delivery::AtLeastOnce(packet_id), Stage::PubAck(message)),
            QoS::ExactlyOnce => (Delivery::ExactlyOnce(packet_id), Stage::PubRec(message)),
        };
        let flight = self.flight.get_or_insert_default();
        flight.insert(packet_id, stage, true);
        flight.window_used += 1;
        delivery
    }

    /// Assigns an identifier to a SUBSCRIBE or UNSUBSCRIBE; `None` if all are in use.
    pub fn reserve_packet_id(&mut self) -> Option<PacketId> {
        let packet_id = self.unused_packet_id()?;
        self.flight
            .get_or_insert_default()
            .insert(packet_id, Stage::Reply, false);
        Some(packet_id)
    }

    /// Takes the SUBACK or UNSUBACK for a reserved identifier; returns whether it is known.
    pub fn reply(&mut self, packet_id: PacketId) -> bool {
        let known = matches!(self.stage(packet_id), Some(Stage::Reply));
        if known {
            self.remove(packet_id);
        }
        known
    }

    /// Returns the identifier that was assigned or skipped last.
    pub fn last_packet_id(&self) -> Option<PacketId> {
        self.last_packet_id
    }

    /// Skips an identifier and returns it, for the log of a QoS 0 PUBLISH.
    ///
    /// Mosquitto's clients do so, too.
    pub fn skip_packet_id(&mut self) -> Option<PacketId> {
        self.unused_packet_id()
    }

    /// Takes a PUBACK.
    pub fn puback(&mut self, packet_id: PacketId) -> PubAckOutcome<M> {
        match self.stage(packet_id) {
            Some(Stage::PubAck(_)) => {}
            Some(_) => return PubAckOutcome::Unexpected,
            None => return PubAckOutcome::Unknown,
        }
        match self.remove(packet_id) {
            Some(Stage::PubAck(message)) => PubAckOutcome::Delivered(message),
            _ => PubAckOutcome::Unknown,
        }
    }

    /// Takes a PUBREC; `refused` means that its reason code is 0x80 or greater.
    pub fn pubrec(&mut self, packet_id: PacketId, refused: bool) -> PubRecOutcome<M> {
        match self.stage(packet_id) {
            Some(Stage::PubRec(_)) if refused => match self.remove(packet_id) {
                Some(Stage::PubRec(message)) => PubRecOutcome::Refused(message),
                _ => PubRecOutcome::Unknown,
            },
            Some(Stage::PubRec(_)) => {
                let Some(flight) = &mut self.flight else {
                    return PubRecOutcome::Unknown;
                };
                let position = flight.position();
                let Some(entry) = flight.table.get_mut(packet_id) else {
                    return PubRecOutcome::Unknown;
                };
                // PUBRELs go in the order of the PUBRECs [MQTT-4.6.0-4].
                entry.position = position;
                match std::mem::replace(&mut entry.stage, Stage::PubComp) {
                    Stage::PubRec(message) => PubRecOutcome::Received(message),
                    _ => PubRecOutcome::Unknown,
                }
            }
            Some(Stage::PubComp) => PubRecOutcome::Repeated,
            Some(Stage::PubAck(_) | Stage::Reply) => PubRecOutcome::Unexpected,
            None => PubRecOutcome::Unknown,
        }
    }

    /// Takes a PUBCOMP.
    pub fn pubcomp(&mut self, packet_id: PacketId) -> PubCompOutcome {
        match self.stage(packet_id) {
            Some(Stage::PubComp) => {
                self.remove(packet_id);
                PubCompOutcome::Complete
            }
            Some(_) => PubCompOutcome::Unexpected,
            None => PubCompOutcome::Unknown,
        }
    }

    /// Restores a QoS 1 or 2 message that was sent before a restart and not acknowledged.
    ///
    /// Call this in the order in which the messages were sent, and before
    /// [`Outgoing::resume`].
    pub fn restore(&mut self, packet_id: PacketId, qos: QoS, message: M) {
        let stage = match qos {
            QoS::ExactlyOnce => Stage::PubRec(message),
            QoS::AtMostOnce | QoS::AtLeastOnce => Stage::PubAck(message),
        };
        self.flight
            .get_or_insert_default()
            .insert(packet_id, stage, false);
        self.last_packet_id = Some(packet_id);
    }

    /// Restores an identifier for which a PUBREL was owed before a restart.
    pub fn restore_released(&mut self, packet_id: PacketId) {
        self.flight
            .get_or_insert_default()
            .insert(packet_id, Stage::PubComp, false);
        self.last_packet_id = Some(packet_id);
    }

    /// Iterates over the messages without PUBACK or PUBREC, in no order.
    pub fn unacknowledged(&self) -> impl Iterator<Item = (PacketId, &M)> {
        self.entries()
            .filter_map(|(packet_id, entry)| match &entry.stage {
                Stage::PubAck(message) | Stage::PubRec(message) => Some((packet_id, message)),
                Stage::PubComp | Stage::Reply => None,
            })
    }

    /// Ends the connection: nothing is in its window any more.
    pub fn pause(&mut self) {
        let Some(flight) = &mut self.flight else {
            return;
        };
        flight.window_used = 0;
        flight.resends = VecDeque::new();
        for entry in flight.table.values_mut() {
            entry.in_window = false;
        }
    }

    /// Begins a new connection of the same session.
    ///
    /// What is in flight must be sent again, in its order and within the new window.
    pub fn resume(&mut self, receive_maximum: NonZeroU16) {
        self.pause();
        self.receive_maximum = receive_maximum;
        let Some(flight) = &mut self.flight else {
            return;
        };
        let entries = flight.table.iter();
        let replies = entries.filter(|(_, entry)| matches!(entry.stage, Stage::Reply));
        let replies: Vec<_> = replies.map(|(packet_id, _)| packet_id).collect();
        for packet_id in replies {
            flight.table.remove(packet_id);
        }
        if flight.table.len() == 0 {
            self.flight = None;
            return;
        }
        let entries = flight.table.iter();
        let mut order: Vec<_> = entries
            .map(|(packet_id, entry)| (entry.position, packet_id))
            .collect();
        order.sort_unstable();
        flight.resends = order.into_iter().map(|(_, packet_id)| packet_id).collect();
    }

    /// Takes back the unwanted messages that must still be sent again, in their order.
    ///
    /// Messages in the window of the present connection stay, and so do those whose PUBREC
    /// arrived. The packet identifiers become free but are used again last: a receiver may still
    /// know a QoS 2 message by one of them, and would take a new message for a repetition.
    pub fn withdraw(&mut self, mut is_unwanted: impl FnMut(&M) -> bool) -> Vec<M> {
        let mut unwanted: Vec<_> = self
            .entries()
            .filter(|(_, entry)| !entry.in_window)
            .filter(|(_, entry)| match &entry.stage {
                Stage::PubAck(message) | Stage::PubRec(message) => is_unwanted(message),
                Stage::PubComp | Stage::Reply => false,
            })
            .map(|(packet_id, entry)| (entry.position, packet_id))
            .collect();
        unwanted.sort_unstable();
        let messages =
            unwanted
                .into_iter()
                .filter_map(|(_, packet_id)| match self.remove(packet_id) {
                    Some(Stage::PubAck(message) | Stage::PubRec(message)) => Some(message),
                    _ => None,
                });
        let messages: Vec<_> = messages.collect();
        if let Some(flight) = self.flight.as_mut().filter(|_| !messages.is_empty()) {
            let table = &flight.table;
            flight
                .resends
                .retain(|&packet_id| table.contains(packet_id));
        }
        messages
    }

    /// Returns the next packet to send again, if the window has room for it.
    ///
    /// Call this until it returns `None`, and again when an acknowledgement made room.
    pub fn next_resend(&mut self) -> Option<Resend<'_, M>> {
        if !self.window_has_room() {
            return None;
        }
        let flight = self.flight.as_mut()?;
        // An acknowledgement for the last connection may have come in the meantime.
        let packet_id = loop {
            let packet_id = flight.pop_resend()?;
            if flight.table.contains(packet_id) {
                break packet_id;
            }
        };
        flight.window_used += 1;
        let entry = flight.table.get_mut(packet_id)?;
        entry.in_window = true;
        match &entry.stage {
            Stage::PubAck(message) => {
                Some(Resend::Publish(Delivery::AtLeastOnce(packet_id), message))
            }
            Stage::PubRec(message) => {
                Some(Resend::Publish(Delivery::ExactlyOnce(packet_id), message))
            }
            Stage::PubComp | Stage::Reply => Some(Resend::PubRel(packet_id)),
        }
    }

    /// Returns whether something must still be sent again.
    pub fn has_resends(&self) -> bool {
        self.flight
            .as_ref()
            .is_some_and(|flight| !flight.resends.is_empty())
    }

    /// Iterates over the messages in flight in order, except those whose PUBREC came.
    pub fn messages(&self) -> impl Iterator<Item = &M> {
        let mut entries: Vec<_> = self.entries().map(|(_, entry)| entry).collect();
        entries.sort_unstable_by_key(|entry| entry.position);
        entries.into_iter().filter_map(|entry| match &entry.stage {
            Stage::PubAck(message) | Stage::PubRec(message) => Some(message),
            Stage::PubComp | Stage::Reply => None,
        })
    }

    /// Ends the session and gives back everything in flight, in order.
    pub fn drain(&mut self) -> Vec<M> {
        let flight = self.flight.take();
        let entries = flight
            .into_iter()
            .flat_map(|flight| flight.table.take_all());
        let mut entries: Vec<_> = entries.collect();
        entries.sort_unstable_by_key(|entry| entry.position);
        let messages = entries.into_iter().filter_map(|entry| match entry.stage {
            Stage::PubAck(message) | Stage::PubRec(message) => Some(message),
            Stage::PubComp | Stage::Reply => None,
        });
        messages.collect()
    }

    fn entries(&self) -> impl Iterator<Item = (PacketId, &InFlight<M>)> {
        self.flight.iter().flat_map(|flight| flight.table.iter())
    }

    fn stage(&self, packet_id: PacketId) -> Option<&Stage<M>> {
        let entry = self.flight.as_ref()?.table.get(packet_id);
        entry.map(|entry| &entry.stage)
    }

    fn window_used(&self) -> usize {
        self.flight.as_ref().map_or(0, |flight| flight.window_used)
    }

    fn window_has_room(&self) -> bool {
        self.window_used() < usize::from(self.receive_maximum.get())
    }

    fn has_free_packet_id(&self) -> bool {
        self.in_flight() < usize::from(u16::MAX)
    }

    /// Returns the next identifier that is not in use [MQTT-2.2.1-3].
    fn unused_packet_id(&mut self) -> Option<PacketId> {
        if !self.has_free_packet_id() {
            return None;
        }
        let mut packet_id = self.last_packet_id.map_or(PacketId::FIRST, PacketId::next);
        while self.stage(packet_id).is_some() {
            packet_id = packet_id.next();
        }
        self.last_packet_id = Some(packet_id);
        Some(packet_id)
    }

    fn remove(&mut self, packet_id: PacketId) -> Option<Stage<M>> {
        let flight = self.flight.as_mut()?;
        let entry = flight.table.remove(packet_id)?;
        if entry.in_window {
            flight.window_used -= 1;
        }
        Some(entry.stage)
    }
}

impl<M> Flight<M> {
    fn position(&mut self) -> u64 {
        self.next_position += 1;
        self.next_position
    }

    fn insert(&mut self, packet_id: PacketId, stage: Stage<M>, in_window: bool) {
        let position = self.position();
        self.table.insert(
            packet_id,
            InFlight {
                position,
                in_window,
                stage,
            },
        );
    }

    fn pop_resend(&mut self) -> Option<PacketId> {
        let packet_id = self.resends.pop_front();
        if self.resends.is_empty() {
            self.resends = VecDeque::new();
        }
        packet_id
    }
}
