//! Numbers of records in a store.

use std::collections::HashMap;
use std::fmt;

use super::{RecoveredSession, Recovery};
use crate::broker::ground::SessionNumber;
use crate::broker::persistence::key::Key;
use crate::broker::persistence::record::Stage;
use crate::protocol::Text;

/// Number of records of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::broker::persistence) struct Contents {
    sessions: usize,
    subscriptions: usize,
    /// Messages that sessions have still to get.
    messages: usize,
    /// Deliveries whose message is not there.
    lost_messages: usize,
    retained: usize,
    wills: usize,
    /// QoS 2 messages that were taken and not released.
    incoming: usize,
    unpublished: usize,
    /// Records of sessions that are not there.
    orphans: usize,
}

impl Recovery {
    /// Counts what there is.
    pub(in crate::broker::persistence) fn contents(&self) -> Contents {
        let sessions = || self.sessions.values();
        let deliveries = || sessions().flat_map(|session| &session.deliveries);
        let is_lost = |record: &&(u64, _)| is_lost(self, &record.1);
        let lost_messages = deliveries().filter(is_lost).count();
        Contents {
            sessions: self.sessions.len(),
            subscriptions: sessions().map(|session| session.subscriptions.len()).sum(),
            messages: deliveries().count() - lost_messages,
            lost_messages,
            retained: self.retained.len(),
            wills: self.wills.len() + sessions().filter(|session| session.will.is_some()).count(),
            incoming: sessions().map(|session| session.incoming.len()).sum(),
            unpublished: self.unpublished.len(),
            orphans: self.orphans.len(),
        }
    }

    /// Forgets sessions whose client has a later one: they have ended, and the record of their end
    /// is lost. Returns how many there were.
    pub(in crate::broker::persistence) fn forget_replaced_sessions(&mut self) -> usize {
        let mut latest: HashMap<Text, SessionNumber> = HashMap::new();
        for (&number, session) in &self.sessions {
            let client_id = session.session.identity.client_id.clone();
            let known = latest.entry(client_id).or_insert(number);
            if number.get() > known.get() {
                *known = number;
            }
        }
        let replaced: Vec<_> = self
            .sessions
            .extract_if(|number, session| latest[&session.session.identity.client_id] != *number)
            .collect();
        for (number, session) in &replaced {
            self.orphans.extend(session.keys(*number));
        }
        replaced.len()
    }
}

/// Returns whether a delivery has lost its message.
fn is_lost(recovery: &Recovery, delivery: &super::DeliveryRecord) -> bool {
    !matches!(delivery.stage, Stage::Released(_))
        && !recovery.messages.contains_key(&delivery.message)
}

impl RecoveredSession {
    /// The keys of all its records.
    fn keys(&self, number: SessionNumber) -> impl Iterator<Item = Key> + '_ {
        let subscriptions = self.subscriptions.iter();
        let deliveries = self.deliveries.iter();
        std::iter::once(Key::Session(number))
            .chain(subscriptions.map(move |(own, _)| Key::Subscription(number, *own)))
            .chain(
                self.incoming
                    .iter()
                    .map(move |&own| Key::Incoming(number, own)),
            )
            .chain(self.will.iter().map(move |_| Key::Will(number)))
            .chain(deliveries.map(move |(own, _)| Key::Delivery(number, *own)))
    }
}

impl fmt::Display for Contents {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} sessions with {} subscriptions and {} messages, and {} retained messages",
            self.sessions, self.subscriptions, self.messages, self.retained
        )?;
        for (count, what) in [
            (self.wills, "wills"),
            (self.incoming, "QoS 2 messages that were not released"),
            (self.unpublished, "messages that no session has yet"),
        ] {
            if count > 0 {
                write!(formatter, ", {count} {what}")?;
            }
        }
        for (count, what) in [
            (self.lost_messages, "messages of sessions are lost"),
            (
                self.orphans,
                "records belong to sessions that are not there",
            ),
        ] {
            if count > 0 {
                write!(formatter, "; {count} {what}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU16;

    use super::*;
    use crate::broker::ground::{Clock, Expiry, Identity};
    use crate::broker::persistence::record::{Record, SessionRecord, StoredPresence};
    use crate::protocol::PacketId;

    fn take(recovery: &mut Recovery, key: Key, record: &Record) {
        let clock = Clock::new();
        let value = record.to_bytes(clock);
        recovery.take(key, value, clock).expect("it was just made");
    }

    fn session(client_id: &str) -> Record {
        Record::Session(Box::new(SessionRecord {
            identity: Identity {
                client_id: Text::try_from(client_id).expect("a text"),
                username: None,
                listener: None,
            },
            v5: false,
            receive_maximum: NonZeroU16::MAX,
            expiry: Expiry::from_seconds(60),
            presence: StoredPresence::Online,
        }))
    }

    #[test]
    fn the_latest_session_of_a_client_stays_and_the_records_of_the_others_go() {
        let mut recovery = Recovery::default();
        let [first, other, last] = [1, 2, 3].map(SessionNumber::from_stored);
        take(&mut recovery, Key::Session(first), &session("same"));
        take(&mut recovery, Key::Session(other), &session("other"));
        take(&mut recovery, Key::Session(last), &session("same"));
        let incoming = Key::Incoming(first, PacketId::FIRST);
        take(&mut recovery, incoming, &Record::Incoming);
        assert_eq!(recovery.forget_replaced_sessions(), 1);
        assert_eq!(recovery.orphans, [Key::Session(first), incoming]);
        assert!(recovery.sessions.contains_key(&last));
        assert_eq!(
            recovery.contents().to_string(),
            "2 sessions with 0 subscriptions and 0 messages, and 0 retained messages; \
             2 records belong to sessions that are not there"
        );
    }
}
