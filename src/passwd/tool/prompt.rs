//! Prompts for a password: hidden at a terminal, otherwise two lines of standard input.

use std::fs::File;
use std::io::{self, BufRead, IsTerminal, Read, Write};

use thiserror::Error;

use super::interrupts::Interrupts;
use super::password::{MAX_LENGTH, Password, PasswordTooLong};
use crate::passwd::replace::os_text;

const TERMINAL: &str = "/dev/tty";

/// A reason that there is no password.
#[derive(Debug, Error)]
pub enum PromptError {
    /// An answer was empty, or there was none.
    #[error("Error: Empty password.")]
    Empty,
    /// The two answers are not the same.
    #[error("Error: Passwords do not match.")]
    Mismatch,
    /// An answer is longer than any client can send.
    #[error(transparent)]
    TooLong(#[from] PasswordTooLong),
    /// Ctrl+C.
    #[error("Interrupted.")]
    Interrupted,
    /// Standard input cannot be read.
    #[error("Error: Unable to read the password. {}", os_text(.0))]
    Io(io::Error),
}

impl From<io::Error> for PromptError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::Interrupted => PromptError::Interrupted,
            _ => PromptError::Io(error),
        }
    }
}

/// Asks twice on `prompts` and reads the answers from the terminal or standard input.
pub(super) fn ask(
    prompts: &mut dyn Write,
    interrupts: &Interrupts,
) -> Result<Password, PromptError> {
    if !io::stdin().is_terminal() {
        return ask_twice(prompts, &mut Lines(io::stdin().lock()));
    }
    // The echo goes off before the first prompt, so that nothing typed early shows.
    let _hidden_echo = File::open(TERMINAL)
        .and_then(|terminal| Ok(interrupts.hide_echo(terminal)?))
        .map_err(PromptError::Io)?;
    ask_twice(prompts, &mut Keyboard)
}

/// A source of answers.
trait Answers {
    /// Returns the next answer without its line ending; empty if there is none.
    fn next(&mut self) -> io::Result<Vec<u8>>;

    /// Returns whether the cursor stays behind the prompt if there is no answer.
    fn stays_on_the_line(&self) -> bool;
}

/// Lines of a file or a pipe.
struct Lines<R>(R);

impl<R: BufRead> Answers for Lines<R> {
    fn next(&mut self) -> io::Result<Vec<u8>> {
        // The limit has room for one byte too many and a line ending, so that a longer answer
        // is noticed.
        let most = MAX_LENGTH as u64 + 3;
        let mut line = Vec::new();
        self.0.by_ref().take(most).read_until(b'\n', &mut line)?;
        while line.ends_with(b"\n") || line.ends_with(b"\r") {
            line.pop();
        }
        Ok(line)
    }

    fn stays_on_the_line(&self) -> bool {
        false
    }
}

/// The terminal, without echo.
struct Keyboard;

impl Answers for Keyboard {
    fn next(&mut self) -> io::Result<Vec<u8>> {
        let config = rpassword::ConfigBuilder::new()
            .input_file_path(TERMINAL)
            .output_discard()
            .build();
        match rpassword::read_password_with_config(config) {
            // Ctrl+D
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(Vec::new()),
            answer => answer.map(String::into_bytes),
        }
    }

    fn stays_on_the_line(&self) -> bool {
        true
    }
}

fn ask_twice(prompts: &mut dyn Write, answers: &mut dyn Answers) -> Result<Password, PromptError> {
    let first = ask_once("Password: ", prompts, answers)?;
    let second = ask_once("Reenter password: ", prompts, answers)?;
    if first != second {
        return Err(PromptError::Mismatch);
    }
    Ok(first)
}

fn ask_once(
    prompt: &str,
    prompts: &mut dyn Write,
    answers: &mut dyn Answers,
) -> Result<Password, PromptError> {
    prompts.write_all(prompt.as_bytes())?;
    prompts.flush()?;
    let answer = answers.next();
    let answered = answer.as_ref().is_ok_and(|answer| !answer.is_empty());
    if answered || answers.stays_on_the_line() {
        prompts.write_all(b"\n")?;
    }
    let answer = answer?;
    if answer.is_empty() {
        return Err(PromptError::Empty);
    }
    Ok(Password::new(answer)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask_with(input: &[u8]) -> (String, Result<Password, PromptError>) {
        let mut prompts = Vec::new();
        let result = ask_twice(&mut prompts, &mut Lines(input));
        (String::from_utf8(prompts).unwrap(), result)
    }

    #[test]
    fn two_equal_answers_make_a_password() {
        for input in ["a b \na b \n", "a b \r\na b \r\n", "a b \na b "] {
            let (prompts, password) = ask_with(input.as_bytes());
            assert_eq!(password.unwrap().as_bytes(), b"a b ", "{input:?}");
            assert_eq!(prompts, "Password: \nReenter password: \n");
        }
        assert_eq!(ask_with(b"\xff\n\xff\n").1.unwrap().as_bytes(), b"\xff");
    }

    #[test]
    fn an_empty_answer_or_none_ends_it_at_once() {
        for (input, prompted) in [
            ("", "Password: "),
            ("\nb\n", "Password: "),
            ("a\n", "Password: \nReenter password: "),
            ("a\n\r\n", "Password: \nReenter password: "),
        ] {
            let (prompts, password) = ask_with(input.as_bytes());
            assert!(matches!(password, Err(PromptError::Empty)), "{input:?}");
            assert_eq!(prompts, prompted);
        }
    }

    #[test]
    fn two_different_answers_are_a_mismatch() {
        assert!(matches!(ask_with(b"a\nA\n").1, Err(PromptError::Mismatch)));
    }

    #[test]
    fn an_answer_of_more_than_65535_bytes_is_too_long() {
        let line = |length| [vec![b'x'; length], b"\n".to_vec()].concat();
        assert!(ask_with(&line(65_535).repeat(2)).1.is_ok());
        for length in [65_536, 65_538, 200_000] {
            let (_, password) = ask_with(&line(length).repeat(2));
            assert!(matches!(password, Err(PromptError::TooLong(_))), "{length}");
        }
    }
}
