//! A running broker, from its first socket to its last.

mod accept;
mod last_resort;
mod memory_limit;
mod restore;
mod running;
mod signals;

pub(super) use self::running::{Server, Start};
pub(super) use self::signals::{Control, run};
