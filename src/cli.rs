//! The command lines of `mq-pub` and `mq-sub`.
//!
//! One table lists the options of both. They are read in two steps: what was typed
//! ([`Typed`]), then what it means ([`publish_settings`], [`subscribe_settings`]). The words
//! are read in their order, so that the first error is the one that Mosquitto would report.

mod connection;
mod help;
mod kind;
mod main;
mod number;
mod options_file;
mod property;
mod proxy;
mod publish;
mod subscribe;
mod table;
mod tls;
mod typed;
mod url;
mod usage_error;

pub use help::{command, help, options};
pub use kind::Kind;
pub use main::main;
pub use publish::publish_settings;
pub use subscribe::subscribe_settings;
pub use table::OptionId;
pub use typed::{Parsed, Typed, parse};
pub use usage_error::UsageError;
