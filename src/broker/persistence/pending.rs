//! Changes on their way into the store.

mod commit_delay;
mod tickets;

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use foldhash::fast::RandomState;

use self::commit_delay::CommitDelay;
use self::tickets::Tickets;
use super::key::Key;
use super::record::Record;
use super::ticket_number::TicketNumber;
use crate::broker::ground::SessionNumber;
use crate::protocol::PacketId;

/// Commit delay of a change that nobody waits for: many are cheaper together.
const LATER: Duration = Duration::from_millis(20);

/// Time to store a batch from which a disk counts as slow.
const SLOW: Duration = Duration::from_millis(20);

/// After a batch that took at least this long to store, the next one is delayed a little: whoever
/// was acknowledged sends again at once, and would wait for two batches otherwise.
const WORTH_A_DELAY: Duration = Duration::from_millis(1);
/// The longest such delay.
const LONGEST_DELAY: Duration = Duration::from_millis(5);
/// A batch with fewer changes has too few senders to wait for.
const FEW: usize = 8;

/// Room for so many changes at most is used again when they were all needless.
const KEPT_ROOM: usize = 4096;

/// Changes by their keys.
type Changes = HashMap<Key, Change, RandomState>;

/// Urgency with which a change has to be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::broker) enum Urgency {
    /// With others, as nobody waits for it.
    Lazy,
    /// A little later, as it may become needless.
    Deferred,
    /// As soon as the store is free.
    Immediate,
}

/// Change of one record.
#[derive(Debug)]
pub(super) struct Change {
    /// The new record; `None` deletes it.
    pub(super) record: Option<Record>,
    /// Set when the store has never had the key.
    fresh: bool,
    /// The ticket that waits for it.
    ticket: Option<TicketNumber>,
    more_tickets: Vec<TicketNumber>,
}

impl Change {
    pub(super) fn put(record: Record, fresh: bool, ticket: Option<TicketNumber>) -> Self {
        Self {
            record: Some(record),
            fresh,
            ticket,
            more_tickets: Vec::new(),
        }
    }

    fn removal() -> Self {
        Self {
            record: None,
            fresh: false,
            ticket: None,
            more_tickets: Vec::new(),
        }
    }

    fn tickets(&self) -> impl Iterator<Item = TicketNumber> + '_ {
        self.ticket
            .into_iter()
            .chain(self.more_tickets.iter().copied())
    }

    /// Makes this the last of two changes of one key.
    fn follows(&mut self, earlier: Self) {
        self.fresh = earlier.fresh;
        self.more_tickets.extend(earlier.tickets());
    }
}

/// Changes that are stored at once.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// No key is in both.
    parts: [Changes; 2],
    waiting: Vec<TicketNumber>,
}

impl Batch {
    /// The changes, in no order.
    pub(super) fn changes(&self) -> impl Iterator<Item = (&Key, &Change)> {
        self.parts.iter().flatten()
    }

