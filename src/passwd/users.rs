//! The users of one password file, for the broker.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fs;
use std::hint::black_box;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::hash::{ParseHashError, PasswordHash};
use super::line::{Line, printable};

/// The maximum number of kinds of hash that a refused login is verified against.
const MAX_DECOYS: usize = 8;

/// User names with their password hashes.
///
/// They never change, so threads share them in an `Arc`.
#[derive(Clone, Debug, Default)]
pub struct Users {
    hashes: HashMap<Box<[u8]>, PasswordHash>,
    /// A hash of each cost in the file, in descending order of cost.
    decoys: Vec<PasswordHash>,
}

impl Users {
    /// Reads the password file at `path`.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or an error of [`Users::parse`].
    pub fn read(path: &Path) -> Result<Users, UsersError> {
        let contents = fs::read(path).map_err(|source| UsersError::Open {
            file: path.to_owned(),
            source,
        })?;
        Users::parse(path, &contents)
    }

    /// Parses the lines of a password file; `file` is its name in the errors.
    ///
    /// Comments (a `#` at the very beginning), blank lines and lines without a colon are
    /// skipped. Blanks around the fields and fields after the second are ignored.
    ///
    /// # Errors
    ///
    /// The first line that has no user name, no password, an undecodable hash, or the name of
    /// an earlier line.
    pub fn parse(file: &Path, contents: &[u8]) -> Result<Users, UsersError> {
        let mut users = Users::default();
        for (index, line) in contents.split(|byte| *byte == b'\n').enumerate() {
            users.add(file, index + 1, line)?;
        }
        Ok(users)
    }

    /// Returns every error in the password file at `path`, in the order of its lines.
    pub fn errors(path: &Path) -> Vec<UsersError> {
        let contents = match fs::read(path) {
            Ok(contents) => contents,
            Err(source) => {
                let file = path.to_owned();
                return vec![UsersError::Open { file, source }];
            }
        };
        let mut users = Users::default();
        contents
            .split(|byte| *byte == b'\n')
            .enumerate()
            .filter_map(|(index, line)| users.add(path, index + 1, line).err())
            .collect()
    }

    /// Adds the user of a line, if it has one.
    fn add(&mut self, file: &Path, number: usize, line: &[u8]) -> Result<(), UsersError> {
        let Line::Entry(fields) = Line::parse(line) else {
            return Ok(());
        };
        let file = || file.to_owned();
        let username = &line[fields.username];
        let password = &line[fields.password];
        if line.starts_with(b":") {
            return Err(UsersError::InvalidLine {
                file: file(),
                line: number,
                text: printable(line.trim_ascii()),
            });
        }
        if username.is_empty() {
            return Err(UsersError::EmptyUsername {
                file: file(),
                line: number,
            });
        }
        let hash = std::str::from_utf8(password)
            .map_err(|_| ParseHashError::UnknownScheme)
            .and_then(str::parse::<PasswordHash>)
            .map_err(|source| UsersError::Undecodable {
                file: file(),
                line: number,
                source,
            })?;
        match self.hashes.entry(username.into()) {
            Entry::Occupied(_) => Err(UsersError::Duplicate {
                file: file(),
                line: number,
                username: printable(username),
            }),
            Entry::Vacant(vacant) => {
                vacant.insert(hash.clone());
                self.add_decoy(hash);
                Ok(())
            }
        }
    }

    fn add_decoy(&mut self, hash: PasswordHash) {
        if self.decoys.iter().all(|decoy| decoy.cost() != hash.cost()) {
            let cost = |hash: &PasswordHash| Reverse(hash.cost().microseconds());
            let place = self
                .decoys
                .partition_point(|decoy| cost(decoy) < cost(&hash));
            self.decoys.insert(place, hash);
            self.decoys.truncate(MAX_DECOYS);
        }
    }

    /// Returns whether `password` is that of `username`; an empty password never is.
    ///
    /// This is slow on purpose. A refusal costs the same work for every name, known or not,
    /// so that its time does not reveal which names exist: one verification for each cost in
    /// the file. Do not call it on a thread that serves sockets.
    pub fn authenticate(&self, username: &str, password: &[u8]) -> bool {
        let known = self.hashes.get(username.as_bytes());
        if known.is_some_and(|hash| hash.verify(password)) && !password.is_empty() {
            return true;
        }
        let spent = known.map(PasswordHash::cost);
        for decoy in &self.decoys {
            if Some(decoy.cost()) != spent {
                // Only its time matters, not its answer.
                let _ = black_box(decoy.verify(password));
            }
        }
        false
    }

