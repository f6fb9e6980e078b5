//! What `mq-pub` does: it sends a message, repeatedly perhaps, or each line of its
//! standard input.

mod lines;
mod progress;
mod run;
mod settings;
mod source;

pub use run::run;
pub use settings::{Repetition, Settings};
pub use source::{LoadError, Loaded, MAX_PAYLOAD, Source};
