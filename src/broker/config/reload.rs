//! What of a configuration that was read again comes into force without a restart.

use thiserror::Error;

use super::diagnostic::{Diagnostic, Severity};
use super::model::{Config, Listener};
use super::row::{Keep, Reload, Row, Section};
use super::source_lines::Scope;
use super::table;

/// Why nothing of a configuration can come into force without a restart.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum NotReloadable {
    /// Security options that were global belong to listeners now, or the other way round:
    /// half of that would open what is closed.
    #[error("Error: per_listener_settings cannot be changed when reloading the config file.")]
    PerListenerSettings,
    /// No listener of the running broker is in the file, which may be half-written: it
    /// says nothing about who may stay connected.
    #[error(
        "Error: It is not currently possible to add/remove listeners when reloading the config \
         file, and none of those that are open is in it."
    )]
    NoCommonListener,
}

impl Config {
    /// The configuration that is in force once `new` was read on top of this one: options
    /// that need a restart keep their value, and so do listeners that are gone. With it
    /// comes what is worth telling.
    ///
    /// # Errors
    ///
    /// Nothing of `new` can be taken.
    pub fn reloaded(&self, new: Self) -> Result<(Self, Vec<Diagnostic>), NotReloadable> {
        if self.per_listener_settings != new.per_listener_settings {
            return Err(NotReloadable::PerListenerSettings);
        }
        let is_common = |listener: &Listener| new.listener_like(listener).is_some();
        if !self.listeners.iter().any(is_common) {
            return Err(NotReloadable::NoCommonListener);
        }
        let mut remarks = self.needing_a_restart(&new);
        let mut source_lines = new.source_lines.clone();
        let mut listeners = Vec::new();
        for (index, running) in self.listeners.iter().enumerate() {
            let found = new.listener_like(running);
            listeners.push(match found {
                Some((_, read_again)) => merged(running, read_again, &mut remarks),
                None => running.clone(),
            });
            // The lines keep step with the listeners, whose order is that of the start.
            let (from, at) = match found {
                Some((at, _)) => (&new.source_lines, at),
                None => (&self.source_lines, index),
            };
            source_lines.copy_scope(from, Scope::Listener(at), Scope::Listener(index));
        }
        for row in rows_of_the_start() {
            source_lines.copy_option(&self.source_lines, row.name(), Scope::Broker);
            for index in 0..listeners.len() {
                source_lines.copy_option(&self.source_lines, row.name(), Scope::Listener(index));
            }
        }
        remarks.extend(self.added_or_removed(&new));
        let mut config = Self {
            listeners,
            local_only: self.local_only,
            source_lines,
            ..new
        };
        for row in table::rows() {
            if let Reload::Restart(Keep::Global(keep)) = row.reload {
                keep(&mut config, self);
            }
        }
        Ok((config, remarks))
    }

    /// The listener on the same address, and its place.
    fn listener_like(&self, listener: &Listener) -> Option<(usize, &Listener)> {
        self.listeners
            .iter()
            .enumerate()
            .find(|(_, other)| other.port == listener.port && other.address == listener.address)
    }

    /// Says that listeners came or went, as Mosquitto does.
    fn added_or_removed(&self, new: &Self) -> Option<Diagnostic> {
        let added = new
            .listeners
            .iter()
            .enumerate()
            .find(|(_, listener)| self.listener_like(listener).is_none());
        let is_removed = |listener: &Listener| new.listener_like(listener).is_none();
        if added.is_none() && !self.listeners.iter().any(is_removed) {
            return None;
        }
        let location = added.and_then(|(index, _)| {
            new.source_lines
                .location("listener", Scope::Listener(index))
        });
        Some(Diagnostic {
            severity: Severity::Error,
            message: "Error: It is not currently possible to add/remove listeners when \
                      reloading the config file."
                .to_owned(),
            location: location.cloned(),
            hint: Some("Those of the start stay open. A restart takes the new ones.".to_owned()),
        })
    }

    /// Options that were changed and need a restart.
    fn needing_a_restart(&self, new: &Self) -> Vec<Diagnostic> {
        let mut remarks = Vec::new();
        for row in rows_of_the_start() {
            let mut scopes = vec![(Scope::Broker, Scope::Broker)];
            for (index, listener) in self.listeners.iter().enumerate() {
                let other = new.listener_like(listener);
                scopes.extend(
                    other.map(|(other, _)| (Scope::Listener(index), Scope::Listener(other))),
                );
            }
            for (here, there) in scopes {
                let name = row.name();
                let is_changed =
                    self.source_lines.values(name, here) != new.source_lines.values(name, there);
                if is_changed {
                    let location = new
                        .source_lines
                        .location(name, there)
                        .or(self.source_lines.location(name, here));
                    let place = location.map_or(String::new(), |place| format!(" ({place})"));
                    remarks.push(Diagnostic::warning(format!(
                        "Warning: The '{name}' option has changed, which takes effect at the \
                         next start{place}."
                    )));
                }
            }
        }
        remarks
    }
}

