//! Checks of what the broker's account may do: write its files, open its listeners.

use std::fs::symlink_metadata;
use std::path::Path;

use nix::unistd::{AccessFlags, User, access, geteuid};

use super::problem::{CANNOT_START, NO_PID_FILE, Problem};
use crate::broker::config::{Config, Scope};
use crate::broker::listener::{ListenError, check};
use crate::broker::persistence::StoreError;
use crate::files::directory_of;

/// The rights that creating files in a directory takes.
const CREATE: AccessFlags = AccessFlags::W_OK.union(AccessFlags::X_OK);

/// Finds what the present user cannot write or open, of all that a start writes and opens.
/// A port that another program has is left to the start itself: it may be free by then, and
/// an earlier run of the same broker may be the one that has it.
pub(in crate::broker) fn start_problems(config: &Config) -> Vec<Problem> {
    let listeners = config.listeners.iter().enumerate();
    let unusable = listeners.filter_map(|(index, listener)| {
        let error = check(listener).err()?;
        (!error.is_in_use()).then(|| listen_problem(config, index, &error))
    });
    let files = [unwritable_store(config), unwritable_pid_file(config)];
    files.into_iter().flatten().chain(unusable).collect()
}

/// The problem of a listener, by its place in the configuration.
pub(in crate::broker) fn listen_problem(
    config: &Config,
    index: usize,
    error: &ListenError,
) -> Problem {
    let scope = Scope::Listener(index);
    let lines = [error.option(), "listener", "port", "bind_address"];
    let location = lines
        .iter()
        .find_map(|option| config.source_lines.location(option, scope));
    Problem::new(CANNOT_START, error.to_string(), location, error.hint())
}

/// Returns whether the log file cannot be opened. Root opens it before it becomes another user.
pub(in crate::broker) fn unwritable_log(config: &Config) -> Option<Problem> {
    let file = config.log.destinations().file?;
    let is_writable = match symlink_metadata(&file) {
        Ok(found) => !found.is_dir() && access(&file, AccessFlags::W_OK).is_ok(),
        Err(_) => access(&directory_of(&file), CREATE).is_ok(),
    };
    if is_writable {
        return None;
    }
    let name = file.display();
    let message = format!("Error: Unable to open log file {name} for writing.");
    let location = config.source_lines.location("log_dest", Scope::Broker);
    let hint = needs_directory(&directory_of(&file));
    Some(Problem::new(CANNOT_START, message, location, hint))
}

fn unwritable_store(config: &Config) -> Option<Problem> {
    if !config.persistence.is_on {
        return None;
    }
    let store = config.persistence.store();
    let directory = directory_of(&store);
    // Directories that are missing are made.
    let present = directory.ancestors().find(|above| above.exists());
    let present = present.filter(|above| !above.as_os_str().is_empty());
    let present = present.unwrap_or(Path::new("."));
    let outcome = match store.is_dir() {
        true => access(&store, CREATE | AccessFlags::R_OK),
        false => access(present, CREATE),
    };
    let cause = outcome.err()?.into();
    let places = ["persistence_location", "persistence"];
    let location = places
        .iter()
        .find_map(|option| config.source_lines.location(option, Scope::Broker));
    let hint = needs_directory(if store.is_dir() { &store } else { present });
    let message = StoreError::Open { path: store, cause }.to_string();
    Some(Problem::new(CANNOT_START, message, location, hint))
}

fn unwritable_pid_file(config: &Config) -> Option<Problem> {
    let file = config.pid_file.as_deref()?;
    let directory = directory_of(file);
    let is_writable = match file.exists() {
        true => !file.is_dir() && access(file, AccessFlags::W_OK).is_ok(),
        false => access(&directory, CREATE).is_ok(),
    };
    if is_writable {
        return None;
    }
    let location = config.source_lines.location("pid_file", Scope::Broker);
    let message = "Error: Unable to write pid file.".to_owned();
    let hint = needs_directory(&directory);
    Some(Problem::new(NO_PID_FILE, message, location, hint))
}

/// The remedy for a directory in which files cannot be made.
fn needs_directory(directory: &Path) -> String {
    let name = directory.display();
    if !directory.is_dir() {
        return format!("There is no directory '{name}'.");
    }
    let user = User::from_uid(geteuid()).ok().flatten();
    let user = user.map_or_else(|| geteuid().to_string(), |user| user.name);
    format!(
        "The user '{user}' must be allowed to create files in '{name}', and to write those that \
         are there: 'sudo chown -R {user} {name}'."
    )
}
