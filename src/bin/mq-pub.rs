//! The `mq-pub` program.

use std::process::ExitCode;

use mq::cli::{self, Kind};

fn main() -> ExitCode {
    cli::main(Kind::Publish)
}
