//! From one read batch to all who get its messages.
//!
//! Consecutive messages with the same match form a run. A run is encoded at most once
//! for each shape, each subscriber's lock is taken once for the whole run, and each
//! subscriber is woken once for the whole batch.

mod encoded;

use std::collections::HashMap;
use std::sync::Arc;
use std::task::Waker;

use foldhash::fast::RandomState;

pub(super) use self::encoded::{Encoded, EncodedMessage, Shape, Single};
use super::Broker;
use super::clock::Millis;
use super::message::Publication;
use super::router::{Matches, SharedGroup, Target};
use super::session::{Session, SessionNumber};

/// A run of that many bytes is passed on before the batch goes on.
const MAX_RUN_BYTES: usize = 256 * 1024;

/// Passes on the messages of one batch.
pub(super) struct Fanout<'a> {
    broker: &'a Broker,
    now: Millis,
    run: Run,
    matches: Option<Arc<Matches>>,
    run_bytes: usize,
    wakers: Vec<Waker>,
    /// Sessions that have more than they should: their publisher may have to pause.
    congested: Vec<Arc<Session>>,
}

/// Consecutive messages that go to the same subscribers.
#[derive(Default)]
pub(super) struct Run {
    publications: Vec<Publication>,
    encoded: Vec<Encoded>,
}

/// What a delivery asks of the one who delivered.
#[derive(Default)]
pub(super) struct Delivered {
    /// To be woken at the end of the batch.
    pub(super) waker: Option<Waker>,
    /// Whether the session has more than it should.
    pub(super) congested: bool,
}

impl<'a> Fanout<'a> {
    pub(super) fn new(broker: &'a Broker, now: Millis) -> Self {
        Self {
            broker,
            now,
            run: Run::default(),
            matches: None,
            run_bytes: 0,
            wakers: Vec::new(),
            congested: Vec::new(),
        }
    }

    /// Sends a message on its way; it is delivered at the latest when the batch is
    /// finished. Says whether anybody is to get it.
    pub(super) fn publish(&mut self, publication: Publication) -> bool {
        let message = &publication.message;
        if message.retain {
            self.broker.retain(&publication);
        }
        let broker = self.broker;
        let matches = broker.router.matches(&message.topic, |session| {
            broker.may_session_read(session, &message.topic)
        });
        if matches.is_empty() {
            return false;
        }
        let same = self
            .matches
            .as_ref()
            .is_some_and(|last| Arc::ptr_eq(last, &matches));
        if !same || self.run_bytes > MAX_RUN_BYTES || !matches.groups.is_empty() {
            self.deliver_run();
            self.matches = Some(matches);
        }
        self.run_bytes += message.payload.len() + message.topic.as_bytes().len();
        self.run.publications.push(publication);
        true
    }

    /// Sends a message to one member of a group.
    pub(super) fn publish_to_group(&mut self, publication: Publication, group: Arc<SharedGroup>) {
        self.deliver_run();
        self.matches = Some(Arc::new(Matches {
            targets: Vec::new(),
            groups: vec![group],
        }));
        self.run.publications.push(publication);
    }

    /// Delivers what is left, wakes everybody who got something, and returns the
    /// sessions that have more than they should.
    pub(super) fn finish(mut self) -> Vec<Arc<Session>> {
        self.deliver_run();
        self.wakers.drain(..).for_each(Waker::wake);
        self.congested
    }

    fn deliver_run(&mut self) {
        if self.run.publications.is_empty() {
            return;
        }
        if let Some(matches) = self.matches.take() {
            if self.broker.policy.allow_duplicate_messages() {
                matches
                    .targets
                    .iter()
                    .for_each(|target| self.deliver_to(target));
            } else {
                without_duplicates(&matches.targets).for_each(|target| self.deliver_to(target));
            }
            for group in &matches.groups {
                if let Some(member) = group.next_member() {
                    self.deliver_to(member);
                }
            }
        }
        self.run.publications.clear();
        self.run.encoded.clear();
        self.run_bytes = 0;
    }

    fn deliver_to(&mut self, target: &Target) {
        let own = |publisher: Option<SessionNumber>| publisher == Some(target.session.number());
        let publisher = self
            .run
            .publications
            .first()
            .and_then(|first| first.message.publisher);
        if target.terms.no_local && own(publisher) {
            return;
        }
        let delivered = target
            .session
            .deliver(&mut self.run, target.terms, self.broker, self.now);
        self.wakers.extend(delivered.waker);
        if delivered.congested
            && !own(publisher)
            && !self
                .congested
                .iter()
                .any(|known| Arc::ptr_eq(known, &target.session))
        {
            self.congested.push(Arc::clone(&target.session));
        }
    }
}

/// The targets with one subscription, that of the highest QoS, for each session that
/// does not speak MQTT 5.0.
fn without_duplicates(targets: &[Target]) -> impl Iterator<Item = &Target> {
    let mut best: HashMap<SessionNumber, &Target, RandomState> = HashMap::default();
    for target in targets.iter().filter(|target| !target.session.is_v5()) {
        let best = best.entry(target.session.number()).or_insert(target);
        if target.terms.qos > best.terms.qos {
            *best = target;
        }
    }
    targets.iter().filter(move |target| {
        let best = best.get(&target.session.number());
        best.is_none_or(|best| std::ptr::eq(*best, *target))
    })
}

impl Run {
    pub(super) fn publications(&self) -> &[Publication] {
        &self.publications
    }

    /// The messages, and the run in this shape, encoded now if nobody needed it before.
    pub(super) fn encoded(&mut self, shape: Shape, now: Millis) -> (&[Publication], &Encoded) {
        let at = match self
            .encoded
            .iter()
            .position(|encoded| encoded.shape() == shape)
        {
            Some(at) => at,
            None => {
                self.encoded
                    .push(Encoded::new(shape, &self.publications, now));
                self.encoded.len() - 1
            }
        };
        (&self.publications, &self.encoded[at])
    }
}
