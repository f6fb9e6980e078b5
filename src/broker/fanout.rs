//! From one read batch to all who get its messages.
//!
//! Consecutive messages with the same match form a burst. A burst is encoded at most once
//! for each publish format, each subscriber's lock is taken once for the whole burst, and each
//! subscriber is written to, or woken, once for the whole batch.

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::Arc;
use std::task::Waker;

use foldhash::fast::RandomState;

use super::Broker;
use super::ground::{Identity, Millis, SessionNumber};
use super::message::{Message, Publication};
use super::persistence::{Ticket, Transaction};
use super::session::{BatchContext, DirectWrite, OrphanedSharedMessage, Session};
use super::topics::{Matches, SharedGroup, Target};
use super::wire::Burst;
use crate::protocol::SharedFilter;

/// Bytes from which a burst is passed on before the batch continues.
const MAX_BURST_BYTES: usize = 256 * 1024;
/// Connections that a batch writes to; the tasks of others write themselves, on all processors.
const MAX_DIRECT: usize = 4;

thread_local! {
    /// Allocations that the batches of a thread use, one after the other.
    static SCRATCH: Cell<Scratch> = Cell::default();
}

/// Passes on the messages of one batch.
pub(super) struct Fanout<'a> {
    broker: &'a Broker,
    now: Millis,
    burst: Burst,
    matches: Option<Arc<Matches>>,
    /// The count of changes at which `matches` was found.
    changes: u64,
    wakers: Vec<Waker>,
    /// Connections that this batch may write to.
    direct: Vec<DirectWrite>,
    /// Sessions that have more than they should: their publisher may have to pause.
    congested: Vec<Arc<Session>>,
    /// The ticket that the batch waits for before it is acknowledged.
    ticket: Ticket<'a>,
    /// Set if deliveries of the burst were stored.
    is_stored: bool,
}

/// Allocations that a batch uses and gives back empty.
#[derive(Default)]
struct Scratch {
    burst: Burst,
    wakers: Vec<Waker>,
    direct: Vec<DirectWrite>,
}

/// Work that a batch leaves to its connection.
pub(super) struct Finished<'a> {
    /// Sessions that have more than they should: their publisher may have to pause.
    pub(super) congested: Vec<Arc<Session>>,
    /// The ticket that the batch waits for before it is acknowledged.
    pub(super) ticket: Ticket<'a>,
}

impl<'a> Fanout<'a> {
    pub(super) fn new(broker: &'a Broker, now: Millis) -> Self {
        let Scratch {
            burst,
            wakers,
            direct,
        } = SCRATCH.take();
        Self {
            broker,
            now,
            burst,
            matches: None,
            changes: 0,
            wakers,
            direct,
            congested: Vec::new(),
            ticket: Ticket::new(broker.persistence()),
            is_stored: false,
        }
    }

