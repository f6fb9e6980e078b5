//! The arguments of `mq-broker`, which are those of `mosquitto`.
//!
//! Each option is a word of its own: `-v -d`, not `-vd`. Reading them has no effects.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use crate::broker::config::Overrides;
use crate::broker::log::LogTypes;

/// What a program that was given no name calls itself.
const DEFAULT_PROGRAM: &str = "mq-broker";

/// How many `-p` there may be.
const MAX_PORTS: usize = 10;

/// Every option, for the nearest one to a mistyped one.
const OPTIONS: [&str; 17] = [
    "-c",
    "--config-file",
    "-d",
    "--daemon",
    "-h",
    "--help",
    "-p",
    "--port",
    "-q",
    "--quiet",
    "-v",
    "--verbose",
    "--version",
    "--check",
    "--import-mosquitto-db",
    "--recover",
    "--test-config",
];

/// What the arguments ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Run the broker.
    Run(Options),
    /// Say whether a broker that was started with these options answers.
    Check(Options),
    /// Say what is wrong with these configuration files, of which there is at least one:
    /// [`CONFIGURATION_IS_OK`], or the errors.
    TestConfig(Vec<PathBuf>),
    /// Print [`usage`] on standard output.
    Help,
    /// Print [`version`] on standard output.
    Version,
}

/// What `--test-config` says of a configuration without errors.
pub const CONFIGURATION_IS_OK: &str = "Configuration file is OK.";

/// How to run the broker.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Configuration files, read one after another.
    pub config_files: Vec<PathBuf>,
    /// Loopback ports to open if the configuration opens none.
    pub ports: Vec<u16>,
    /// Whether to go on in the background.
    pub daemon: bool,
    /// What to log, whatever the configuration says.
    pub verbosity: Option<Verbosity>,
    /// Where the keys of TLS connections are written, for a tool that reads along.
    pub tls_keylog: Option<PathBuf>,
    /// Whether to move a damaged store aside and go on with what can be read of it.
    pub recover: bool,
    /// A database of Mosquitto's whose contents are to be taken over.
    pub import: Option<PathBuf>,
}

impl Options {
    /// The part of the options that counts with the configuration.
    pub fn overrides(&self) -> Overrides {
        Overrides {
            ports: self.ports.clone(),
            log_types: self.verbosity.map(|verbosity| match verbosity {
                Verbosity::Quiet => LogTypes::NONE,
                Verbosity::Verbose => LogTypes::ALL,
            }),
        }
    }
}

/// How much to log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verbosity {
    /// Nothing.
    Quiet,
    /// Everything.
    Verbose,
}

/// Arguments that make no sense. The program ends with [`UsageError::EXIT_CODE`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UsageError {
    /// A word that is no option.
    #[error("Error: Unknown option '{option}'.{}", on_next_line(.hint))]
    UnknownOption {
        /// The word.
        option: String,
        /// What may have been meant.
        hint: Option<String>,
    },
    /// `-c` is the last word.
    #[error("Error: -c argument given, but no config file specified.")]
    NoConfigFile,
    /// `-p` is the last word.
    #[error("Error: -p argument given, but no port specified.")]
    NoPort,
    /// What follows `-p` is not a number from 1 to 65535.
    #[error("Error: Invalid port specified ({0}).")]
    InvalidPort(String),
    /// There are more than ten `-p`.
    #[error("Error: Only {MAX_PORTS} ports can be specified on the command line.")]
    TooManyPorts,
    /// `--tls-keylog` is the last word.
    #[error("Error: --tls-keylog argument given, but no file specified.")]
    NoKeylogFile,
    /// `--import-mosquitto-db` is the last word.
    #[error("Error: --import-mosquitto-db argument given, but no file specified.")]
    NoDatabase,
    /// `--test-config` without `-c`.
    #[error("Please provide a configuration file to test.")]
    NothingToTest,
}

impl UsageError {
    /// The exit code.
    pub const EXIT_CODE: u8 = 3;

    /// Whether [`usage`] is to be printed on standard output after the error. Such an error
    /// is printed as it is; the others go to the log, with the time.
    pub fn shows_usage(&self) -> bool {
        matches!(self, Self::UnknownOption { .. })
    }
}

