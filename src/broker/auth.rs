//! Who may connect, and what clients may do.

mod access;
mod acl;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use bytes::Bytes;
use parking_lot::RwLock;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

pub(super) use self::access::{AccessControl, Identity, is_open_to_clients, read_rules};
pub(super) use self::acl::AclError;
use super::config::{Config, Listener};
use crate::passwd::users::{Users, UsersError};
use crate::protocol::Text;

/// Checks user names and passwords.
///
/// A password takes time on purpose, so checks run on threads of their own, and only a
/// few at once: a flood of logins leaves the network threads alone.
pub(super) struct Authenticator {
    /// One for each listener, in the order of the configuration.
    rights: RwLock<Vec<Arc<LoginRights>>>,
    permits: Arc<Semaphore>,
}

/// Who may connect to one listener.
struct LoginRights {
    allow_anonymous: bool,
    /// Whether a certificate says who a client is, and nothing else counts.
    by_certificate: bool,
    /// Without them every user name passes where anonymous clients do.
    users: Option<Arc<Users>>,
}

/// A user name and a password, as a CONNECT brought them.
#[derive(Clone)]
pub(super) struct Credentials {
    username: Text,
    password: Bytes,
}

impl Credentials {
    /// Copies them into memory of their own; `None` for an anonymous client. A missing
    /// password counts as an empty one, which never passes.
    pub(super) fn new(username: Option<&Text>, password: Option<&[u8]>) -> Option<Self> {
        let username = username?.to_owned_text();
        let password = Bytes::copy_from_slice(password.unwrap_or_default());
        Some(Self { username, password })
    }

    pub(super) fn username(&self) -> &Text {
        &self.username
    }
}

impl Authenticator {
    /// Reads the password files that the configuration names.
    pub(super) fn new(config: &Config) -> Result<Self, UsersError> {
        let cores = thread::available_parallelism().map_or(1, |cores| cores.get());
        let files = read_password_files(config)?;
        let rights = config
            .listeners
            .iter()
            .map(|listener| rights(config, listener, &files));
        Ok(Self {
            rights: RwLock::new(rights.collect()),
            permits: Arc::new(Semaphore::new((cores / 2).max(1))),
        })
    }

    /// Puts the rights of a new configuration in force, for the listeners that it has in
    /// common with the running one; when a password file cannot be read, everything
    /// stays as it was.
    pub(super) fn reload(&self, running: &Config, new: &Config) -> Result<(), UsersError> {
        let files = read_password_files(new)?;
        let mut in_force = self.rights.write();
        for (index, listener) in running.listeners.iter().enumerate() {
            if let Some(listener) = same_listener(new, listener) {
                in_force[index] = rights(new, listener, &files);
            }
        }
        Ok(())
    }

    /// Whether a client may connect to the listener with this place in the
    /// configuration.
    pub(super) async fn allows(&self, listener: usize, credentials: Option<&Credentials>) -> bool {
        let rights = self.rights(listener);
        if rights.by_certificate || rights.users.is_none() || credentials.is_none() {
            return rights.by_certificate || rights.allow_anonymous;
        }
        let Ok(permit) = Arc::clone(&self.permits).acquire_owned().await else {
            return false;
        };
        let credentials = credentials.cloned();
        let check = spawn_blocking(move || {
            let allowed = rights.allow(credentials.as_ref());
            drop(permit);
            allowed
        });
        check.await.unwrap_or(false)
    }

    /// The same on the caller's thread, which is not one of the network's.
    pub(super) fn allows_now(&self, listener: usize, credentials: Option<&Credentials>) -> bool {
        self.rights(listener).allow(credentials)
    }

    fn rights(&self, listener: usize) -> Arc<LoginRights> {
        Arc::clone(&self.rights.read()[listener])
    }
}

impl LoginRights {
    fn allow(&self, credentials: Option<&Credentials>) -> bool {
        if self.by_certificate {
            return true;
        }
        match (&self.users, credentials) {
            (Some(users), Some(Credentials { username, password })) => {
                users.authenticate(username.as_str(), password)
            }
            _ => self.allow_anonymous,
        }
    }
}

fn rights(
    config: &Config,
    listener: &Listener,
    files: &HashMap<PathBuf, Arc<Users>>,
) -> Arc<LoginRights> {
    let security = config.effective_security(listener);
    Arc::new(LoginRights {
        allow_anonymous: security.allow_anonymous,
        by_certificate: listener.username_from().is_some(),
        users: security
            .password_file
            .and_then(|file| files.get(file).cloned()),
    })
}

fn read_password_files(config: &Config) -> Result<HashMap<PathBuf, Arc<Users>>, UsersError> {
    let mut files = HashMap::new();
    for file in password_files(config) {
        files.insert(file.to_owned(), Arc::new(Users::read(file)?));
    }
    Ok(files)
}

/// The listener of the configuration with the same address.
fn same_listener<'a>(config: &'a Config, listener: &Listener) -> Option<&'a Listener> {
    let same = |other: &&Listener| other.port == listener.port && other.address == listener.address;
    config.listeners.iter().find(same)
}

/// The ACL files that are in force.
pub(super) fn acl_files(config: &Config) -> impl Iterator<Item = &Path> {
    let listeners = config.listeners.iter();
    listeners.filter_map(|listener| config.effective_security(listener).acl_file)
}

/// The password files that are in force.
pub(super) fn password_files(config: &Config) -> impl Iterator<Item = &Path> {
    let listeners = config.listeners.iter();
    listeners.filter_map(|listener| config.effective_security(listener).password_file)
}
