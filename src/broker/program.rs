//! The program `mq-broker`: from its arguments to its exit code.

use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use rustls::KeyLog;

use super::command_line::{
    Action, CONFIGURATION_IS_OK, INSTALLED_NAME, Options, UsageError, Verbosity, parse, usage,
    version,
};
use super::config::{Config, ConfigErrors, Diagnostic, Overrides};
use super::external_files::{ExternalFiles, NO_PID_FILE, start_problems, unwritable_log};
use super::ground::Clock;
use super::health_check::check;
use super::log::Log;
use super::persistence::{self, Opened, StoreOptions};
use super::process::{
    PidFile, access_advice, drop_privileges, raise_file_limit, unreadable_files, warn_of_root,
};
use super::quick_start::{self, is_tried_out};
use super::server::{Control, Start, run};
use crate::options::{Program, print};
use crate::transport::keylog::KeyLogFile;

/// How long the end of the program waits for the log's last lines.
const LAST_LINES: Duration = Duration::from_secs(1);
/// A listener, a file or the network could not be opened.
const CANNOT_START: u8 = 1;

/// Does what the arguments ask for, the program's own name first.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let mut arguments = arguments.into_iter();
    let program = Program::new(INSTALLED_NAME, arguments.next().as_deref());
    let log = Log::new(program.name().to_owned());
    match parse(arguments) {
        Ok(Action::Help) => show(&usage(&program)),
        Ok(Action::Version) => show(&version(&program)),
        Ok(Action::TestConfig(files)) => test_config(&files, &log),
        Ok(Action::Check(options)) => check_running(&options, &log),
        Ok(Action::Run(options)) => {
            let code = start(options, program.name(), &log);
            log.information(format_args!("{} terminating", title(program.name())));
            log.flush(LAST_LINES);
            code
        }
        Err(error) => {
            report_usage(&error, &program, &log);
            ExitCode::from(UsageError::EXIT_CODE)
        }
    }
}

