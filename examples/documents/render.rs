//! The manual pages and completions of the four programs, made from their tables of options
//! and from the parts that are written by hand beside this file.

use std::path::{Path, PathBuf};

use clap::Command;
use clap_complete::{Shell, generate};
use clap_mangen::Man;
use mq::broker::command_line;
use mq::broker::config::{ManualEntry, manual};
use mq::cli::{self, Kind};
use mq::options::Program;
use mq::passwd::tool;

/// Every document, with its path in the repository.
pub(crate) fn documents() -> Vec<(PathBuf, Vec<u8>)> {
    let mut documents = Vec::new();
    for described in described() {
        let name = described.command.get_name().to_owned();
        let page = format!("man/{name}.{}", described.section);
        documents.push((page.into(), manual_page(&described)));
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish, Shell::PowerShell] {
            let file = match shell {
                Shell::Bash => format!("{name}.bash"),
                Shell::Zsh => format!("_{name}"),
                Shell::Fish => format!("{name}.fish"),
                _ => format!("_{name}.ps1"),
            };
            let mut script = Vec::new();
            generate(shell, &mut described.command.clone(), &name, &mut script);
            documents.push((Path::new("completions").join(file), script));
        }
    }
    documents.push(("man/mq-broker.conf.5".into(), configuration_page()));
    documents
}

/// A program with what is written by hand about it.
struct Described {
    command: Command,
    section: &'static str,
    usage: &'static str,
    written: &'static str,
}

fn described() -> Vec<Described> {
    vec![
        Described {
            command: client(Kind::Publish),
            section: "1",
            usage: r"\-t TOPIC {\-m TEXT | \-f FILE | \-l | \-s | \-n} [OPTIONS]",
            written: include_str!("mq-pub.roff"),
        },
        Described {
            command: client(Kind::Subscribe),
            section: "1",
            usage: r"\-t TOPIC... [OPTIONS]",
            written: include_str!("mq-sub.roff"),
        },
        Described {
            command: tool::command(&Program::new("mq-passwd", None)),
            section: "1",
            usage: r"[OPTIONS] FILE USER [PASSWORD]",
            written: include_str!("mq-passwd.roff"),
        },
        Described {
            command: command_line::command(&Program::new("mq-broker", None)),
            section: "8",
            usage: r"[OPTIONS]",
            written: include_str!("mq-broker.roff"),
        },
    ]
}

fn client(kind: Kind) -> Command {
    cli::command(kind, &Program::new(kind.installed_name(), None))
}

fn manual_page(described: &Described) -> Vec<u8> {
    let name = described.command.get_name();
    let about = described
        .command
        .get_about()
        .map(ToString::to_string)
        .unwrap_or_default();
    let mut page = title(name, described.section, about.trim_end_matches('.'));
    let dashed = name.replace('-', r"\-");
    page.extend(format!(".SH SYNOPSIS\n\\fB{dashed}\\fR {}\n", described.usage).bytes());
    let (description, rest) = described
        .written
        .find("\n.SH ")
        .map(|end| described.written.split_at(end + 1))
        .expect("a description and more");
    page.extend(description.bytes());
    let man = Man::new(described.command.clone());
    man.render_options_section(&mut page)
        .expect("a Vec takes all");
    page.extend(rest.bytes());
    page
}

fn configuration_page() -> Vec<u8> {
    let mut page = title(
        "mq-broker.conf",
        "5",
        "the configuration file of mq\\-broker",
    );
    page.extend(include_bytes!("mq-broker.conf.roff"));
    page.extend(b".SH OPTIONS\n");
    for (section, entries) in manual() {
        page.extend(format!(".SS {section}\n").bytes());
        for entry in &entries {
            page.extend(option_entry(entry).bytes());
        }
    }
    page.extend(
        b".SH \"SEE ALSO\"\n.BR mq\\-broker (8),\n.BR mq\\-passwd (1),\n\
          .BR mosquitto.conf (5)\n",
    );
    page
}

/// One option of the configuration: its names, its paragraph and its facts.
fn option_entry(entry: &ManualEntry) -> String {
    let names: Vec<_> = entry.names.iter().map(|name| roff(name)).collect();
    let mut facts = Vec::new();
    if !entry.default.is_empty() {
        let unit = match entry.unit {
            "" => String::new(),
            unit => format!(" {unit}"),
        };
        facts.push(format!("Default: {}{unit}.", roff(entry.default)));
    } else if !entry.unit.is_empty() {
        facts.push(format!("Unit: {}.", entry.unit));
    }
    facts.push(format!("{}.", roff(entry.scope)));
    facts.push(format!("{}.", roff(entry.reload)));
    if entry.deprecated {
        facts.push("Deprecated in Mosquitto.".to_owned());
    }
    format!(
        ".TP\n.B {}\n{}\n.br\n{}\n",
        names.join(", "),
        roff(entry.text),
        facts.join("\n")
    )
}

/// Text for troff, with the parts in backquotes in bold.
fn roff(text: &str) -> String {
    let escaped = text.replace('\\', r"\e").replace('-', r"\-");
    let parts = escaped.split('`').enumerate().map(|(index, part)| {
        if index % 2 == 0 {
            part.to_owned()
        } else {
            format!(r"\fB{part}\fR")
        }
    });
    let line: String = parts.collect();
    // A line that begins with one of these would be a request.
    match line.starts_with(['.', '\'']) {
        true => format!(r"\&{line}"),
        false => line,
    }
}

fn title(name: &str, section: &str, about: &str) -> Vec<u8> {
    let dashed = name.replace('-', r"\-");
    format!(
        ".TH {name} {section} \"\" \"mq {}\"\n.SH NAME\n{dashed} \\- {about}\n",
        env!("CARGO_PKG_VERSION")
    )
    .into_bytes()
}
