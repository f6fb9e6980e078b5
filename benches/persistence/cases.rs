//! What is measured, and what it should be.

use std::time::Duration;

use super::broker::{Broker, Kind};
use super::queue::{self, RATE};
use crate::goals::{Goal, Wanted};
use crate::report::Figure;

/// How much is measured at once.
pub struct Extent {
    /// How long messages are published.
    pub duration: Duration,
    /// How many messages a broker is killed with.
    pub backlog: u64,
    /// Whether a drained store is waited for until it has given its room back.
    pub tidies: bool,
}

/// One row of the report.
pub struct Case {
    pub name: &'static str,
    /// Those that can do it.
    pub brokers: &'static [Kind],
    /// Whether it is measured in each round, or in the first only.
    pub in_each_round: bool,
    pub goals: &'static [Goal],
    pub measure: fn(Kind, &Extent) -> Result<Vec<Figure>, String>,
}

const ALL: &[Kind] = &[
    Kind::Stored,
    Kind::InMemory,
    Kind::Unsynced,
    Kind::Mosquitto,
];
const STORED: &[Kind] = &[Kind::Stored];

const IN_MEMORY: &str = Kind::InMemory.name();
const UNSYNCED: &str = Kind::Unsynced.name();
const MOSQUITTO: &str = Kind::Mosquitto.name();

pub const CASES: &[Case] = &[
    Case {
        name: "subscriber connected",
        brokers: ALL,
        in_each_round: true,
        goals: &[
            Goal::ratio(RATE, IN_MEMORY, Wanted::AtLeast(0.6)),
            Goal::ratio(RATE, UNSYNCED, Wanted::AtLeast(0.9)),
            Goal::ratio(RATE, MOSQUITTO, Wanted::AtLeast(5.0)),
        ],
        measure: |kind, extent| queue::connected(&Broker::start(kind), extent),
    },
    Case {
        name: "subscriber away",
        brokers: ALL,
        in_each_round: true,
        goals: &[
            Goal::ratio(RATE, IN_MEMORY, Wanted::AtLeast(0.25)),
            Goal::ratio(RATE, UNSYNCED, Wanted::AtLeast(0.5)),
            Goal::ratio(RATE, MOSQUITTO, Wanted::AtLeast(5.0)),
        ],
        measure: |kind, extent| queue::away(&Broker::start(kind), extent),
    },
    Case {
        name: "restart with a backlog",
        brokers: STORED,
        in_each_round: false,
        goals: &[],
        measure: |kind, extent| queue::restart(Broker::start(kind), extent.backlog),
    },
];
