use crate::protocol::{Properties, PropertyId};

/// Keeps the properties of a PUBLISH or a will that go on to subscribers unchanged
/// [MQTT-3.3.2-17].
pub(in crate::broker) fn forwarded_properties(mut properties: Properties) -> Properties {
    // These are of one hop, or the broker's own to say.
    properties.retain(|id| {
        !matches!(
            id,
            PropertyId::MessageExpiryInterval
                | PropertyId::SubscriptionIdentifier
                | PropertyId::TopicAlias
                | PropertyId::WillDelayInterval
        )
    });
    properties
}
