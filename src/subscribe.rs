//! The work of `mq-sub`: it subscribes, prints messages, and reconnects after a lost
//! connection.

mod form;
mod format;
mod json;
mod number;
mod output;
mod print;
mod run;
mod settings;
mod signals;
mod terminal;
mod time;
mod watch;

pub use format::{Format, FormatError};
pub use print::{Print, Style};
pub use run::run;
pub use settings::{Display, Settings};
