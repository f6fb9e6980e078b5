use std::time::Duration;

use super::Loaded;
use crate::client::{ConnectOptions, Endpoint, Publication, Report};
use crate::protocol::Properties;

/// Everything that `mq-pub` is to do.
#[derive(Debug)]
pub struct Settings {
    /// Where the broker is.
    pub endpoint: Endpoint,
    /// What the CONNECT says.
    pub options: ConnectOptions,
    /// What all messages have in common.
    pub publication: Publication,
    /// The messages.
    pub source: Loaded,
    /// How often one message is sent.
    pub repetition: Repetition,
    /// The properties of the DISCONNECT.
    pub disconnect_properties: Properties,
    /// Whether to print a line for each packet.
    pub debug: bool,
    /// How to speak on standard error.
    pub report: Report,
    /// Whether the exit code tells that the broker refused a message.
    pub refusals_fail: bool,
}

/// How often a message is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repetition {
    /// How many times; not 0.
    pub count: u64,
    /// How long to wait after each but the last.
    pub delay: Duration,
}

impl Repetition {
    /// One message.
    pub const ONCE: Self = Self {
        count: 1,
        delay: Duration::ZERO,
    };
}
