//! The `mq-passwd` program, which makes and edits password files as `mosquitto_passwd` does.
//!
//! Errors go to standard error, prompts and success messages to standard output. The exit
//! code is 0 for success, 2 if the two passwords differ, 130 and 143 after SIGINT and
//! SIGTERM, otherwise 1.

mod arguments;

mod interrupts;
mod password;
mod prompt;
mod table;
mod usage;

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sys::signal::Signal;
use nix::unistd::{AccessFlags, access};
use thiserror::Error;

pub use self::arguments::ArgumentError;
pub use self::password::PasswordTooLong;
pub use self::prompt::PromptError;
pub use self::usage::command;
pub use super::replace::ReplaceError;

use self::arguments::{Command, Hashing, PasswordSource, Target};
use self::interrupts::Interrupts;
use self::password::Password;
use super::file::{Change, CorruptLine, HashLineError, PasswordFile, Skipped};
use super::hash::{CreateHashError, PasswordHash};
use super::locked_file::LockedFile;
use super::permissions::administrator_warnings;
use super::replace::{self, os_text};
use super::username::Username;
use crate::options::{self, Program};

/// The number of links in a row that Linux follows.
const MAX_LINKS: usize = 40;

/// Runs the program with the words of its command line and returns the exit code.
pub fn run(words: impl IntoIterator<Item = OsString>) -> u8 {
    let mut words = words.into_iter();
    let program = Program::new(table::INSTALLED_NAME, words.next().as_deref());
    let command = match arguments::parse(words) {
        Ok(command) => command,
        Err(ArgumentError::Usage { first_word }) => return help(&program, first_word.as_deref()),
        Err(error) => {
            report(&error);
            return 1;
        }
    };
    let interrupts = Interrupts::watch();
    match execute(command, &interrupts) {
        Ok(()) => 0,
        Err(error) => {
            report(&error);
            error.exit_code()
        }
    }
}

