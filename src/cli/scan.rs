use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::vec::IntoIter;

use super::table::Words;
use super::{Kind, OPTIONS, OptionRow, UsageError};

/// Reads the words of a command line: each option is a word of its own, what follows it
/// is its value whatever it looks like.
pub(super) struct Scanner {
    kind: Kind,
    words: IntoIter<OsString>,
    options_ended: bool,
}

/// An option with its values, as many as its row says.
#[derive(Debug)]
pub(super) struct Occurrence {
    pub(super) row: &'static OptionRow,
    pub(super) values: Vec<Vec<u8>>,
}

impl Scanner {
    pub(super) fn new(kind: Kind, words: Vec<OsString>) -> Self {
        Self {
            kind,
            words: words.into_iter(),
            options_ended: false,
        }
    }

    /// The next option; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Occurrence>, UsageError> {
        let Some(word) = self.words.next() else {
            return Ok(None);
        };
        if word == "--" && !self.options_ended {
            self.options_ended = true;
            return self.next();
        }
        let (name, attached) = split_attached(&word);
        let row = OPTIONS
            .iter()
            .find(|row| row.programs.include(self.kind) && row.is_named(&name))
            .filter(|row| !self.options_ended && (attached.is_none() || row.takes_one()))
            .ok_or_else(|| self.unknown(&word.to_string_lossy(), &name))?;
        let values = match row.words {
            Words::None => Vec::new(),
            Words::One(_, missing) => {
                let value = attached.or_else(|| self.value());
                vec![value.ok_or_else(|| {
                    UsageError::new(format!(
                        "Error: {} argument given but {missing}.\n\n",
                        row.name_in_errors()
                    ))
                })?]
            }
            Words::Property => self.property_words()?,
        };
        Ok(Some(Occurrence { row, values }))
    }

    fn value(&mut self) -> Option<Vec<u8>> {
        self.words.next().map(OsString::into_vec)
    }

    /// Three words, or four for a user property.
    fn property_words(&mut self) -> Result<Vec<Vec<u8>>, UsageError> {
        let mut words: Vec<_> = (0..3).map_while(|_| self.value()).collect();
        let named_user = words
            .get(1)
            .is_some_and(|name| name.eq_ignore_ascii_case(b"user-property"));
        if named_user {
            words.extend(self.value());
        }
        if words.len() < if named_user { 4 } else { 3 } {
            return Err(UsageError::new(
                "Error: --property argument given but not enough arguments specified.\n\n",
            ));
        }
        Ok(words)
    }

    fn unknown(&self, word: &str, name: &str) -> UsageError {
        let nearest = OPTIONS
            .iter()
            .filter(|row| row.programs.include(self.kind))
            .filter_map(|row| row.long)
            .map(|long| {
                (
                    strsim::damerau_levenshtein(name, &format!("--{long}")),
                    long,
                )
            })
            .min()
            .filter(|&(distance, _)| name.len() > 3 && distance <= 3);
        UsageError::new(format!("Error: Unknown option '{word}'.\n"))
            .hint(nearest.map(|(_, long)| format!("did you mean --{long}?")))
    }
}

impl OptionRow {
    fn takes_one(&self) -> bool {
        matches!(self.words, Words::One(..))
    }
}

/// Splits `--name=value`.
fn split_attached(word: &OsString) -> (String, Option<Vec<u8>>) {
    let bytes = word.as_bytes();
    let equals = memchr::memchr(b'=', bytes).filter(|_| bytes.starts_with(b"--"));
    match equals {
        Some(at) => (
            String::from_utf8_lossy(&bytes[..at]).into_owned(),
            Some(bytes[at + 1..].to_vec()),
        ),
        None => (String::from_utf8_lossy(bytes).into_owned(), None),
    }
}

#[cfg(test)]
mod tests {
    use super::super::OptionId;
    use super::*;

    fn scan(words: &[&str]) -> Result<Vec<(OptionId, Vec<String>)>, UsageError> {
        let words = words.iter().map(OsString::from).collect();
        let mut scanner = Scanner::new(Kind::Publish, words);
        let mut found = Vec::new();
        while let Some(Occurrence { row, values }) = scanner.next()? {
            let values = values
                .into_iter()
                .map(|value| String::from_utf8(value).unwrap())
                .collect();
            found.push((row.id, values));
        }
        Ok(found)
    }

    #[test]
    fn a_value_may_look_like_an_option() {
        let found = scan(&["-m", "-q", "--topic=a=b", "-r"]).unwrap();
        assert_eq!(
            found,
            [
                (OptionId::Message, vec!["-q".to_owned()]),
                (OptionId::Topic, vec!["a=b".to_owned()]),
                (OptionId::Retain, vec![]),
            ]
        );
    }

    #[test]
    fn options_do_not_bundle_and_words_without_option_are_unknown() {
        for words in [
            &["-rd"][..],
            &["word"],
            &["--retain=1"],
            &["--", "-r"],
            &["-C", "1"],
        ] {
            let error = scan(words).unwrap_err();
            assert!(error.text().starts_with("Error: Unknown option"), "{error}");
        }
    }

    #[test]
    fn a_missing_value_is_named_by_the_short_name() {
        let error = scan(&["--host"]).unwrap_err();
        assert_eq!(
            error.text(),
            "Error: -h argument given but no host specified."
        );
        let error = scan(&["-V"]).unwrap_err();
        assert_eq!(
            error.text(),
            "Error: --protocol-version argument given but no version specified."
        );
    }

    #[test]
    fn a_user_property_takes_four_words() {
        let found = scan(&["-D", "publish", "User-Property", "a", "b", "-n"]).unwrap();
        assert_eq!(found[0].1, ["publish", "User-Property", "a", "b"]);
        assert_eq!(found[1].0, OptionId::NullMessage);
        assert!(scan(&["-D", "publish", "content-type"]).is_err());
    }
}
