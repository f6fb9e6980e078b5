use crate::protocol::{Properties, Property};

/// Keeps the properties of a PUBLISH or a will that go on to subscribers unchanged
/// [MQTT-3.3.2-17].
pub(in crate::broker) fn forwarded_properties(mut properties: Properties) -> Properties {
    properties.retain(|property| {
        matches!(
            property,
            Property::PayloadFormatIndicator(_)
                | Property::ContentType(_)
                | Property::ResponseTopic(_)
                | Property::CorrelationData(_)
                | Property::UserProperty(..)
        )
    });
    properties
}
