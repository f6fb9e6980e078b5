//! Who may connect.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use parking_lot::RwLock;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use super::config::{Config, EffectiveSecurity};
use crate::passwd::users::{Users, UsersError};
use crate::protocol::Text;

/// Checks user names and passwords.
///
/// A password takes time on purpose, so checks run on threads of their own, and only a
/// few at once: a flood of logins leaves the network threads alone.
pub(super) struct Authenticator {
    password_files: RwLock<HashMap<PathBuf, Arc<Users>>>,
    permits: Arc<Semaphore>,
}

impl Authenticator {
    /// Reads the password files that the configuration names.
    pub(super) fn new(config: &Config) -> Result<Self, UsersError> {
        let cores = thread::available_parallelism().map_or(1, |cores| cores.get());
        Ok(Self {
            password_files: RwLock::new(read_password_files(config)?),
            permits: Arc::new(Semaphore::new((cores / 2).max(1))),
        })
    }

    /// Reads the password files again; when one cannot be read, everything stays as it
    /// was.
    pub(super) fn reload(&self, config: &Config) -> Result<(), UsersError> {
        let password_files = read_password_files(config)?;
        *self.password_files.write() = password_files;
        Ok(())
    }

    /// Whether a client may connect with this user name and password.
    pub(super) async fn allows(
        &self,
        security: EffectiveSecurity<'_>,
        username: Option<&Text>,
        password: Option<&[u8]>,
    ) -> bool {
        let (Some(username), Some(file)) = (username, security.password_file) else {
            return security.allow_anonymous;
        };
        let Some(users) = self.password_files.read().get(file).cloned() else {
            return false;
        };
        // A login without password is refused like one with a wrong password.
        let username = username.as_str().to_owned();
        let password = password.unwrap_or_default().to_vec();
        let Ok(permit) = Arc::clone(&self.permits).acquire_owned().await else {
            return false;
        };
        let check = spawn_blocking(move || {
            let allowed = users.authenticate(&username, &password);
            drop(permit);
            allowed
        });
        check.await.unwrap_or(false)
    }
}

fn read_password_files(config: &Config) -> Result<HashMap<PathBuf, Arc<Users>>, UsersError> {
    let mut files = HashMap::new();
    for file in password_files(config) {
        files.insert(file.to_owned(), Arc::new(Users::read(file)?));
    }
    Ok(files)
}

/// The password files that are in force.
pub(super) fn password_files(config: &Config) -> impl Iterator<Item = &Path> {
    let listeners = config.listeners.iter();
    listeners.filter_map(|listener| config.effective_security(listener).password_file)
}
