//! The command line of `mq-passwd`: options, then file, user and password.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use thiserror::Error;

use super::password::{Password, PasswordTooLong};
use super::table::OptionId;
use super::usage::options;
use crate::options::{OptionUse, ScanError, Scanner};
use crate::passwd::hash::{Iterations, MAX_ITERATIONS, Scheme};
use crate::passwd::username::{Username, UsernameError};

/// The task of the program.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Command {
    /// Create the file with one user.
    Create {
        target: Target,
        username: Username,
        password: PasswordSource,
        hashing: Hashing,
    },
    /// Add or update a user.
    Set {
        file: PathBuf,
        username: Username,
        password: PasswordSource,
        hashing: Hashing,
    },
    /// Delete a user.
    Delete { file: PathBuf, username: Username },
    /// Hash plain passwords.
    HashPlainText { file: PathBuf, hashing: Hashing },
}

/// The destination of a new file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Target {
    File(PathBuf),
    StandardOutput,
}

/// The origin of the password.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum PasswordSource {
    Given(Password),
    Asked,
}

/// The way in which new hashes are made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Hashing {
    pub(super) scheme: Scheme,
    pub(super) iterations: Iterations,
}

/// An error in the command line, in Mosquitto's words where there are any.
#[derive(Debug, PartialEq, Eq, Error)]
pub enum ArgumentError {
    /// The words do not form a command: the usage text helps.
    #[error("wrong number of arguments")]
    Usage {
        /// The word in place of the file, which may be a mistyped option.
        first_word: Option<OsString>,
    },
    /// An option with a value is the last word.
    #[error("Error: {flag} argument given but {missing}.")]
    MissingValue {
        /// The flag.
        flag: String,
        /// The missing part.
        missing: &'static str,
    },
    /// The value of `-H` is unknown.
    #[error("Error: Unknown hash type '{name}'")]
    UnknownScheme {
        /// The value.
        name: String,
    },
    /// The value of `-I` is 0 or not a number.
    #[error("Error: Number of iterations must be > 0.")]
    NoIterations,
    /// The value of `-I` is more than the broker accepts.
    #[error("Error: Number of iterations must be at most {MAX_ITERATIONS}.")]
    TooManyIterations,
    /// Two options exclude each other.
    #[error("Error: {first} and {second} cannot be used together.")]
    Conflict {
        /// One of them.
        first: &'static str,
        /// The other.
        second: &'static str,
    },
    /// Words are missing behind an option.
    #[error("Error: {flag} argument given but {missing} missing.")]
    MissingWords {
        /// The flag.
        flag: &'static str,
        /// The missing words.
        missing: &'static str,
    },
    /// The user name is not allowed.
    #[error(transparent)]
    Username(#[from] UsernameError),
    /// The password of `-b` is not allowed.
    #[error(transparent)]
    Password(#[from] PasswordTooLong),
}

/// Parses the words behind the program's name.
pub(super) fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Command, ArgumentError> {
    let mut scanner = Scanner::new(options(), words);
    let mut flags = Flags::default();
    while scanner.is_at_option() {
        match scanner.next() {
            Some(Ok(option)) => flags.take(option)?,
            Some(Err(ScanError::MissingValue(row))) => {
                return Err(ArgumentError::MissingValue {
                    flag: row.name(),
                    missing: row.missing(),
                });
            }
            Some(Err(ScanError::Unknown(_))) | None => break,
        }
    }
    flags.check_conflicts()?;
    flags.command(scanner.into_rest())
}

#[derive(Default)]
struct Flags {
    batch: bool,
    create: bool,
    delete: bool,
    hash_plain_text: bool,
    hashing: Hashing,
}

impl Flags {
    fn take(&mut self, option: OptionUse<OptionId>) -> Result<(), ArgumentError> {
        let value = option.values.into_iter().next().unwrap_or_default();
        let value = value.to_string_lossy();
        match option.row.id {
            OptionId::Batch => self.batch = true,
            OptionId::Create => self.create = true,
            OptionId::Delete => self.delete = true,
            OptionId::HashPlainText => self.hash_plain_text = true,
            OptionId::Scheme => self.hashing.scheme = scheme(value.into_owned())?,
            OptionId::Iterations => self.hashing.iterations = iterations(&value)?,
        }
        Ok(())
    }

    fn check_conflicts(&self) -> Result<(), ArgumentError> {
        for (both, first, second) in [
            (self.create && self.delete, "-c", "-D"),
            (self.create && self.hash_plain_text, "-c", "-U"),
            (self.delete && self.hash_plain_text, "-D", "-U"),
            (self.batch && self.delete, "-b", "-D"),
        ] {
            if both {
                return Err(ArgumentError::Conflict { first, second });
            }
        }
        Ok(())
    }

    fn command(self, words: Vec<OsString>) -> Result<Command, ArgumentError> {
        let hashing = self.hashing;
        if self.hash_plain_text {
            let [file] = exactly(words).map_err(|_| ArgumentError::MissingWords {
                flag: "-U",
                missing: "password file",
            })?;
            return Ok(Command::HashPlainText {
                file: file.into(),
                hashing,
            });
        }
        if self.delete {
            let [file, username] = at_least(words, "-D", "password file or username")?;
            let username = Username::new(username.as_bytes())?;
            return Ok(Command::Delete {
                file: file.into(),
                username,
            });
        }
        self.create_or_set(words)
    }

    fn create_or_set(self, words: Vec<OsString>) -> Result<Command, ArgumentError> {
        let hashing = self.hashing;
        let (file, username, password) = self.file_user_and_password(words)?;
        let username = Username::new(username.as_bytes())?;
        let password = match password {
            Some(password) => PasswordSource::Given(Password::new(password.into_vec())?),
            None => PasswordSource::Asked,
        };
        if !self.create {
            return Ok(Command::Set {
                file: file.into(),
                username,
                password,
                hashing,
            });
        }
        let target = if file == "-" {
            Target::StandardOutput
        } else {
            Target::File(file.into())
        };
        Ok(Command::Create {
            target,
            username,
            password,
            hashing,
        })
    }

    fn file_user_and_password(
        &self,
        words: Vec<OsString>,
    ) -> Result<(OsString, OsString, Option<OsString>), ArgumentError> {
        Ok(match (self.create, self.batch) {
            (true, true) => {
                let missing = "password file, username, or password";
                let [file, username, password] = at_least(words, "-c", missing)?;
                (file, username, Some(password))
            }
            (true, false) => {
                let [file, username] = at_least(words, "-c", "password file or username")?;
                (file, username, None)
            }
            (false, true) => {
                let [file, username, password] = exactly(words)?;
                (file, username, Some(password))
            }
            (false, false) => {
                let [file, username] = exactly(words)?;
                (file, username, None)
            }
        })
    }
}

fn scheme(name: String) -> Result<Scheme, ArgumentError> {
    name.parse()
        .map_err(|_| ArgumentError::UnknownScheme { name })
}

fn iterations(value: &str) -> Result<Iterations, ArgumentError> {
    if value.is_empty() || !value.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(ArgumentError::NoIterations);
    }
    // There are only digits, so a failure is an overflow.
    match value.parse() {
        Ok(0) => Err(ArgumentError::NoIterations),
        Ok(count) => Iterations::new(count).ok_or(ArgumentError::TooManyIterations),
        Err(_) => Err(ArgumentError::TooManyIterations),
    }
}

fn exactly<const COUNT: usize>(words: Vec<OsString>) -> Result<[OsString; COUNT], ArgumentError> {
    words
        .try_into()
        .map_err(|words: Vec<OsString>| ArgumentError::Usage {
            first_word: words.into_iter().next(),
        })
}

/// Takes the first `COUNT` words: `-c` and `-D` tolerate more, as in Mosquitto.
fn at_least<const COUNT: usize>(
    mut words: Vec<OsString>,
    flag: &'static str,
    missing: &'static str,
) -> Result<[OsString; COUNT], ArgumentError> {
    words.truncate(COUNT);
    words
        .try_into()
        .map_err(|_| ArgumentError::MissingWords { flag, missing })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_line(line: &str) -> Result<Command, ArgumentError> {
        parse(line.split_whitespace().map(OsString::from))
    }

    fn complaint(line: &str) -> String {
        parse_line(line).unwrap_err().to_string()
    }

    fn username() -> Username {
        Username::new(b"u").unwrap()
    }

    fn given() -> PasswordSource {
        PasswordSource::Given(Password::new(b"p".to_vec()).unwrap())
    }

    #[test]
    fn the_words_after_the_flags_are_file_user_and_password() {
        let hashing = Hashing::default();
        assert_eq!(
            parse_line("f u"),
            Ok(Command::Set {
                file: "f".into(),
                username: username(),
                password: PasswordSource::Asked,
                hashing
            })
        );
        assert_eq!(
            parse_line("-b f u p"),
            Ok(Command::Set {
                file: "f".into(),
                username: username(),
                password: given(),
                hashing
            })
        );
        assert_eq!(
            parse_line("-b -c f u p further words"),
            Ok(Command::Create {
                target: Target::File("f".into()),
                username: username(),
                password: given(),
                hashing
            })
        );
        assert_eq!(
            parse_line("-c - u"),
            Ok(Command::Create {
                target: Target::StandardOutput,
                username: username(),
                password: PasswordSource::Asked,
                hashing
            })
        );
        assert_eq!(
            parse_line("-D f u further words"),
            Ok(Command::Delete {
                file: "f".into(),
                username: username()
            })
        );
    }

    #[test]
    fn the_last_hash_type_and_count_win() {
        let hashing = Hashing {
            scheme: Scheme::Bcrypt,
            iterations: Iterations::new(5).unwrap(),
        };
        assert_eq!(
            parse_line("-H sha512 -I 9 -U -b -H bcrypt -I 5 f"),
            Ok(Command::HashPlainText {
                file: "f".into(),
                hashing
            })
        );
    }

    #[test]
    fn a_count_of_iterations_is_a_positive_number_within_the_limit() {
        for value in ["0", "-1", "x", "12x", "+5"] {
            assert_eq!(
                parse_line(&format!("-I {value} f u")),
                Err(ArgumentError::NoIterations)
            );
        }
        for value in ["10000001", "4294967297", "99999999999999999999999"] {
            assert_eq!(
                parse_line(&format!("-I {value} f u")),
                Err(ArgumentError::TooManyIterations)
            );
        }
        assert!(parse_line("-I 10000000 f u").is_ok());
    }

    #[test]
    fn words_that_are_no_flags_end_the_flags() {
        for line in [
            "",
            "-x",
            "-cb f u p",
            "--help",
            "f",
            "f u p",
            "-b f u",
            "-b f u p x",
            "f -b u",
        ] {
            let first_word = line
                .split(' ')
                .find(|word| *word != "-b" && !word.is_empty());
            assert_eq!(
                parse_line(line),
                Err(ArgumentError::Usage {
                    first_word: first_word.map(OsString::from)
                }),
                "{line}"
            );
        }
    }

    #[test]
    fn the_complaints_are_those_of_mosquitto() {
        for (line, text) in [
            (
                "-H",
                "Error: -H argument given but not enough other arguments.",
            ),
            (
                "-c -I",
                "Error: -I argument given but not enough other arguments.",
            ),
            ("-H md5 f u", "Error: Unknown hash type 'md5'"),
            ("-c -D f u", "Error: -c and -D cannot be used together."),
            ("-U -c f", "Error: -c and -U cannot be used together."),
            ("-U -D f", "Error: -D and -U cannot be used together."),
            ("-D -b f u", "Error: -b and -D cannot be used together."),
            (
                "-c f",
                "Error: -c argument given but password file or username missing.",
            ),
            (
                "-c -b f u",
                "Error: -c argument given but password file, username, or password missing.",
            ),
            (
                "-D f",
                "Error: -D argument given but password file or username missing.",
            ),
            ("-U", "Error: -U argument given but password file missing."),
            (
                "-U f u",
                "Error: -U argument given but password file missing.",
            ),
            (
                "f a:b",
                "Error: Username must not contain the ':' character.",
            ),
        ] {
            assert_eq!(complaint(line), text, "{line}");
        }
    }

    #[test]
    fn words_need_not_be_utf_8() {
        let words = [&b"-b"[..], b"f\xff", b"u\xff", b"p\xff"];
        let command = parse(words.map(|word| OsString::from_vec(word.to_vec()))).unwrap();
        let Command::Set { username, .. } = command else {
            panic!("{command:?}");
        };
        assert_eq!(username.as_bytes(), b"u\xff");
        let words = [&b"-H"[..], b"\xff"].map(|word| OsString::from_vec(word.to_vec()));
        assert!(matches!(
            parse(words),
            Err(ArgumentError::UnknownScheme { .. })
        ));
    }
}
