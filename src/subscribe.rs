//! What `mq-sub` does: it subscribes, prints what comes, and comes back after a lost
//! connection.

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
