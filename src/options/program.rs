use std::ffi::OsStr;
use std::path::Path;

/// A program and the name that it was started with.
///
/// A link named `mosquitto_pub` is `mq-pub` that behaves as the original where the two
/// differ.
#[derive(Clone, Debug)]
pub struct Program {
    installed_name: &'static str,
    name: String,
}

impl Program {
    /// Creates the program that is installed as `installed_name`.
    ///
    /// `first_word` is the first word of its command line.
    pub fn new(installed_name: &'static str, first_word: Option<&OsStr>) -> Self {
        let name = first_word
            .and_then(|word| Path::new(word).file_name())
            .map_or(installed_name.into(), OsStr::to_string_lossy)
            .into_owned();
        Self {
            installed_name,
            name,
        }
    }

    /// Returns the name that the program is installed with.
    pub fn installed_name(&self) -> &'static str {
        self.installed_name
    }

    /// Returns the name that the program was started with.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns whether the program was started under Mosquitto's name.
    pub fn is_mosquitto(&self) -> bool {
        self.name.starts_with("mosquitto")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_named_as_it_was_started() {
        let program = Program::new("mq-pub", Some(OsStr::new("/usr/bin/mosquitto_pub")));
        assert_eq!(program.name(), "mosquitto_pub");
        assert_eq!(program.installed_name(), "mq-pub");
        assert!(program.is_mosquitto());
        assert_eq!(Program::new("mq-sub", None).name(), "mq-sub");
    }
}
