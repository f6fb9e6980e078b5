use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, Command, ValueHint};

use super::{Arity, OptionRow, OptionTable, Program, ValueKind};

impl<Id> OptionTable<Id> {
    /// Describes the program to `clap`, for its help, its manual page and its completions.
    ///
    /// `usage` has a line for each way to use the program, without the program's name.
    pub fn command(&self, program: &Program, about: &'static str, usage: &[&str]) -> Command {
        let usage: Vec<_> = usage
            .iter()
            .map(|line| format!("{} {line}", program.name()))
            .collect();
        Command::new(program.installed_name())
            .about(about)
            .override_usage(usage.join("\n       "))
            .disable_help_flag(true)
            .disable_version_flag(true)
            .args(self.rows().map(argument))
    }
}

fn argument<Id>(row: &OptionRow<Id>) -> Arg {
    let mut argument = Arg::new(row.key).help(row.help).hide(row.hidden);
    if !row.section.is_empty() {
        argument = argument.help_heading(row.section);
    }
    if let Some(short) = row.short {
        argument = argument.short(short);
    }
    if let Some(long) = row.long {
        argument = argument.long(long);
    }
    match row.arity {
        Arity::Flag => argument.action(ArgAction::SetTrue),
        Arity::Value { name, kind, .. } => with_kind(argument.value_name(name), kind),
        Arity::Property => argument
            .num_args(3..=4)
            .value_names(["COMMAND", "NAME", "VALUE"]),
    }
}

/// Adds the words or the kind of names that a shell can offer for the value.
fn with_kind(argument: Arg, kind: ValueKind) -> Arg {
    match kind {
        ValueKind::Text => argument.value_hint(ValueHint::Other),
        ValueKind::File => argument.value_hint(ValueHint::FilePath),
        ValueKind::Directory => argument.value_hint(ValueHint::DirPath),
        ValueKind::Host => argument.value_hint(ValueHint::Hostname),
        ValueKind::Url => argument.value_hint(ValueHint::Url),
        ValueKind::OneOf(values) => argument
            .value_parser(PossibleValuesParser::new(values))
            .hide_possible_values(true),
    }
}
