//! The work of `mq-pub`: it sends a message once or repeatedly, or each line of its input.

mod lines;
mod progress;
mod run;
mod settings;
mod source;

pub use run::run;
pub use settings::{Repetition, Settings};
pub use source::{LoadError, Loaded, MAX_PAYLOAD, Source};