/// Reads `arguments`, which do not include the program's name.
///
/// # Errors
///
/// The first argument that makes no sense.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Action, UsageError> {
    let mut arguments = arguments.into_iter();
    let mut options = Options::default();
    let mut is_test = false;
    let mut is_check = false;
    while let Some(argument) = arguments.next() {
        match argument.to_str() {
            Some("-c" | "--config-file") => {
                let file = arguments.next().ok_or(UsageError::NoConfigFile)?;
                options.config_files.push(file.into());
            }
            Some("-p" | "--port") => {
                let port = parse_port(&arguments.next().ok_or(UsageError::NoPort)?)?;
                if options.ports.len() == MAX_PORTS {
                    return Err(UsageError::TooManyPorts);
                }
                options.ports.push(port);
            }
            Some("-d" | "--daemon") => options.daemon = true,
            Some("-q" | "--quiet") => options.verbosity = Some(Verbosity::Quiet),
            Some("-v" | "--verbose") => {
                options.verbosity.get_or_insert(Verbosity::Verbose);
            }
            Some("--check") => is_check = true,
            Some("--test-config") => is_test = true,
            Some("--recover") => options.recover = true,
            Some("--import-mosquitto-db") => {
                let file = arguments.next().ok_or(UsageError::NoDatabase)?;
                options.import = Some(file.into());
            }
            Some("--tls-keylog") => {
                let file = arguments.next().ok_or(UsageError::NoKeylogFile)?;
                options.tls_keylog = Some(file.into());
            }
            Some("-h" | "--help") => return Ok(Action::Help),
            Some("--version") => return Ok(Action::Version),
            _ => {
                let option = argument.to_string_lossy().into_owned();
                let hint = what_was_meant(&option);
                return Err(UsageError::UnknownOption { option, hint });
            }
        }
    }
    match (is_test, options.config_files.is_empty()) {
        (true, true) => Err(UsageError::NothingToTest),
        (true, false) => Ok(Action::TestConfig(options.config_files)),
        (false, _) if is_check => Ok(Action::Check(options)),
        (false, _) => Ok(Action::Run(options)),
    }
}

/// The name that the program was started with, given the first of its arguments.
pub fn program_name(first_argument: Option<&OsStr>) -> String {
    first_argument
        .and_then(|argument| Path::new(argument).file_name())
        .map_or_else(|| DEFAULT_PROGRAM.into(), OsStr::to_string_lossy)
        .into_owned()
}

/// How to use `program`, with a line end.
pub fn usage(program: &str) -> String {
    format!(
        "\
{program} version {version}

{program} is an MQTT v5.0/v3.1.1/v3.1 broker.

Usage: {program} [-c config_file] [-d] [-h] [-p port] [-q] [-v] [--recover]
                 [--import-mosquitto-db file] [--tls-keylog file]
       {program} -c config_file --test-config
       {program} [-c config_file] [-p port] [-q] --check

 -c, --config-file FILE  read the configuration from FILE.
 -d, --daemon            go on in the background after starting.
 -h, --help              display this help.
 -p, --port PORT         listen on PORT of this machine only. Up to {MAX_PORTS} times; without
                         effect if the configuration file says where to listen.
 -q, --quiet             log nothing. This overrides -v and the configuration file.
 -v, --verbose           log everything. This overrides the configuration file.
     --check             say whether the broker with this configuration answers on this
                         machine, and exit with 0 if it does, with 1 if not.
     --import-mosquitto-db FILE
                         take over what Mosquitto saved in FILE, and go on with it. Needs
                         'persistence true' and a store that is still empty.
     --recover           move a damaged store aside, and go on with what can be read of it.
     --tls-keylog FILE   write the keys of TLS connections to FILE, for a tool that reads
                         along. Who has them can read everything.
     --test-config       say what is wrong with the configuration file, and exit.
     --version           display the version, and exit.

Each option must be a word of its own: '-v -d', not '-vd'.
",
        version = env!("CARGO_PKG_VERSION"),
    )
}

/// What `program` is, in three lines, with a line end.
pub fn version(program: &str) -> String {
    format!(
        "{program} {}\nCopyright (c) 2026 The mq contributors.\nLicence: MIT OR Apache-2.0.\n",
        env!("CARGO_PKG_VERSION"),
    )
}

