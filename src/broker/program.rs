//! The program `mq-broker`: from its arguments to its exit code.

use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use super::auth::{AccessControl, AclError, Authenticator, acl_files, password_files};
use super::check::check;
use super::clock::Clock;
use super::command_line::{
    Action, CONFIGURATION_IS_OK, Options, UsageError, Verbosity, parse, program_name, usage,
    version,
};
use super::config::{Config, ConfigErrors, Diagnostic, Overrides};
use super::listener::TlsListeners;
use super::log::{Log, LogType};
use super::persistence::{self, Opened, StoreError, StoreOptions};
use super::process::{PidFile, drop_privileges};
use super::server::{Start, run};
use crate::passwd::permissions::permission_warnings;
use crate::passwd::users::UsersError;

/// How long the end of the program waits for the log's last lines.
const LAST_LINES: Duration = Duration::from_secs(1);
/// A listener, a file or the network could not be opened.
const CANNOT_START: u8 = 1;
/// A file of users or rules is wrong.
const BAD_FILE: u8 = 3;
/// A file of users or rules cannot be opened.
const MISSING_FILE: u8 = 13;
/// The process's number cannot be written.
const NO_PID_FILE: u8 = 14;

/// Does what the arguments ask for, the program's own name first.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let mut arguments = arguments.into_iter();
    let program = program_name(arguments.next().as_deref());
    let log = Log::new(program.clone());
    match parse(arguments) {
        Ok(Action::Help) => {
            print!("{}", usage(&program));
            ExitCode::SUCCESS
        }
        Ok(Action::Version) => {
            print!("{}", version(&program));
            ExitCode::SUCCESS
        }
        Ok(Action::TestConfig(files)) => test_config(&files, &log),
        Ok(Action::Check(options)) => check_running(&options, &log),
        Ok(Action::Run(options)) => {
            let code = start(options, &program, &log);
            log.information(format_args!("{} terminating", title(&program)));
            log.flush(LAST_LINES);
            code
        }
        Err(error) => {
            tell_of_usage(&error, &program, &log);
            ExitCode::from(UsageError::EXIT_CODE)
        }
    }
}

/// What the broker calls itself in its log.
fn title(program: &str) -> String {
    format!("{program} version {}", env!("CARGO_PKG_VERSION"))
}

fn tell_of_usage(error: &UsageError, program: &str, log: &Log) {
    if error.shows_usage() {
        eprintln!("{error}");
        print!("{}", usage(program));
    } else {
        log.error(format_args!("{error}"));
    }
}

fn test_config(files: &[PathBuf], log: &Log) -> ExitCode {
    match Config::load(files, &Overrides::default()) {
        Ok((_, diagnostics)) => {
            tell(&diagnostics, log);
            eprintln!("{CONFIGURATION_IS_OK}");
            ExitCode::SUCCESS
        }
        Err(errors) => {
            tell(&errors.diagnostics, log);
            ExitCode::from(ConfigErrors::EXIT_CODE)
        }
    }
}

