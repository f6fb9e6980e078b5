//! The `mq-sub` program.

use std::process::ExitCode;

use mq::cli::{self, Kind};

fn main() -> ExitCode {
    cli::main(Kind::Subscribe)
}
