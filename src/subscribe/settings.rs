use std::time::Duration;

use super::Print;
use crate::client::{ConnectOptions, Endpoint, Report};
use crate::protocol::{Properties, Subscription, TopicFilter};

/// What is shown of the messages that come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Display {
    /// One after the other.
    Messages,
    /// The last of each topic, in a line that stays.
    Watch,
    /// How many came in each second.
    Rate,
}

/// Everything that `mq-sub` is to do.
#[derive(Debug)]
pub struct Settings {
    /// Where the broker is.
    pub endpoint: Endpoint,
    /// What the CONNECT says.
    pub options: ConnectOptions,
    /// What to ask for, at each connection.
    pub subscriptions: Vec<Subscription>,
    /// Which subscriptions to end, at each connection.
    pub unsubscribe: Vec<TopicFilter>,
    /// The properties of the SUBSCRIBE.
    pub subscribe_properties: Properties,
    /// The properties of each UNSUBSCRIBE.
    pub unsubscribe_properties: Properties,
    /// The properties of the DISCONNECT.
    pub disconnect_properties: Properties,
    /// Topics whose messages are dropped.
    pub filter_out: Vec<TopicFilter>,
    /// Whether retained messages are dropped.
    pub skip_retained: bool,
    /// Whether all but retained messages are dropped, and the first of them ends it.
    pub retained_only: bool,
    /// Whether each retained message is cleared.
    pub remove_retained: bool,
    /// After how many messages to end.
    pub count: Option<u64>,
    /// Whether to end at the SUBACK.
    pub exit_after_suback: bool,
    /// After how long to end.
    pub timeout: Option<Duration>,
    /// What is shown of the messages that come.
    pub display: Display,
    /// How to print a message.
    pub print: Print,
    /// How many of a hundred messages to print, chosen at random; all when `None`.
    pub random_filter: Option<f64>,
    /// Whether to print a line for each packet.
    pub debug: bool,
    /// How to speak on standard error.
    pub report: Report,
}
