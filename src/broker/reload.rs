//! A reload (SIGHUP): the configuration, and the files that it names, are read again and
//! come into force as far as they may without a restart.
//!
//! Everything is read before anything is changed. What cannot be read leaves the state of
//! before in force, and the log says so.

use std::path::PathBuf;
use std::sync::Arc;

use super::Broker;
use super::auth::Logins;
use super::config::{Config, Diagnostic, Overrides};
use super::external_files::{ExternalFiles, Problem, read_logins, read_rules, read_tls};
use super::listener::{ListenerContext, ListenerTls};
use super::process::{access_advice, unreadable_files};
use super::session::{Ending, Presence, Session};
use thiserror::Error;

/// After a mistake in a file.
const ALL_STAYS: &str = "Error: Nothing was reloaded: the settings, users and rules of before the \
                         reload stay in force.";

/// Reasons why a reload left everything as it was.
#[derive(Debug, Default, Error)]
#[error("{}", .lines.join("\n"))]
pub struct ReloadError {
    lines: Vec<String>,
}

impl From<String> for ReloadError {
    fn from(line: String) -> Self {
        Self { lines: vec![line] }
    }
}

impl FromIterator<Problem> for ReloadError {
    fn from_iter<T: IntoIterator<Item = Problem>>(problems: T) -> Self {
        let lines = problems.into_iter().flat_map(|problem| problem.lines);
        Self {
            lines: lines.collect(),
        }
    }
}

impl Broker {
    /// Reads the configuration, the certificates, and the files of users and rules again.
    pub(super) fn reload(&self, files: &[PathBuf], overrides: &Overrides) {
        self.env.log.information(format_args!("Reloading config."));
        let new = match files {
            [] => Ok(Config::clone(&self.config())),
            files => self.read_again(files, overrides),
        };
        if let Err(error) = new.and_then(|new| self.reload_config(new)) {
            for line in &error.lines {
                self.env.log.error(format_args!("{line}"));
            }
            self.env.log.error(format_args!("{ALL_STAYS}"));
        }
    }

    /// Puts a configuration in force, as far as that is possible without a restart, and
    /// reads the files that it names.
    ///
    /// # Errors
    ///
    /// A file cannot be used, or everything needs a restart: then nothing has changed.
    pub(super) fn reload_config(&self, new: Config) -> Result<(), ReloadError> {
        let reloaded = self.config().reloaded(new);
        let (config, remarks) = reloaded.map_err(|error| ReloadError::from(error.to_string()))?;
        self.tell(&remarks);
        let (logins, rules) = match (read_logins(&config), read_rules(&config)) {
            (Ok(logins), Ok(rules)) => (logins, rules),
            (logins, rules) => {
                let problems = logins.err().into_iter().chain(rules.err()).flatten();
                let mut error: ReloadError = problems.collect();
                error.lines.extend(unreadable_files(&config));
                return Err(error);
            }
        };
        let tls = self.acceptors_again(&config);
        let external_files = ExternalFiles {
            logins,
            rules,
            tls,
            key_log: self.key_log.clone(),
        };
        external_files.log_warnings(&config, &self.env.log);
        self.put_in_force(config, external_files);
        Ok(())
    }

    /// Reads the configuration files. What they are worth telling goes to the log, errors
    /// included.
    fn read_again(&self, files: &[PathBuf], overrides: &Overrides) -> Result<Config, ReloadError> {
        match Config::load(files, overrides) {
            Ok((new, remarks)) => {
                self.tell(&remarks);
                Ok(new)
            }
            Err(errors) => {
                self.tell(&errors.diagnostics);
                let advice = files.iter().filter_map(|file| access_advice(file));
                Err(ReloadError {
                    lines: advice.collect(),
                })
            }
        }
    }

    /// The certificates of all listeners. Where they cannot be read the listener goes on
    /// with what it has.
    fn acceptors_again(&self, config: &Config) -> Vec<Option<ListenerTls>> {
        let read = |index| match read_tls(config, index, self.key_log.as_ref()) {
            Ok(tls) => tls,
            Err(problems) => {
                let tls = &config.listeners[index].tls;
                let name = |file: &Option<PathBuf>| {
                    let file = file.as_deref().map(|file| file.display().to_string());
                    file.unwrap_or_default()
                };
                let (certificate, key) = (name(&tls.certfile), name(&tls.keyfile));
                self.env.log.error(format_args!(
                    "Error when reloading certificate '{certificate}' or key '{key}'."
                ));
                self.log_problems(problems);
                for advice in unreadable_files(config) {
                    self.env.log.error(format_args!("{advice}"));
                }
                self.env.log.error(format_args!(
                    "Error: The certificates of before the reload stay in force on port {}.",
                    config.listeners[index].port
                ));
                self.listener(index).tls().map(ListenerTls::from)
            }
        };
        (0..config.listeners.len()).map(read).collect()
    }

    fn put_in_force(&self, config: Config, external_files: ExternalFiles) {
        let config = Arc::new(config);
        let ExternalFiles {
            logins, rules, tls, ..
        } = external_files;
        let logins_before = self.authenticator.change(logins);
        self.env.access.change(rules);
        self.env.options.replace(Arc::clone(&config));
        for (listener, tls) in self.listeners.write().iter_mut().zip(tls) {
            let acceptor = tls.map(|tls| tls.acceptor);
            let renewed = ListenerContext::renewed(listener, Arc::clone(&config), acceptor);
            *listener = Arc::new(renewed);
        }
        self.forget_read_rights();
        self.drop_unreadable();
        self.end_revoked_logins(&logins_before);
        self.env.log.reconfigure(&config.log);
        self.reloaded.notify_one();
    }

    /// Ends the connections of clients whose login no longer passes.
    fn end_revoked_logins(&self, before: &Logins) {
        self.sessions
            .for_each(|session| self.end_if_revoked(session, before));
    }

    /// Ends the connection of the session's client if its login no longer passes; `before`
    /// are the rights that let it in, where that is sure. Checks a password on the caller's
    /// thread.
    pub(super) fn end_if_revoked(&self, session: &Session, before: &Logins) {
        let login = match &session.state().presence {
            Presence::Online(active_connection) => (
                active_connection.connection,
                session.identity(),
                active_connection.credentials.clone(),
            ),
            Presence::Offline { .. } | Presence::Ended => return,
        };
        let (connection, identity, credentials) = login;
        if identity.is_bridge() {
            return;
        }
        let still_allows = |listener| {
            self.authenticator
                .still_allows(listener, credentials.as_deref(), before)
        };
        if !identity.listener.as_ref().is_some_and(still_allows) {
            let mut state = session.state();
            if state.active_connection(connection).is_some() {
                state.end_connection(Ending::LoginRevoked);
            }
        }
    }

    fn tell(&self, diagnostics: &[Diagnostic]) {
        for diagnostic in diagnostics {
            diagnostic.log(&self.env.log);
        }
    }

    fn log_problems(&self, problems: impl IntoIterator<Item = Problem>) {
        for line in problems.into_iter().flat_map(|problem| problem.lines) {
            self.env.log.error(format_args!("{line}"));
        }
    }
}
