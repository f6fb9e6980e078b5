//! `persistence true` means it: whatever was acknowledged is there after the broker was
//! killed at that moment (SIGKILL, which no program can prepare for) and started again.
//! And whatever clients do, the broker goes on for all others (`hostile`).

#[path = "../support/mod.rs"]
mod support;

mod bridge;
mod crash;
mod damage;
mod deliveries;
mod disk;
mod expiry;
mod files;
mod full;
mod hostile;
mod import;
mod import_or_nothing;
mod large_sessions;
mod listeners;
mod mosquitto_db;
mod older_stores;
mod power;
mod power_cut;
mod publishers;
mod queues;
mod recover;
mod retained;
mod rights;
mod scene;
mod sessions;
mod slow_disk;
mod small_disk;
mod stopping;
mod subscriptions;
mod topic_floods;
mod wills;

use support::{client, wire};
