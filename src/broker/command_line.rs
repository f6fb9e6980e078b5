//! The arguments of `mq-broker`, which are those of `mosquitto`.
//!
//! Each option is a word of its own: `-v -d`, not `-vd`. Reading them has no effects.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use clap::Command;

use crate::broker::config::Overrides;
use crate::broker::log::LogTypes;
use crate::options::{OptionTable, Program, ScanError, Scanner, option_rows};

/// The name that the program is installed with.
pub const INSTALLED_NAME: &str = "mq-broker";

/// How many `-p` there may be.
const MAX_PORTS: usize = 10;

const MQ_BROKER: &[&str] = &[INSTALLED_NAME];

option_rows! {
    enum OptionId;

    ConfigFile: 'c' "config-file" ("FILE" File, "no config file specified") MQ_BROKER ""
        "read the configuration from FILE; may be repeated";
    Daemon: 'd' "daemon" () MQ_BROKER ""
        "continue in the background after starting";
    Help: 'h' "help" () MQ_BROKER ""
        "print this help";
    Port: 'p' "port" ("PORT" Text, "no port specified") MQ_BROKER ""
        "listen on PORT of this machine only, up to 10 times; without effect if the configuration file says where to listen";
    Quiet: 'q' "quiet" () MQ_BROKER ""
        "log nothing, whatever -v and the configuration file say";
    Verbose: 'v' "verbose" () MQ_BROKER ""
        "log everything, whatever the configuration file says";
    Check: _ "check" () MQ_BROKER ""
        "report whether the broker with this configuration answers on this machine, and exit with 0 if it does, with 1 if not";
    ImportMosquittoDb: _ "import-mosquitto-db" ("FILE" File, "no file specified") MQ_BROKER ""
        "import what Mosquitto saved in FILE; needs 'persistence true' and a store that is still empty";
    Recover: _ "recover" () MQ_BROKER ""
        "replace a damaged store by what can be read of it, and keep it under another name";
    TlsKeyLog: _ "tls-keylog" ("FILE" File, "no file specified") MQ_BROKER ""
        "log TLS session keys to FILE so that a tool such as Wireshark can decrypt the traffic; so can anyone with the file";
    TestConfig: _ "test-config" () MQ_BROKER ""
        "report what is wrong with the configuration file, and exit";
    Version: _ "version" () MQ_BROKER ""
        "print the version";
}

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
    /// Whether to replace a damaged store by what can be read of it.
    pub recover: bool,
    /// A database of Mosquitto's whose contents are to be taken over.
    pub import: Option<PathBuf>,
}

impl Options {
    fn add_port(&mut self, word: &OsStr) -> Result<(), UsageError> {
        let port = parse_port(word)?;
        if self.ports.len() == MAX_PORTS {
            return Err(UsageError::TooManyPorts);
        }
        self.ports.push(port);
        Ok(())
    }

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
    /// An option with a value is the last word.
    #[error("Error: {option} argument given, but {missing}.")]
    MissingValue {
        /// The option.
        option: String,
        /// What is missing.
        missing: &'static str,
    },
    /// What follows `-p` is not a number from 1 to 65535.
    #[error("Error: Invalid port specified ({0}).")]
    InvalidPort(String),
    /// There are more than ten `-p`.
    #[error("Error: Only {MAX_PORTS} ports can be specified on the command line.")]
    TooManyPorts,
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
    let mut options = Options::default();
    let mut is_test = false;
    let mut is_check = false;
    for option in Scanner::new(table(), arguments) {
        let option = option.map_err(UsageError::from)?;
        let value = option.values.into_iter().next().unwrap_or_default();
        match option.row.id {
            OptionId::ConfigFile => options.config_files.push(value.into()),
            OptionId::Port => options.add_port(&value)?,
            OptionId::Daemon => options.daemon = true,
            OptionId::Quiet => options.verbosity = Some(Verbosity::Quiet),
            OptionId::Verbose => {
                options.verbosity.get_or_insert(Verbosity::Verbose);
            }
            OptionId::Check => is_check = true,
            OptionId::TestConfig => is_test = true,
            OptionId::Recover => options.recover = true,
            OptionId::ImportMosquittoDb => options.import = Some(value.into()),
            OptionId::TlsKeyLog => options.tls_keylog = Some(value.into()),
            OptionId::Help => return Ok(Action::Help),
            OptionId::Version => return Ok(Action::Version),
        }
    }
    match (is_test, options.config_files.is_empty()) {
        (true, true) => Err(UsageError::NothingToTest),
        (true, false) => Ok(Action::TestConfig(options.config_files)),
        (false, _) if is_check => Ok(Action::Check(options)),
        (false, _) => Ok(Action::Run(options)),
    }
}

