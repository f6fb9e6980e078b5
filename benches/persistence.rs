//! What it costs that nothing is lost.
//!
//! `cargo bench --bench persistence` publishes at QoS 1 to one session that outlives its
//! connection: to `mq-broker` with and without a store, and to Mosquitto where it comes
//! nearest to the same promise, with `autosave_on_changes true` and `autosave_interval 1`.
//!
//! ```text
//! cargo bench --bench persistence -- --quick               a tenth of the messages
//! cargo bench --bench persistence -- --rounds 5            more rounds
//! ```

#![allow(unreachable_pub, reason = "a bench is a crate that nobody else uses")]
#![allow(dead_code, reason = "the load generator is shared with another bench")]

#[path = "broker/server.rs"]
mod server;
#[path = "broker/wire.rs"]
mod wire;

#[path = "common/report.rs"]
mod report;

mod persistence {
    pub mod broker;
    pub mod queue;
}

use std::time::Duration;

use persistence::broker::{Broker, Kind};
use persistence::queue;
use report::Report;

struct Arguments {
    rounds: usize,
    duration: Duration,
    backlog: u64,
}

fn main() {
    let arguments = arguments();
    let kinds = Kind::available();
    let mut report = Report::new(kinds.iter().map(|kind| kind.name()).collect());
    for round in 0..arguments.rounds {
        for turn in 0..kinds.len() {
            let kind = kinds[(round + turn) % kinds.len()];
            let broker = Broker::start(kind);
            match queue::connected(&broker, arguments.duration) {
                Ok(figures) => report.add("subscriber connected", kind.name(), figures),
                Err(reason) => report.fail("subscriber connected", kind.name(), &reason),
            }
            let broker = Broker::start(kind);
            match queue::away(&broker, arguments.duration) {
                Ok(figures) => report.add("subscriber away", kind.name(), figures),
                Err(reason) => report.fail("subscriber away", kind.name(), &reason),
            }
        }
    }
    match queue::restart(arguments.backlog) {
        Ok(figures) => report.add("restart with a backlog", Kind::Stored.name(), figures),
        Err(reason) => report.fail("restart with a backlog", Kind::Stored.name(), &reason),
    }
    report.print();
    println!("\n{}", report.json());
    if report.has_failures() {
        std::process::exit(1);
    }
}

fn arguments() -> Arguments {
    let mut arguments = Arguments {
        rounds: 3,
        duration: Duration::from_secs(3),
        backlog: 1_000_000,
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--quick" => {
                arguments.rounds = 1;
                arguments.duration = Duration::from_millis(700);
                arguments.backlog = 100_000;
            }
            "--rounds" => {
                let rounds = words.next().and_then(|word| word.parse().ok());
                arguments.rounds = rounds.expect("--rounds is followed by a number");
            }
            // What cargo adds.
            "--bench" => {}
            other => panic!("unknown argument {other}"),
        }
    }
    arguments
}
