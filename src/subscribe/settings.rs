use std::time::Duration;

use super::Print;
use crate::client::{ConnectOptions, Endpoint, Report};
use crate::protocol::{Properties, Subscription, TopicFilter};

/// The view of the messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Display {
    /// Every message, one after the other.
    Messages,
    /// The last message of each topic, in a line of its own.
    Watch,
    /// The number of messages in each second.
    Rate,
}

/// The settings of `mq-sub`.
#[derive(Debug)]
pub struct Settings {
    /// The address of the broker.
    pub endpoint: Endpoint,
    /// The contents of the CONNECT.
    pub options: ConnectOptions,
    /// The subscriptions to make at each connection.
    pub subscriptions: Vec<Subscription>,
    /// The subscriptions to end at each connection.
    pub unsubscribe: Vec<TopicFilter>,
    /// The properties of the SUBSCRIBE.
    pub subscribe_properties: Properties,
    /// The properties of each UNSUBSCRIBE.
    pub unsubscribe_properties: Properties,
    /// The properties of the DISCONNECT.
    pub disconnect_properties: Properties,
    /// Topics whose messages are dropped.
    pub filter_out: Vec<TopicFilter>,
    /// True if retained messages are dropped.
    pub skip_retained: bool,
    /// True if only retained messages are printed, and the first other one ends the program.
    pub retained_only: bool,
    /// True if each retained message is cleared.
    pub remove_retained: bool,
    /// The number of messages after which the program ends.
    pub count: Option<u64>,
    /// True if the program ends at the SUBACK.
    pub exit_after_suback: bool,
    /// The time after which the program ends.
    pub timeout: Option<Duration>,
    /// The view of the messages.
    pub display: Display,
    /// The way in which a message is printed.
    pub print: Print,
    /// The percentage of messages to print, chosen at random; `None` prints all.
    pub random_filter: Option<f64>,
    /// True if a line is printed for each packet.
    pub debug: bool,
    /// The output on standard error.
    pub report: Report,
}
