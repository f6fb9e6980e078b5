//! The topics that a client publishes on.

use std::collections::HashMap;

use super::write_access::WriteAccess;
use super::{Closed, Connection};
use crate::protocol::{Publish, ReasonCode, TopicName};

/// What is remembered of them.
#[derive(Default)]
pub(super) struct Topics {
    /// Those that the client has given an alias.
    aliases: HashMap<u16, TopicName>,
    /// Where the client may publish.
    pub(super) write_access: WriteAccess,
}

impl Connection {
    /// The topic of a PUBLISH: its own, or the one that its alias stands for.
    pub(super) fn topic(&mut self, publish: &Publish) -> Result<TopicName, Closed> {
        let Some(alias) = publish.topic_alias() else {
            let missing = Closed::protocol_error("PUBLISH: neither topic nor topic alias");
            return publish.topic.clone().ok_or(missing);
        };
        let alias = alias.get();
        if alias > self.permit.listener.max_topic_alias() {
            return Err(Closed::Refused(
                ReasonCode::TopicAliasInvalid,
                "PUBLISH: topic alias",
            ));
        }
        match &publish.topic {
            Some(topic) => {
                self.topics
                    .get_or_insert_default()
                    .aliases
                    .insert(alias, topic.to_owned_name());
                Ok(topic.clone())
            }
            None => {
                let known = self
                    .topics
                    .as_ref()
                    .and_then(|topics| topics.aliases.get(&alias));
                known
                    .cloned()
                    .ok_or(Closed::protocol_error("PUBLISH: unknown topic alias"))
            }
        }
    }
}
