//! The options as a manual describes them, taken from the table's rows.

use super::documentation::Documentation;
use super::row::{Reload, Row, Section, Structure};
use super::table;

/// One option in the manual.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ManualEntry {
    /// Its name, then its other ones. A name that ends in `*` stands for all that begin
    /// like it.
    pub names: &'static [&'static str],
    /// A paragraph. Names and values stand in backquotes.
    pub text: &'static str,
    /// The default as it would stand in a file; empty where there is none.
    pub default: &'static str,
    /// The unit of a number; empty where it has none.
    pub unit: &'static str,
    /// The places in a file where it may stand, as a sentence without its end.
    pub scope: &'static str,
    /// The effect of a reload, as a sentence without its end.
    pub reload: &'static str,
    /// Set for an option that Mosquitto is going to remove.
    pub deprecated: bool,
}

/// The sections of the manual, with their titles, in its order.
pub fn manual() -> impl Iterator<Item = (&'static str, Vec<ManualEntry>)> {
    table::sections()
        .iter()
        .map(|(title, rows)| (*title, rows.iter().map(ManualEntry::from).collect()))
}

impl From<&Row> for ManualEntry {
    fn from(row: &Row) -> Self {
        let Documentation {
            default,
            unit,
            text,
        } = *row.documentation();
        Self {
            names: row.names(),
            text,
            default,
            unit,
            scope: scope(&row.section),
            reload: reload(row.reload),
            deprecated: row.deprecated.is_some(),
        }
    }
}

fn scope(place: &Section) -> &'static str {
    match place {
        Section::Global(_) => "May stand anywhere",
        Section::Listener(_) => "Stands below a `listener`",
        Section::DefaultListener(_) => {
            "Stands below a `listener`, or before the first one for the default listener"
        }
        Section::Security(_) => {
            "May stand anywhere; with `per_listener_settings`, below each `listener`"
        }
        Section::Bridge(_) => "Stands below a `connection`",
        Section::Plugin(_) => "Stands below a plugin",
        Section::Structure(Structure::PluginUse) => "Stands below a `listener`",
        Section::Structure(_) => "May stand anywhere",
    }
}

fn reload(reload: Reload) -> &'static str {
    match reload {
        Reload::Applied => "A reload applies a new value at once",
        Reload::WithListener => "After a reload, a new value applies to new connections",
        Reload::WithBridge => "A reload applies it bridge by bridge",
        Reload::Restart(_) => "A new value applies after a restart",
    }
}

#[cfg(test)]
mod tests {
    use crate::broker::config::{Config, Overrides};

    use super::*;

    fn read(text: &str) -> Config {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("mosquitto.conf");
        std::fs::write(&file, text).unwrap();
        let (mut config, _) = Config::load(&[file], &Overrides::default()).unwrap();
        config.source_lines = Default::default();
        config
    }

    #[test]
    fn every_option_has_a_paragraph_that_ends_in_a_full_stop() {
        for row in table::rows() {
            let text = row.documentation().text;
            assert!(text.ends_with('.'), "{}: {text:?}", row.name());
        }
    }

    #[test]
    fn a_default_in_the_manual_is_the_default_of_the_broker() {
        /// Their default is a sentence, or they need other options beside them.
        const IN_WORDS: [&str; 3] = ["user", "log_type", "log_dest"];
        let without = read("listener 1883\n");
        for row in table::rows() {
            let (name, default) = (row.name(), row.documentation().default);
            let is_setting = !matches!(
                row.section,
                Section::Structure(_) | Section::Bridge(_) | Section::Plugin(_)
            );
            if default.is_empty() || !is_setting || IN_WORDS.contains(&name) {
                continue;
            }
            let mut with = read(&format!("listener 1883\n{name} {default}\n"));
            // Unset, and set to the default, are two values of one meaning, except that a
            // configured limit is enforced.
            match name {
                "max_inflight_messages" => with.limits.enforces_inflight_messages = false,
                "auto_id_prefix" => with.security.auto_id_prefix = None,
                "persistence_file" => with.persistence.file = None,
                _ => {}
            }
            assert_eq!(with, without, "{name} {default}");
        }
    }
}
