//! MQTT command-line tools and a broker, compatible with Eclipse Mosquitto's.
//!
//! The rooms and the arrows between them are drawn in `docs/architecture.md`:
//! programs use [`cli`], [`publish`], [`subscribe`], [`passwd`] and [`broker`]; those
//! use [`client`]; that uses [`session`] and [`transport`]; and everything uses
//! [`protocol`], which does no I/O.

#![forbid(unsafe_code)]

pub mod broker;
pub mod cli;
pub mod client;
mod files;
pub mod passwd;
pub mod protocol;
pub mod publish;
pub mod session;
pub mod subscribe;
pub mod transport;
