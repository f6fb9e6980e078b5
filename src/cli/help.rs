use clap::Command;

use super::Kind;
use super::table::OptionId;
use crate::options::{OptionTable, Program};

/// Returns the options of a client program.
pub fn options(kind: Kind) -> OptionTable<OptionId> {
    OptionTable::new(OptionId::ROWS, &Program::new(kind.installed_name(), None))
}

/// Returns the text of `--help`.
pub fn help(kind: Kind, program: &Program) -> String {
    command(kind, program).render_help().to_string()
}

/// Describes the program to `clap`, for its help, its manual page and its completions.
pub fn command(kind: Kind, program: &Program) -> Command {
    let (about, usage) = match kind {
        Kind::Publish => (
            "Publishes messages on a topic of an MQTT broker.",
            "-t TOPIC {-m TEXT | -f FILE | -l | -s | -n} [OPTIONS]",
        ),
        Kind::Subscribe => (
            "Prints the messages on topics of an MQTT broker.",
            "-t TOPIC... [OPTIONS]",
        ),
    };
    options(kind).command(program, about, &[usage])
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_help_lists_every_option_that_is_not_hidden() {
        for kind in [Kind::Publish, Kind::Subscribe] {
            let text = help(kind, &Program::new(kind.installed_name(), None));
            let words: Vec<_> = text.split_whitespace().collect();
            let text = words.join(" ");
            for row in options(kind).rows() {
                assert_eq!(
                    text.contains(row.help),
                    !row.hidden,
                    "{:?} in\n{text}",
                    row.id
                );
            }
        }
    }

    #[test]
    fn no_two_options_have_the_same_name() {
        let mut seen = HashSet::new();
        for row in OptionId::ROWS {
            assert!(row.short.is_some() || row.long.is_some(), "{:?}", row.id);
            let short = row.short.map(|short| short.to_string());
            for name in short.into_iter().chain(row.long.map(str::to_owned)) {
                assert!(seen.insert(name.clone()), "{name}");
            }
        }
    }
}
