use crate::protocol::{Properties, PropertyId};

/// Keeps the properties of a PUBLISH or a will that go on to subscribers unchanged
/// [MQTT-3.3.2-17].
pub(in crate::broker) fn forwarded_properties(mut properties: Properties) -> Properties {
    properties.retain(|id| {
        matches!(
            id,
            PropertyId::PayloadFormatIndicator
                | PropertyId::ContentType
                | PropertyId::ResponseTopic
                | PropertyId::CorrelationData
                | PropertyId::UserProperty
        )
    });
    properties
}
