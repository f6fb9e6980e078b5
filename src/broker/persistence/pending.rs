//! Changes on their way into the store.

use std::collections::{HashMap, HashSet};
use std::num::NonZeroU64;
use std::task::Waker;
use std::time::{Duration, Instant};

use foldhash::fast::RandomState;

use super::key::Key;
use super::record::Record;
use super::ticket::TicketNumber;
use crate::broker::session::SessionNumber;
use crate::protocol::PacketId;

/// So long a change waits that may well become needless: a connected subscriber
/// acknowledges most messages within it.
const SOON: Duration = Duration::from_millis(1);
/// So long a change waits for which nobody waits: many are cheaper together.
const LATER: Duration = Duration::from_millis(20);

/// Changes by their keys.
pub(super) type Changes = HashMap<Key, Change, RandomState>;

/// How soon a change has to be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::broker) enum Pace {
    /// With others, as nobody waits for it.
    Later,
    /// A little later, as it may become needless.
    Soon,
    /// As soon as the store is free.
    Now,
}

/// What becomes of a record.
#[derive(Debug)]
pub(super) struct Change {
    /// What it is from now on; `None` when it goes.
    pub(super) record: Option<Record>,
    /// Whether the store has never had the key.
    fresh: bool,
    /// Who waits for it.
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

/// What is stored at once.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) changes: Changes,
    waiting: Vec<TicketNumber>,
}

/// The changes that are not yet stored, and who waits for them.
#[derive(Default)]
pub(super) struct Pending {
    next: Batch,
    /// Whether a batch is being stored.
    is_committing: bool,
    /// How soon the next batch is to be stored, and when that is.
    due: Option<(Pace, Instant)>,
    tickets: HashMap<TicketNumber, TicketState, RandomState>,
    last_ticket: u64,
    /// Unreleased QoS 2 messages that have a record.
    incoming: HashSet<(SessionNumber, PacketId), RandomState>,
    /// Whether somebody wants everything on the disk.
    wants_sync: bool,
    /// Whether changes are no longer taken: what is forgotten as the program ends is not
    /// forgotten by the store.
    is_closed: bool,
}

struct TicketState {
    /// Changes, and one for being open.
    holds: usize,
    wakers: Vec<Waker>,
}

impl Pending {
    pub(super) fn due(&self) -> Option<Instant> {
        self.due.map(|(_, due)| due)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.next.changes.is_empty() && self.next.waiting.is_empty()
    }

    /// How many changes wait.
    pub(super) fn len(&self) -> usize {
        self.next.changes.len()
    }

    /// Asks for everything to be brought to the disk.
    pub(super) fn sync(&mut self) -> bool {
        self.wants_sync = true;
        true
    }

    /// Whether that was asked for and nothing is left to be stored before it.
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
    pub(super) fn put(&mut self, key: Key, mut change: Change, pace: Pace) -> bool {
        if self.is_closed {
            return false;
        }
        for ticket in change.tickets() {
            self.hold(ticket);
        }
        if let Some(earlier) = self.next.changes.remove(&key) {
            change.follows(earlier);
        }
        self.next.changes.insert(key, change);
        self.hurry(pace)
    }

    /// Takes a record away. One that the store has never had is gone at once, and with
    /// it the need to wait for it.
    pub(super) fn remove(&mut self, key: Key) -> bool {
        if self.is_closed {
            return false;
        }
        match self.next.changes.remove(&key) {
            Some(change) if change.fresh => {
                for ticket in change.tickets() {
                    self.release(ticket);
                }
                return false;
            }
            Some(earlier) => {
                let mut removal = Change::removal();
                removal.follows(earlier);
                self.next.changes.insert(key, removal);
            }
            None => {
                self.next.changes.insert(key, Change::removal());
            }
        }
        self.hurry(Pace::Later)
    }

