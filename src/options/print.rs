use std::io::{self, Write};

/// Prints a text that was asked for, such as the help, on standard output.
///
/// A reader that has seen enough is no error.
///
/// # Errors
///
/// The text was not written completely; the error says so in a sentence.
pub fn print(text: &str) -> Result<(), String> {
    let mut stdout = io::stdout().lock();
    let written = stdout.write_all(text.as_bytes());
    match written.and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(format!(
            "Error: Unable to write to standard output: {error}"
        )),
        _ => Ok(()),
    }
}