    /// Returns whether the user has the same password in both, as far as the hashes show.
    ///
    /// An equal password may also have been hashed again.
    pub fn has_same_hash(&self, other: &Users, username: &str) -> bool {
        let own = self.hashes.get(username.as_bytes());
        own.is_some() && own == other.hashes.get(username.as_bytes())
    }

    /// Returns whether the file has this user.
    pub fn contains(&self, username: &str) -> bool {
        self.hashes.contains_key(username.as_bytes())
    }

    /// Returns the number of users.
    pub fn len(&self) -> usize {
        self.hashes.len()
    }

    /// Returns whether the file has no users.
    pub fn is_empty(&self) -> bool {
        self.hashes.is_empty()
    }
}

/// A reason that a password file cannot be used.
///
/// [`Display`](std::fmt::Display) is Mosquitto's text, which has no line;
/// [`UsersError::line`] returns it.
#[derive(Debug, Error)]
pub enum UsersError {
    /// The file cannot be read.
    #[error("Error: Unable to open pwfile \"{}\".", file.display())]
    Open {
        /// The password file.
        file: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The second field is not a hash, for example plain text.
    #[error("Error: Unable to decode line in password file '{}'.", file.display())]
    Undecodable {
        /// The password file.
        file: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// The fault of the hash.
        source: ParseHashError,
    },
    /// Two lines have the same user.
    #[error("Error: Duplicate user '{username}' in password file '{}'.", file.display())]
    Duplicate {
        /// The password file.
        file: PathBuf,
        /// The later line, counted from 1.
        line: usize,
        /// The user of both lines.
        username: String,
    },
    /// The user name is made of blanks.
    #[error("Error: Empty username in password file '{}'.", file.display())]
    EmptyUsername {
        /// The password file.
        file: PathBuf,
        /// The line, counted from 1.
        line: usize,
    },
    /// A line begins with the colon.
    #[error("Error: Invalid line in password file '{}': {text}", file.display())]
    InvalidLine {
        /// The password file.
        file: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// The line itself.
        text: String,
    },
}

impl UsersError {
    /// Returns the line of the error, counted from 1; `None` if the file could not be read.
    pub fn line(&self) -> Option<usize> {
        match self {
            UsersError::Open { .. } => None,
            UsersError::Undecodable { line, .. }
            | UsersError::Duplicate { line, .. }
            | UsersError::EmptyUsername { line, .. }
            | UsersError::InvalidLine { line, .. } => Some(*line),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error;
    use std::sync::Arc;

    use super::*;
    use crate::passwd::hash::{Cost, Iterations, Scheme};

    fn hash(password: &str) -> String {
        PasswordHash::create(Scheme::Sha512, Iterations::default(), password.as_bytes())
            .unwrap()
            .to_string()
    }

    fn parse(contents: &str) -> Result<Users, UsersError> {
        Users::parse(Path::new("F"), contents.as_bytes())
    }

    fn complaint(contents: &str) -> (String, Option<usize>) {
        let error = parse(contents).unwrap_err();
        (error.to_string(), error.line())
    }

    #[test]
    fn a_user_is_let_in_with_the_right_password_only() {
        let users = parse(&format!("été:{}\nbob:{}\n", hash("one"), hash("two"))).unwrap();
        assert!(users.authenticate("été", b"one"));
        assert!(users.authenticate("bob", b"two"));
        assert!(!users.authenticate("bob", b"one"));
        assert!(!users.authenticate("eve", b"one"));
        assert!(!users.authenticate("", b""));
        assert!(users.contains("bob") && !users.contains("eve"));
        assert_eq!(users.len(), 2);
    }

    #[test]
    fn an_empty_password_lets_nobody_in() {
        let users = parse(&format!("a:{}\n", hash(""))).unwrap();
        assert!(!users.authenticate("a", b""));
    }

    #[test]
    fn nobody_is_let_in_by_an_empty_file() {
        let users = parse("").unwrap();
        assert!(users.is_empty());
        assert!(!users.authenticate("a", b"a"));
    }

    #[test]
    fn comments_blanks_extra_fields_and_lines_without_a_colon_are_passed_over() {
        let hash = hash("one");
        let contents =
            format!("# x:y\n\n \t\r\nno colon\n  a \t:  {hash} :more:fields\r\nb:{hash}");
        let users = parse(&contents).unwrap();
        assert!(users.authenticate("a", b"one"));
        assert!(users.authenticate("b", b"one"));
        assert_eq!(users.len(), 2);
    }

    #[test]
    fn all_schemes_may_stand_in_one_file() {
        let contents: String = Scheme::ALL
            .into_iter()
            .map(|scheme| {
                let hash = PasswordHash::create(scheme, Iterations::default(), b"one").unwrap();
                format!("{scheme}:{hash}\n")
            })
            .collect();
        let users = parse(&contents).unwrap();
        for scheme in Scheme::ALL {
            assert!(users.authenticate(scheme.name(), b"one"), "{scheme}");
        }
    }

    #[test]
    fn the_decoys_are_one_hash_of_each_cost_the_costliest_first() {
        let hash = |iterations| {
            let iterations = Iterations::new(iterations).unwrap();
            PasswordHash::create(Scheme::Sha512Pbkdf2, iterations, b"one").unwrap()
        };
        let bcrypt = "$2y$04$Q1w2E3r4T5y6U7i8O9p0AuiFukB0BbBgjWD.zVJEsGONqmcE3C8Ee";
        let mut lines: String = (0..20)
            .map(|user| format!("{user}:{}\n", hash(user / 2 + 1)))
            .collect();
        lines.push_str(&format!("bob:{bcrypt}\n"));
        let costs: Vec<_> = parse(&lines)
            .unwrap()
            .decoys
            .iter()
            .map(PasswordHash::cost)
            .collect();
        let iterations = (4..=10).rev().filter_map(Iterations::new);
        let expected: Vec<_> = std::iter::once(Cost::Bcrypt(4))
            .chain(iterations.map(Cost::Sha512Pbkdf2))
            .collect();
        assert_eq!(costs, expected);
    }

    #[test]
    fn a_bad_line_is_named_in_the_words_of_mosquitto() {
        let hash = hash("one");
        let undecodable = "Error: Unable to decode line in password file 'F'.".to_owned();
        assert_eq!(complaint("# x\na:plain\n"), (undecodable.clone(), Some(2)));
        assert_eq!(complaint("a: \n"), (undecodable.clone(), Some(1)));
        assert_eq!(complaint("a:$7$99999999999$a$b"), (undecodable, Some(1)));
        assert_eq!(
            complaint(&format!("a:{hash}\nb:{hash}\n a :{hash}\n")),
            (
                "Error: Duplicate user 'a' in password file 'F'.".to_owned(),
                Some(3)
            )
        );
        assert_eq!(
            complaint(&format!(" :{hash}")),
            (
                "Error: Empty username in password file 'F'.".to_owned(),
                Some(1)
            )
        );
        assert_eq!(
            complaint(&format!(":{hash}\n")),
            (
                format!("Error: Invalid line in password file 'F': :{hash}"),
                Some(1)
            )
        );
    }

    #[test]
    fn all_that_is_wrong_with_a_file_can_be_asked_for() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let hash = hash("one");
        fs::write(file.path(), format!("a:plain\nb:{hash}\n :x\nb:{hash}\n")).unwrap();
        let lines: Vec<_> = Users::errors(file.path())
            .iter()
            .map(UsersError::line)
            .collect();
        assert_eq!(lines, [Some(1), Some(3), Some(4)]);
        assert!(matches!(
            Users::errors(Path::new("/does/not/exist"))[..],
            [UsersError::Open { .. }]
        ));
    }

    #[test]
    fn the_cause_of_an_undecodable_line_can_be_asked_for() {
        let error =
            parse("a:$2y$31$Q1w2E3r4T5y6U7i8O9p0AuiFukB0BbBgjWD.zVJEsGONqmcE3C8Ee").unwrap_err();
        assert_eq!(
            error.source().unwrap().to_string(),
            "bcrypt's cost is not within 4 to 17"
        );
    }

    #[test]
    fn a_file_that_cannot_be_read_is_named() {
        let error = Users::read(Path::new("/does/not/exist")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "Error: Unable to open pwfile \"/does/not/exist\"."
        );
        assert_eq!(error.line(), None);
    }

    #[test]
    fn an_unchanged_line_is_known_without_the_password() {
        let (one, two) = (hash("one"), hash("two"));
        let before = parse(&format!("a:{one}\nb:{two}\nc:{two}")).unwrap();
        let after = parse(&format!("a:{one}\nb:{}\nd:{two}", hash("two"))).unwrap();
        assert!(before.has_same_hash(&after, "a"));
        for name in ["b", "c", "d", "e"] {
            assert!(!before.has_same_hash(&after, name), "{name}");
        }
    }

    #[test]
    fn threads_share_the_users() {
        let users = Arc::new(parse(&format!("a:{}", hash("one"))).unwrap());
        let shared = Arc::clone(&users);
        let verdict = std::thread::spawn(move || shared.authenticate("a", b"one"));
        assert!(verdict.join().unwrap());
    }
}
