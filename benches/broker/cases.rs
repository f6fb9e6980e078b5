//! What is measured.

use std::time::Duration;

use super::server::Server;
use super::{connections, fan, latency, window};
use crate::report::Figure;

/// One row of the report.
pub struct Case {
    pub name: &'static str,
    pub measure: fn(&Server, Duration) -> Result<Vec<Figure>, String>,
}

pub const CASES: &[Case] = &[
    Case {
        name: "1 to 1, q0 open loop",
        measure: |server, time| fan::open_loop(server, time, 1, 1),
    },
    Case {
        name: "1 to 1, q0 1000 in flight",
        measure: |server, time| window::run(server, time, 0, 1),
    },
    Case {
        name: "1 to 1, q1",
        measure: |server, time| window::run(server, time, 1, 1),
    },
    Case {
        name: "1 to 1, q2",
        measure: |server, time| window::run(server, time, 2, 1),
    },
    Case {
        name: "1 to 100, q0",
        measure: |server, time| fan::open_loop(server, time, 1, 100),
    },
    Case {
        name: "1 to 100, q1",
        measure: |server, time| window::run(server, time, 1, 100),
    },
    Case {
        name: "50 to 1, q0",
        measure: |server, time| fan::open_loop(server, time, 50, 1),
    },
    Case {
        name: "50 to 1, q1",
        measure: |server, time| fan::many_to_one(server, time, 50),
    },
    Case {
        name: "latency at 2000/s, q0",
        measure: |server, time| latency::run(server, time, 0),
    },
    Case {
        name: "latency at 2000/s, q1",
        measure: |server, time| latency::run(server, time, 1),
    },
    Case {
        name: "connects",
        measure: |server, _| connections::rate(server),
    },
    Case {
        name: "5000 idle connections",
        measure: |server, _| connections::idle(server),
    },
];
