use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use thiserror::Error;

use crate::client::system_text;

/// The maximum size of a payload in bytes.
pub const MAX_PAYLOAD: usize = 268_435_455;

/// The origin of messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The command line.
    Message(Bytes),
    /// A file, as one message.
    File(PathBuf),
    /// All of standard input, as one message.
    Stdin,
    /// Each line of standard input, as a message.
    Lines,
}

/// The messages to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Loaded {
    /// One payload.
    Payload(Bytes),
    /// The lines of standard input.
    Lines,
}

/// A reason that there is no payload, in Mosquitto's words.
#[derive(Debug, Error)]
pub enum LoadError {
    /// A file cannot be read.
    #[error("Error: Unable to read file \"{path}\": {}.\nError loading input file \"{path}\".", system_text(.cause))]
    File {
        /// The file.
        path: String,
        /// The cause.
        cause: io::Error,
    },
    /// A path is a directory.
    #[error("Error: {path} is not a file.\nError loading input file \"{path}\".")]
    NotAFile {
        /// The path.
        path: String,
    },
    /// A file is larger than a payload can be.
    #[error(
        "Error: File must be less than {MAX_PAYLOAD} bytes.\n\nError loading input file \"{path}\"."
    )]
    FileTooLarge {
        /// The file.
        path: String,
    },
    /// Standard input is empty.
    #[error("Error: Zero length input.\nError loading input from stdin.")]
    EmptyStdin,
    /// Standard input is larger than a payload can be.
    #[error(
        "Error: Message length must be less than {MAX_PAYLOAD} bytes.\n\nError loading input from stdin."
    )]
    StdinTooLarge,
    /// Standard input cannot be read.
    #[error("Error: Unable to read standard input: {}.\nError loading input from stdin.", system_text(.0))]
    Stdin(io::Error),
}

impl Source {
    /// Reads everything that can be read before the connection.
    pub fn load(&self) -> Result<Loaded, LoadError> {
        Ok(match self {
            Self::Message(payload) => Loaded::Payload(payload.clone()),
            Self::File(path) => Loaded::Payload(load_file(path)?),
            Self::Stdin => Loaded::Payload(load_stdin()?),
            Self::Lines => Loaded::Lines,
        })
    }
}

fn load_file(path: &Path) -> Result<Bytes, LoadError> {
    let name = path.to_string_lossy().into_owned();
    let failed = |cause| LoadError::File {
        path: name.clone(),
        cause,
    };
    let file = File::open(path).map_err(failed)?;
    if file.metadata().map_err(failed)?.is_dir() {
        return Err(LoadError::NotAFile { path: name });
    }
    match read_payload(file).map_err(failed)? {
        Some(payload) => Ok(payload),
        None => Err(LoadError::FileTooLarge { path: name }),
    }
}

fn load_stdin() -> Result<Bytes, LoadError> {
    let payload = read_payload(io::stdin().lock()).map_err(LoadError::Stdin)?;
    let payload = payload.ok_or(LoadError::StdinTooLarge)?;
    if payload.is_empty() {
        return Err(LoadError::EmptyStdin);
    }
    Ok(payload)
}

/// Reads to the end; `None` if that is too much for a payload.
fn read_payload(input: impl Read) -> io::Result<Option<Bytes>> {
    let mut payload = Vec::new();
    let limit = MAX_PAYLOAD as u64 + 1;
    input.take(limit).read_to_end(&mut payload)?;
    Ok((payload.len() <= MAX_PAYLOAD).then(|| Bytes::from(payload)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_sent_as_it_is_and_a_missing_one_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("payload");
        std::fs::write(&path, b"a\0\r\n").unwrap();
        let loaded = Source::File(path.clone()).load().unwrap();
        assert_eq!(loaded, Loaded::Payload(Bytes::from_static(b"a\0\r\n")));

        let missing = directory.path().join("missing");
        let error = Source::File(missing.clone()).load().unwrap_err();
        let name = missing.display();
        assert_eq!(
            error.to_string(),
            format!(
                "Error: Unable to read file \"{name}\": No such file or directory.\n\
                 Error loading input file \"{name}\"."
            )
        );
        let error = Source::File(directory.path().to_owned())
            .load()
            .unwrap_err();
        assert!(error.to_string().contains("is not a file."), "{error}");
    }
}
