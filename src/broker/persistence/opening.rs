//! From the configuration to a store that is open and read.

use std::path::{Path, PathBuf};

use super::Persistence;
use super::backend::{Backend, StoreError, Write};
use super::commit_log;
use super::import::import;
use super::key::Key;
use super::record::Record;
use super::recovery::Recovery;
use super::redb;
use crate::broker::config::{Listener, PersistenceOptions};
use crate::broker::ground::Clock;
use crate::broker::log::Log;
use crate::files;

/// So many imported records are stored at once.
const RECORDS_AT_ONCE: usize = 10_000;

/// What is asked of the store.
pub(in crate::broker) struct StoreOptions<'a> {
    pub(in crate::broker) persistence: &'a PersistenceOptions,
    /// Whether a damaged store is moved aside.
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
    let (mut backend, mut recovery) =
        match open_and_read(&path, options.persistence.sync, clock, log) {
            Err(StoreError::Damaged { path, cause }) if options.recover => {
                log.warning(format_args!(
                    "Warning: The store {} is damaged: {cause}.",
                    path.display()
                ));
                recover(&path, options.persistence.sync, clock, log)?
            }
            result => result?,
        };
    if backend.was_repaired() {
        log.warning(format_args!(
            "Warning: The store {} was not closed in order. It was checked, and goes on from \
             the last state of it that is whole.",
            path.display()
        ));
    }
    tell_of_mosquitto_db(options, recovery.is_empty(), log);
    if let Some(database) = options.import {
        let imported = import(database, options.listeners, clock, log)?;
        if !recovery.is_empty() {
            return Err(StoreError::NotEmpty { path });
        }
        for records in imported.records.chunks(RECORDS_AT_ONCE) {
            store_all(&mut *backend, records, clock)?;
        }
        recovery = imported.into_recovery(clock);
    }
    let last_number = recovery.last_number();
    let persistence = Persistence::start(backend, last_number, clock, log.clone());
    let persistence = persistence.map_err(|cause| StoreError::Open { path, cause })?;
    Ok(Some(Opened {
        persistence,
        recovery,
    }))
}

fn open_and_read(
    path: &Path,
    sync: bool,
    clock: Clock,
    log: &Log,
) -> Result<(Box<dyn Backend>, Recovery), StoreError> {
    redb::convert(path, log)?;
    let backend = commit_log::open(path, sync)?;
    let mut recovery = Recovery::default();
    let mut problem = None;
    backend.for_each(&mut |key, value| {
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
        None => Ok((Box::new(backend), recovery)),
    }
}

/// Stores records that were not in the store before.
fn store_all(
    backend: &mut dyn Backend,
    records: &[(Key, Record)],
    clock: Clock,
) -> Result<(), StoreError> {
    let values: Vec<_> = records
        .iter()
        .map(|(_, record)| record.to_bytes(clock))
        .collect();
    let writes: Vec<_> = records
        .iter()
        .zip(&values)
        .map(|((key, _), value)| Write {
            key: key.to_bytes(),
            value: Some(value),
        })
        .collect();
    backend.commit(&writes)
}

/// Moves a damaged store aside and makes a new one of what can be read of it.
fn recover(
    path: &Path,
    sync: bool,
    clock: Clock,
    log: &Log,
) -> Result<(Box<dyn Backend>, Recovery), StoreError> {
    let mut aside = path.as_os_str().to_owned();
    aside.push(format!(".damaged-{}", clock.to_unix(0) / 1_000));
    let aside = PathBuf::from(aside);
    files::rename(path, &aside).map_err(|cause| StoreError::Open {
        path: path.to_owned(),
        cause,
    })?;
    let mut readable = match aside.is_dir() {
        true => commit_log::salvage(&aside)?,
        false => redb::salvage(&aside)?,
    };
    let mut recovery = Recovery::default();
    readable.retain(|(key, value)| {
        let key = Key::from_bytes(key.as_ref());
        key.is_some_and(|key| recovery.take(key, value.clone(), clock).is_ok())
    });
    let writes = readable.iter().map(|(key, value)| Write {
        key: *key,
        value: Some(value),
    });
    let writes: Vec<_> = writes.collect();
    commit_log::create(path, &writes)?;
    let store = commit_log::open(path, sync)?;
    log.warning(format_args!(
        "Warning: It was moved to {}; {} records of it could be read and are kept.",
        aside.display(),
        writes.len()
    ));
    Ok((Box::new(store), recovery))
}

/// A database of Mosquitto's is never touched; the log says how to take it over.
fn tell_of_mosquitto_db(options: &StoreOptions<'_>, is_empty: bool, log: &Log) {
    let database = options.persistence.mosquitto_db();
    if options.import.is_none() && is_empty && database.is_file() {
        let database = database.display();
        log.notice(format_args!(
            "Mosquitto's database {database} is left as it is. To take over what is in it, run \
             the broker once with --import-mosquitto-db {database}"
        ));
    }
}
