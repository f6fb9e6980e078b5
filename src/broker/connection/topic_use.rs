//! The topic of a PUBLISH, and the right to publish on it.

use super::client::Connection;
use super::closed::Closed;
use crate::broker::auth::is_open_to_clients;
use crate::protocol::{Publish, ReasonCode, TopicName};

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

    /// Returns whether the client may publish on the topic.
    pub(super) fn may_publish(&mut self, topic: &TopicName) -> bool {
        let access = &self.permit.broker.env.access;
        if !access.is_restricted() {
            return is_open_to_clients(topic);
        }
        let epoch = access.epoch();
        let remembered = &mut self.topics.get_or_insert_default().write_access;
        let session = &self.session;
        remembered.get_or_insert_with(epoch, topic, || {
            access.may_write(&session.identity(), topic)
        })
    }
}
