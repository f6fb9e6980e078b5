use std::ffi::OsStr;

use clap::{Arg, Command, ValueHint};

use super::table::{INSTALLED_NAME, OptionId};
use crate::options::{OptionTable, Program};

/// Returns the options of the program.
pub(super) fn options() -> OptionTable<OptionId> {
    OptionTable::new(OptionId::ROWS, &Program::new(INSTALLED_NAME, None))
}

/// Returns the usage text.
pub(super) fn usage(program: &Program) -> String {
    command(program).render_help().to_string()
}

/// Describes the program to `clap`, for its help, its manual page and its completions.
pub fn command(program: &Program) -> Command {
    let usage = [
        "[-H HASH] [-I COUNT] [-c | -D] FILE USER",
        "[-H HASH] [-I COUNT] [-c] -b FILE USER PASSWORD",
        "[-H HASH] [-I COUNT] -U FILE",
    ];
    options()
        .command(
            program,
            "Makes and edits password files for an MQTT broker.",
            &usage,
        )
        .arg(
            Arg::new("FILE")
                .value_hint(ValueHint::FilePath)
                .help("the password file"),
        )
        .arg(Arg::new("USER").help("the user's name"))
        .arg(Arg::new("PASSWORD").help("the password, with -b"))
        .after_help(
            "Without -c, -D or -U the user is added, or gets a new password. Without -b the \
             password is asked for twice; when standard input is not a terminal, it is read from \
             there, two lines.\n\n\
             Exit code: 0 done, 1 error, 2 the two passwords differ.",
        )
}

/// Returns a hint for someone who typed something like an option in place of the file.
pub(super) fn hint(program: &Program, first_word: &OsStr) -> Option<String> {
    let word = first_word.to_string_lossy();
    if !word.starts_with('-') || word.len() < 2 {
        return None;
    }
    Some(format!(
        "{} has no flag '{word}'. Flags are single letters, each a word of its own, and stand before FILE.",
        program.name()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usage_names_every_option_and_the_program_as_it_was_started() {
        let program = Program::new(INSTALLED_NAME, Some(OsStr::new("mosquitto_passwd")));
        let text = usage(&program);
        assert!(text.contains("Usage: mosquitto_passwd "), "{text}");
        for row in options().rows() {
            assert!(text.contains(&format!("\n  {}", row.name())), "{text}");
        }
    }

    #[test]
    fn only_a_word_that_looks_like_a_flag_gets_a_hint() {
        let program = Program::new(INSTALLED_NAME, None);
        let hint = |word: &str| hint(&program, OsStr::new(word));
        assert!(hint("--batch").is_some());
        assert!(hint("-cb").is_some());
        assert_eq!(hint("-"), None);
        assert_eq!(hint("file"), None);
    }
}
