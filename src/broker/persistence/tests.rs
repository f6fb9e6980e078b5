//! A store that fails, and one that is slow to be closed.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use bytes::Bytes;

use super::backend::{Backend, StoreError, Write};
use super::*;
use crate::broker::ground::Clock;
use crate::broker::log::Log;

const LIMIT: Duration = Duration::from_secs(10);

/// A commit: the keys that were changed, and whether each was put.
type Commit = Vec<(Key, bool)>;

/// A store that does with each commit what it is told, and says what it got.
struct Told {
    orders: Receiver<bool>,
    commits: Sender<Commit>,
}

impl Backend for Told {
    fn commit(&mut self, writes: &[Write<'_>]) -> Result<(), StoreError> {
        let key = |write: &Write<'_>| Key::from_bytes(write.key.as_ref()).unwrap();
        let mut changes: Commit = writes
            .iter()
            .map(|write| (key(write), write.value.is_some()))
            .collect();
        changes.sort_by_key(|(key, _)| key.greatest_number());
        let _ = self.commits.send(changes);
        match self.orders.recv() {
            Ok(true) | Err(_) => Ok(()),
            Ok(false) => Err(StoreError::Commit {
                path: PathBuf::from("told"),
                cause: "no room".to_owned(),
            }),
        }
    }

    fn sync(&mut self) -> Result<(), StoreError> {
        Ok(())
    }

    fn tidy(&mut self) -> Result<bool, StoreError> {
        Ok(false)
    }

    fn close(&mut self) -> Result<(), StoreError> {
        Ok(())
    }

    fn for_each(&self, _visit: &mut dyn FnMut(&[u8], Bytes)) -> Result<(), StoreError> {
        Ok(())
    }

    fn was_repaired(&self) -> bool {
        false
    }
}

fn told() -> (Persistence, Sender<bool>, Receiver<Commit>) {
    let (orders_in, orders) = channel();
    let (commits, commits_out) = channel();
    let backend = Box::new(Told { orders, commits });
    let log = Log::new("test".to_owned());
    let persistence = Persistence::start(backend, 0, Clock::new(), log).unwrap();
    (persistence, orders_in, commits_out)
}

fn put(persistence: &Persistence, number: u64, ticket: &Ticket<'_>) -> Box<StoredRecord> {
    let record = persistence.record(Key::Message(number));
    record.put(Record::Incoming, Urgency::Immediate, Some(ticket));
    record
}

#[test]
fn what_a_full_store_refused_is_stored_when_there_is_room_with_what_came_meanwhile() {
    let (persistence, orders, commits) = told();
    let ticket = Ticket::new(Some(&persistence));
    let first = put(&persistence, 1, &ticket);
    let number = ticket.number().unwrap();
    drop(ticket);
    assert_eq!(commits.recv_timeout(LIMIT).unwrap(), [(first.key(), true)]);
    let later = Ticket::new(Some(&persistence));
    let second = put(&persistence, 2, &later);
    drop(later);
    orders.send(false).unwrap();
    let both = [(first.key(), true), (second.key(), true)];
    assert_eq!(commits.recv_timeout(LIMIT).unwrap(), both);
    assert!(persistence.health().has_failed);
    assert!(
        !persistence.is_done(number),
        "nobody is told that it is safe"
    );
    orders.send(true).unwrap();
    drop(orders);
    persistence.close();
    assert!(persistence.is_done(number));
    assert!(!persistence.health().has_failed);
}

#[test]
fn what_was_acknowledged_while_the_store_was_full_is_not_stored_at_all() {
    let (persistence, orders, commits) = told();
    let ticket = Ticket::new(Some(&persistence));
    let first = put(&persistence, 1, &ticket);
    let number = ticket.number().unwrap();
    drop(ticket);
    assert_eq!(commits.recv_timeout(LIMIT).unwrap().len(), 1);
    drop(first);
    orders.send(false).unwrap();
    drop(orders);
    persistence.close();
    assert!(persistence.is_done(number));
    assert!(
        commits.recv().is_err(),
        "there was nothing left to be stored"
    );
}

#[test]
fn what_is_dropped_as_the_program_ends_stays_stored() {
    let (persistence, orders, commits) = told();
    let record = put(&persistence, 1, &Ticket::new(Some(&persistence)));
    assert_eq!(commits.recv_timeout(LIMIT).unwrap().len(), 1);
    orders.send(true).unwrap();
    drop(orders);
    persistence.close();
    drop(record);
    assert!(commits.recv().is_err(), "no removal");
}

#[test]
fn records_that_are_dropped_after_their_store_stay_stored() {
    let (persistence, orders, commits) = told();
    let record = put(&persistence, 1, &Ticket::new(Some(&persistence)));
    assert_eq!(commits.recv_timeout(LIMIT).unwrap().len(), 1);
    orders.send(true).unwrap();
    drop(orders);
    drop(persistence);
    drop(record);
    assert!(commits.recv().is_err(), "no removal");
}

#[test]
fn what_is_done_together_is_stored_together() {
    let (persistence, orders, commits) = told();
    let ticket = Ticket::new(Some(&persistence));
    let [first, second] = persistence.together(|| {
        let first = put(&persistence, 1, &ticket);
        assert!(commits.recv_timeout(Duration::from_millis(50)).is_err());
        [first, put(&persistence, 2, &ticket)]
    });
    let both = [(first.key(), true), (second.key(), true)];
    assert_eq!(commits.recv_timeout(LIMIT).unwrap(), both);
    orders.send(true).unwrap();
    drop((orders, ticket));
    persistence.close();
}
