use super::nearest::nearest;
use super::{OptionRow, Program};

/// The options of one program.
#[derive(Clone, Debug)]
pub struct OptionTable<Id: 'static> {
    rows: Vec<&'static OptionRow<Id>>,
}

impl<Id> OptionTable<Id> {
    /// Selects the options that `program` has.
    pub fn new(rows: &'static [OptionRow<Id>], program: &Program) -> Self {
        let has = |row: &&OptionRow<Id>| row.programs.contains(&program.installed_name());
        Self {
            rows: rows.iter().filter(has).collect(),
        }
    }

    /// Iterates over the options in the order of the help.
    pub fn rows(&self) -> impl Iterator<Item = &'static OptionRow<Id>> {
        self.rows.iter().copied()
    }

    /// Finds the option with the name `word`.
    pub fn find(&self, word: &str) -> Option<&'static OptionRow<Id>> {
        self.rows().find(|row| row.is_named(word))
    }

    /// Finds the long name that is nearest to a mistyped one, `--name`.
    pub fn nearest(&self, word: &str) -> Option<&'static str> {
        let name = word.strip_prefix("--")?;
        nearest(name, self.rows().filter_map(|row| row.long))
    }
}
