//! The command lines of `mq-pub` and `mq-sub`.
//!
//! One table lists the options of both. A command line is read in two steps: the raw options
//! ([`RawOptions`]), then their meaning ([`publish_settings`], [`subscribe_settings`]). Words
//! are read in order, so that the first error is the one that Mosquitto would report.

mod connection;
mod help;
mod kind;
mod main;
mod number;
mod options_file;
mod property;
mod proxy;
mod publish;
mod raw_options;
mod subscribe;
mod table;
mod tls;
mod url;
mod usage_error;
mod value;

pub use help::{command, help, options};
pub use kind::Kind;
pub use main::main;
pub use publish::publish_settings;
pub use raw_options::{Parsed, RawOptions, parse};
pub use subscribe::subscribe_settings;
pub use table::OptionId;
pub use usage_error::UsageError;