fn parse_port(word: &OsStr) -> Result<u16, UsageError> {
    let word = word.to_string_lossy();
    match word.parse::<i64>() {
        Ok(number) => u16::try_from(number).ok().filter(|&port| port != 0),
        // What is no number at all is 0 in the error, as in Mosquitto.
        Err(_) if !word.starts_with(|first: char| first.is_ascii_digit()) => {
            return Err(UsageError::InvalidPort("0".to_owned()));
        }
        Err(_) => None,
    }
    .ok_or_else(|| UsageError::InvalidPort(word.into_owned()))
}

/// A hint for an unknown option: options written together, or a typing mistake.
fn what_was_meant(option: &str) -> Option<String> {
    const LETTERS: &str = "cdhpqv";
    if let Some((name, value)) = option.split_once('=')
        && OPTIONS.contains(&name)
    {
        return Some(format!("Did you mean '{name} {value}'?"));
    }
    let letters = option
        .strip_prefix('-')
        .filter(|rest| !rest.starts_with('-'));
    if let Some(letters) = letters.filter(|letters| !letters.is_empty()) {
        if letters.chars().all(|letter| LETTERS.contains(letter)) {
            let separate: Vec<String> =
                letters.chars().map(|letter| format!("-{letter}")).collect();
            return Some(format!("Did you mean '{}'?", separate.join(" ")));
        }
        if let Some(port) = letters
            .strip_prefix('p')
            .filter(|port| port.parse::<u16>().is_ok())
        {
            return Some(format!("Did you mean '-p {port}'?"));
        }
    }
    if option.ends_with(".conf") && !option.starts_with('-') {
        return Some(format!("Did you mean '-c {option}'?"));
    }
    if !option.starts_with("--") {
        return None;
    }
    let (distance, nearest) = OPTIONS
        .iter()
        .filter(|candidate| candidate.starts_with("--"))
        .map(|candidate| (strsim::damerau_levenshtein(option, candidate), candidate))
        .min()?;
    (distance <= 3).then(|| format!("Did you mean '{nearest}'?"))
}

