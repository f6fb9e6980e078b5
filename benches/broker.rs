//! Brokers beside each other, on this machine, in one run.
//!
//! `cargo bench --bench broker` starts `mq-broker`, Mosquitto (where it is installed),
//! rumqttd and a forwarder that does nothing but copy frames, in turn and in rotating
//! order, puts the same load on each, and prints medians, their spread, the ratios, which
//! goals hold, and one line of JSON.
//!
//! ```text
//! cargo bench --bench broker -- --quick           less than a minute
//! cargo bench --bench broker -- --rounds 5        more rounds
//! cargo bench --bench broker -- --case q1         the cases whose name contains q1
//! cargo bench --bench broker -- --only mq-broker,null
//! ```

#![allow(unreachable_pub, reason = "a bench is a crate that nobody else uses")]
#![allow(dead_code, reason = "the load generator is shared with another bench")]

mod broker {
    pub mod alone;
    pub mod cases;
    pub mod connections;
    pub mod crowd;
    pub mod fairness;
    pub mod fan;
    pub mod flood;
    pub mod latency;
    pub mod null;
    pub mod one_thread_flood;
    pub mod pairs;
    pub mod retained;
    pub mod rumqtt;
    pub mod scaling;
    pub mod server;
    pub mod transports;
    pub mod wildcards;
    pub mod window;
    pub mod wire;
}
#[path = "common/goals.rs"]
mod goals;
#[path = "common/report.rs"]
mod report;

use std::time::Duration;

use broker::cases::{CASES, Case};
use broker::connections;
use broker::server::Kind;
use report::Report;

/// How long one measurement takes.
const LONG: Duration = Duration::from_secs(3);
const SHORT: Duration = Duration::from_millis(400);

struct Arguments {
    rounds: usize,
    duration: Duration,
    quick: bool,
    wanted: Option<String>,
    /// The names of those that are measured.
    only: Option<String>,
}

fn main() {
    let mut words = std::env::args().skip(1);
    // The bench starts itself again as what has no program of its own.
    match words.next().as_deref() {
        Some("serve-null") => return broker::null::serve(&words.next().unwrap_or_default()),
        Some("serve-rumqttd") => return broker::rumqtt::serve(&words.next().unwrap_or_default()),
        Some("flood") => return broker::fairness::flood(&words.next().unwrap_or_default()),
        _ => {}
    }
    let arguments = arguments();
    connections::raise_descriptors();
    let mut kinds = Kind::available();
    kinds.retain(|kind| arguments.measures(*kind));
    let mut report = Report::new(kinds.iter().map(|kind| kind.name()).collect());
    for kind in &kinds {
        report.tell(kind.name(), kind.version());
    }
    let cases: Vec<&Case> = CASES.iter().filter(|case| arguments.wants(case)).collect();
    for round in 0..arguments.rounds {
        for case in &cases {
            let kinds: Vec<Kind> = kinds
                .iter()
                .filter(|kind| case.brokers.contains(kind))
                .copied()
                .collect();
            for turn in 0..kinds.len() {
                let kind = kinds[(round + turn) % kinds.len()];
                // One that does not start spoils no other's figures.
                let measured =
                    std::panic::catch_unwind(|| (case.measure)(kind, arguments.duration));
                match measured.unwrap_or_else(|_| Err("it panicked".to_owned())) {
                    Ok(figures) => report.add(case.name, kind.name(), figures),
                    Err(reason) => report.fail(case.name, kind.name(), &reason),
                }
            }
        }
    }
    report.print();
    let goals = cases.iter().map(|case| (case.name, case.goals));
    goals::print(goals, Kind::Mq.name(), &report);
    println!("\n{}", report.json());
    if report.has_failures() {
        std::process::exit(1);
    }
}

impl Arguments {
    fn measures(&self, kind: Kind) -> bool {
        let only = self.only.as_deref();
        only.is_none_or(|only| only.split(',').any(|name| name == kind.name()))
    }

    fn wants(&self, case: &Case) -> bool {
        match &self.wanted {
            Some(wanted) => case.name.contains(wanted.as_str()),
            None => case.quick || !self.quick,
        }
    }
}

fn arguments() -> Arguments {
    let mut arguments = Arguments {
        rounds: 3,
        duration: LONG,
        quick: false,
        wanted: None,
        only: None,
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--quick" => {
                (arguments.rounds, arguments.duration) = (1, SHORT);
                arguments.quick = true;
            }
            "--rounds" => {
                let rounds = words.next().and_then(|word| word.parse().ok());
                arguments.rounds = rounds.expect("--rounds is followed by a number");
            }
            "--case" => arguments.wanted = words.next(),
            "--only" => arguments.only = words.next(),
            // What cargo adds.
            "--bench" => {}
            other => panic!("unknown argument {other}"),
        }
    }
    arguments
}
