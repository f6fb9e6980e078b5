//! From the configuration to a store that is open and read.

use std::path::Path;

use super::backend::{Backend, StoreError};
use super::commit_log::{self, Existing, NewStore, Store, settle};
use super::handle::Persistence;
use super::import::import;
use super::key::Key;
use super::record::Record;
use super::recovery::Recovery;
use super::redb;
use super::repair::{repair, warn_of_damaged};
use crate::broker::config::{Listener, PersistenceOptions};
use crate::broker::ground::Clock;
use crate::broker::log::Log;
use crate::files::{self, DirectoryLock};

/// Options of one opening of the store.
pub(in crate::broker) struct StoreOptions<'a> {
    pub(in crate::broker) persistence: &'a PersistenceOptions,
    /// Moves a damaged store aside if set.
    pub(in crate::broker) recover: bool,
    /// A database of Mosquitto's to take over.
    pub(in crate::broker) import: Option<&'a Path>,
    /// Those of the configuration, by which the clients in that database came in.
    pub(in crate::broker) listeners: &'a [Listener],
}

/// A store that is open, and what was in it.
pub(in crate::broker) struct Opened {
    persistence: Persistence,
    recovery: Recovery,
}

impl Opened {
    pub(in crate::broker) fn into_parts(self) -> (Persistence, Recovery) {
        (self.persistence, self.recovery)
    }
}

/// Opens the store where there is to be one, and reads it.
pub(in crate::broker) fn open(
    options: &StoreOptions<'_>,
    clock: Clock,
    log: &Log,
) -> Result<Option<Opened>, StoreError> {
    if !options.persistence.is_on {
        return match options.import {
            Some(_) => Err(StoreError::NotOn),
            None => Ok(None),
        };
    }
    let path = options.persistence.store();
    let fail = |cause| StoreError::Open {
        path: path.clone(),
        cause,
    };
    let directory = files::directory_of(&path);
    files::create_directories(&directory).map_err(fail)?;
    // Until the store is open, nobody else makes one or puts another in its place.
    let _lock = DirectoryLock::wait(&directory);
    if settle(&path).map_err(fail)? {
        log.notice(format_args!(
            "The store {} was complete when the broker was stopped, and was put in its place.",
            path.display()
        ));
    }
    let (mut store, mut recovery) = open_or_repair(&path, options, clock, log)?;
    log_mosquitto_db(options, recovery.is_empty(), log);
    if let Some(database) = options.import {
        let records = import(database, options.listeners, clock, log)?;
        if !recovery.is_empty() {
            return Err(StoreError::NotEmpty { path });
        }
        drop(store);
        replace(&path, &records, clock)?;
        (store, recovery) = open_and_read(&path, options.persistence.sync, clock)?;
    }
    let last_number = recovery.last_number();
    let persistence = Persistence::start(Box::new(store), last_number, clock, log.clone());
    let persistence = persistence.map_err(|cause| StoreError::Open { path, cause })?;
    Ok(Some(Opened {
        persistence,
        recovery,
    }))
}

/// Opens the store and reads it, or makes another one of what can still be read of it.
fn open_or_repair(
    path: &Path,
    options: &StoreOptions<'_>,
    clock: Clock,
    log: &Log,
) -> Result<(Store, Recovery), StoreError> {
    let sync = options.persistence.sync;
    let name = path.display();
    let opened = redb::convert(path, log).and_then(|()| open_and_read(path, sync, clock));
    let (store, recovery) = match opened {
        Err(StoreError::Damaged { cause, .. }) if options.recover => {
            log.warning(format_args!(
                "Warning: The store {name} is damaged: {cause}."
            ));
            let report = repair(path, clock)?;
            let (store, mut recovery) = open_and_read(path, sync, clock)?;
            let replaced = recovery.forget_replaced_sessions();
            report.log(&recovery, replaced, log);
            return Ok((store, recovery));
        }
        opened => opened?,
    };
    if options.recover {
        log.notice(format_args!(
            "The store {name} is not damaged. --recover has nothing to do."
        ));
    }
    if store.was_repaired() {
        log.warning(format_args!(
            "Warning: The store {name} was not shut down cleanly. It was checked and recovered to \
             its last complete commit."
        ));
    }
    if recovery.is_empty() {
        warn_of_damaged(path, log);
    }
    Ok((store, recovery))
}

fn open_and_read(path: &Path, sync: bool, clock: Clock) -> Result<(Store, Recovery), StoreError> {
    let store = commit_log::open(path, sync)?;
    let mut recovery = Recovery::default();
    let mut problem = None;
    store.for_each(&mut |key, value| {
        let taken = match Key::from_bytes(key) {
            Some(key) => recovery
                .take(key, value, clock)
                .map_err(|error| error.to_string()),
            None => Err("a key is of no known kind".to_owned()),
        };
        if let Err(cause) = taken {
            problem.get_or_insert(cause);
        }
    })?;
    match problem {
        Some(cause) => Err(StoreError::Damaged {
            path: path.to_owned(),
            cause,
        }),
        None => Ok((store, recovery)),
    }
}

/// Puts a store with these records in the place of an empty one.
fn replace(path: &Path, records: &[(Key, Record)], clock: Clock) -> Result<(), StoreError> {
    let mut new = NewStore::create(path)?;
    for (key, record) in records {
        new.put(key.to_bytes(), &record.to_bytes(clock))?;
    }
    new.finish(Existing::Empty)
}

/// A database of Mosquitto's is never touched; the log says how to take it over.
fn log_mosquitto_db(options: &StoreOptions<'_>, is_empty: bool, log: &Log) {
    let database = options.persistence.mosquitto_db();
    if options.import.is_none() && is_empty && database.is_file() {
        let database = database.display();
        log.notice(format_args!(
            "Mosquitto's database {database} is left as it is. To take over what is in it, run \
             the broker once with --import-mosquitto-db {database}"
        ));
    }
}
