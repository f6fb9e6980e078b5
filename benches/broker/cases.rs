//! What is measured, and what it should be.

use std::time::Duration;

use super::server::{Kind, Server};
use super::{
    alone, connections, fairness, fan, latency, one_thread_flood, pairs, retained, scaling,
    transports, wildcards, window,
};
use crate::goals::{Goal, Wanted};
use crate::report::Figure;

/// One row of the report.
pub struct Case {
    pub name: &'static str,
    /// Those that can do it.
    pub brokers: &'static [Kind],
    /// Whether it is short enough for a run of less than a minute.
    pub quick: bool,
    pub goals: &'static [Goal],
    pub measure: fn(Kind, Duration) -> Result<Vec<Figure>, String>,
}

const ALL: &[Kind] = &[Kind::Mq, Kind::Mosquitto, Kind::Rumqttd, Kind::Null];
/// The null forwarder knows no topics.
const WITH_TOPICS: &[Kind] = &[Kind::Mq, Kind::Mosquitto, Kind::Rumqttd];
/// rumqttd gives 200 retained messages and no more, and has no connections by the ten
/// thousand or listeners for everything in one process.
const OURS_AND_MOSQUITTO: &[Kind] = &[Kind::Mq, Kind::Mosquitto];
const OURS: &[Kind] = &[Kind::Mq];

const RATE: &str = fan::RATE;

/// QoS 0 messages between publisher and subscriber.
const IN_FLIGHT: u64 = 1_000;
/// QoS 1 and 2 messages that a publisher has in flight: as many as Mosquitto's clients.
const WINDOW: u64 = window::WINDOW as u64;

