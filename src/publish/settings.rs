use std::time::Duration;

use super::Loaded;
use crate::client::{ConnectOptions, Endpoint, Publication, Report};
use crate::protocol::Properties;

/// The settings of `mq-pub`.
#[derive(Debug)]
pub struct Settings {
    /// The address of the broker.
    pub endpoint: Endpoint,
    /// The contents of the CONNECT.
    pub options: ConnectOptions,
    /// The part that all messages share.
    pub publication: Publication,
    /// The messages.
    pub source: Loaded,
    /// The repetition of one message.
    pub repetition: Repetition,
    /// The properties of the DISCONNECT.
    pub disconnect_properties: Properties,
    /// The time after which the program ends.
    pub timeout: Option<Duration>,
    /// True if a line is printed for each packet.
    pub debug: bool,
    /// The output on standard error.
    pub report: Report,
    /// True if the exit code reports a message that the broker refused.
    pub refusals_fail: bool,
}

/// The repetition of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repetition {
    /// The number of times; not 0.
    pub count: u64,
    /// The pause after each message except the last.
    pub delay: Duration,
}

impl Repetition {
    /// One message.
    pub const ONCE: Self = Self {
        count: 1,
        delay: Duration::ZERO,
    };
}