fn on_next_line(hint: &Option<String>) -> String {
    hint.as_ref()
        .map(|hint| format!("\n{hint}"))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Action, UsageError> {
        parse(line.split_whitespace().map(OsString::from))
    }

    fn options(line: &str) -> Options {
        match parsed(line) {
            Ok(Action::Run(options)) => options,
            other => panic!("{line}: {other:?}"),
        }
    }

    fn error(line: &str) -> String {
        parsed(line).unwrap_err().to_string()
    }

    #[test]
    fn every_option_has_a_short_and_a_long_form() {
        let short = options("-c a.conf -c b.conf -p 1884 -p 1885 -d -v");
        let long = options(
            "--config-file a.conf --config-file b.conf --port 1884 --port 1885 --daemon --verbose",
        );
        assert_eq!(short, long);
        assert_eq!(
            short,
            Options {
                config_files: vec!["a.conf".into(), "b.conf".into()],
                ports: vec![1884, 1885],
                daemon: true,
                verbosity: Some(Verbosity::Verbose),
                ..Options::default()
            }
        );
        assert_eq!(parsed("-h"), Ok(Action::Help));
        assert_eq!(parsed("--help"), Ok(Action::Help));
        assert_eq!(parsed("--version"), Ok(Action::Version));
        assert_eq!(options(""), Options::default());
    }

    #[test]
    fn a_database_to_import_and_a_store_to_recover_are_asked_for() {
        let options = options("-c a.conf --import-mosquitto-db mosquitto.db --recover");
        assert_eq!(options.import, Some("mosquitto.db".into()));
        assert!(options.recover);
        assert_eq!(
            error("--import-mosquitto-db"),
            "Error: --import-mosquitto-db argument given, but no file specified."
        );
    }

    #[test]
    fn quiet_beats_verbose_in_either_order() {
        for line in ["-q -v", "-v -q", "--verbose --quiet"] {
            assert_eq!(options(line).verbosity, Some(Verbosity::Quiet), "{line}");
        }
        assert_eq!(options("-q").overrides().log_types, Some(LogTypes::NONE));
        assert_eq!(options("-v").overrides().log_types, Some(LogTypes::ALL));
        assert_eq!(options("").overrides().log_types, None);
    }

    #[test]
    fn test_config_takes_the_file_before_or_after_it() {
        let expected = Ok(Action::TestConfig(vec!["a.conf".into()]));
        assert_eq!(parsed("-c a.conf --test-config"), expected);
        assert_eq!(parsed("--test-config -c a.conf"), expected);
        assert_eq!(
            error("--test-config"),
            "Please provide a configuration file to test."
        );
    }

    #[test]
    fn check_takes_what_the_broker_was_started_with() {
        let expected = |line| Ok(Action::Check(options(line)));
        assert_eq!(parsed("--check"), expected(""));
        assert_eq!(
            parsed("-c a.conf --check -p 1884"),
            expected("-c a.conf -p 1884")
        );
    }

    #[test]
    fn arguments_without_their_value_are_refused_in_mosquittos_words() {
        for (line, text) in [
            (
                "-c",
                "Error: -c argument given, but no config file specified.",
            ),
            (
                "--config-file",
                "Error: -c argument given, but no config file specified.",
            ),
            ("-p", "Error: -p argument given, but no port specified."),
            ("--port", "Error: -p argument given, but no port specified."),
            (
                "--tls-keylog",
                "Error: --tls-keylog argument given, but no file specified.",
            ),
            ("-p 0", "Error: Invalid port specified (0)."),
            ("-p 70000", "Error: Invalid port specified (70000)."),
            ("-p -1", "Error: Invalid port specified (-1)."),
            ("-p abc", "Error: Invalid port specified (0)."),
            ("-p 18x", "Error: Invalid port specified (18x)."),
        ] {
            assert_eq!(error(line), text, "{line}");
            assert!(!parsed(line).unwrap_err().shows_usage());
        }
    }

    #[test]
    fn there_are_at_most_ten_ports() {
        let ten = "-p 1884 ".repeat(10);
        assert_eq!(options(&ten).ports.len(), 10);
        assert_eq!(
            error(&"-p 1884 ".repeat(11)),
            "Error: Only 10 ports can be specified on the command line."
        );
    }

    #[test]
    fn tls_keylog_names_a_file() {
        assert_eq!(options("--tls-keylog f").tls_keylog, Some("f".into()));
    }

    #[test]
    fn an_unknown_option_shows_the_usage_and_what_was_meant() {
        for (line, text) in [
            ("-x", "Error: Unknown option '-x'."),
            ("file", "Error: Unknown option 'file'."),
            ("-vd", "Error: Unknown option '-vd'.\nDid you mean '-v -d'?"),
            (
                "-p1884",
                "Error: Unknown option '-p1884'.\nDid you mean '-p 1884'?",
            ),
            (
                "--port=1884",
                "Error: Unknown option '--port=1884'.\nDid you mean '--port 1884'?",
            ),
            (
                "--verbos",
                "Error: Unknown option '--verbos'.\nDid you mean '--verbose'?",
            ),
            ("--config", "Error: Unknown option '--config'."),
            (
                "mq.conf",
                "Error: Unknown option 'mq.conf'.\nDid you mean '-c mq.conf'?",
            ),
        ] {
            assert_eq!(error(line), text);
            assert!(parsed(line).unwrap_err().shows_usage());
        }
    }

    #[test]
    fn the_first_argument_that_decides_counts() {
        assert_eq!(parsed("-h --bogus"), Ok(Action::Help));
        assert_eq!(parsed("-v --version -c"), Ok(Action::Version));
        assert!(parsed("--bogus -h").is_err());
    }

    #[test]
    fn a_program_is_called_what_it_was_started_as() {
        let name = |argument: &str| program_name(Some(OsStr::new(argument)));
        assert_eq!(name("/usr/sbin/mosquitto"), "mosquitto");
        assert_eq!(name("mq-broker"), "mq-broker");
        assert_eq!(program_name(None), "mq-broker");
        assert!(usage("mosquitto").contains("Usage: mosquitto [-c config_file]"));
        assert!(version("mosquitto").starts_with("mosquitto 0."));
        assert_eq!(version("mq-broker").lines().count(), 3);
    }
}
