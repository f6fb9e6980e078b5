//! `mq-pub` and `mq-sub` beside Mosquitto's clients, on this machine, in one run.
//!
//! `cargo bench --bench clients` runs the same command lines of both in turn, and prints
//! medians, their spread and the ratios.
//!
//! ```text
//! cargo bench --bench clients -- --quick          a few seconds
//! cargo bench --bench clients -- --rounds 9       more rounds
//! cargo bench --bench clients -- --case lines     the cases whose name contains lines
//! ```

#![allow(unreachable_pub, reason = "a bench is a crate that nobody else uses")]

mod clients {
    pub mod broker;
    pub mod cases;
    pub mod peer;
    pub mod program;
}
#[allow(dead_code, reason = "the other bench looks at single numbers")]
#[path = "common/report.rs"]
mod report;

use clients::cases::{CASES, Case};
use clients::program::Maker;
use report::Report;

struct Arguments {
    rounds: usize,
    /// By how much the numbers of messages are divided.
    divisor: u64,
    wanted: Option<String>,
}

fn main() {
    let arguments = arguments();
    let makers = Maker::available();
    let mut report = Report::new(makers.iter().map(|maker| maker.name()).collect());
    let cases: Vec<&Case> = CASES.iter().filter(|case| arguments.wants(case)).collect();
    for round in 0..arguments.rounds {
        for case in &cases {
            for turn in 0..makers.len() {
                let maker = makers[(round + turn) % makers.len()];
                match (case.measure)(maker, case.messages / arguments.divisor) {
                    Ok(figures) => report.add(case.name, maker.name(), figures),
                    Err(reason) => report.fail(case.name, maker.name(), &reason),
                }
            }
        }
    }
    report.print();
    println!("\n{}", report.json());
    if report.has_failures() {
        std::process::exit(1);
    }
}

impl Arguments {
    fn wants(&self, case: &Case) -> bool {
        self.wanted
            .as_deref()
            .is_none_or(|wanted| case.name.contains(wanted))
    }
}

fn arguments() -> Arguments {
    let mut arguments = Arguments {
        rounds: 5,
        divisor: 1,
        wanted: None,
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--quick" => (arguments.rounds, arguments.divisor) = (1, 10),
            "--rounds" => {
                let rounds = words.next().and_then(|word| word.parse().ok());
                arguments.rounds = rounds.expect("--rounds is followed by a number");
            }
            "--case" => arguments.wanted = words.next(),
            // What cargo adds.
            "--bench" => {}
            other => panic!("unknown argument {other}"),
        }
    }
    arguments
}
