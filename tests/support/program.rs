//! Command lines, typed as a reader of the lab guide types them, and what came of them.

use std::ffi::OsString;
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::LIMIT;
use super::output::{Missing, Output};

/// A command line that has not been started yet.
#[must_use = "a command line does nothing until it is run or started"]
pub(crate) struct Program {
    command: Command,
    stdin: Vec<u8>,
    keep_stdin_open: bool,
    stdout_closed: bool,
    stdout_unread: bool,
    limit: Duration,
}

impl Program {
    /// A command line as typed, with single and double quotes as in a shell, and nothing
    /// else of a shell. `mq-*` are the built programs, other names are looked up in `PATH`.
    pub(crate) fn typed(line: &str) -> Self {
        let (name, arguments) = line.split_once(' ').unwrap_or((line, ""));
        Self::at(&program_path(name), arguments)
    }

    /// A program that lies at `path`, for example a link with another name.
    pub(crate) fn at(path: &Path, arguments: &str) -> Self {
        let mut command = Command::new(path);
        // `mq-pub` and `mq-sub` read options from the home folder; tests have none.
        command
            .env("HOME", "/nonexistent")
            .env_remove("XDG_CONFIG_HOME");
        Self {
            command,
            stdin: Vec::new(),
            keep_stdin_open: false,
            stdout_closed: false,
            stdout_unread: false,
            limit: LIMIT,
        }
        .args_of(arguments)
    }

    /// More arguments, as typed.
    pub(crate) fn args_of(mut self, line: &str) -> Self {
        self.command.args(split_words(line));
        self
    }

    /// One more argument, taken as it is.
    pub(crate) fn arg(mut self, argument: impl Into<OsString>) -> Self {
        self.command.arg(argument.into());
        self
    }

    /// `-p PORT`.
    pub(crate) fn port(self, port: u16) -> Self {
        self.arg("-p").arg(port.to_string())
    }

    /// What the program reads from its standard input. Without it the input is empty.
    pub(crate) fn stdin(mut self, input: impl Into<Vec<u8>>) -> Self {
        self.stdin = input.into();
        self
    }

    /// Leaves the standard input open for [`Running::write_line`].
    pub(crate) fn keep_stdin_open(mut self) -> Self {
        self.keep_stdin_open = true;
        self
    }

    /// Nobody reads the standard output: whatever is written there is an error.
    pub(crate) fn stdout_closed(mut self) -> Self {
        self.stdout_closed = true;
        self
    }

    /// Nobody reads the standard output before [`Running::read_stdout`].
    pub(crate) fn stdout_unread(mut self) -> Self {
        self.stdout_unread = true;
        self
    }

    /// An environment variable.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// The folder the program runs in.
    pub(crate) fn in_folder(mut self, folder: &Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// The time the program may take, instead of [`LIMIT`].
    pub(crate) fn within(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Runs the program to its end.
    #[must_use = "an outcome is there to be checked"]
    #[track_caller]
    pub(crate) fn run(self) -> Outcome {
        self.start().ends()
    }

    /// Starts the program in the background.
    pub(crate) fn start(mut self) -> Running {
        let line = line_of(&self.command);
        let mut child = self
            .command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{line} does not start: {error}"));
        let mut stdin = child.stdin.take();
        if !self.keep_stdin_open {
            // On a thread, because the program may print before it has read everything.
            if let Some(mut stdin) = stdin.take() {
                // A program that ends early does not read the rest.
                thread::spawn(move || stdin.write_all(&self.stdin));
            }
        }
        let stdout = child.stdout.take().expect("the output is piped");
        let (stdout, unread_stdout) = if self.stdout_unread {
            (Output::collect(std::io::empty()), Some(stdout))
        } else if self.stdout_closed {
            drop(stdout);
            (Output::collect(std::io::empty()), None)
        } else {
            (Output::collect(stdout), None)
        };
        Running {
            line,
            stdin,
            stdout,
            unread_stdout,
            stderr: Output::collect(child.stderr.take().expect("the errors are piped")),
            child,
            limit: self.limit,
            read: 0,
        }
    }
}

/// A program in the background. It is killed when this goes out of scope.
#[must_use = "the program is killed when this is dropped"]
pub(crate) struct Running {
    line: String,
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Output,
    unread_stdout: Option<ChildStdout>,
    stderr: Output,
    limit: Duration,
    read: usize,
}

impl Running {
    /// The next line of the output must be `expected`.
    #[track_caller]
    pub(crate) fn expect_line(&mut self, expected: &str) {
        let line = self.next_line();
        assert_eq!(line, expected, "the next line of: {}", self.line);
    }

    /// The next line of the output.
    #[track_caller]
    pub(crate) fn next_line(&mut self) -> String {
        self.wait_for_line(|_| true)
    }

    /// The next line of the output that `wanted` accepts; those before it are skipped.
    #[track_caller]
    pub(crate) fn wait_for_line(&mut self, wanted: impl Fn(&str) -> bool) -> String {
        match self.stdout.wait_for_line(self.read, self.limit, wanted) {
            Ok((line, read)) => {
                self.read = read;
                line
            }
            Err(missing) => panic!(
                "no such line ({missing:?}) from: {}\nstdout: {}\nstderr: {}",
                self.line,
                tail(&self.stdout.text()),
                tail(&self.stderr.text())
            ),
        }
    }

    /// Types a line.
    #[track_caller]
    pub(crate) fn write_line(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().expect("the input was kept open");
        writeln!(stdin, "{line}").expect("the program reads its input");
    }

    /// Types a line that the program may not wait for.
    pub(crate) fn offer_line(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().expect("the input was kept open");
        let _ = writeln!(stdin, "{line}");
    }

    /// Begins to read the standard output.
    pub(crate) fn read_stdout(&mut self) {
        if let Some(stdout) = self.unread_stdout.take() {
            self.stdout = Output::collect(stdout);
        }
    }

    /// Ends the input.
    pub(crate) fn close_stdin(&mut self) {
        self.stdin = None;
    }

    /// The output so far.
    pub(crate) fn stdout(&self) -> &Output {
        &self.stdout
    }

    /// How many bytes of the output the waits have seen.
    pub(crate) fn read(&self) -> usize {
        self.read
    }

    /// The errors so far.
    pub(crate) fn stderr(&self) -> &Output {
        &self.stderr
    }

    /// The process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal to this program only.
    #[track_caller]
    pub(crate) fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id()).expect("a process id fits in an i32");
        kill(Pid::from_raw(id), signal)
            .unwrap_or_else(|error| panic!("{signal} does not reach {}: {error}", self.line));
    }

