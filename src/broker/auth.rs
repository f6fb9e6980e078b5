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

pub(super) use self::access::{AccessControl, Rules, is_open_to_clients};
pub(super) use self::acl::coverage::{Coverage, Effort};
pub(super) use self::acl::{Acl, AclError};
use super::config::{Config, Listener};
use super::ground::ListenerName;
use crate::passwd::users::Users;
use crate::protocol::Text;

/// Checks user names and passwords.
///
/// A password takes time on purpose, so checks run on threads of their own, and only a
/// few at once: a flood of logins leaves the network threads alone.
pub(super) struct Authenticator {
    rights: RwLock<Logins>,
    permits: Arc<Semaphore>,
}

/// Who may connect to one listener.
pub(super) struct LoginRights {
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

/// Who may connect to each listener. Nobody may to one that is not among them.
pub(super) type Logins = HashMap<ListenerName, Arc<LoginRights>>;

impl Authenticator {
    pub(super) fn new(logins: Logins) -> Self {
        let cores = thread::available_parallelism().map_or(1, |cores| cores.get());
        Self {
            rights: RwLock::new(logins),
            permits: Arc::new(Semaphore::new((cores / 2).max(1))),
        }
    }

    /// Puts the rights of a new configuration in force; returns those of before.
    pub(super) fn change(&self, logins: Logins) -> Logins {
        std::mem::replace(&mut self.rights.write(), logins)
    }

    /// Whether a client may connect to the listener.
    pub(super) async fn allows(
        &self,
        listener: &ListenerName,
        credentials: Option<&Credentials>,
    ) -> bool {
        let Some(rights) = self.rights(listener) else {
            return false;
        };
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

    /// Whether a client that was let in by the rights of before still is. Passwords are
    /// checked on the caller's thread, which is not one of the network's.
    pub(super) fn still_allows(
        &self,
        listener: &ListenerName,
        credentials: Option<&Credentials>,
        before: &Logins,
    ) -> bool {
        let Some(rights) = self.rights(listener) else {
            return false;
        };
        let before = before.get(listener).filter(|before| !before.by_certificate);
        let users = before.and_then(|before| before.users.as_ref());
        if let (Some(before), Some(now), Some(login)) = (users, &rights.users, credentials) {
            // Thousands of clients are not made to wait for their hashes.
            if now.has_same_hash(before, login.username().as_str()) {
                return true;
            }
        }
        rights.allow(credentials)
    }

    fn rights(&self, listener: &ListenerName) -> Option<Arc<LoginRights>> {
        self.rights.read().get(listener).cloned()
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

/// Who may connect by the configuration, whose password files were read.
pub(super) fn logins(config: &Config, files: &HashMap<PathBuf, Arc<Users>>) -> Logins {
    let rights = |listener: &Listener| {
        let security = config.effective_security(listener);
        let rights = LoginRights {
            allow_anonymous: security.allow_anonymous,
            by_certificate: listener.username_from().is_some(),
            users: security
                .password_file
                .and_then(|file| files.get(file).cloned()),
        };
        (ListenerName::from(listener), Arc::new(rights))
    };
    config.listeners.iter().map(rights).collect()
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
