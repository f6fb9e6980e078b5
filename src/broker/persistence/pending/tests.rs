use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker};

use super::*;

const KEY: Key = Key::Message(1);

fn put(pending: &mut Pending, fresh: bool, ticket: Option<TicketNumber>) {
    let change = Change::put(Record::Incoming, fresh, ticket);
    pending.put(KEY, change, Urgency::Immediate);
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
    let ticket = pending.tickets.open();
    put(&mut pending, true, Some(ticket));
    pending.tickets.release(ticket);
    assert!(!pending.tickets.is_done(ticket));
    pending.remove(KEY);
    assert!(pending.tickets.is_done(ticket));
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
    let ticket = pending.tickets.open();
    put(&mut pending, true, Some(ticket));
    let batch = pending.take();
    pending.committed(&batch);
    assert!(!pending.tickets.is_done(ticket), "it is open");
    pending.tickets.release(ticket);
    assert!(pending.tickets.is_done(ticket));
}

#[test]
fn who_waits_is_woken_once() {
    let mut pending = Pending::default();
    let wakes = Arc::new(Wakes::default());
    let waker = Waker::from(Arc::clone(&wakes));
    let ticket = pending.tickets.open();
    put(&mut pending, true, Some(ticket));
    pending.tickets.release(ticket);
    assert!(!pending.tickets.poll_done(ticket, &waker));
    assert!(!pending.tickets.poll_done(ticket, &waker));
    let batch = pending.take();
    pending.committed(&batch);
    assert_eq!(wakes.0.load(Ordering::Relaxed), 1);
    assert!(pending.tickets.poll_done(ticket, &waker));
}

#[test]
fn waiting_for_all_is_over_at_once_when_nothing_is_pending() {
    let mut pending = Pending::default();
    let ticket = pending.tickets.open();
    pending.wait_for_all(ticket);
    pending.tickets.release(ticket);
    assert!(pending.tickets.is_done(ticket));
}

#[test]
fn waiting_for_all_waits_for_what_is_being_stored() {
    let mut pending = Pending::default();
    put(&mut pending, true, None);
    let batch = pending.take();
    let ticket = pending.tickets.open();
    pending.wait_for_all(ticket);
    pending.tickets.release(ticket);
    pending.committed(&batch);
    assert!(!pending.tickets.is_done(ticket));
    let batch = pending.take();
    pending.committed(&batch);
    assert!(pending.tickets.is_done(ticket));
}

#[test]
fn a_batch_that_failed_is_merged_with_what_came_meanwhile() {
    let mut pending = Pending::default();
    let ticket = pending.tickets.open();
    put(&mut pending, true, Some(ticket));
    pending.tickets.release(ticket);
    let batch = pending.take();
    pending.remove(KEY);
    pending.take_back(batch);
    assert!(pending.tickets.is_done(ticket), "it is no longer needed");
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
    pending.put(Key::Message(number), change, Urgency::Deferred);
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
fn changes_that_came_while_a_slow_batch_was_stored_go_with_the_next() {
    for is_slow in [false, true] {
        let mut pending = Pending::default();
        put_soon(&mut pending, 1);
        pending.take();
        put_soon(&mut pending, 2);
        let batch = pending.take();
        put_soon(&mut pending, 3);
        if is_slow {
            pending.committing_since = Instant::now().checked_sub(SLOW);
        }
        pending.committed(&batch);
        assert_eq!(pending.take().len(), if is_slow { 2 } else { 1 });
    }
}

#[test]
fn a_batch_of_many_changes_that_took_long_is_followed_by_a_short_delay() {
    let long = WORTH_A_DELAY * 2;
    for (changes, took, is_delayed) in [
        (FEW as u64, long, true),
        (FEW as u64, Duration::ZERO, false),
        (1, long, false),
    ] {
        let mut pending = Pending::default();
        let put_now = |pending: &mut Pending, number| {
            let change = Change::put(Record::Incoming, true, None);
            pending.put(Key::Message(number), change, Urgency::Immediate);
        };
        (0..changes).for_each(|number| put_now(&mut pending, number));
        let batch = pending.take();
        pending.committing_since = Instant::now().checked_sub(took);
        put_now(&mut pending, 100);
        pending.committed(&batch);
        let is_due_later = |pending: &Pending| pending.due() == pending.not_before;
        assert_eq!(is_due_later(&pending), is_delayed);
        pending.take();
        put_now(&mut pending, 101);
        assert_eq!(is_due_later(&pending), is_delayed);
    }
}

#[test]
fn a_removal_takes_the_place_of_an_old_change() {
    let mut pending = Pending::default();
    let ticket = pending.tickets.open();
    let change = Change::put(Record::Incoming, false, Some(ticket));
    pending.put(KEY, change, Urgency::Deferred);
    pending.tickets.release(ticket);
    assert!(pending.take().is_empty(), "it is young");
    put_soon(&mut pending, 2);
    pending.remove(KEY);
    let batch = pending.take();
    assert!(removes(&batch, KEY));
    assert_eq!(batch.len(), 1, "the second is young");
    pending.committed(&batch);
    assert!(pending.tickets.is_done(ticket));
}

#[test]
fn in_a_hurry_old_and_young_are_stored_together() {
    let mut pending = Pending::default();
    put_soon(&mut pending, 1);
    assert!(pending.take().is_empty());
    put_soon(&mut pending, 2);
    let ticket = pending.tickets.open();
    pending.wait_for_all(ticket);
    pending.tickets.release(ticket);
    let batch = pending.take();
    assert_eq!(batch.len(), 2);
    pending.committed(&batch);
    assert!(pending.tickets.is_done(ticket));
}

#[test]
fn the_commit_delay_is_long_while_it_pays_and_short_after_misses() {
    let mut pending = Pending::default();
    for number in 0..10 {
        put_soon(&mut pending, number);
        pending.take();
        pending.remove(Key::Message(number));
    }
    let long = pending.commit_delay.time(1);
    for number in 10..20 {
        put_soon(&mut pending, number);
        pending.take();
    }
    assert!(pending.commit_delay.time(1) < long);
}

#[test]
fn what_is_forgotten_after_the_end_stays_in_the_store() {
    let mut pending = Pending::default();
    pending.close();
    pending.remove(KEY);
    assert!(pending.is_empty());
}
