use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::vec::IntoIter;

use super::{Arity, OptionRow, OptionTable};

/// A reader of command lines, option by option.
///
/// The word behind an option with a value is its value, whatever it looks like.
#[derive(Debug)]
pub struct Scanner<Id: 'static> {
    table: OptionTable<Id>,
    words: IntoIter<OsString>,
    takes_attached_values: bool,
    options_ended: bool,
}

/// An option with its values.
#[derive(Debug)]
pub struct OptionUse<Id: 'static> {
    /// The option.
    pub row: &'static OptionRow<Id>,
    /// The words that follow it.
    pub values: Vec<OsString>,
}

/// A reason that a command line cannot be read.
#[derive(Debug)]
pub enum ScanError<Id: 'static> {
    /// A word is not an option.
    Unknown(OsString),
    /// Words are missing behind an option.
    MissingValue(&'static OptionRow<Id>),
}

impl<Id> Scanner<Id> {
    /// Creates a scanner of the words behind the program's name.
    pub fn new(table: OptionTable<Id>, words: impl IntoIterator<Item = OsString>) -> Self {
        let words: Vec<_> = words.into_iter().collect();
        Self {
            table,
            words: words.into_iter(),
            takes_attached_values: false,
            options_ended: false,
        }
    }

    /// Allows values in the same word, `--name=value`, letters in one word, `-vt TOPIC`, and `--` at
    /// the end of the options.
    pub fn with_attached_values(mut self) -> Self {
        self.takes_attached_values = true;
        self
    }

    /// Returns whether the next word is an option.
    pub fn is_at_option(&self) -> bool {
        let word = self.words.as_slice().first();
        word.is_some_and(|word| self.table.find(&word.to_string_lossy()).is_some())
    }

    /// Returns the words that are not read yet.
    pub fn into_rest(self) -> Vec<OsString> {
        self.words.collect()
    }

    fn read(&mut self, word: OsString) -> Result<OptionUse<Id>, ScanError<Id>> {
        let (name, attached) = match self.takes_attached_values {
            true => split_attached(&word),
            false => (word.as_os_str(), None),
        };
        let row = self.table.find(&name.to_string_lossy()).filter(|row| {
            let takes_one = matches!(row.arity, Arity::Value { .. });
            !self.options_ended && (attached.is_none() || takes_one)
        });
        let Some(row) = row else {
            return Err(ScanError::Unknown(word));
        };
        let values = match row.arity {
            Arity::Flag => Some(Vec::new()),
            Arity::Value { .. } => attached
                .or_else(|| self.words.next())
                .map(|value| vec![value]),
            Arity::Property => self.property_words(),
        };
        match values {
            Some(values) => Ok(OptionUse { row, values }),
            None => Err(ScanError::MissingValue(row)),
        }
    }

    /// Splits `-vt` into `-v` and `-t`; all except the last must take no value.
    fn split_letters(&self, word: &OsStr) -> Option<Vec<OsString>> {
        let letters = word.to_str()?.strip_prefix('-')?;
        let names: Vec<_> = letters.chars().map(|letter| format!("-{letter}")).collect();
        let (last, flags) = names.split_last()?;
        let is_flag = |name: &String| {
            let row = self.table.find(name);
            row.is_some_and(|row| matches!(row.arity, Arity::Flag))
        };
        let splits =
            !flags.is_empty() && flags.iter().all(is_flag) && self.table.find(last).is_some();
        splits.then(|| names.into_iter().map(OsString::from).collect())
    }

    /// Takes three words, or four for a user property.
    fn property_words(&mut self) -> Option<Vec<OsString>> {
        let mut words: Vec<_> = self.words.by_ref().take(3).collect();
        if words.len() < 3 {
            return None;
        }
        if words[1].eq_ignore_ascii_case("user-property") {
            words.push(self.words.next()?);
        }
        Some(words)
    }
}

