//! Records in a log of our own: files to whose end each commit is appended, and an index in
//! memory that knows where in them each record is.
//!
//! Nothing that was written is ever changed, so that a power cut can only damage the end of
//! the log. A file whose blocks are no longer needed is deleted; what is still needed of the
//! oldest files is moved to the end when too much of the log is useless.

mod block;
mod building;
mod entry;
mod index;
mod lock;
mod log_id;
mod opening;
mod pieces;
mod reader;
mod replay;
mod salvage;
mod segment;
mod store;
mod syncer;

pub(super) use self::building::{Existing, NewStore, settle};
pub(super) use self::entry::Entries;
pub(super) use self::opening::open;
pub(super) use self::salvage::{Findings, Salvaged, VisitError};
pub(super) use self::store::Store;
