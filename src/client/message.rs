use std::sync::Arc;

use bytes::Bytes;

use crate::protocol::{Properties, PropertyId, QoS, TopicName};

/// Everything of a message except its payload.
///
/// Messages that differ only in their payload share one.
#[derive(Clone, Debug)]
pub struct Publication {
    /// The topic.
    pub topic: TopicName,
    /// The QoS.
    pub qos: QoS,
    /// True if the broker must retain the message.
    pub retain: bool,
    /// The properties (MQTT 5.0).
    pub properties: Properties,
}

impl Publication {
    /// Creates a publication without properties.
    pub fn new(topic: TopicName, qos: QoS, retain: bool) -> Self {
        Self {
            topic,
            qos,
            retain,
            properties: Properties::EMPTY,
        }
    }
}

/// A message to publish.
#[derive(Clone, Debug)]
pub struct Message {
    /// The part that is shared with other messages.
    pub publication: Arc<Publication>,
    /// The payload.
    pub payload: Bytes,
}

/// Copies the properties without the topic alias.
pub(super) fn without_topic_alias(properties: &Properties) -> Properties {
    let mut properties = properties.to_owned_properties();
    properties.retain(|id| id != PropertyId::TopicAlias);
    properties
}
