use std::ffi::OsStr;
use std::path::Path;

/// Which of the two client programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `mq-pub`
    Publish,
    /// `mq-sub`
    Subscribe,
}

/// A program under the name that it was started with: a link named `mosquitto_pub` is
/// `mq-pub` that behaves as the original where the two differ.
#[derive(Clone, Debug)]
pub struct Program {
    kind: Kind,
    name: String,
}

impl Program {
    /// The program that was started by this first word of its command line.
    pub fn new(kind: Kind, first_word: Option<&OsStr>) -> Self {
        let name = first_word
            .and_then(|word| Path::new(word).file_name())
            .map_or_else(
                || kind.default_name().to_owned(),
                |name| name.to_string_lossy().into_owned(),
            );
        Self { kind, name }
    }

    /// Which program it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The name that it was started with.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it was started as the original is.
    pub fn is_mosquitto(&self) -> bool {
        self.name.starts_with("mosquitto")
    }

    /// The line of `--version`.
    pub fn version(&self) -> String {
        let version = env!("CARGO_PKG_VERSION");
        format!("{} version {version} running on mq {version}.", self.name)
    }
}

impl Kind {
    /// The name that the program is installed with.
    pub fn default_name(self) -> &'static str {
        match self {
            Self::Publish => "mq-pub",
            Self::Subscribe => "mq-sub",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_named_as_it_was_started() {
        let program = Program::new(Kind::Publish, Some(OsStr::new("/usr/bin/mosquitto_pub")));
        assert_eq!(program.name(), "mosquitto_pub");
        assert!(program.is_mosquitto());
        assert_eq!(Program::new(Kind::Subscribe, None).name(), "mq-sub");
    }
}
