//! The broker: what it reads before it starts, and what it tells while it runs.
//!
//! - [`config`] reads `mosquitto.conf` into a typed model,
//! - [`command_line`] turns the arguments of `mq-broker` into what is to be done,
//! - [`log`] writes the log without ever holding up the broker.

pub mod command_line;
pub mod config;
pub mod log;