    /// Returns the ticket that the batch waits for before it is acknowledged.
    pub(super) fn ticket(&self) -> &Ticket<'a> {
        &self.ticket
    }

    /// Sends a message on its way; it is delivered at the latest when the batch is finished.
    ///
    /// Returns whether anybody is to get it.
    pub(super) fn publish(&mut self, publication: Publication) -> bool {
        let message = &publication.message;
        if message.retain {
            self.broker.retain(&publication, &self.ticket);
        }
        if !self.goes_where_the_last_went(message) {
            let broker = self.broker;
            let changes = broker.router.changes();
            let read_epoch = broker.env.access.read_epoch();
            let access = &broker.env.access;
            let may_read = |session: &Session| session.may_read(access, &message.topic);
            let may_read = access.is_restricted().then_some(may_read);
            let matches = broker.router.matches(&message.topic, may_read);
            if matches.is_empty() {
                return false;
            }
            self.go_on_with(matches, read_epoch);
            self.changes = changes;
        }
        self.burst.push(publication);
        true
    }

    /// Returns whether the message belongs to the present burst, as far as is seen at a glance.
    fn goes_where_the_last_went(&self, message: &Message) -> bool {
        self.burst.bytes() <= MAX_BURST_BYTES
            && self.changes == self.broker.router.changes()
            && self
                .matches
                .as_ref()
                .is_some_and(|last| last.groups.is_empty())
            && self
                .burst
                .publications()
                .last()
                .is_some_and(|last| last.message.topic == message.topic)
    }

    /// Has the next messages go there, in the present burst if that goes there too.
    fn go_on_with(&mut self, matches: Arc<Matches>, read_epoch: u64) {
        let same = self
            .matches
            .as_ref()
            .is_some_and(|last| Arc::ptr_eq(last, &matches));
        if !same || self.burst.bytes() > MAX_BURST_BYTES || !matches.groups.is_empty() {
            self.deliver_burst();
            self.burst.set_exclusive(matches.is_exclusive());
            self.burst.set_read_epoch(read_epoch);
            self.matches = Some(matches);
        }
    }

    /// Sends a message to a member of a group that may read it. Returns whether there is one.
    pub(super) fn publish_to_group(
        &mut self,
        publication: Publication,
        shared: &SharedFilter,
    ) -> bool {
        let broker = self.broker;
        let access = &broker.env.access;
        let read_epoch = access.read_epoch();
        let Some(group) = broker.router.group(shared) else {
            return false;
        };
        let topic = &publication.message.topic;
        if !group.has_reader(|session| session.may_read(access, topic)) {
            return false;
        }
        let matches = Matches::of_group(group);
        self.go_on_with(Arc::new(matches), read_epoch);
        self.burst.push(publication);
        true
    }

    /// Delivers the rest and wakes everybody who got something.
    pub(super) fn finish(mut self) -> Finished<'a> {
        self.deliver_burst();
        // Others begin meanwhile.
        self.wakers.drain(..).for_each(Waker::wake);
        for direct in self.direct.drain(..) {
            direct.write(&self.broker.env, self.now);
        }
        SCRATCH.set(Scratch {
            burst: self.burst,
            wakers: self.wakers,
            direct: self.direct,
        });
        Finished {
            congested: self.congested,
            ticket: self.ticket,
        }
    }

    fn deliver_burst(&mut self) {
        if self.burst.publications().is_empty() {
            return;
        }
        if let Some(matches) = self.matches.take() {
            if !matches.has_repeats || self.broker.env.options.allow_duplicate_messages() {
                for target in &matches.targets {
                    self.deliver_to(target);
                }
            } else {
                for target in without_duplicates(&matches.targets) {
                    self.deliver_to(target);
                }
            }
            for group in &matches.groups {
                self.deliver_to_member(group);
            }
        }
        if std::mem::take(&mut self.is_stored) {
            self.store_burst();
        }
        self.burst.clear();
    }

    /// Stores the messages of which deliveries were stored.
    fn store_burst(&self) {
        let Some(persistence) = self.broker.persistence() else {
            return;
        };
        let mut transaction = Transaction::default();
        for publication in self.burst.publications() {
            publication.store(&mut transaction, &self.ticket);
        }
        persistence.commit(transaction);
    }

    /// Delivers to the member whose turn it is, or to another one if that has ended or lost its
    /// rights since the match.
    fn deliver_to_member(&mut self, group: &SharedGroup) {
        let Some(first) = self.burst.publications().first() else {
            return;
        };
        let (access, topic) = (&self.broker.env.access, first.message.topic.clone());
        for attempt in 0.. {
            let Some(member) = group.next_member(attempt) else {
                return;
            };
            if member.session.may_read(access, &topic) && self.deliver_to(&member) {
                return;
            }
        }
    }

    /// Delivers the burst to a subscription. Returns whether its session took it.
    fn deliver_to(&mut self, target: &Target) -> bool {
        let batch = BatchContext {
            env: &self.broker.env,
            ticket: &self.ticket,
            now: self.now,
        };
        let may_write = self.direct.len() < MAX_DIRECT;
        let session = &target.session;
        let delivered = session.deliver(&mut self.burst, target.granted, &batch, may_write);
        self.wakers.extend(delivered.waker);
        self.direct.extend(delivered.direct);
        self.is_stored |= delivered.is_stored;
        let is_known = |session| {
            self.congested
                .iter()
                .any(|known| Arc::ptr_eq(known, session))
        };
        if delivered.is_congested && !is_known(session) {
            self.congested.push(Arc::clone(session));
        }
        !delivered.is_refused
    }
}

/// Returns the targets with one subscription, that of the highest QoS, for each session that does
/// not speak MQTT 5.0.
///
/// A bridge gets all: each of its subscriptions has a number, and brings its own remote topics.
fn without_duplicates(targets: &[Target]) -> impl Iterator<Item = &Target> {
    let mut best: HashMap<SessionNumber, &Target, RandomState> = HashMap::default();
    let gets_all = |target: &&Target| {
        let session = &target.session;
        session.is_v5() || (target.granted.subscription_id.is_some() && session.is_bridge())
    };
    for target in targets.iter().filter(|target| !gets_all(target)) {
        let best = best.entry(target.session.number()).or_insert(target);
        if target.granted.qos > best.granted.qos {
            *best = target;
        }
    }
    targets.iter().filter(move |target| {
        let best = best.get(&target.session.number());
        best.is_none_or(|best| std::ptr::eq(*best, *target))
    })
}

impl Broker {
    /// Gives messages that a member of a group did not get to the others. Returns how many of
    /// them nobody may read.
    pub(super) fn publish_to_groups(&self, orphaned: Vec<OrphanedSharedMessage>) -> usize {
        if orphaned.is_empty() {
            return 0;
        }
        let mut fanout = Fanout::new(self, self.env.clock.now());
        let mut unread = 0;
        for OrphanedSharedMessage {
            filter, message, ..
        } in &orphaned
        {
            let publication = Publication::from(Arc::clone(message));
            let is_read = filter
                .shared()
                .is_some_and(|shared| fanout.publish_to_group(publication, &shared));
            unread += usize::from(!is_read);
        }
        fanout.finish();
        if let Some(persistence) = self.persistence() {
            // Where messages went is stored no later than where they came from.
            persistence.bring_forward();
        }
        unread
    }

    /// Publishes a message of the broker's own.
    pub(super) fn publish(&self, message: Arc<Message>) {
        self.publish_for(message, None);
    }

    /// Publishes a message that a client left behind, such as a will.
    pub(super) fn publish_for(&self, message: Arc<Message>, client: Option<Arc<Identity>>) {
        let mut fanout = Fanout::new(self, self.env.clock.now());
        fanout.publish(Publication::from(message).published_by(client));
        fanout.finish();
    }
}