/// Whether the broker that these options start answers.
fn check_running(options: &Options, log: &Log) -> ExitCode {
    let config = match Config::load(&options.config_files, &options.overrides()) {
        Ok((config, _)) => config,
        Err(errors) => {
            tell(&errors.diagnostics, log);
            return ExitCode::FAILURE;
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let finding = match runtime {
        Ok(runtime) => runtime.block_on(check(&config)),
        Err(error) => Err(format!("Error: Unable to check: {error}.")),
    };
    let is_quiet = options.verbosity == Some(Verbosity::Quiet);
    match finding {
        Ok(line) => {
            if !is_quiet {
                println!("{line}");
            }
            ExitCode::SUCCESS
        }
        Err(line) => {
            if !is_quiet {
                eprintln!("{line}");
            }
            ExitCode::FAILURE
        }
    }
}

fn tell(diagnostics: &[Diagnostic], log: &Log) {
    for diagnostic in diagnostics {
        let log_type = LogType::from(diagnostic.severity);
        for line in diagnostic.lines() {
            log.write(log_type, format_args!("{line}"));
        }
    }
}

/// Starts the broker and returns when it has stopped.
fn start(options: Options, program: &str, log: &Log) -> ExitCode {
    match try_start(options, program, log) {
        Ok(()) => ExitCode::SUCCESS,
        Err(code) => ExitCode::from(code),
    }
}

/// The error is an exit code; the log was told why.
fn try_start(options: Options, program: &str, log: &Log) -> Result<(), u8> {
    let overrides = options.overrides();
    let loaded = Config::load(&options.config_files, &overrides);
    let (config, diagnostics) = loaded.map_err(|errors| {
        tell(&errors.diagnostics, log);
        ConfigErrors::EXIT_CODE
    })?;
    if options.daemon {
        // The log, the runtime and every other thread come after the fork.
        nix::unistd::daemon(true, false).map_err(|error| {
            log.error(format_args!(
                "Error: Unable to go to the background: {error}."
            ));
            CANNOT_START
        })?;
    }
    log.reconfigure(&config.log);
    // The log file is opened before the privileges to open it are given up.
    log.flush(LAST_LINES);
    tell(&diagnostics, log);
    let users = read_users(&config, log)?;
    let access = read_rules(&config, log)?;
    let tls = TlsListeners::new(&config).map_err(|error| {
        for line in error.lines() {
            log.error(format_args!("{line}"));
        }
        CANNOT_START
    })?;
    drop_privileges(config.user.as_deref(), log).map_err(|error| {
        log.error(format_args!("{error}"));
        error.exit_code()
    })?;
    let _pid_file = config
        .pid_file
        .as_deref()
        .map(PidFile::write)
        .transpose()
        .map_err(|_| {
            log.error(format_args!("Error: Unable to write pid file."));
            NO_PID_FILE
        })?;
    announce(&config, &options.config_files, program, log);
    let clock = Clock::new();
    let opened = open_store(&config, &options, clock, log).map_err(|error| {
        for line in error.to_string().lines() {
            log.error(format_args!("{line}"));
        }
        CANNOT_START
    })?;
    let start = Start {
        config,
        config_files: options.config_files,
        overrides,
        authenticator: users,
        access,
        tls,
        log: log.clone(),
        clock,
        opened,
        name: title(program),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("mq-broker")
        .build();
    let runtime = runtime.map_err(|error| {
        log.error(format_args!("Error: Unable to start threads: {error}."));
        CANNOT_START
    })?;
    let result = runtime.block_on(run(start));
    // Password checks that are under way are not waited for.
    runtime.shutdown_background();
    result.map_err(|_| CANNOT_START)
}

/// Opens the store and reads what is in it, before anybody can connect.
fn open_store(
    config: &Config,
    options: &Options,
    clock: Clock,
    log: &Log,
) -> Result<Option<Opened>, StoreError> {
    let options = StoreOptions {
        persistence: &config.persistence,
        recover: options.recover,
        import: options.import.as_deref(),
    };
    persistence::open(&options, clock, log)
}

fn read_users(config: &Config, log: &Log) -> Result<Authenticator, u8> {
    let users = Authenticator::new(config).map_err(|error| {
        log.error(format_args!("{error}"));
        match error {
            UsersError::Open { .. } => MISSING_FILE,
            _ => BAD_FILE,
        }
    })?;
    tell_permissions(password_files(config), log);
    Ok(users)
}

fn read_rules(config: &Config, log: &Log) -> Result<AccessControl, u8> {
    let access = AccessControl::new(config).map_err(|error| {
        for line in error.lines() {
            log.error(format_args!("{line}"));
        }
        match error {
            AclError::Open { .. } => MISSING_FILE,
            _ => BAD_FILE,
        }
    })?;
    for warning in access.warnings() {
        log.warning(format_args!("{warning}"));
    }
    tell_permissions(acl_files(config), log);
    Ok(access)
}

fn tell_permissions<'a>(files: impl Iterator<Item = &'a Path>, log: &Log) {
    for file in files {
        for warning in permission_warnings(file).unwrap_or_default() {
            for line in warning.lines() {
                log.warning(format_args!("{line}"));
            }
        }
    }
}

/// Says what is started, and where nothing was configured, how to open it.
fn announce(config: &Config, files: &[PathBuf], program: &str, log: &Log) {
    log.information(format_args!("{} starting", title(program)));
    match files.last() {
        Some(file) => log.information(format_args!("Config loaded from {}.", file.display())),
        None => log.information(format_args!("Using default config.")),
    }
    if !config.local_only {
        return;
    }
    log.warning(format_args!(
        "Starting in local only mode. Connections will only be possible from clients running \
         on this machine."
    ));
    log.warning(format_args!(
        "Create a configuration file which defines a listener to allow remote access."
    ));
    log.warning(format_args!(
        "These two lines open it to the network, for anyone:"
    ));
    log.warning(format_args!("    listener 1883"));
    log.warning(format_args!("    allow_anonymous true"));
    if io::stderr().is_terminal() && files.is_empty() {
        log.information(format_args!(
            "Try: {} and {}",
            "mq-sub -t topic/test", "mq-pub -t topic/test -m hello"
        ));
    }
}
