//! Files and places that a configuration names: users, rules, certificates, an account, and the
//! directories and addresses that a start needs. All of it is checked before anything is
//! started, and everything that is wrong is reported.

mod problem;
mod start;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::KeyLog;

use self::problem::{BAD_FILE, CANNOT_START, MISSING_FILE};
pub(super) use self::problem::{NO_PID_FILE, Problem};
pub(super) use self::start::{listen_problem, start_problems, unwritable_log};
use super::auth::{Acl, AclError, Logins, Rules, acl_files, logins, password_files};
use super::config::{Config, ListenAddress, Listener, Location, Scope};
use super::ground::ListenerName;
use super::listener::{ListenerTls, TlsError, listener_tls};
use super::log::Log;
use super::process::check_user;
use crate::passwd::permissions::administrator_warnings;
use crate::passwd::users::{Users, UsersError};

/// What was read.
pub(super) struct ExternalFiles {
    pub(super) logins: Logins,
    pub(super) rules: Rules,
    /// What speaks TLS on each listener, in the order of the configuration.
    pub(super) tls: Vec<Option<ListenerTls>>,
    /// Where these write their keys.
    pub(super) key_log: Option<Arc<dyn KeyLog>>,
}

impl ExternalFiles {
    /// Reads all that the configuration names. The keys of TLS connections go to the log,
    /// if there is one.
    pub(super) fn read(
        config: &Config,
        key_log: Option<Arc<dyn KeyLog>>,
    ) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let logins = read_logins(config).unwrap_or_else(|wrong| {
            problems.extend(wrong);
            Logins::new()
        });
        let rules = read_rules(config).unwrap_or_else(|wrong| {
            problems.extend(wrong);
            Rules::none()
        });
        let mut tls = Vec::new();
        for index in 0..config.listeners.len() {
            match read_tls(config, index, key_log.as_ref()) {
                Ok(of_listener) => tls.push(of_listener),
                Err(wrong) => problems.extend(wrong),
            }
        }
        problems.extend(unknown_user(config));
        match problems.is_empty() {
            true => Ok(Self {
                logins,
                rules,
                tls,
                key_log,
            }),
            false => Err(problems),
        }
    }

    /// Returns the gaps that chains of certificates may have. They depend on what the clients
    /// have, so only somebody who asks is told.
    pub(super) fn incomplete_chains(&self) -> Vec<&str> {
        let of_tls = self.tls.iter().flatten();
        let mut told: Vec<_> = of_tls
            .filter_map(|tls| tls.incomplete_chain.as_deref())
            .collect();
        told.dedup();
        told
    }

    /// Logs the warnings about the files.
    pub(super) fn log_warnings(&self, config: &Config, log: &Log) {
        for warning in self.warnings(config) {
            log.warning(format_args!("{warning}"));
        }
    }

    /// What is worth telling about what was read.
    fn warnings(&self, config: &Config) -> Vec<String> {
        let mut warnings = Vec::new();
        let mut tell = |warning: String| {
            // One file may serve several listeners.
            if !warnings.contains(&warning) {
                warnings.push(warning);
            }
        };
        self.rules.warnings().cloned().for_each(&mut tell);
        let of_tls = self.tls.iter().flatten();
        of_tls
            .flat_map(|tls| &tls.warnings)
            .cloned()
            .for_each(&mut tell);
        for file in password_files(config).chain(acl_files(config)) {
            for warning in administrator_warnings(file).unwrap_or_default() {
                warning.lines().for_each(|line| tell(line.to_owned()));
            }
        }
        for listener in &config.listeners {
            let place = place(listener);
            let why = why_closed(config, listener).or_else(|| self.why_empty(config, listener));
            if let Some(why) = why {
                tell(format!("Warning: Nobody can log in on {place}: {why}."));
            }
            let acl = self.rules.acl_of(&ListenerName::from(listener));
            if acl.is_some_and(Acl::names_users) && takes_any_username(config, listener) {
                tell(format!(
                    "Warning: The acl_file gives rights to users, and on {place} anybody can claim \
                     to be one: there is no password_file."
                ));
            }
        }
        for file in unused_password_files(config) {
            tell(format!(
                "Warning: The password_file {} is not used: certificates give the user names.",
                file.display()
            ));
        }
        warnings
    }

    /// Returns the reason why nobody logs in where only users may and there are none.
    fn why_empty(&self, config: &Config, listener: &Listener) -> Option<&'static str> {
        let rights = self.logins.get(&ListenerName::from(listener))?;
        let is_closed = !config.effective_security(listener).allow_anonymous;
        (is_closed && rights.has_no_users()).then_some(
            "the password_file has no users, and allow_anonymous is false. \
             'mq-passwd FILE USER' adds one",
        )
    }
}

/// Names a listener in a warning.
fn place(listener: &Listener) -> String {
    match &listener.address {
        ListenAddress::Unix(path) => format!("the socket {}", path.display()),
        _ => format!("port {}", listener.port),
    }
}

/// Returns whether clients may claim any user name without a proof.
fn takes_any_username(config: &Config, listener: &Listener) -> bool {
    let security = config.effective_security(listener);
    security.allow_anonymous
        && security.password_file.is_none()
        && listener.username_from().is_none()
}

