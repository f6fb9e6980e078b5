//! What it costs that nothing is lost.
//!
//! `cargo bench --bench persistence` publishes at QoS 1 to one session that outlives its
//! connection: to `mq-broker` with a store, with one that does not wait for the disk, and
//! without one, and to Mosquitto where it comes nearest to the same promise, with `autosave_on_changes true` and `autosave_interval 1`.
//! They take turns in rotating order, one case after the other.
//!
//! ```text
//! cargo bench --bench persistence -- --quick               a minute and a half
//! cargo bench --bench persistence -- --rounds 5            more rounds
//! cargo bench --bench persistence -- --case connected      the cases whose name contains connected
//! cargo bench --bench persistence -- --only stored,memory  the brokers whose name contains one of these
//! ```

#![allow(unreachable_pub, reason = "a bench is a crate that nobody else uses")]
#![allow(
    dead_code,
    reason = "the load generator and the goals are shared with another bench"
)]

#[path = "broker/server.rs"]
mod server;
#[path = "broker/wire.rs"]
mod wire;

#[path = "common/goals.rs"]
mod goals;
#[path = "common/report.rs"]
mod report;

mod persistence {
    pub mod broker;
    pub mod cases;
    pub mod queue;
}

use std::time::Duration;

use persistence::broker::Kind;
use persistence::cases::{CASES, Case, Extent};
use report::Report;

struct Arguments {
    rounds: usize,
    extent: Extent,
    wanted: Option<String>,
    only: Option<String>,
}

fn main() {
    let arguments = arguments();
    let mut kinds = Kind::available();
    kinds.retain(|kind| arguments.measures(*kind));
    let mut report = Report::new(kinds.iter().map(|kind| kind.name()).collect());
    let cases: Vec<&Case> = CASES.iter().filter(|case| arguments.wants(case)).collect();
    for round in 0..arguments.rounds {
        for case in &cases {
            if round > 0 && !case.in_each_round {
                continue;
            }
            let kinds = kinds.iter().filter(|kind| case.brokers.contains(kind));
            let kinds: Vec<Kind> = kinds.copied().collect();
            for turn in 0..kinds.len() {
                let kind = kinds[(round + turn) % kinds.len()];
                match (case.measure)(kind, &arguments.extent) {
                    Ok(figures) => report.add(case.name, kind.name(), figures),
                    Err(reason) => report.fail(case.name, kind.name(), &reason),
                }
            }
        }
    }
    report.print();
    let goals = cases.iter().map(|case| (case.name, case.goals));
    goals::print(goals, Kind::Stored.name(), &report);
    println!("\n{}", report.json());
    if report.has_failures() {
        std::process::exit(1);
    }
}

impl Arguments {
    fn wants(&self, case: &Case) -> bool {
        let wanted = self.wanted.as_deref();
        wanted.is_none_or(|wanted| case.name.contains(wanted))
    }

    fn measures(&self, kind: Kind) -> bool {
        let only = self.only.as_deref();
        only.is_none_or(|only| only.split(',').any(|part| kind.name().contains(part)))
    }
}

fn arguments() -> Arguments {
    let mut arguments = Arguments {
        rounds: 3,
        extent: Extent {
            duration: Duration::from_secs(3),
            backlog: 1_000_000,
            tidies: true,
        },
        wanted: None,
        only: None,
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--quick" => {
                // What disturbs one round of that length does not disturb them all.
                arguments.rounds = 5;
                arguments.extent = Extent {
                    duration: Duration::from_millis(700),
                    backlog: 100_000,
                    tidies: false,
                };
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
