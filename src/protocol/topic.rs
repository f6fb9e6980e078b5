//! Topic names, topic filters and the matching of both (MQTT 5.0, section 4.7).

mod filter;
mod matching;
mod name;
mod rules;

pub use filter::{SharedFilter, TopicFilter};
pub use matching::{levels_match, topic_matches};
pub use name::TopicName;
pub use rules::{InvalidTopic, MAX_TOPIC_LEVELS, levels};