/// Password files of listeners on which only the certificate counts.
fn unused_password_files(config: &Config) -> impl Iterator<Item = &Path> {
    let files_of = |by_certificate: bool| {
        let listeners = config.listeners.iter();
        listeners
            .filter(move |listener| listener.username_from().is_some() == by_certificate)
            .filter_map(|listener| config.effective_security(listener).password_file)
    };
    files_of(true).filter(move |&file| files_of(false).all(|used| used != file))
}

/// Why no client at all passes the login of the listener.
fn why_closed(config: &Config, listener: &Listener) -> Option<&'static str> {
    let security = config.effective_security(listener);
    let tls = &listener.tls;
    if listener.username_from().is_some() {
        let is_asked = listener.proxy_protocol.is_some() || tls.require_certificate;
        return (!is_asked).then_some(
            "the certificate gives the user name, and no certificate is asked for without \
             require_certificate",
        );
    }
    let has_users = security.allow_anonymous || security.password_file.is_some();
    (!has_users).then_some("there is no password_file, and allow_anonymous is false")
}

/// Reads the password files.
pub(super) fn read_logins(config: &Config) -> Result<Logins, Vec<Problem>> {
    let mut files = HashMap::new();
    let mut problems = Vec::new();
    for (index, listener) in config.listeners.iter().enumerate() {
        let Some(file) = config.effective_security(listener).password_file else {
            continue;
        };
        if files.contains_key(file) {
            continue;
        }
        let users = Users::read(file).unwrap_or_else(|_| {
            let location = config.security_location("password_file", index);
            let errors = Users::errors(file);
            problems.extend(
                errors
                    .iter()
                    .map(|error| users_problem(error, file, location)),
            );
            Users::default()
        });
        files.insert(file.to_owned(), Arc::new(users));
    }
    match problems.is_empty() {
        true => Ok(logins(config, &files)),
        false => Err(problems),
    }
}

fn users_problem(error: &UsersError, file: &Path, location: Option<&Location>) -> Problem {
    let name = file.display();
    let hint = match error {
        UsersError::Open { source, .. } => {
            let hint = format!("The system says: {source}.");
            return Problem::new(MISSING_FILE, error.to_string(), location, hint);
        }
        UsersError::Undecodable { source, .. } => format!(
            "{source}. Passwords are hashed by 'mq-passwd {name} USER', and all plain ones of \
             a file by 'mq-passwd -U {name}'."
        ),
        UsersError::Duplicate { .. } => "A user has one line.".to_owned(),
        UsersError::EmptyUsername { .. } | UsersError::InvalidLine { .. } => {
            "A line is USER:HASH, as 'mq-passwd' writes it.".to_owned()
        }
    };
    in_file(error.to_string(), file, error.line(), hint)
}

/// Reads the ACL files.
pub(super) fn read_rules(config: &Config) -> Result<Rules, Vec<Problem>> {
    let mut files: HashMap<PathBuf, Arc<Acl>> = HashMap::new();
    let mut problems = Vec::new();
    for (index, listener) in config.listeners.iter().enumerate() {
        let Some(file) = config.effective_security(listener).acl_file else {
            continue;
        };
        if files.contains_key(file) {
            continue;
        }
        let acl = Acl::read(file).unwrap_or_else(|errors| {
            let location = config.security_location("acl_file", index);
            problems.extend(errors.iter().map(|error| acl_problem(error, location)));
            Acl::default()
        });
        files.insert(file.to_owned(), Arc::new(acl));
    }
    match problems.is_empty() {
        true => Ok(Rules::new(config, &files)),
        false => Err(problems),
    }
}

fn acl_problem(error: &AclError, location: Option<&Location>) -> Problem {
    match error.place() {
        (_, None) => Problem::new(MISSING_FILE, error.to_string(), location, error.hint()),
        (file, line) => {
            let mut problem = in_file(error.to_string(), file, line, error.hint());
            let opening = format!("Error opening acl file \"{}\".", file.display());
            problem.lines.push(opening);
            problem
        }
    }
}

/// A wrong line of a file that the configuration names.
fn in_file(message: String, file: &Path, line: Option<usize>, hint: String) -> Problem {
    let location = line.map(|line| Location {
        file: file.to_owned(),
        line,
        included_from: None,
    });
    Problem::new(BAD_FILE, message, location.as_ref(), hint)
}

/// Reads the certificates and keys of the listener with this place in the configuration.
pub(super) fn read_tls(
    config: &Config,
    index: usize,
    key_log: Option<&Arc<dyn KeyLog>>,
) -> Result<Option<ListenerTls>, Vec<Problem>> {
    let problem = |error: &TlsError| {
        let scope = Scope::Listener(index);
        let location = config.source_lines.location(error.option(), scope);
        Problem::new(CANNOT_START, error.to_string(), location, error.hint())
    };
    listener_tls(&config.listeners[index].tls, key_log)
        .map_err(|errors| errors.iter().map(problem).collect())
}

fn unknown_user(config: &Config) -> Option<Problem> {
    let error = check_user(config.user.as_deref()?).err()?;
    let location = config.source_lines.location("user", Scope::Broker);
    let hint = "Make the account, or name another one.".to_owned();
    let message = error.to_string();
    Some(Problem::new(error.exit_code(), message, location, hint))
}