/// A reason that the program failed, in Mosquitto's words where there are any.
#[derive(Debug, Error)]
enum ToolError {
    #[error("Error: Unable to open password file {}. {}", file.display(), os_text(source))]
    Open { file: PathBuf, source: io::Error },
    #[error("Error: Unable to open file {} for writing. {}", file.display(), os_text(source))]
    Create { file: PathBuf, source: io::Error },
    #[error("Error reading password file: {}", os_text(.0))]
    Resolve(io::Error),
    #[error(transparent)]
    Corrupt(#[from] CorruptLine),
    #[error("Warning: User {0} not found in password file.")]
    NoSuchUser(Username),
    #[error("Error: Unable to hash password: {0}.")]
    Hash(#[from] CreateHashError),
    #[error(transparent)]
    HashLine(#[from] HashLineError),
    #[error(transparent)]
    Prompt(#[from] PromptError),
    #[error(transparent)]
    Replace(#[from] ReplaceError),
    #[error("Error: Unable to write to standard output. {}", os_text(.0))]
    StandardOutput(io::Error),
}

impl ToolError {
    fn exit_code(&self) -> u8 {
        match self {
            ToolError::Prompt(PromptError::Mismatch) => 2,
            ToolError::Prompt(PromptError::Interrupted) => interrupts::exit_code(Signal::SIGINT),
            _ => 1,
        }
    }
}

fn execute(command: Command, interrupts: &Interrupts) -> Result<(), ToolError> {
    match command {
        Command::Create {
            target: Target::StandardOutput,
            username,
            password,
            hashing,
        } => print(&username, password, hashing, interrupts),
        Command::Create {
            target: Target::File(file),
            username,
            password,
            hashing,
        } => create(&file, &username, password, hashing, interrupts),
        Command::Set {
            file,
            username,
            password,
            hashing,
        } => set(&file, &username, password, hashing, interrupts),
        Command::Delete { file, username } => delete(&file, username, interrupts),
        Command::HashPlainText { file, hashing } => hash_plain_text(&file, hashing, interrupts),
    }
}

/// Runs `-c -`: the line goes to standard output, so the prompts go to standard error.
fn print(
    username: &Username,
    password: PasswordSource,
    hashing: Hashing,
    interrupts: &Interrupts,
) -> Result<(), ToolError> {
    let hash = hash(&password.obtain(&mut io::stderr(), interrupts)?, hashing)?;
    let mut file = PasswordFile::default();
    file.set(username, &hash);
    let mut stdout = io::stdout();
    stdout
        .write_all(&file.to_bytes())
        .and_then(|()| stdout.flush())
        .map_err(ToolError::StandardOutput)
}

/// Runs `-c`: the file gets one user and loses the others; its mode and owner stay.
fn create(
    file: &Path,
    username: &Username,
    password: PasswordSource,
    hashing: Hashing,
    interrupts: &Interrupts,
) -> Result<(), ToolError> {
    let error = |source| ToolError::Create {
        file: file.to_owned(),
        source,
    };
    let path = creation_target(file).map_err(error)?;
    // An error must come before anybody types a password twice in vain.
    if path.exists() {
        LockedFile::open(&path).map_err(error)?;
        warn_about_permissions(&path);
    } else {
        require_writable_directory(&path).map_err(error)?;
    }
    let hash = hash(&password.obtain(&mut io::stdout(), interrupts)?, hashing)?;
    let mut new = PasswordFile::default();
    new.set(username, &hash);
    if path.exists() {
        let locked = LockedFile::open(&path).map_err(error)?;
        let _hold = interrupts.hold();
        locked.replace(&new.to_bytes())?;
    } else {
        let _hold = interrupts.hold();
        replace::create(&path, &new.to_bytes())?;
    }
    print_line(&format!("Adding password for user {username}"));
    Ok(())
}

/// Adds a user or changes the password.
fn set(
    file: &Path,
    username: &Username,
    password: PasswordSource,
    hashing: Hashing,
    interrupts: &Interrupts,
) -> Result<(), ToolError> {
    let path = resolve(file)?;
    // An error must come before anybody types a password twice in vain.
    open(&path)?;
    warn_about_permissions(&path);
    let hash = hash(&password.obtain(&mut io::stdout(), interrupts)?, hashing)?;
    // Another program may have changed the file while the password was typed.
    let (locked, mut users) = open(&path)?;
    let verb = match users.set(username, &hash) {
        Change::Added => "Adding",
        Change::Updated => "Updating",
    };
    write(locked, &users, interrupts)?;
    print_line(&format!("{verb} password for user {username}"));
    Ok(())
}

/// Runs `-D`.
fn delete(file: &Path, username: Username, interrupts: &Interrupts) -> Result<(), ToolError> {
    let path = resolve(file)?;
    let (locked, mut users) = open(&path)?;
    warn_about_permissions(&path);
    if !users.remove(&username) {
        return Err(ToolError::NoSuchUser(username));
    }
    write(locked, &users, interrupts)
}

/// Runs `-U`.
fn hash_plain_text(
    file: &Path,
    hashing: Hashing,
    interrupts: &Interrupts,
) -> Result<(), ToolError> {
    let path = resolve(file)?;
    let (locked, mut users) = open(&path)?;
    warn_about_permissions(&path);
    let skipped = users.hash_plain_passwords(hashing.scheme, hashing.iterations)?;
    write(locked, &users, interrupts)?;
    for Skipped {
        line,
        username,
        flaw,
    } in skipped
    {
        report(&match flaw {
            None => format!(
                "Warning: The password of user {username} in line {line} is hashed already; left as it is."
            ),
            Some(flaw) => format!(
                "Warning: The password of user {username} in line {line} begins like a hash but is not one \
                 ({flaw}); left as it is."
            ),
        });
    }
    Ok(())
}

impl PasswordSource {
    fn obtain(
        self,
        prompts: &mut dyn Write,
        interrupts: &Interrupts,
    ) -> Result<Password, PromptError> {
        match self {
            PasswordSource::Given(password) => Ok(password),
            PasswordSource::Asked => prompt::ask(prompts, interrupts),
        }
    }
}

fn hash(password: &Password, hashing: Hashing) -> Result<PasswordHash, CreateHashError> {
    PasswordHash::create(hashing.scheme, hashing.iterations, password.as_bytes())
}

/// Returns the file behind all links, or `file` itself if it does not exist.
fn resolve(file: &Path) -> Result<PathBuf, ToolError> {
    match fs::canonicalize(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(file.to_owned()),
        result => result.map_err(ToolError::Resolve),
    }
}

/// Returns the path behind all links, whether there is a file or not.
fn creation_target(file: &Path) -> io::Result<PathBuf> {
    if let Ok(path) = fs::canonicalize(file) {
        return Ok(path);
    }
    let mut path = file.to_owned();
    for _ in 0..MAX_LINKS {
        let Ok(link) = fs::read_link(&path) else {
            return Ok(path);
        };
        path = path.parent().unwrap_or(Path::new("")).join(link);
    }
    Err(Errno::ELOOP.into())
}

/// Refuses a path at which no file can be created.
fn require_writable_directory(path: &Path) -> io::Result<()> {
    if path.file_name().is_none() {
        return Err(Errno::ENOENT.into());
    }
    // The dot refuses a path that is not a directory, and stands for the current directory.
    let directory = path.parent().unwrap_or(Path::new("")).join(".");
    Ok(access(&directory, AccessFlags::W_OK | AccessFlags::X_OK)?)
}

fn open(path: &Path) -> Result<(LockedFile, PasswordFile), ToolError> {
    let locked = LockedFile::open(path).map_err(|source| ToolError::Open {
        file: path.to_owned(),
        source,
    })?;
    let users = PasswordFile::parse(locked.contents())?;
    Ok((locked, users))
}

fn write(
    locked: LockedFile,
    users: &PasswordFile,
    interrupts: &Interrupts,
) -> Result<(), ToolError> {
    let contents = users.to_bytes();
    if contents == locked.contents() {
        return Ok(());
    }
    let _hold = interrupts.hold();
    Ok(locked.replace(&contents)?)
}

fn warn_about_permissions(path: &Path) {
    for warning in administrator_warnings(path).unwrap_or_default() {
        report(&warning);
    }
}

/// Prints the usage text. Under Mosquitto's name asking for it is an error, as it is there.
fn help(program: &Program, first_word: Option<&OsStr>) -> u8 {
    let ours = !program.is_mosquitto();
    let word = first_word.and_then(OsStr::to_str);
    if ours && matches!(word, Some("-V" | "--version")) {
        return show(&format!(
            "{} {}\n",
            program.name(),
            env!("CARGO_PKG_VERSION")
        ));
    }
    let shown = show(&format!("{}\n", usage::usage(program).trim_end()));
    if ours && matches!(word, Some("-h" | "--help")) {
        return shown;
    }
    let hint = first_word.and_then(|word| usage::hint(program, word));
    if let Some(hint) = hint.filter(|_| io::stderr().is_terminal()) {
        report(&hint);
    }
    1
}

/// Prints the help or the version and returns the exit code.
fn show(text: &str) -> u8 {
    match options::print(text) {
        Ok(()) => 0,
        Err(error) => {
            report(&error);
            1
        }
    }
}

/// Prints a line on standard output; a closed one is no reason to fail.
fn print_line(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}

/// Prints a line on standard error.
fn report(line: &dyn std::fmt::Display) {
    let _ = writeln!(io::stderr(), "{line}");
}
