//! The rights of clients to topics.

mod rules;

use std::collections::{HashMap, HashSet};
use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use foldhash::fast::RandomState;
use parking_lot::{Mutex, RwLock};

pub(in crate::broker) use self::rules::Rules;
use super::acl::coverage::Reason;
use super::acl::{Access, Decision};
use crate::broker::ground::Identity;
use crate::broker::log::limited;
use crate::broker::log::rate_limit::{LineKind, RateLimitedLog};
use crate::protocol::{Text, TopicFilter, TopicName};

/// The most topics that a [`Reader`] remembers.
const MAX_KNOWN: usize = 1024;

/// The most clients and filters that are remembered as reported.
const MAX_REPORTED: usize = 4096;

/// The rules in force.
pub(in crate::broker) struct AccessControl {
    rules: RwLock<Arc<Rules>>,
    /// Whether the rules forbid anything: without that nobody is asked.
    is_restricted: AtomicBool,
    /// Counts the changes: what was decided before one is no longer known.
    epoch: AtomicU64,
    /// Counts the changes of rules and identities, as far as reading goes.
    read_epoch: AtomicU64,
    /// Hashes of the clients and filters of which the log says that they are unreadable.
    reported: Mutex<HashSet<u64>>,
    hasher: RandomState,
    log: Arc<RateLimitedLog>,
}

impl AccessControl {
    pub(in crate::broker) fn new(rules: Rules, log: Arc<RateLimitedLog>) -> Self {
        Self {
            is_restricted: AtomicBool::new(rules.restrict()),
            rules: RwLock::new(Arc::new(rules)),
            epoch: AtomicU64::new(0),
            read_epoch: AtomicU64::new(0),
            reported: Mutex::default(),
            hasher: RandomState::default(),
            log,
        }
    }

    /// Puts rules in force.
    pub(in crate::broker) fn change(&self, rules: Rules) {
        let is_restricted = rules.restrict();
        *self.rules.write() = Arc::new(rules);
        self.is_restricted.store(is_restricted, Ordering::Relaxed);
        self.reported.lock().clear();
        self.epoch.fetch_add(1, Ordering::Release);
    }

    /// Returns whether the rules forbid anything to anybody.
    pub(in crate::broker) fn is_restricted(&self) -> bool {
        self.is_restricted.load(Ordering::Relaxed)
    }

    /// Returns whether there are rules for the listener by which the client came in.
    pub(in crate::broker) fn knows_listener_of(&self, identity: &Identity) -> bool {
        self.rules.read().know(identity.listener.as_ref())
    }

    /// A number that changes with the rules.
    pub(in crate::broker) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    /// A number that changes with the rules and with the identity of any session.
    ///
    /// Read it before finding out who may read a message.
    pub(in crate::broker) fn read_epoch(&self) -> u64 {
        self.read_epoch.load(Ordering::Acquire)
    }

    /// Begins another epoch. What was found out in earlier ones must be forgotten already.
    pub(in crate::broker) fn advance_read_epoch(&self) {
        self.read_epoch.fetch_add(1, Ordering::Release);
    }

    /// The rules in force.
    pub(in crate::broker) fn rules(&self) -> Arc<Rules> {
        Arc::clone(&self.rules.read())
    }

    /// Logs, once for the client and filter, that the client may read nothing that the filter
    /// matches.
    pub(in crate::broker) fn report_unreadable(
        &self,
        client_id: &Text,
        filter: &TopicFilter,
        is_refused: bool,
        reason: Reason<'_>,
    ) {
        let mut reported = self.reported.lock();
        if reported.len() >= MAX_REPORTED {
            reported.clear();
        }
        if !reported.insert(self.hasher.hash_one((client_id, filter))) {
            return;
        }
        drop(reported);
        let consequence = match is_refused {
            true => "The subscription was refused",
            false => "It will get no messages",
        };
        limited!(
            self.log,
            LineKind::UnreadableFilter,
            client_id,
            "Client {client_id} subscribed to '{filter}' and may read none of its topics: \
                 {reason}. {consequence}."
        );
    }

    /// Answers many questions about what one client may read.
    pub(in crate::broker) fn reader<'a>(&'a self, identity: &'a Identity) -> Reader<'a> {
        Reader {
            access: self,
            identity,
            known: HashMap::default(),
        }
    }

    /// Returns whether the client gets messages on the topic.
    pub(in crate::broker) fn may_read(&self, identity: &Identity, topic: &TopicName) -> bool {
        self.may(Access::Read, identity, topic)
    }

    /// Returns whether the client may publish on the topic.
    pub(in crate::broker) fn may_write(&self, identity: &Identity, topic: &TopicName) -> bool {
        is_open_to_clients(topic) && self.may(Access::Write, identity, topic)
    }

    fn may(&self, access: Access, identity: &Identity, topic: &TopicName) -> bool {
        if !self.is_restricted() {
            return true;
        }
        match self.decide(access, topic, identity) {
            Decision::Allowed => return true,
            Decision::Denied => {}
            Decision::DangerousUsername => {
                let username = identity.username.as_ref().map_or("", Text::as_str);
                limited!(
                    self.log,
                    LineKind::DangerousName,
                    username,
                    "ACL denying access to client with dangerous username \"{username}\""
                );
            }
            Decision::DangerousClientId => {
                let client_id = &identity.client_id;
                limited!(
                    self.log,
                    LineKind::DangerousName,
                    client_id,
                    "ACL denying access to client with dangerous client id \"{client_id}\""
                );
            }
        }
        false
    }

    fn decide(&self, access: Access, topic: &TopicName, identity: &Identity) -> Decision {
        self.rules.read().decide(identity, access, topic)
    }
}

/// The topics that one client may read, remembered because many messages share few topics.
pub(in crate::broker) struct Reader<'a> {
    access: &'a AccessControl,
    identity: &'a Identity,
    known: HashMap<TopicName, bool, RandomState>,
}

impl Reader<'_> {
    /// Returns whether the client gets messages on the topic.
    pub(in crate::broker) fn may_read(&mut self, topic: &TopicName) -> bool {
        if let Some(&known) = self.known.get(topic) {
            return known;
        }
        let may_read = self.access.may_read(self.identity, topic);
        if self.known.len() < MAX_KNOWN {
            self.known.insert(topic.clone(), may_read);
        }
        may_read
    }
}

/// Returns whether clients may publish on the topic at all: not on the broker's own ones but for
/// the state of bridges, and not on what only a subscription can name.
pub(in crate::broker) fn is_open_to_clients(topic: &TopicName) -> bool {
    let topic = topic.as_bytes();
    if topic[0] != b'$' {
        return true;
    }
    if topic.starts_with(b"$share") {
        return false;
    }
    if !topic.starts_with(b"$SYS") {
        return true;
    }
    let bridge = topic
        .strip_prefix(b"$SYS/broker/connection/")
        .and_then(|rest| rest.strip_suffix(b"/state"));
    bridge.is_some_and(|name| !name.contains(&b'/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_publish_on_no_topic_of_the_brokers_own() {
        for (topic, allowed) in [
            ("a/b", true),
            ("$other", true),
            ("$SYS/broker/version", false),
            ("$share/g/a", false),
            ("$SYS/broker/connection/home/state", true),
            ("$SYS/broker/connection/a/b/state", false),
        ] {
            assert_eq!(
                is_open_to_clients(&TopicName::try_from(topic).unwrap()),
                allowed,
                "{topic}"
            );
        }
    }
}
