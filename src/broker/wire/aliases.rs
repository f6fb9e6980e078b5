use std::collections::HashMap;
use std::num::NonZeroU16;

use foldhash::fast::RandomState;

use crate::protocol::TopicName;

/// The topic aliases that the broker gives to the client of one connection: the first
/// topics that are sent get one each [MQTT-3.1.2-26].
#[derive(Debug)]
pub(in crate::broker) struct TopicAliases {
    maximum: NonZeroU16,
    given: HashMap<TopicName, NonZeroU16, RandomState>,
}

/// How a PUBLISH names its topic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::broker) enum Alias {
    /// By the topic alone.
    #[default]
    None,
    /// By the topic, which gets this alias.
    New(NonZeroU16),
    /// By this alias, which stands for the topic.
    Known(NonZeroU16),
}

impl TopicAliases {
    /// None given yet, of at most `maximum`; `None` when there may not be any.
    pub(in crate::broker) fn new(maximum: u16) -> Option<Box<Self>> {
        let maximum = NonZeroU16::new(maximum)?;
        let given = HashMap::default();
        Some(Box::new(Self { maximum, given }))
    }

    /// How a message on this topic names it.
    pub(in crate::broker) fn of(&self, topic: &TopicName) -> Alias {
        if let Some(&alias) = self.given.get(topic) {
            return Alias::Known(alias);
        }
        let next = u16::try_from(self.given.len() + 1).ok();
        next.and_then(NonZeroU16::new)
            .filter(|&next| next <= self.maximum)
            .map_or(Alias::None, Alias::New)
    }

    /// Notes that the client learns an alias.
    pub(in crate::broker) fn give(&mut self, topic: &TopicName, alias: NonZeroU16) {
        self.given.insert(topic.to_owned_name(), alias);
    }
}
