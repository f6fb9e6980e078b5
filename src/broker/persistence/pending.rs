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

/// A change that may well become needless waits once or twice as long as the patience of
/// the moment: while connected subscribers acknowledge most messages within it it grows,
/// and shrinks when that is waited for in vain.
const LEAST_PATIENCE: Duration = Duration::from_micros(500);
const MOST_PATIENCE: Duration = Duration::from_millis(8);
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
    /// No key is in both.
    parts: [Changes; 2],
    waiting: Vec<TicketNumber>,
}

impl Batch {
    /// The changes, in no order.
    pub(super) fn changes(&self) -> impl Iterator<Item = (&Key, &Change)> {
        self.parts.iter().flatten()
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.parts.iter().map(HashMap::len).sum()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The changes that are not yet stored, and who waits for them.
pub(super) struct Pending {
    /// Changes that were given time to become needless: those whose time is over next. A
    /// later change of one of them takes its place here.
    old: Changes,
    young: Changes,
    /// Who waits for all of them.
    waiting: Vec<TicketNumber>,
    patience: Duration,
    /// How many of the old changes there were at first.
    had_old: usize,
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

impl Default for Pending {
    fn default() -> Self {
        Self {
            old: Changes::default(),
            young: Changes::default(),
            waiting: Vec::new(),
            patience: LEAST_PATIENCE,
            had_old: 0,
            is_committing: false,
            due: None,
            tickets: HashMap::default(),
            last_ticket: 0,
            incoming: HashSet::default(),
            wants_sync: false,
            is_closed: false,
        }
    }
}

impl Pending {
    pub(super) fn due(&self) -> Option<Instant> {
        self.due.map(|(_, due)| due)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0 && self.waiting.is_empty()
    }

    /// How many changes wait.
    pub(super) fn len(&self) -> usize {
        self.old.len() + self.young.len()
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
        let changes = self.part(key);
        if let Some(earlier) = changes.remove(&key) {
            change.follows(earlier);
        }
        changes.insert(key, change);
        self.hurry(pace)
    }

    /// Where a change of the record belongs.
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
        let changes = self.part(key);
        match changes.remove(&key) {
            Some(change) if change.fresh => {
                for ticket in change.tickets() {
                    self.release(ticket);
                }
                return false;
            }
            Some(earlier) => {
                let mut removal = Change::removal();
                removal.follows(earlier);
                changes.insert(key, removal);
            }
            None => {
                changes.insert(key, Change::removal());
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

    /// Has everything that was changed so far stored together.
    pub(super) fn store_all(&mut self) -> bool {
        !self.is_closed && self.hurry(Pace::Now)
    }

    /// Brings the next batch forward where that is needed; says whether it was.
    fn hurry(&mut self, pace: Pace) -> bool {
        if self.due.is_some_and(|(known, _)| known >= pace) {
            return false;
        }
        let patience = match pace {
            Pace::Now => Duration::ZERO,
            Pace::Soon => self.patience,
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
        if self.is_closed || (self.is_empty() && !self.is_committing) {
            return false;
        }
        self.hold(ticket);
        self.waiting.push(ticket);
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

    /// Takes what is to be stored now. Unless there is a hurry these are the old changes,
    /// and the young ones are old from then on.
    pub(super) fn take(&mut self) -> Batch {
        let due = self.due.take();
        self.is_committing = true;
        if !matches!(due, Some((Pace::Soon, _))) {
            return Batch {
                parts: [
                    std::mem::take(&mut self.old),
                    std::mem::take(&mut self.young),
                ],
                waiting: std::mem::take(&mut self.waiting),
            };
        }
        self.adapt_patience();
        let old = std::mem::replace(&mut self.old, std::mem::take(&mut self.young));
        self.had_old = self.old.len();
        if !self.old.is_empty() {
            self.due = Some((Pace::Soon, Instant::now() + self.patience));
        }
        Batch {
            parts: [old, Changes::default()],
            waiting: Vec::new(),
        }
    }

    fn adapt_patience(&mut self) {
        /// Of so many changes one may be left.
        const GOOD: usize = 10;
        /// Of so many changes one should be gone.
        const BAD: usize = 2;
        let left = self.old.len();
        if self.had_old > 0 && left * GOOD <= self.had_old {
            self.patience = MOST_PATIENCE.min(self.patience * 2);
        } else if left * BAD > self.had_old {
            self.patience = LEAST_PATIENCE.max(self.patience / 2);
        }
    }

    /// Notes that a batch is stored.
    pub(super) fn committed(&mut self, batch: &Batch) {
        self.is_committing = false;
        for (_, change) in batch.changes() {
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
                    self.release(ticket);
                }
            } else {
                changes.insert(key, change);
            }
        }
        self.waiting.extend(batch.waiting);
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

    fn removes(batch: &Batch, key: Key) -> bool {
        batch
            .changes()
            .any(|(changed, change)| *changed == key && change.record.is_none())
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
        assert!(pending.take().is_empty());
    }

    #[test]
    fn a_record_that_the_store_has_is_taken_out_of_it() {
        let mut pending = Pending::default();
        put(&mut pending, true, None);
        let batch = pending.take();
        pending.committed(&batch);
        pending.remove(KEY);
        assert!(removes(&pending.take(), KEY));
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
        assert!(pending.take().is_empty());
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
        let key = Key::Incoming(session, PacketId::FIRST);
        assert!(removes(&pending.take(), key));
    }

    fn put_soon(pending: &mut Pending, number: u64) {
        let change = Change::put(Record::Incoming, true, None);
        pending.put(Key::Message(number), change, Pace::Soon);
    }

    #[test]
    fn what_may_become_needless_is_given_time() {
        let mut pending = Pending::default();
        put_soon(&mut pending, 1);
        assert!(pending.take().is_empty(), "it is young");
        put_soon(&mut pending, 2);
        assert_eq!(
            pending.take().len(),
            1,
            "the first is old, the second young"
        );
        pending.remove(Key::Message(2));
        assert!(pending.take().is_empty());
        assert_eq!(pending.due(), None);
    }

    #[test]
    fn in_a_hurry_old_and_young_are_stored_together() {
        let mut pending = Pending::default();
        put_soon(&mut pending, 1);
        assert!(pending.take().is_empty());
        put_soon(&mut pending, 2);
        let ticket = pending.open_ticket();
        pending.wait_for_all(ticket);
        pending.release(ticket);
        let batch = pending.take();
        assert_eq!(batch.len(), 2);
        pending.committed(&batch);
        assert!(pending.is_done(ticket));
    }

    #[test]
    fn patience_grows_where_it_pays_and_shrinks_where_not() {
        let mut pending = Pending::default();
        for number in 0..10 {
            put_soon(&mut pending, number);
            pending.take();
            pending.remove(Key::Message(number));
        }
        assert_eq!(pending.patience, MOST_PATIENCE);
        for number in 10..20 {
            put_soon(&mut pending, number);
            pending.take();
        }
        assert_eq!(pending.patience, LEAST_PATIENCE);
    }

    #[test]
    fn what_is_forgotten_after_the_end_stays_in_the_store() {
        let mut pending = Pending::default();
        pending.close();
        pending.remove(KEY);
        assert!(pending.is_empty());
    }
}
