//! Logins, and the rights of clients.

mod access;
mod acl;
mod login;
mod password_checks;

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::RwLock;

pub(super) use self::access::{AccessControl, Rules, is_open_to_clients};
pub(super) use self::acl::coverage::{Coverage, Effort};
pub(super) use self::acl::{Acl, AclError};
pub(super) use self::login::{Credentials, LoginFault};
use self::password_checks::{Login, PasswordChecks};
use super::config::{Config, Listener};
use super::ground::ListenerName;
use super::log::rate_limit::RateLimitedLog;
use crate::passwd::users::Users;
use crate::protocol::Text;

/// Checks user names and passwords.
pub(super) struct Authenticator {
    rights: RwLock<Logins>,
    checks: PasswordChecks,
}

/// The rule by which clients connect to one listener.
pub(super) struct LoginRights {
    allow_anonymous: bool,
    /// Whether a certificate says who a client is, and nothing else counts.
    by_certificate: bool,
    /// Without them every user name passes where anonymous clients do.
    users: Option<Arc<Users>>,
}

/// The parts of a CONNECT on which a login depends.
pub(super) struct LoginAttempt<'a> {
    pub(super) listener: &'a ListenerName,
    pub(super) credentials: Option<&'a Credentials>,
    pub(super) client_id: &'a Text,
    /// An IPv4 address or an IPv6 /64 network; `None` for clients without an address.
    pub(super) network: Option<IpAddr>,
}

/// The rights of each listener. Nobody may connect to one that is not among them.
pub(super) type Logins = HashMap<ListenerName, Arc<LoginRights>>;

impl Authenticator {
    pub(super) fn new(logins: Logins, log: Arc<RateLimitedLog>) -> Self {
        Self {
            rights: RwLock::new(logins),
            checks: PasswordChecks::new(log),
        }
    }

    /// Puts the rights of a new configuration in force; returns those of before.
    pub(super) fn change(&self, logins: Logins) -> Logins {
        let before = std::mem::replace(&mut *self.rights.write(), logins);
        self.checks.forget_refusals();
        before
    }

    /// Lets a client in, or returns why not.
    pub(super) async fn log_in(&self, attempt: LoginAttempt<'_>) -> Result<(), LoginFault> {
        let rights = self.rights(attempt.listener);
        let rights = rights.ok_or(LoginFault::UnknownUser)?;
        match (rights.users_to_ask(), attempt.credentials) {
            (Some(users), Some(credentials)) => {
                let login = Login {
                    listener: attempt.listener.clone(),
                    users: Arc::clone(users),
                    credentials: credentials.clone(),
                    client_id: attempt.client_id.clone(),
                    network: attempt.network,
                };
                Box::pin(self.checks.check(login)).await
            }
            _ if rights.by_certificate || rights.allow_anonymous => Ok(()),
            (_, None) => Err(LoginFault::NoUsername),
            (None, Some(_)) => Err(LoginFault::UnknownUser),
        }
    }

    /// Returns whether a client that was let in by the rights of before still is. Passwords are
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
    /// Returns whether user names count and the file has none.
    pub(super) fn has_no_users(&self) -> bool {
        self.users_to_ask().is_some_and(|users| users.is_empty())
    }

    /// Returns the users whose passwords count, if any do.
    fn users_to_ask(&self) -> Option<&Arc<Users>> {
        self.users.as_ref().filter(|_| !self.by_certificate)
    }

    fn allow(&self, credentials: Option<&Credentials>) -> bool {
        match (self.users_to_ask(), credentials) {
            (Some(users), Some(login)) => {
                users.authenticate(login.username().as_str(), login.password())
            }
            _ => self.by_certificate || self.allow_anonymous,
        }
    }
}

/// Returns who may connect by the configuration, whose password files were read.
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