pub const CASES: &[Case] = &[
    Case {
        name: "1 to 1, q0 open loop",
        brokers: ALL,
        quick: true,
        goals: &[
            Goal::ratio(RATE, "mosquitto", Wanted::AtLeast(9.0)),
            Goal::ratio(RATE, "rumqttd", Wanted::AtLeast(1.5)),
            Goal::ratio(fan::CPU, "rumqttd", Wanted::AtMost(0.45)),
        ],
        measure: |kind, time| one_thread_flood::run(&Server::start(kind), time, 1),
    },
    Case {
        name: "1 to 1, q0 1000 in flight",
        brokers: ALL,
        quick: true,
        goals: &[
            Goal::ratio(RATE, "mosquitto", Wanted::AtLeast(10.0)),
            Goal::ratio(RATE, "rumqttd", Wanted::AtLeast(2.1)),
        ],
        measure: |kind, time| alone::run(&Server::start(kind), time, 0, IN_FLIGHT),
    },
    Case {
        name: "1 to 1, q1",
        brokers: ALL,
        quick: true,
        goals: &[Goal::ratio(RATE, "null", Wanted::AtLeast(0.9))],
        measure: |kind, time| alone::run(&Server::start(kind), time, 1, WINDOW),
    },
    Case {
        name: "1 to 1, q2",
        brokers: ALL,
        quick: true,
        goals: &[Goal::ratio(RATE, "null", Wanted::AtLeast(0.9))],
        measure: |kind, time| alone::run(&Server::start(kind), time, 2, WINDOW),
    },
    Case {
        name: "1 to 100, q0",
        brokers: ALL,
        quick: true,
        goals: &[
            Goal::ratio(RATE, "mosquitto", Wanted::AtLeast(24.0)),
            Goal::ratio(RATE, "rumqttd", Wanted::AtLeast(1.1)),
        ],
        measure: |kind, time| fan::open_loop(&Server::start(kind), time, 1, 100),
    },
    Case {
        name: "1 to 100, q1",
        brokers: ALL,
        quick: true,
        goals: &[
            Goal::ratio(RATE, "mosquitto", Wanted::AtLeast(12.0)),
            Goal::ratio(RATE, "rumqttd", Wanted::AtLeast(1.1)),
        ],
        measure: |kind, time| window::run(&Server::start(kind), time, 100),
    },
    Case {
        name: "50 to 1, q0",
        brokers: ALL,
        quick: true,
        goals: &[
            Goal::ratio(RATE, "mosquitto", Wanted::AtLeast(11.0)),
            Goal::ratio(RATE, "rumqttd", Wanted::AtLeast(2.5)),
        ],
        measure: |kind, time| one_thread_flood::run(&Server::start(kind), time, 50),
    },
    Case {
        name: "50 to 1, q1",
        brokers: ALL,
        quick: true,
        goals: &[
            Goal::ratio(RATE, "mosquitto", Wanted::AtLeast(7.0)),
            Goal::ratio(RATE, "rumqttd", Wanted::AtLeast(1.7)),
        ],
        measure: |kind, time| fan::many_to_one(&Server::start(kind), time, 50),
    },
    Case {
        name: "latency at 2000/s, q0",
        brokers: ALL,
        quick: true,
        goals: &[
            Goal::ratio(latency::P50, "null", Wanted::AtMost(1.4)),
            Goal::absolute(latency::P99, Wanted::AtMost(0.2)),
        ],
        measure: |kind, time| latency::run(&Server::start(kind), time, 0),
    },
    Case {
        name: "latency at 2000/s, q1",
        brokers: ALL,
        quick: true,
        goals: &[
            Goal::ratio(latency::P50, "null", Wanted::AtMost(1.4)),
            Goal::absolute(latency::P99, Wanted::AtMost(0.2)),
        ],
        measure: |kind, time| latency::run(&Server::start(kind), time, 1),
    },
    Case {
        name: "latency beside a flood, q0",
        brokers: WITH_TOPICS,
        quick: true,
        goals: &[
            Goal::absolute(latency::P50, Wanted::AtMost(0.1)),
            Goal::absolute(latency::P99, Wanted::AtMost(1.0)),
        ],
        measure: |kind, time| fairness::beside_a_flood(&Server::start(kind), time),
    },
    Case {
        name: "1 to 1, q0, and one that reads nothing",
        brokers: WITH_TOPICS,
        quick: false,
        goals: &[],
        measure: |kind, time| fairness::beside_a_stalled_one(&Server::start(kind), time),
    },
    Case {
        name: "1000 pairs at 10000/s, q0",
        brokers: WITH_TOPICS,
        quick: false,
        goals: &[],
        measure: |kind, time| pairs::run(&Server::start(kind), time),
    },
    Case {
        name: "100000 wildcard filters of 1000 clients",
        brokers: WITH_TOPICS,
        quick: false,
        goals: &[],
        measure: |kind, time| wildcards::run(&Server::start(kind), time),
    },
    Case {
        name: "200000 retained messages to one #",
        brokers: OURS_AND_MOSQUITTO,
        quick: false,
        goals: &[],
        measure: |kind, _| retained::run(&Server::start(kind)),
    },
    Case {
        name: "connects",
        brokers: ALL,
        quick: true,
        goals: &[
            Goal::ratio(connections::RATE, "null", Wanted::AtLeast(1.0)),
            Goal::ratio(connections::CPU, "mosquitto", Wanted::AtMost(1.0)),
            Goal::absolute(connections::START, Wanted::AtMost(5.0)),
        ],
        measure: |kind, time| connections::rate(&Server::start(kind), time),
    },
    Case {
        name: "5000 idle connections",
        brokers: ALL,
        quick: false,
        goals: &[Goal::ratio(
            connections::MEMORY,
            "mosquitto",
            Wanted::AtMost(1.0),
        )],
        measure: |kind, _| connections::idle(&Server::start(kind), 5_000),
    },
    Case {
        name: "50000 idle connections",
        brokers: OURS_AND_MOSQUITTO,
        quick: false,
        goals: &[],
        measure: |kind, _| connections::idle(&Server::start(kind), 50_000),
    },
    Case {
        name: "transports",
        brokers: OURS_AND_MOSQUITTO,
        quick: false,
        goals: &[],
        measure: transports::run,
    },
    Case {
        name: "50 pairs, q0, by worker threads",
        brokers: OURS,
        quick: false,
        goals: &[],
        measure: scaling::run,
    },
];
