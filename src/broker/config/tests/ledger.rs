//! `docs/options.md` names every option that has an effect, what a reload does with it,
//! and tests that exist.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use super::super::row::{Reload, Row, Support};
use super::super::table;

const LEDGER: &str = include_str!("../../../../docs/options.md");

/// A line of the ledger's table.
struct Line {
    option: &'static str,
    reload: &'static str,
    shown_by: &'static str,
}

fn lines() -> Vec<Line> {
    LEDGER
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| {
            let cells: Vec<_> = line.trim_matches('|').split(" | ").map(str::trim).collect();
            let &[option, reload, shown_by] = &cells[..] else {
                panic!("not three cells: {line}");
            };
            Line {
                option: option.trim_matches('`'),
                reload,
                shown_by,
            }
        })
        .collect()
}

/// Whether the option does something of its own. The others are told by their support: a
/// warning or an error, which `every_option` holds.
fn has_effect(row: &Row) -> bool {
    row.support == Support::Built
}

/// What the ledger calls a reload.
fn reload(row: &Row) -> &'static str {
    match row.reload {
        Reload::Applied => "at once",
        Reload::WithListener => "new connections",
        Reload::WithBridge => "bridge by bridge",
        Reload::Restart(_) => "no",
    }
}

#[test]
fn every_option_with_an_effect_has_its_line() {
    let lines = lines();
    for row in table::rows().filter(|row| has_effect(row)) {
        let name = row.name();
        let line = lines.iter().find(|line| line.option == name);
        let line = line.unwrap_or_else(|| panic!("docs/options.md has no line for {name}"));
        assert_eq!(line.reload, reload(row), "{name}");
        assert!(tests(line.shown_by).next().is_some(), "no test for {name}");
    }
}

#[test]
fn no_line_is_about_something_else() {
    let mut options: Vec<_> = lines().iter().map(|line| line.option).collect();
    for option in &options {
        let row = table::find(option).unwrap_or_else(|| panic!("there is no option {option}"));
        assert_eq!(row.name(), *option, "the name of today");
    }
    options.sort_unstable();
    let count = options.len();
    options.dedup();
    assert_eq!(options.len(), count, "one line for each");
}

/// The tests that a cell names, as file and function.
fn tests(shown_by: &str) -> impl Iterator<Item = (&str, &str)> {
    shown_by.split('`').filter_map(|part| part.split_once("::"))
}

#[test]
fn every_test_that_is_named_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sources = HashMap::new();
    for line in lines() {
        for (file, test) in tests(line.shown_by) {
            let source = sources.entry(file).or_insert_with(|| {
                fs::read_to_string(root.join(file)).unwrap_or_else(|_| panic!("no file {file}"))
            });
            let (before, _) = source
                .split_once(&format!("fn {test}("))
                .unwrap_or_else(|| panic!("no test {file}::{test}"));
            let attributes = before.rsplit("\n\n").next().unwrap_or_default();
            assert!(
                attributes.contains("#[test]") || attributes.contains("::test]"),
                "{file}::{test} is no test"
            );
        }
    }
}
