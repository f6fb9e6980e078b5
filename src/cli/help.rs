use clap::builder::{PossibleValuesParser, ValueParser};
use clap::{Arg, ArgAction, Command, ValueHint};

use super::table::Words;
use super::{Kind, OPTIONS, OptionId, Program};

/// The text of `--help`.
pub fn help(program: &Program) -> String {
    command(program).render_help().to_string()
}

/// The program as `clap` knows it, for its help, its manual page and its completions.
pub fn command(program: &Program) -> Command {
    let (about, usage) = match program.kind() {
        Kind::Publish => (
            "Publishes messages on a topic of an MQTT broker.",
            "-t TOPIC {-m TEXT | -f FILE | -l | -s | -n} [OPTIONS]",
        ),
        Kind::Subscribe => (
            "Prints the messages on topics of an MQTT broker.",
            "-t TOPIC... [OPTIONS]",
        ),
    };
    let rows = OPTIONS
        .iter()
        .filter(|row| row.programs.include(program.kind()));
    let arguments = rows.map(|row| {
        let mut argument = Arg::new(row.key)
            .help(row.help)
            .help_heading(row.group.title());
        if let Some(short) = row.short {
            argument = argument.short(short);
        }
        if let Some(long) = row.long {
            argument = argument.long(long);
        }
        match row.words {
            Words::None => argument.action(ArgAction::SetTrue),
            Words::One(name, _) => argument
                .value_name(name)
                .value_hint(value_hint(name))
                .value_parser(value_parser(row.id))
                .hide_possible_values(true),
            Words::Property => argument
                .num_args(3..=4)
                .value_names(["COMMAND", "NAME", "VALUE"]),
        }
    });
    Command::new(program.kind().default_name())
        .about(about)
        .override_usage(format!("{} {usage}", program.name()))
        .disable_help_flag(true)
        .disable_version_flag(true)
        .args(arguments)
}

/// What a shell offers for a value of this name.
fn value_hint(name: &str) -> ValueHint {
    match name {
        "FILE" | "PATH" => ValueHint::FilePath,
        "FOLDER" => ValueHint::DirPath,
        "HOST" => ValueHint::Hostname,
        "URL" => ValueHint::Url,
        _ => ValueHint::Other,
    }
}

/// What a shell offers for an option that has few values.
fn value_parser(id: OptionId) -> ValueParser {
    let values: &[&str] = match id {
        OptionId::Qos | OptionId::WillQos => &["0", "1", "2"],
        OptionId::ProtocolVersion => &["mqttv31", "mqttv311", "mqttv5", "31", "311", "5"],
        OptionId::RetainHandling => &["always", "new", "never"],
        OptionId::TlsVersion => &["tlsv1.2", "tlsv1.3"],
        _ => return ValueParser::string(),
    };
    PossibleValuesParser::new(values.to_vec()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_lists_every_option_of_the_program() {
        for kind in [Kind::Publish, Kind::Subscribe] {
            let program = Program::new(kind, None);
            let text = help(&program);
            for row in OPTIONS.iter().filter(|row| row.programs.include(kind)) {
                assert!(text.contains(row.help), "{:?} in\n{text}", row.id);
            }
        }
    }
}
