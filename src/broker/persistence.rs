//! What outlives the broker's process.

#![allow(dead_code, reason = "nothing calls it yet")]

pub(super) mod mosquitto_db;
