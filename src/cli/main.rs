use std::ffi::OsString;
use std::process::ExitCode;

use super::{
    Kind, Parsed, RawOptions, UsageError, help, options_file, parse, publish_settings,
    subscribe_settings,
};
use crate::client::Report;
use crate::options::{self, Program};
use crate::{publish, subscribe};

/// Runs a client program with the words of its command line.
pub fn main(kind: Kind) -> ExitCode {
    let mut words: Vec<OsString> = std::env::args_os().collect();
    let first = (!words.is_empty()).then(|| words.remove(0));
    let program = Program::new(kind.installed_name(), first.as_deref());
    let refuse = |error: UsageError, quiet| {
        error.print(&program, quiet);
        if error.shows_help() {
            // The error is more important than a failure to print the help.
            let _ = options::print(&help(kind, &program));
        }
        ExitCode::FAILURE
    };
    let parsed = options_file::lines(kind, &program, &words)
        .and_then(|option_lines| parse(kind, option_lines, words));
    match parsed {
        Ok(Parsed::Help) => show(&program, &help(kind, &program)),
        Ok(Parsed::Version) => show(&program, &version(&program)),
        Ok(Parsed::Run(raw)) => {
            let quiet = raw.is_quiet();
            run(kind, &program, *raw).unwrap_or_else(|error| refuse(error, quiet))
        }
        Err(error) => refuse(error, false),
    }
}

fn run(kind: Kind, program: &Program, raw: RawOptions) -> Result<ExitCode, UsageError> {
    let code = match kind {
        Kind::Publish => publish::run(publish_settings(program, raw)?),
        Kind::Subscribe => subscribe::run(subscribe_settings(raw)?),
    };
    Ok(ExitCode::from(code))
}

/// Returns the line of `--version`.
fn version(program: &Program) -> String {
    let version = env!("CARGO_PKG_VERSION");
    format!(
        "{} version {version} running on mq {version}.\n",
        program.name()
    )
}

/// Prints the help or the version; the original exits with 1 then.
fn show(program: &Program, text: &str) -> ExitCode {
    if let Err(error) = options::print(text) {
        Report::new(false).line(error);
        return ExitCode::FAILURE;
    }
    match program.is_mosquitto() {
        true => ExitCode::FAILURE,
        false => ExitCode::SUCCESS,
    }
}
