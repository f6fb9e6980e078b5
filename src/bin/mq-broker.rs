//! The `mq-broker` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    mq::broker::program::main(std::env::args_os())
}
