//! The `mq-passwd` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(mq::passwd::tool::run(std::env::args_os()))
}