    /// Waits until the program ends by itself.
    #[must_use = "an outcome is there to be checked"]
    #[track_caller]
    pub(crate) fn ends(mut self) -> Outcome {
        let deadline = Instant::now() + self.limit;
        let closed = self.stdout.wait_for_end(self.limit);
        let left = deadline.saturating_duration_since(Instant::now());
        let closed = closed.and_then(|_| self.stderr.wait_for_end(left));
        if let Err(Missing::TimedOut) = closed {
            panic!(
                "not ended after {:?}: {}\nstdout: {}\nstderr: {}",
                self.limit,
                self.line,
                tail(&self.stdout.text()),
                tail(&self.stderr.text())
            );
        }
        // Both pipes are closed, so the program is gone or about to be.
        let status = self.child.wait().expect("our own child can be waited for");
        Outcome {
            line: self.line.clone(),
            status,
            stdout: self.stdout.bytes(),
            stderr: self.stderr.text(),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Fails only when the program has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a program printed, and how it ended.
pub(crate) struct Outcome {
    line: String,
    status: ExitStatus,
    stdout: Vec<u8>,
    stderr: String,
}

impl Outcome {
    /// The exit code must be `code`; a death by signal N counts as 128 + N, as in a shell.
    #[track_caller]
    pub(crate) fn exits_with(self, code: i32) -> Self {
        assert_eq!(self.code(), code, "the exit code of {self}");
        self
    }

    /// The standard output must be `expected`, to the byte.
    #[track_caller]
    pub(crate) fn prints(self, expected: impl AsRef<[u8]>) -> Self {
        let expected = expected.as_ref();
        assert!(
            self.stdout == expected,
            "the output of {self}\nexpected: {}",
            tail(&String::from_utf8_lossy(expected))
        );
        self
    }

    /// The standard error must be `expected`, to the byte.
    #[track_caller]
    pub(crate) fn complains(self, expected: &str) -> Self {
        assert_eq!(self.stderr, expected, "the errors of {self}");
        self
    }

    /// Ends with code 0 and says nothing on standard error.
    #[track_caller]
    pub(crate) fn succeeds(self) -> Self {
        self.exits_with(0).complains("")
    }

    /// The exit code; 128 + N after signal N.
    pub(crate) fn code(&self) -> i32 {
        self.status
            .code()
            .or_else(|| self.status.signal().map(|signal| 128 + signal))
            .expect("an ended process has a code or a signal")
    }

    /// The standard output.
    pub(crate) fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// The standard error.
    pub(crate) fn stderr(&self) -> &str {
        &self.stderr
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            formatter,
            "{}\n{}\nstdout: {}\nstderr: {}",
            self.line,
            self.status,
            tail(&self.stdout()),
            tail(&self.stderr)
        )
    }
}

/// The command line, for messages.
fn line_of(command: &Command) -> String {
    let words = [command.get_program()]
        .into_iter()
        .chain(command.get_args());
    let words: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
    words.join(" ")
}

/// Where the program called `name` lies.
pub(crate) fn program_path(name: &str) -> PathBuf {
    let (variable, built) = match name {
        "mq-broker" => ("MQ_BROKER_PROGRAM", env!("CARGO_BIN_EXE_mq-broker")),
        "mq-pub" => ("MQ_PUB_PROGRAM", env!("CARGO_BIN_EXE_mq-pub")),
        "mq-sub" => ("MQ_SUB_PROGRAM", env!("CARGO_BIN_EXE_mq-sub")),
        "mq-passwd" => ("MQ_PASSWD_PROGRAM", env!("CARGO_BIN_EXE_mq-passwd")),
        other => return find_program(other).unwrap_or_else(|| PathBuf::from(other)),
    };
    std::env::var_os(variable).map_or_else(|| PathBuf::from(built), PathBuf::from)
}

/// Where a program that we did not build lies. Servers are outside of some users' `PATH`.
pub(crate) fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain([PathBuf::from("/usr/local/sbin"), PathBuf::from("/usr/sbin")])
        .map(|folder| folder.join(name))
        .find(|candidate| candidate.is_file())
}

/// The words of a command line; quotes keep blanks together and are removed.
fn split_words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for character in line.chars() {
        match (quote, character) {
            (Some(open), closing) if open == closing => quote = None,
            (Some(_), inside) => word.get_or_insert_default().push(inside),
            (None, '\'' | '"') => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (None, blank) if blank.is_whitespace() => words.extend(word.take()),
            (None, plain) => word.get_or_insert_default().push(plain),
        }
    }
    assert!(quote.is_none(), "an open quote in: {line}");
    words.extend(word);
    words
}

/// The end of a long text, for messages.
fn tail(text: &str) -> &str {
    let mut start = text.len().saturating_sub(3000);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    &text[start..]
}
