//! The number of bridges that a message has crossed, which a user property carries (MQTT 5.0).

use crate::protocol::{Properties, Property, Text};

/// The name of the user property.
const NAME: &str = "mq-bridge-hops";

/// The most bridges that a message crosses: in a circle of brokers it would go round for ever.
pub(in crate::broker) const MAXIMUM_HOPS: u32 = 16;

/// Returns the number of bridges that a message with these properties has crossed.
pub(in crate::broker) fn hops(properties: &Properties) -> u32 {
    properties
        .iter()
        .find_map(|property| count(&property))
        .unwrap_or(0)
}

/// Copies the properties with one bridge more.
pub(in crate::broker) fn with_next_hop(properties: &Properties) -> Properties {
    let next = (hops(properties) + 1).to_string();
    let hop = Text::try_from(NAME)
        .ok()
        .zip(Text::try_from(next.as_str()).ok());
    let others = properties
        .iter()
        .filter(|property| count(property).is_none());
    let hop = hop.map(|(name, next)| Property::UserProperty(name, next));
    others.chain(hop).collect()
}

/// Reads the count; one that is not a number is somebody else's property.
fn count(property: &Property) -> Option<u32> {
    match property {
        Property::UserProperty(name, value) if name.as_str() == NAME => value
            .as_str()
            .parse()
            .ok()
            .map(|hops: u32| hops.min(MAXIMUM_HOPS)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bridge_adds_one_and_keeps_the_other_properties() {
        let other = Property::PayloadFormatIndicator(true);
        let properties: Properties = [other.clone()].into_iter().collect();
        assert_eq!(hops(&properties), 0);
        let properties = with_next_hop(&with_next_hop(&properties));
        assert_eq!(hops(&properties), 2);
        assert_eq!(properties.iter().count(), 2);
        assert!(properties.iter().any(|property| property == other));
    }
}