/// Prints the help or the version.
fn show(text: &str) -> ExitCode {
    match print(text) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// What the broker calls itself in its log.
fn title(program: &str) -> String {
    format!("{program} version {}", env!("CARGO_PKG_VERSION"))
}

fn report_usage(error: &UsageError, program: &Program, log: &Log) {
    if error.shows_usage() {
        eprintln!("{error}");
        // The error is more important than a failure to print the usage.
        let _ = print(&usage(program));
    } else {
        log.error(format_args!("{error}"));
    }
}

fn test_config(files: &[PathBuf], log: &Log) -> ExitCode {
    let checked = Config::load(files, &Overrides::default())
        .map_err(|errors| report_errors(&errors, log))
        .and_then(|(config, diagnostics)| {
            tell(&diagnostics, log);
            let log_file = unwritable_log(&config);
            log_file.iter().for_each(|problem| problem.log(log));
            let external_files = prepare(&config, None, None, log)?;
            for chain in external_files.incomplete_chains() {
                log.warning(format_args!("{chain}"));
            }
            log_file.map_or(Ok(()), |problem| Err(problem.exit_code))
        });
    match checked {
        Ok(()) => {
            eprintln!("{CONFIGURATION_IS_OK}");
            ExitCode::SUCCESS
        }
        Err(code) => ExitCode::from(code),
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
                return show(&format!("{line}\n"));
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
        diagnostic.log(log);
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
    let (mut config, diagnostics) = loaded.map_err(|errors| report_errors(&errors, log))?;
    if is_tried_out(&config, &options.config_files) {
        quick_start::open_http_api(&mut config);
    }
    if options.daemon {
        go_to_background(log)?;
    }
    log.reconfigure(&config.log);
    // The log file is opened before the privileges to open it are given up.
    log.flush(LAST_LINES);
    tell(&diagnostics, log);
    let key_log = open_key_log(options.tls_keylog.as_deref(), log)?;
    raise_file_limit();
    let log_file = config.log.destinations().file;
    let external_files = prepare(&config, key_log, log_file.as_deref(), log)?;
    warn_of_root(config.user.as_deref(), log);
    let _pid_file = write_pid_file(&config, log)?;
    announce(&config, &options.config_files, program, log);
    let clock = Clock::new();
    let opened = open_store(&config, &options, clock, log)?;
    let greeting =
        is_tried_out(&config, &options.config_files).then(|| quick_start::text(&config, program));
    let start = Start {
        config,
        external_files,
        log: log.clone(),
        clock,
        opened,
        name: title(program),
    };
    let control = Control {
        config_files: options.config_files,
        overrides,
        greeting,
    };
    serve(start, control, log)
}

/// Detaches from the terminal. The log, the runtime and every other thread come after the
/// fork.
fn go_to_background(log: &Log) -> Result<(), u8> {
    nix::unistd::daemon(true, false).map_err(|error| {
        log.error(format_args!(
            "Error: Unable to go to the background: {error}."
        ));
        CANNOT_START
    })
}

/// Writes the process ID, which goes with the returned file.
fn write_pid_file(config: &Config, log: &Log) -> Result<Option<PidFile>, u8> {
    let pid_file = config.pid_file.as_deref().map(PidFile::write);
    pid_file.transpose().map_err(|_| {
        log.error(format_args!("Error: Unable to write pid file."));
        NO_PID_FILE
    })
}

/// Runs the broker on threads of its own until it is stopped.
fn serve(start: Start, control: Control, log: &Log) -> Result<(), u8> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("mq-broker")
        .build();
    let runtime = runtime.map_err(|error| {
        log.error(format_args!("Error: Unable to start threads: {error}."));
        CANNOT_START
    })?;
    let result = runtime.block_on(run(start, control));
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
) -> Result<Option<Opened>, u8> {
    let options = StoreOptions {
        persistence: &config.persistence,
        recover: options.recover,
        import: options.import.as_deref(),
        listeners: &config.listeners,
    };
    persistence::open(&options, clock, log).map_err(|error| {
        for line in error.to_string().lines() {
            log.error(format_args!("{line}"));
        }
        CANNOT_START
    })
}

/// Logs the errors in a configuration, and also what is wrong with all that it names: whoever
/// mends it wants to know all at once. Returns the exit code.
fn report_errors(errors: &ConfigErrors, log: &Log) -> u8 {
    tell(&errors.diagnostics, log);
    let named = ExternalFiles::read(&errors.config, None).err();
    let named = named.unwrap_or_default();
    let start = start_problems(&errors.config);
    named
        .iter()
        .chain(&start)
        .for_each(|problem| problem.log(log));
    ConfigErrors::EXIT_CODE
}

/// Reads what the configuration names, becomes the user that the broker runs as, and checks what
/// that user may do: all that a start needs, and all that `--test-config` tests. The file
/// `to_keep` becomes that user's.
///
/// The error is an exit code; everything that is wrong was logged.
fn prepare(
    config: &Config,
    key_log: Option<Arc<dyn KeyLog>>,
    to_keep: Option<&Path>,
    log: &Log,
) -> Result<ExternalFiles, u8> {
    let read = ExternalFiles::read(config, key_log);
    if let Ok(external_files) = &read {
        external_files.log_warnings(config, log);
    }
    let (external_files, mut problems) = match read {
        Ok(external_files) => (Some(external_files), Vec::new()),
        Err(problems) => (None, problems),
    };
    match drop_privileges(config.user.as_deref(), to_keep, log) {
        Ok(()) => problems.extend(start_problems(config)),
        // Where there are problems already, the account is among them.
        Err(_) if !problems.is_empty() => {}
        Err(error) => {
            log.error(format_args!("{error}"));
            return Err(error.exit_code());
        }
    }
    problems.iter().for_each(|problem| problem.log(log));
    match (external_files, problems.first()) {
        (Some(external_files), None) => Ok(external_files),
        (_, first) => Err(first.map_or(CANNOT_START, |problem| problem.exit_code)),
    }
}

/// Opens the file for the keys of TLS connections. One that others can read is not used,
/// as in Mosquitto.
fn open_key_log(path: Option<&Path>, log: &Log) -> Result<Option<Arc<dyn KeyLog>>, u8> {
    const OF_OTHERS: u32 = 0o077;
    let Some(path) = path else { return Ok(None) };
    let name = path.display();
    let open_to_others = |file: Metadata| file.permissions().mode() & OF_OTHERS != 0;
    if fs::metadata(path).is_ok_and(open_to_others) {
        log.warning(format_args!(
            "Warning: The file {name} of --tls-keylog is not used, because others may use it. \
             'chmod 600 {name}' keeps it from them."
        ));
        return Ok(None);
    }
    let file = KeyLogFile::open(path).map_err(|error| {
        log.error(format_args!(
            "Error: Unable to open TLS key log file {name}: {error}."
        ));
        CANNOT_START
    })?;
    log.warning(format_args!(
        "Warning: The keys of TLS connections are written to {name}: who has them can read \
         everything."
    ));
    Ok(Some(Arc::new(file)))
}

/// Warns of files that root has read and that the present user cannot read again.
fn warn_of_unreadable_files(config: &Config, config_files: &[PathBuf], log: &Log) {
    let own = config_files.iter().filter_map(|file| access_advice(file));
    for advice in own.chain(unreadable_files(config)) {
        log.warning(format_args!(
            "Warning: A reload (SIGHUP) will fail. {advice}"
        ));
    }
}

/// Says what is started, and where nothing was configured, how to open it.
fn announce(config: &Config, files: &[PathBuf], program: &str, log: &Log) {
    log.information(format_args!("{} starting", title(program)));
    match files.last() {
        Some(file) => log.information(format_args!("Config loaded from {}.", file.display())),
        None => log.information(format_args!("Using default config.")),
    }
    warn_of_unreadable_files(config, files, log);
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
    if is_tried_out(config, files) {
        return;
    }
    log.warning(format_args!(
        "These two lines open it to the network, for anyone:"
    ));
    log.warning(format_args!("    listener 1883"));
    log.warning(format_args!("    allow_anonymous true"));
}