/// The options whose value of the start stays. Addresses are not among them: by these
/// listeners are told apart.
fn rows_of_the_start() -> impl Iterator<Item = &'static Row> {
    table::rows()
        .filter(|row| row.reload.needs_restart() && !matches!(row.section, Section::Structure(_)))
}

/// The running listener with what a reload may change of it.
fn merged(running: &Listener, new: &Listener, remarks: &mut Vec<Diagnostic>) -> Listener {
    let mut listener = new.clone();
    for row in table::rows() {
        if let Reload::Restart(Keep::Listener(keep)) = row.reload {
            keep(&mut listener, running);
        }
    }
    if running.tls.certfile.is_some() != new.tls.certfile.is_some() {
        remarks.push(Diagnostic::warning(format!(
            "Warning: Whether the listener on port {} speaks TLS has changed, which takes \
             effect at the next start.",
            running.port
        )));
        listener.tls = running.tls.clone();
    }
    listener
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::config::Overrides;

    fn read(text: &str) -> Config {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("mosquitto.conf");
        std::fs::write(&file, text).unwrap();
        Config::load(&[file], &Overrides::default()).unwrap().0
    }

    fn reloaded(before: &str, after: &str) -> (Config, Vec<String>) {
        let (config, remarks) = read(before).reloaded(read(after)).unwrap();
        let messages = remarks.into_iter().map(|remark| remark.message);
        (config, messages.collect())
    }

    #[test]
    fn what_is_in_force_is_the_new_value_where_a_reload_may_change_it() {
        let (config, remarks) = reloaded(
            "user a\nlistener 1883\nmax_connections 5\nmax_keepalive 10\n",
            "user a\nlistener 1883\nmax_qos 1\nmax_queued_messages 3\n",
        );
        assert_eq!(remarks, Vec::<String>::new());
        assert_eq!(config.listeners[0].max_connections, None);
        assert_eq!(config.listeners[0].max_qos, 1);
        assert_eq!(config.limits.max_keepalive, None);
        assert_eq!(config.limits.max_queued_messages, Some(3));
    }

    #[test]
    fn what_needs_a_restart_keeps_its_value_and_is_told() {
        let (config, remarks) = reloaded(
            "user a\nlistener 1883\nsocket_domain ipv4\n",
            "user b\nlistener 1883\nsocket_domain ipv6\n",
        );
        assert_eq!(config.user.as_deref(), Some("a"));
        assert_eq!(
            config.listeners[0].socket_domain,
            read("listener 1883\nsocket_domain ipv4").listeners[0].socket_domain
        );
        assert!(remarks[0].starts_with("Warning: The 'user' option has changed"));
        assert!(remarks[1].starts_with("Warning: The 'socket_domain' option has changed"));
        assert_eq!(remarks.len(), 2);
    }

    #[test]
    fn listeners_are_matched_by_address_and_neither_come_nor_go() {
        let (config, remarks) = reloaded(
            "listener 1883\nmax_qos 0\nlistener 1884\nmax_qos 1\n",
            "listener 1885\nlistener 1884\nmax_qos 2\n",
        );
        let ports = |config: &Config| -> Vec<_> {
            let listeners = config.listeners.iter();
            listeners
                .map(|listener| (listener.port, listener.max_qos))
                .collect()
        };
        assert_eq!(ports(&config), [(1883, 0), (1884, 2)]);
        assert_eq!(remarks.len(), 1);
        assert!(remarks[0].contains("add/remove listeners"));
        let line = |listener| {
            let place = config
                .source_lines
                .location("listener", Scope::Listener(listener));
            place.unwrap().line
        };
        assert_eq!((line(0), line(1)), (1, 2));
    }

    #[test]
    fn whose_the_security_options_are_is_not_changed_halfway() {
        let global = read("password_file /p\nlistener 1883\n");
        let of_listeners =
            read("per_listener_settings true\nlistener 1883\nallow_anonymous true\n");
        assert_eq!(
            global.reloaded(of_listeners),
            Err(NotReloadable::PerListenerSettings)
        );
    }

    #[test]
    fn a_file_without_any_of_the_listeners_changes_nothing() {
        let running = read("listener 1883\nallow_anonymous true\n");
        for text in ["", "listener 1884\n"] {
            let outcome = running.reloaded(read(text));
            assert_eq!(outcome, Err(NotReloadable::NoCommonListener));
        }
    }

    #[test]
    fn encryption_is_neither_turned_on_nor_off() {
        let encrypted = "listener 8883\ncertfile a\nkeyfile b\n";
        let (config, remarks) = reloaded(encrypted, "listener 8883\n");
        assert!(config.listeners[0].tls.certfile.is_some());
        assert!(remarks[0].contains("speaks TLS"));
    }
}
