//! `docs/conformance.md` names every statement of both standards, and tests that exist.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

const LEDGER: &str = include_str!("../../docs/conformance.md");

/// The statements of MQTT 5.0: section, first and last number.
const V5: &[(&str, u16, u16)] = &[
    ("1.5.4", 1, 3),
    ("1.5.5", 1, 1),
    ("1.5.7", 1, 1),
    ("2.1.3", 1, 1),
    ("2.2.1", 2, 6),
    ("2.2.2", 1, 1),
    ("3.1.0", 1, 2),
    ("3.1.2", 1, 30),
    ("3.1.3", 1, 12),
    ("3.1.4", 1, 6),
    ("3.2.0", 1, 2),
    ("3.2.2", 1, 22),
    ("3.3.1", 1, 13),
    ("3.3.2", 1, 20),
    ("3.3.4", 1, 10),
    ("3.4.2", 1, 3),
    ("3.5.2", 1, 3),
    ("3.6.1", 1, 1),
    ("3.6.2", 1, 3),
    ("3.7.2", 1, 3),
    ("3.8.1", 1, 1),
    ("3.8.3", 1, 5),
    ("3.8.4", 1, 8),
    ("3.9.2", 1, 2),
    ("3.9.3", 1, 2),
    ("3.10.1", 1, 1),
    ("3.10.3", 1, 2),
    ("3.10.4", 1, 6),
    ("3.11.2", 1, 2),
    ("3.11.3", 1, 2),
    ("3.12.4", 1, 1),
    ("3.14.0", 1, 1),
    ("3.14.1", 1, 1),
    ("3.14.2", 1, 4),
    ("3.14.4", 1, 3),
    ("3.15.1", 1, 1),
    ("3.15.2", 1, 3),
    ("4.1.0", 1, 2),
    ("4.2", 1, 1),
    ("4.3.1", 1, 1),
    ("4.3.2", 1, 5),
    ("4.3.3", 1, 13),
    ("4.4.0", 1, 2),
    ("4.5.0", 1, 2),
    ("4.6.0", 1, 6),
    ("4.7.0", 1, 1),
    ("4.7.1", 1, 2),
    ("4.7.2", 1, 1),
    ("4.7.3", 1, 4),
    ("4.8.2", 1, 6),
    ("4.9.0", 1, 3),
    ("4.12.0", 1, 7),
    ("4.12.1", 1, 2),
    ("4.13.1", 1, 1),
    ("4.13.2", 1, 1),
    ("6.0.0", 1, 4),
];

/// The statements of MQTT 3.1.1.
const V311: &[(&str, u16, u16)] = &[
    ("1.5.3", 1, 3),
    ("2.2.2", 1, 2),
    ("2.3.1", 1, 7),
    ("3.1.0", 1, 2),
    ("3.1.2", 1, 24),
    ("3.1.3", 1, 11),
    ("3.1.4", 1, 5),
    ("3.2.0", 1, 1),
    ("3.2.2", 1, 6),
    ("3.3.1", 1, 12),
    ("3.3.2", 1, 3),
    ("3.3.4", 1, 1),
    ("3.3.5", 1, 2),
    ("3.6.1", 1, 1),
    ("3.8.1", 1, 1),
    ("3.8.3", 1, 4),
    ("3.8.4", 1, 6),
    ("3.9.3", 1, 2),
    ("3.10.1", 1, 1),
    ("3.10.3", 1, 2),
    ("3.10.4", 1, 6),
    ("3.12.4", 1, 1),
    ("3.14.1", 1, 1),
    ("3.14.4", 1, 3),
    ("4.1.0", 1, 2),
    ("4.3.1", 1, 1),
    ("4.3.2", 1, 2),
    ("4.3.3", 1, 2),
    ("4.4.0", 1, 1),
    ("4.5.0", 1, 2),
    ("4.6.0", 1, 6),
    ("4.7.1", 1, 3),
    ("4.7.2", 1, 1),
    ("4.7.3", 1, 4),
    ("4.8.0", 1, 2),
    ("6.0.0", 1, 4),
    ("7.0.0", 1, 2),
    ("7.1.1", 1, 1),
    ("7.1.2", 1, 1),
];

/// A row of the ledger: statement, rule, and what holds it.
struct Row {
    statement: &'static str,
    rule: &'static str,
    held: &'static str,
}

/// The rows below the heading of a version.
fn rows(version: &str) -> Vec<Row> {
    let heading = format!("\n## {version}\n");
    let (_, part) = LEDGER
        .split_once(&heading)
        .expect("each version has a part");
    let part = part.split("\n## ").next().expect("there is a first part");
    part.lines()
        .filter(|line| line.starts_with("| MQTT-"))
        .map(|line| {
            let cells: Vec<_> = line.split(" | ").collect();
            let &[statement, rule, held] = &cells[..] else {
                panic!("not three cells: {line}");
            };
            Row {
                statement: statement.trim_start_matches("| "),
                rule: rule.trim(),
                held: held.trim_end_matches('|').trim(),
            }
        })
        .collect()
}

/// The tests that a cell names, as file and function.
fn tests(held: &str) -> impl Iterator<Item = (&str, &str)> {
    held.split('`').filter_map(|part| part.split_once("::"))
}

#[test]
fn every_statement_has_its_row_in_order() {
    for (version, sections) in [("MQTT 5.0", V5), ("MQTT 3.1.1", V311)] {
        let expected: Vec<_> = sections
            .iter()
            .flat_map(|(section, first, last)| {
                (*first..=*last).map(move |number| format!("MQTT-{section}-{number}"))
            })
            .collect();
        let listed: Vec<_> = rows(version).iter().map(|row| row.statement).collect();
        assert_eq!(listed, expected, "{version}");
    }
}

#[test]
fn no_row_is_empty() {
    for version in ["MQTT 5.0", "MQTT 3.1.1"] {
        for row in rows(version) {
            let statement = row.statement;
            assert!(!row.rule.is_empty(), "{version} {statement} has no rule");
            let reason = row.held.starts_with("Not testable: ");
            let held = tests(row.held).next().is_some();
            assert!(held || reason, "{version} {statement} is not held");
        }
    }
}

#[test]
fn every_test_that_is_named_exists_and_names_its_statement() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sources = HashMap::new();
    for version in ["MQTT 5.0", "MQTT 3.1.1"] {
        for row in rows(version) {
            for (file, test) in tests(row.held) {
                let source = sources.entry(file).or_insert_with(|| {
                    fs::read_to_string(root.join(file)).unwrap_or_else(|_| panic!("no file {file}"))
                });
                let (before, _) = source
                    .split_once(&format!("#[test]\nfn {test}("))
                    .unwrap_or_else(|| panic!("no test {file}::{test}"));
                if row.held.starts_with("Not testable: ") {
                    continue;
                }
                let above = before.rsplit("\n\n").next().expect("there is a last part");
                let statement = format!("[{}]", row.statement);
                assert!(
                    above.contains(&statement),
                    "{test} does not name {statement}"
                );
            }
        }
    }
}