fn table() -> OptionTable<OptionId> {
    OptionTable::new(OptionId::ROWS, &Program::new(INSTALLED_NAME, None))
}

/// The text of `--help`, with a line end.
pub fn usage(program: &Program) -> String {
    command(program).render_help().to_string()
}

/// The program as `clap` knows it, for its help, its manual page and its completions.
pub fn command(program: &Program) -> Command {
    let usage = [
        "[-c FILE] [-p PORT] [-d] [-v] [-q] [OPTIONS]",
        "-c FILE --test-config",
        "[-c FILE] [-p PORT] [-q] --check",
    ];
    let name = program.name();
    table()
        .command(
            program,
            "Passes MQTT messages from publishers to subscribers.",
            &usage,
        )
        .help_template("{before-help}{usage-heading} {usage}\n\n{all-args}{after-help}")
        .before_help(format!(
            "{name} version {}\n\n{name} is an MQTT v5.0/v3.1.1/v3.1 broker.",
            env!("CARGO_PKG_VERSION")
        ))
        .after_help("Each option must be a word of its own: '-v -d', not '-vd'.")
}

/// What `program` is, in three lines, with a line end.
pub fn version(program: &Program) -> String {
    format!(
        "{} {}\nCopyright (c) 2026 The mq contributors.\nLicence: MIT OR Apache-2.0.\n",
        program.name(),
        env!("CARGO_PKG_VERSION"),
    )
}

impl From<ScanError<OptionId>> for UsageError {
    fn from(error: ScanError<OptionId>) -> Self {
        match error {
            ScanError::Unknown(word) => {
                let option = word.to_string_lossy().into_owned();
                let hint = what_was_meant(&option);
                Self::UnknownOption { option, hint }
            }
            ScanError::MissingValue(row) => Self::MissingValue {
                option: row.name(),
                missing: row.missing(),
            },
        }
    }
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
    let table = table();
    let did_you_mean = |meant: String| Some(format!("Did you mean '{meant}'?"));
    if let Some((name, value)) = option.split_once('=')
        && table.find(name).is_some()
    {
        return did_you_mean(format!("{name} {value}"));
    }
    let letters = option
        .strip_prefix('-')
        .filter(|rest| !rest.is_empty() && !rest.starts_with('-'));
    if let Some(letters) = letters {
        let separate: Vec<String> = letters.chars().map(|letter| format!("-{letter}")).collect();
        if separate.iter().all(|option| table.find(option).is_some()) {
            return did_you_mean(separate.join(" "));
        }
        if let Some(port) = letters
            .strip_prefix('p')
            .filter(|port| port.parse::<u16>().is_ok())
        {
            return did_you_mean(format!("-p {port}"));
        }
    }
    if option.ends_with(".conf") && !option.starts_with('-') {
        return did_you_mean(format!("-c {option}"));
    }
    did_you_mean(format!("--{}", table.nearest(option)?))
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
            (
                "--tls-keylgo",
                "Error: Unknown option '--tls-keylgo'.\nDid you mean '--tls-keylog'?",
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
    fn help_and_version_name_the_program_as_it_was_started() {
        let program = Program::new(INSTALLED_NAME, Some(OsStr::new("/usr/sbin/mosquitto")));
        let help = usage(&program);
        assert!(help.starts_with("mosquitto version 0."), "{help}");
        assert!(help.contains("Usage: mosquitto [-c FILE]"), "{help}");
        assert!(help.contains("--tls-keylog <FILE>"), "{help}");
        assert!(version(&program).starts_with("mosquitto 0."));
        assert_eq!(version(&program).lines().count(), 3);
    }
}