    /// Returns the number of changes.
    pub(super) fn len(&self) -> usize {
        self.parts.iter().map(HashMap::len).sum()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The changes that are not yet stored, and who waits for them.
#[derive(Default)]
pub(super) struct Pending {
    /// Changes that were given time to become needless: those whose time is over next. A
    /// later change of one of them takes its place here.
    old: Changes,
    young: Changes,
    /// Tickets that wait for all of them.
    waiting: Vec<TicketNumber>,
    commit_delay: CommitDelay,
    /// The number of old changes when they became old.
    had_old: usize,
    /// The time at which the present batch began to be stored.
    committing_since: Option<Instant>,
    /// Set when the last one took long.
    is_slow: bool,
    /// The earliest time of the next one.
    not_before: Option<Instant>,
    /// The urgency of the next batch, and the time at which it is due.
    due: Option<(Urgency, Instant)>,
    pub(super) tickets: Tickets,
    /// Unreleased QoS 2 messages that have a record.
    incoming: HashSet<(SessionNumber, PacketId), RandomState>,
    /// Set while nothing is stored, so that all of it is stored together.
    is_held: bool,
    /// Set when somebody wants everything on the disk.
    wants_sync: bool,
    /// Set when changes are no longer taken: what the program drops as it ends stays in
    /// the store.
    is_closed: bool,
}

impl Pending {
    pub(super) fn due(&self) -> Option<Instant> {
        self.due.map(|(_, due)| due).filter(|_| !self.is_held)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0 && self.waiting.is_empty()
    }

    /// Returns the number of changes that wait.
    pub(super) fn len(&self) -> usize {
        self.old.len() + self.young.len()
    }

    /// Has nothing stored until it is let go, and then everything together.
    pub(super) fn set_held(&mut self, is_held: bool) -> bool {
        self.is_held = is_held;
        !is_held && self.store_all()
    }

    /// Asks for everything to be brought to the disk.
    pub(super) fn sync(&mut self) -> bool {
        self.wants_sync = true;
        true
    }

    /// Returns whether a sync was asked for and nothing is left to be stored before it.
    pub(super) fn take_sync(&mut self) -> bool {
        if !self.is_empty() {
            return false;
        }
        std::mem::take(&mut self.wants_sync)
    }

    pub(super) fn close(&mut self) {
        self.is_closed = true;
    }

    pub(super) fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// Takes a change; says whether whoever stores has to be told.
    pub(super) fn put(&mut self, key: Key, change: Change, urgency: Urgency) -> bool {
        if self.is_closed {
            return false;
        }
        for ticket in change.tickets() {
            self.tickets.hold(ticket);
        }
        if urgency == Urgency::Deferred && change.fresh {
            self.commit_delay.began(key);
        }
        let is_first = change.fresh && !key.is_used_again();
        let changes = match is_first {
            true => &mut self.young,
            false => self.part(key),
        };
        match changes.entry(key) {
            Entry::Vacant(entry) => {
                entry.insert(change);
            }
            Entry::Occupied(mut entry) => {
                let earlier = std::mem::replace(entry.get_mut(), change);
                entry.get_mut().follows(earlier);
            }
        }
        self.bring_forward(urgency)
    }

    /// Returns the part that holds changes of the record.
    fn part(&mut self, key: Key) -> &mut Changes {
        match self.old.contains_key(&key) {
            true => &mut self.old,
            false => &mut self.young,
        }
    }

    /// Takes a record away. One that the store has never had is gone at once, and with
    /// it the need to wait for it.
    pub(super) fn remove(&mut self, key: Key) -> bool {
        if self.is_closed {
            return false;
        }
        self.commit_delay.ended(key);
        let young = self.young.remove(&key);
        let is_old = young.is_none();
        match young.or_else(|| self.old.remove(&key)) {
            None => {
                self.young.insert(key, Change::removal());
            }
            Some(earlier) if earlier.fresh => {
                for ticket in earlier.tickets() {
                    self.tickets.release(ticket);
                }
                return false;
            }
            Some(earlier) => {
                let mut removal = Change::removal();
                removal.follows(earlier);
                let changes = match is_old {
                    true => &mut self.old,
                    false => &mut self.young,
                };
                changes.insert(key, removal);
            }
        }
        self.bring_forward(Urgency::Lazy)
    }

    /// Notes that an unreleased QoS 2 message has a record from now on.
    pub(super) fn put_incoming(
        &mut self,
        (session, packet_id): (SessionNumber, PacketId),
        ticket: Option<TicketNumber>,
    ) -> bool {
        let fresh = self.incoming.insert((session, packet_id));
        let change = Change::put(Record::Incoming, fresh, ticket);
        self.put(
            Key::Incoming(session, packet_id),
            change,
            Urgency::Immediate,
        )
    }

    /// Notes that an unreleased QoS 2 message has a record already.
    pub(super) fn restore_incoming(&mut self, session: SessionNumber, packet_id: PacketId) {
        self.incoming.insert((session, packet_id));
    }

    /// Takes the record of a QoS 2 message away that was released, if it has one.
    pub(super) fn remove_incoming(&mut self, session: SessionNumber, packet_id: PacketId) -> bool {
        self.incoming.remove(&(session, packet_id)) && {
            self.remove(Key::Incoming(session, packet_id));
            true
        }
    }

    /// Has everything that was changed so far stored together.
    pub(super) fn store_all(&mut self) -> bool {
        !self.is_closed && self.bring_forward(Urgency::Immediate)
    }

    /// Brings the next batch forward where that is needed; says whether it was.
    fn bring_forward(&mut self, urgency: Urgency) -> bool {
        if self.due.is_some_and(|(known, _)| known >= urgency) {
            return false;
        }
        let commit_delay = match urgency {
            Urgency::Immediate => Duration::ZERO,
            Urgency::Deferred => self.commit_delay(self.len()),
            Urgency::Lazy => LATER,
        };
        let due = Instant::now() + commit_delay;
        let due = self.due.map_or(due, |(_, known)| known.min(due));
        let due = self.not_before.map_or(due, |earliest| earliest.max(due));
        self.due = Some((urgency, due));
        true
    }

    /// Makes the ticket wait for everything that was changed so far.
    pub(super) fn wait_for_all(&mut self, ticket: TicketNumber) -> bool {
        if self.is_closed || (self.is_empty() && self.committing_since.is_none()) {
            return false;
        }
        self.tickets.hold(ticket);
        self.waiting.push(ticket);
        self.bring_forward(Urgency::Immediate)
    }

    /// Takes what is to be stored now. Unless there is a hurry these are the old changes,
    /// and the young ones are old from then on.
    pub(super) fn take(&mut self) -> Batch {
        let due = self.due.take();
        self.committing_since = Some(Instant::now());
        self.commit_delay.look_at_clock();
        if !matches!(due, Some((Urgency::Deferred, _))) {
            return Batch {
                parts: [
                    std::mem::take(&mut self.old),
                    std::mem::take(&mut self.young),
                ],
                waiting: std::mem::take(&mut self.waiting),
            };
        }
        self.commit_delay
            .record_outcome(self.had_old, self.old.len());
        let mut old = std::mem::replace(&mut self.old, std::mem::take(&mut self.young));
        self.had_old = self.old.len();
        if self.old.is_empty() {
            // Nothing waits for the moment.
            self.old = Changes::default();
        } else {
            let due = Instant::now() + self.commit_delay(self.had_old);
            self.due = Some((Urgency::Deferred, due));
            if old.is_empty() && old.capacity() <= KEPT_ROOM {
                self.young = std::mem::take(&mut old);
            }
        }
        Batch {
            parts: [old, Changes::default()],
            waiting: Vec::new(),
        }
    }

    /// Notes that a batch is stored.
    pub(super) fn committed(&mut self, batch: &Batch) {
        let since = self.committing_since.take();
        if let (Some(since), false) = (since, batch.is_empty()) {
            self.took(since.elapsed(), batch.len());
        }
        if self.is_slow && matches!(self.due, Some((Urgency::Deferred, _))) {
            self.age();
        }
        for (_, change) in batch.changes() {
            for ticket in change.tickets() {
                self.tickets.release(ticket);
            }
        }
        for &ticket in &batch.waiting {
            self.tickets.release(ticket);
        }
    }

    /// Notes how long it took to store so many changes, and gives the next ones time to gather.
    fn took(&mut self, time: Duration, changes: usize) {
        self.is_slow = time >= SLOW;
        self.not_before = None;
        if time < WORTH_A_DELAY || changes < FEW {
            return;
        }
        let earliest = Instant::now() + LONGEST_DELAY.min(time / 4);
        self.not_before = Some(earliest);
        if let Some((Urgency::Immediate, due)) = &mut self.due {
            *due = earliest.max(*due);
        }
    }

    /// Makes all changes old, as they had a long time to become needless: while a batch was being
    /// stored that nothing could be added to. The next one would take as long, too.
    fn age(&mut self) {
        let (mut fewer, mut more) = (
            std::mem::take(&mut self.young),
            std::mem::take(&mut self.old),
        );
        if fewer.len() > more.len() {
            std::mem::swap(&mut fewer, &mut more);
        }
        more.extend(fewer);
        self.old = more;
        self.had_old = self.old.len();
        self.due = Some((
            Urgency::Deferred,
            Instant::now() + self.commit_delay(self.had_old),
        ));
    }

    /// Returns how long so many changes may wait to become needless.
    fn commit_delay(&self, changes: usize) -> Duration {
        // On a slow disk they wait for it long enough.
        let changes = if self.is_slow { 0 } else { changes };
        self.commit_delay.time(changes)
    }

    /// Takes a batch back that could not be stored; it is due again with what came
    /// meanwhile.
    pub(super) fn take_back(&mut self, batch: Batch) {
        self.committing_since = None;
        let [old, young] = batch.parts;
        let later = [
            std::mem::replace(&mut self.old, old),
            std::mem::replace(&mut self.young, young),
        ];
        for (key, mut change) in later.into_iter().flatten() {
            let changes = self.part(key);
            let earlier = changes.remove(&key);
            let never_stored = earlier.as_ref().is_some_and(|earlier| earlier.fresh);
            if let Some(earlier) = earlier {
                change.follows(earlier);
            }
            if never_stored && change.record.is_none() {
                for ticket in change.tickets() {
                    self.tickets.release(ticket);
                }
            } else {
                changes.insert(key, change);
            }
        }
        self.waiting.extend(batch.waiting);
        self.due = Some((Urgency::Immediate, Instant::now()));
    }
}

#[cfg(test)]
mod tests;