impl<Id> Iterator for Scanner<Id> {
    type Item = Result<OptionUse<Id>, ScanError<Id>>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut word = self.words.next()?;
        if word == "--" && self.takes_attached_values && !self.options_ended {
            self.options_ended = true;
            word = self.words.next()?;
        }
        let splits = self.takes_attached_values && !self.options_ended;
        if let Some(mut words) = splits.then(|| self.split_letters(&word)).flatten() {
            words.extend(self.words.by_ref());
            self.words = words.into_iter();
            word = self.words.next()?;
        }
        Some(self.read(word))
    }
}

/// Splits `--name=value`.
fn split_attached(word: &OsStr) -> (&OsStr, Option<OsString>) {
    let bytes = word.as_bytes();
    match memchr::memchr(b'=', bytes).filter(|_| bytes.starts_with(b"--")) {
        Some(at) => (
            OsStr::from_bytes(&bytes[..at]),
            Some(OsString::from_vec(bytes[at + 1..].to_vec())),
        ),
        None => (word, None),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Program, option_rows};
    use super::*;

    const TESTED: &[&str] = &["tested"];

    option_rows! {
        enum OptionId;

        Text: 't' "text" ("TEXT" Text, "no text specified") TESTED "" "takes a text";
        Quiet: _ "quiet" () TESTED "" "takes nothing";
        Property: 'D' _ (property) TESTED "" hidden "takes three or four words";
    }

    fn scanner(words: &[&str]) -> Scanner<OptionId> {
        let table = OptionTable::new(OptionId::ROWS, &Program::new("tested", None));
        Scanner::new(table, words.iter().map(OsString::from))
    }

    /// Formats everything that was read.
    fn read(scanner: Scanner<OptionId>) -> Vec<String> {
        scanner
            .map(|result| match result {
                Ok(OptionUse { row, values }) => format!("{:?}{values:?}", row.id),
                Err(ScanError::Unknown(word)) => format!("unknown {word:?}"),
                Err(ScanError::MissingValue(row)) => format!("{}: {}", row.name(), row.missing()),
            })
            .collect()
    }

    #[test]
    fn a_value_may_look_like_an_option() {
        assert_eq!(
            read(scanner(&["-t", "--quiet", "--text", "-t", "--quiet"])),
            ["Text[\"--quiet\"]", "Text[\"-t\"]", "Quiet[]"]
        );
    }

    #[test]
    fn a_missing_value_is_named_with_its_option() {
        assert_eq!(read(scanner(&["--text"])), ["-t: no text specified"]);
    }

    #[test]
    fn a_user_property_takes_four_words_and_others_three() {
        assert_eq!(
            read(scanner(&[
                "-D",
                "publish",
                "User-Property",
                "a",
                "b",
                "-D",
                "c",
                "d",
                "e"
            ])),
            [
                "Property[\"publish\", \"User-Property\", \"a\", \"b\"]",
                "Property[\"c\", \"d\", \"e\"]"
            ]
        );
        for words in [&["-D", "a", "b"][..], &["-D", "a", "user-property", "b"]] {
            assert_eq!(read(scanner(words)), ["-D: not enough arguments specified"]);
        }
    }

    #[test]
    fn options_do_not_bundle_and_other_words_are_unknown() {
        for word in ["-tt", "word", "--tex", "-", "", "--quiet=1", "--text=a"] {
            assert_eq!(read(scanner(&[word])), [format!("unknown {word:?}")]);
        }
    }

    #[test]
    fn a_value_is_attached_only_where_that_is_allowed() {
        let words = ["--text=a=b", "--quiet=1", "--", "--quiet"];
        assert_eq!(
            read(scanner(&words).with_attached_values()),
            [
                "Text[\"a=b\"]",
                "unknown \"--quiet=1\"",
                "unknown \"--quiet\""
            ]
        );
        assert_eq!(read(scanner(&["--"])), ["unknown \"--\""]);
    }

    #[test]
    fn the_words_behind_the_options_are_left() {
        let mut scanner = scanner(&["--quiet", "file", "--quiet"]);
        assert!(scanner.is_at_option());
        assert!(scanner.next().unwrap().is_ok());
        assert!(!scanner.is_at_option());
        assert_eq!(scanner.into_rest(), ["file", "--quiet"]);
    }
}
