//! A password file for editing: every byte that is not to change stays as it is.

use thiserror::Error;

use super::hash::{CreateHashError, Iterations, ParseHashError, PasswordHash, Scheme};
use super::line::{Fields, Line, printable};
use super::username::Username;

/// The lines of a password file, with plain or hashed passwords.
#[derive(Clone, Debug, Default)]
pub struct PasswordFile {
    lines: Vec<FileLine>,
}

/// The effect of [`PasswordFile::set`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The user is new and has the last line.
    Added,
    /// The user existed, and the password was replaced.
    Updated,
}

/// A password that [`PasswordFile::hash_plain_passwords`] skipped, because it begins like a
/// hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// The line, counted from 1.
    pub line: usize,
    /// The user, fit for a terminal.
    pub username: String,
    /// The fault that keeps it from being a hash, if there is one.
    pub flaw: Option<ParseHashError>,
}

impl PasswordFile {
    /// Splits `contents` into lines.
    ///
    /// # Errors
    ///
    /// The first line that is not a comment, not blank, and lacks a user name or a password.
    pub fn parse(contents: &[u8]) -> Result<PasswordFile, CorruptLine> {
        let lines = contents
            .split_inclusive(|byte| *byte == b'\n')
            .enumerate()
            .map(|(index, line)| FileLine::parse(line).ok_or(CorruptLine { line: index + 1 }))
            .collect::<Result<_, _>>()?;
        Ok(PasswordFile { lines })
    }

    /// Sets the password of `username` in the first line with this name, or in a new last
    /// line.
    pub fn set(&mut self, username: &Username, hash: &PasswordHash) -> Change {
        if let Some(line) = self.lines.iter_mut().find(|line| line.is_of(username)) {
            line.replace_password(hash);
            return Change::Updated;
        }
        if let Some(last) = self.lines.last_mut() {
            last.end_with_newline();
        }
        self.lines.push(FileLine::new(username, hash));
        Change::Added
    }

    /// Removes every line of `username` and returns whether there was one.
    pub fn remove(&mut self, username: &Username) -> bool {
        let before = self.lines.len();
        self.lines.retain(|line| !line.is_of(username));
        self.lines.len() < before
    }

    /// Hashes every plain password and returns those that it skipped because they are hashed
    /// already.
    ///
    /// # Errors
    ///
    /// The first password that cannot be hashed. The file is then incomplete; do not write
    /// it.
    pub fn hash_plain_passwords(
        &mut self,
        scheme: Scheme,
        iterations: Iterations,
    ) -> Result<Vec<Skipped>, HashLineError> {
        let mut skipped = Vec::new();
        for (index, line) in self.lines.iter_mut().enumerate() {
            let Some((username, password)) = line.entry() else {
                continue;
            };
            if let Some(text) = hash_text(password) {
                skipped.push(Skipped {
                    line: index + 1,
                    username: printable(username),
                    flaw: text.parse::<PasswordHash>().err(),
                });
                continue;
            }
            let hash = PasswordHash::create(scheme, iterations, password).map_err(|source| {
                HashLineError {
                    line: index + 1,
                    source,
                }
            })?;
            line.replace_password(&hash);
        }
        Ok(skipped)
    }

    /// Returns the contents of the file.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.lines
            .iter()
            .flat_map(|line| &line.bytes)
            .copied()
            .collect()
    }
}

/// A line that makes no sense to the program, so it does not write the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("Error: Corrupt password file at line {line}.")]
pub struct CorruptLine {
    /// The line, counted from 1.
    pub line: usize,
}

/// A plain password that could not be hashed.
#[derive(Debug, Error)]
#[error("Error: Unable to hash password in line {line}: {source}.")]
pub struct HashLineError {
    /// The line, counted from 1.
    pub line: usize,
    /// The cause.
    pub source: CreateHashError,
}

/// One line with its newline, if it has one.
#[derive(Clone, Debug)]
struct FileLine {
    bytes: Vec<u8>,
    /// `None` for a comment or a blank line.
    fields: Option<Fields>,
}

impl FileLine {
    fn new(username: &Username, hash: &PasswordHash) -> FileLine {
        let name = username.as_bytes();
        let hash = hash.to_string();
        FileLine {
            bytes: [name, b":", hash.as_bytes(), b"\n"].concat(),
            fields: Some(Fields {
                username: 0..name.len(),
                password: name.len() + 1..name.len() + 1 + hash.len(),
            }),
        }
    }

    /// Parses a line; `None` if it is corrupt.
    fn parse(line: &[u8]) -> Option<FileLine> {
        let fields = match Line::parse(line) {
            Line::Remark => None,
            Line::Entry(fields) if !fields.username.is_empty() && !fields.password.is_empty() => {
                Some(fields)
            }
            Line::Entry(_) | Line::NoColon => return None,
        };
        Some(FileLine {
            bytes: line.to_vec(),
            fields,
        })
    }

    fn entry(&self) -> Option<(&[u8], &[u8])> {
        let fields = self.fields.as_ref()?;
        Some((
            &self.bytes[fields.username.clone()],
            &self.bytes[fields.password.clone()],
        ))
    }

    fn is_of(&self, username: &Username) -> bool {
        self.entry()
            .is_some_and(|(name, _)| name == username.as_bytes())
    }

