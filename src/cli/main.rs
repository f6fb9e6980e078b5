use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

use super::{
    Kind, Parsed, Program, Typed, UsageError, help, options_file, parse, publish_settings,
    subscribe_settings,
};
use crate::{publish, subscribe};

/// Runs a client program with the words it was started with.
pub fn main(kind: Kind) -> ExitCode {
    let mut words: Vec<OsString> = std::env::args_os().collect();
    let first = (!words.is_empty()).then(|| words.remove(0));
    let program = Program::new(kind, first.as_deref());
    let parsed = options_file::lines(&program, &words)
        .and_then(|option_lines| parse(kind, option_lines, words));
    match parsed {
        Ok(Parsed::Help) => show(&program, &help(&program)),
        Ok(Parsed::Version) => show(&program, &format!("{}\n", program.version())),
        Ok(Parsed::Run(typed)) => {
            let quiet = typed.is_quiet();
            run(&program, *typed).unwrap_or_else(|error| refuse(&program, &error, quiet))
        }
        Err(error) => refuse(&program, &error, false),
    }
}

fn run(program: &Program, typed: Typed) -> Result<ExitCode, UsageError> {
    let code = match program.kind() {
        Kind::Publish => publish::run(publish_settings(program, typed)?),
        Kind::Subscribe => subscribe::run(subscribe_settings(typed)?),
    };
    Ok(ExitCode::from(code))
}

fn refuse(program: &Program, error: &UsageError, quiet: bool) -> ExitCode {
    error.print(program, quiet);
    ExitCode::FAILURE
}

/// The original exits with 1 when it was asked for its help.
fn show(program: &Program, text: &str) -> ExitCode {
    // Nobody is left to be told when standard output is closed.
    let _ = io::stdout().write_all(text.as_bytes());
    if program.is_mosquitto() {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}