    /// Notes that an unreleased QoS 2 message has a record from now on.
    pub(super) fn put_incoming(
        &mut self,
        (session, packet_id): (SessionNumber, PacketId),
        ticket: Option<TicketNumber>,
    ) -> bool {
        let fresh = self.incoming.insert((session, packet_id));
        let change = Change::put(Record::Incoming, fresh, ticket);
        self.put(Key::Incoming(session, packet_id), change, Pace::Now)
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

    /// Brings the next batch forward where that is needed; says whether it was.
    fn hurry(&mut self, pace: Pace) -> bool {
        if self.due.is_some_and(|(known, _)| known >= pace) {
            return false;
        }
        let patience = match pace {
            Pace::Now => Duration::ZERO,
            Pace::Soon => SOON,
            Pace::Later => LATER,
        };
        let due = Instant::now() + patience;
        let due = self.due.map_or(due, |(_, known)| known.min(due));
        self.due = Some((pace, due));
        true
    }

    /// Gives out a ticket, which is open.
    pub(super) fn open_ticket(&mut self) -> TicketNumber {
        self.last_ticket += 1;
        let number = NonZeroU64::new(self.last_ticket).expect("counting begins at one");
        let number = TicketNumber(number);
        self.hold(number);
        number
    }

    fn hold(&mut self, ticket: TicketNumber) {
        let state = self.tickets.entry(ticket).or_insert(TicketState {
            holds: 0,
            wakers: Vec::new(),
        });
        state.holds += 1;
    }

    /// Lets a ticket go for one change, or for being open.
    pub(super) fn release(&mut self, ticket: TicketNumber) {
        let Some(state) = self.tickets.get_mut(&ticket) else {
            return;
        };
        state.holds -= 1;
        if state.holds == 0 {
            let state = self.tickets.remove(&ticket);
            state
                .into_iter()
                .flat_map(|state| state.wakers)
                .for_each(Waker::wake);
        }
    }

    /// Makes the ticket wait for everything that was changed so far.
    pub(super) fn wait_for_all(&mut self, ticket: TicketNumber) -> bool {
        if self.is_closed || (self.next.changes.is_empty() && !self.is_committing) {
            return false;
        }
        self.hold(ticket);
        self.next.waiting.push(ticket);
        self.hurry(Pace::Now)
    }

    /// Whether a ticket is done; if not, the waker is told when it is.
    pub(super) fn poll_done(&mut self, ticket: TicketNumber, waker: &Waker) -> bool {
        let Some(state) = self.tickets.get_mut(&ticket) else {
            return true;
        };
        if !state.wakers.iter().any(|known| known.will_wake(waker)) {
            state.wakers.push(waker.clone());
        }
        false
    }

    pub(super) fn is_done(&self, ticket: TicketNumber) -> bool {
        !self.tickets.contains_key(&ticket)
    }

    /// Takes what is to be stored now.
    pub(super) fn take(&mut self) -> Batch {
        self.due = None;
        self.is_committing = true;
        std::mem::take(&mut self.next)
    }

    /// Notes that a batch is stored.
    pub(super) fn committed(&mut self, batch: &Batch) {
        self.is_committing = false;
        for change in batch.changes.values() {
            for ticket in change.tickets() {
                self.release(ticket);
            }
        }
        for &ticket in &batch.waiting {
            self.release(ticket);
        }
    }

    /// Takes a batch back that could not be stored; it is due again with what came
    /// meanwhile.
    pub(super) fn take_back(&mut self, batch: Batch) {
        self.is_committing = false;
        let later = std::mem::replace(&mut self.next, batch);
        for (key, mut change) in later.changes {
            let earlier = self.next.changes.remove(&key);
            let never_stored = earlier.as_ref().is_some_and(|earlier| earlier.fresh);
            if let Some(earlier) = earlier {
                change.follows(earlier);
            }
            if never_stored && change.record.is_none() {
                for ticket in change.tickets() {
                    self.release(ticket);
                }
            } else {
                self.next.changes.insert(key, change);
            }
        }
        self.next.waiting.extend(later.waiting);
        self.due = Some((Pace::Now, Instant::now()));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use super::*;

    const KEY: Key = Key::Message(1);

    fn put(pending: &mut Pending, fresh: bool, ticket: Option<TicketNumber>) {
        let change = Change::put(Record::Incoming, fresh, ticket);
        pending.put(KEY, change, Pace::Now);
    }

    #[derive(Default)]
    struct Wakes(AtomicUsize);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn a_record_that_came_and_went_is_never_stored_and_nobody_waits_for_it() {
        let mut pending = Pending::default();
        let ticket = pending.open_ticket();
        put(&mut pending, true, Some(ticket));
        pending.release(ticket);
        assert!(!pending.is_done(ticket));
        pending.remove(KEY);
        assert!(pending.is_done(ticket));
        assert!(pending.take().changes.is_empty());
    }

    #[test]
    fn a_record_that_the_store_has_is_taken_out_of_it() {
        let mut pending = Pending::default();
        put(&mut pending, true, None);
        let batch = pending.take();
        pending.committed(&batch);
        pending.remove(KEY);
        assert!(pending.take().changes[&KEY].record.is_none());
    }

    #[test]
    fn a_ticket_is_done_when_all_its_changes_are_stored_and_it_is_closed() {
        let mut pending = Pending::default();
        let ticket = pending.open_ticket();
        put(&mut pending, true, Some(ticket));
        let batch = pending.take();
        pending.committed(&batch);
        assert!(!pending.is_done(ticket), "it is open");
        pending.release(ticket);
        assert!(pending.is_done(ticket));
    }

    #[test]
    fn who_waits_is_woken_once() {
        let mut pending = Pending::default();
        let wakes = Arc::new(Wakes::default());
        let waker = Waker::from(Arc::clone(&wakes));
        let ticket = pending.open_ticket();
        put(&mut pending, true, Some(ticket));
        pending.release(ticket);
        assert!(!pending.poll_done(ticket, &waker));
        assert!(!pending.poll_done(ticket, &waker));
        let batch = pending.take();
        pending.committed(&batch);
        assert_eq!(wakes.0.load(Ordering::Relaxed), 1);
        assert!(pending.poll_done(ticket, &waker));
    }

    #[test]
    fn waiting_for_all_is_over_at_once_when_nothing_is_pending() {
        let mut pending = Pending::default();
        let ticket = pending.open_ticket();
        pending.wait_for_all(ticket);
        pending.release(ticket);
        assert!(pending.is_done(ticket));
    }

    #[test]
    fn waiting_for_all_waits_for_what_is_being_stored() {
        let mut pending = Pending::default();
        put(&mut pending, true, None);
        let batch = pending.take();
        let ticket = pending.open_ticket();
        pending.wait_for_all(ticket);
        pending.release(ticket);
        pending.committed(&batch);
        assert!(!pending.is_done(ticket));
        let batch = pending.take();
        pending.committed(&batch);
        assert!(pending.is_done(ticket));
    }

    #[test]
    fn a_batch_that_failed_is_merged_with_what_came_meanwhile() {
        let mut pending = Pending::default();
        let ticket = pending.open_ticket();
        put(&mut pending, true, Some(ticket));
        pending.release(ticket);
        let batch = pending.take();
        pending.remove(KEY);
        pending.take_back(batch);
        assert!(pending.is_done(ticket), "it is no longer needed");
        assert!(pending.take().changes.is_empty());
    }

    #[test]
    fn an_identifier_that_is_used_again_replaces_its_removal() {
        let session = SessionNumber::from_stored(1);
        let mut pending = Pending::default();
        pending.restore_incoming(session, PacketId::FIRST);
        assert!(pending.remove_incoming(session, PacketId::FIRST));
        assert!(!pending.remove_incoming(session, PacketId::FIRST));
        pending.put_incoming((session, PacketId::FIRST), None);
        assert!(pending.remove_incoming(session, PacketId::FIRST));
        let batch = pending.take();
        assert!(
            batch.changes[&Key::Incoming(session, PacketId::FIRST)]
                .record
                .is_none()
        );
    }

    #[test]
    fn what_is_forgotten_after_the_end_stays_in_the_store() {
        let mut pending = Pending::default();
        pending.close();
        pending.remove(KEY);
        assert!(pending.is_empty());
    }
}