    fn replace_password(&mut self, hash: &PasswordHash) {
        let Some(fields) = &mut self.fields else {
            return;
        };
        let hash = hash.to_string();
        let end = fields.password.start + hash.len();
        self.bytes
            .splice(fields.password.clone(), hash.into_bytes());
        fields.password.end = end;
    }

    fn end_with_newline(&mut self) {
        if !self.bytes.ends_with(b"\n") {
            self.bytes.push(b'\n');
        }
    }
}

/// Returns `password` as text if it begins like a hash.
fn hash_text(password: &[u8]) -> Option<&str> {
    std::str::from_utf8(password)
        .ok()
        .filter(|text| Scheme::claimed_by(text).is_some())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name(text: &str) -> Username {
        Username::new(text.as_bytes()).unwrap()
    }

    fn hash(password: &str) -> PasswordHash {
        PasswordHash::create(Scheme::Sha512, Iterations::default(), password.as_bytes()).unwrap()
    }

    fn parse(contents: &str) -> PasswordFile {
        PasswordFile::parse(contents.as_bytes()).unwrap()
    }

    fn text(file: &PasswordFile) -> String {
        String::from_utf8(file.to_bytes()).unwrap()
    }

    #[test]
    fn a_new_user_goes_last_and_the_missing_newline_is_added() {
        let hash = hash("x");
        for (before, after) in [
            ("", format!("c:{hash}\n")),
            ("a:b\n", format!("a:b\nc:{hash}\n")),
            ("a:b", format!("a:b\nc:{hash}\n")),
            ("# x", format!("# x\nc:{hash}\n")),
        ] {
            let mut file = parse(before);
            assert_eq!(file.set(&name("c"), &hash), Change::Added);
            assert_eq!(text(&file), after);
        }
    }

    #[test]
    fn an_updated_user_keeps_the_place_and_all_other_bytes_stay() {
        let mut file = parse("# x\r\n\n a : b \r\n c:old :more\r\nc:second\n\td:e");
        let hash = hash("x");
        assert_eq!(file.set(&name("c"), &hash), Change::Updated);
        assert_eq!(
            text(&file),
            format!("# x\r\n\n a : b \r\n c:{hash} :more\r\nc:second\n\td:e")
        );
        assert_eq!(
            file.set(&name("c"), &hash),
            Change::Updated,
            "and once more"
        );
        assert_eq!(file.set(&name("d"), &hash), Change::Updated);
        assert!(text(&file).ends_with(&format!("\n\td:{hash}")));
    }

    #[test]
    fn every_line_of_a_user_is_removed() {
        let mut file = parse("# a:x\na:b\nc:d\n a :e:f\r\nc:g");
        assert!(file.remove(&name("a")));
        assert_eq!(text(&file), "# a:x\nc:d\nc:g");
        assert!(!file.remove(&name("a")));
    }

    #[test]
    fn plain_passwords_are_hashed_where_they_stand() {
        let mut file = parse("# x:y\na: one \r\na:two:more\n");
        let skipped = file
            .hash_plain_passwords(Scheme::Sha512, Iterations::default())
            .unwrap();
        assert_eq!(skipped, []);
        let text = text(&file);
        let lines: Vec<&str> = text.split('\n').collect();
        assert_eq!(lines[0], "# x:y");
        for (line, before, password, after) in [
            (lines[1], "a: ", "one", " \r"),
            (lines[2], "a:", "two", ":more"),
        ] {
            let hash = line
                .strip_prefix(before)
                .unwrap()
                .strip_suffix(after)
                .unwrap();
            assert!(
                hash.parse::<PasswordHash>()
                    .unwrap()
                    .verify(password.as_bytes())
            );
        }
    }

    #[test]
    fn hashed_passwords_are_skipped_and_told() {
        let contents = format!("a:{}\nb:$7$broken\n", hash("x"));
        let mut file = parse(&contents);
        let skipped = file
            .hash_plain_passwords(Scheme::Sha512, Iterations::default())
            .unwrap();
        assert_eq!(text(&file), contents);
        assert_eq!(skipped.len(), 2);
        assert_eq!((skipped[0].line, &*skipped[0].username), (1, "a"));
        assert_eq!(skipped[0].flaw, None);
        assert!(skipped[1].flaw.is_some());
    }

    #[test]
    fn a_plain_password_that_cannot_be_hashed_is_named_by_its_line() {
        let mut file = parse(&format!("a:b\nc:{}\n", "x".repeat(73)));
        let error = file
            .hash_plain_passwords(Scheme::Bcrypt, Iterations::default())
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "Error: Unable to hash password in line 2: bcrypt takes at most 72 bytes, this password has 73."
        );
    }

    #[test]
    fn a_corrupt_line_is_named() {
        for (contents, line) in [
            ("word", 1),
            ("a:b\n# c\nword\nd:e", 3),
            (":x\n", 1),
            ("\nx:\n", 2),
            (" : \n", 1),
            ("x: :y\n", 1),
        ] {
            let error = PasswordFile::parse(contents.as_bytes()).unwrap_err();
            assert_eq!(error, CorruptLine { line }, "{contents:?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_can_be_parsed_is_written_back_byte_for_byte(contents in "([a#: \r]{0,6}\n){0,5}[a#: ]{0,3}") {
            if let Ok(file) = PasswordFile::parse(contents.as_bytes()) {
                prop_assert_eq!(text(&file), contents);
            }
        }

        #[test]
        fn arbitrary_bytes_never_panic(contents: Vec<u8>) {
            let _ = PasswordFile::parse(&contents);
        }
    }
}
