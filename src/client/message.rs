use std::sync::Arc;

use bytes::Bytes;

use crate::protocol::{Properties, Property, QoS, TopicName};

/// Everything of a message but its payload; messages that differ in nothing else share
/// one.
#[derive(Clone, Debug)]
pub struct Publication {
    /// The topic.
    pub topic: TopicName,
    /// The QoS.
    pub qos: QoS,
    /// Whether the broker is to retain the message.
    pub retain: bool,
    /// The properties; MQTT 5.0 only.
    pub properties: Properties,
}

impl Publication {
    /// A publication without properties.
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
    /// What it shares with others.
    pub publication: Arc<Publication>,
    /// The payload.
    pub payload: Bytes,
}

/// The properties without the topic alias.
pub(super) fn without_topic_alias(properties: &Properties) -> Properties {
    properties
        .iter()
        .filter(|property| !matches!(property, Property::TopicAlias(_)))
        .cloned()
        .collect()
}
