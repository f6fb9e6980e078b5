//! The command lines of `mq-pub` and `mq-sub`.
//!
//! One [table](OPTIONS) lists the options. A scanner reads the words as Mosquitto does
//! and in their order, so that the first error is the one that Mosquitto would report;
//! [`help`] is built from the same table. Reading is done in two steps: what was typed
//! ([`Typed`]), then what it means ([`publish_settings`], [`subscribe_settings`]).

mod connection;
mod help;
mod main;
mod number;
mod options_file;
mod program;
mod property;
mod proxy;
mod publish;
mod scan;
mod subscribe;
mod table;
mod tls;
mod typed;
mod url;
mod usage_error;

pub use help::{command, help};
pub use main::main;
pub use program::{Kind, Program};
pub use publish::publish_settings;
pub use subscribe::subscribe_settings;
pub use table::{Group, OPTIONS, OptionId, OptionRow, Programs, Words};
pub use typed::{Parsed, Typed, parse};
pub use usage_error::UsageError;
