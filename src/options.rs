//! Options of the four programs as rows of tables.
//!
//! A row has every fact of an option: command lines are read by it, and `--help`, the manual
//! page and the completions are made of it. Each program has a table of its own and words its
//! own errors. The [`Scanner`] is the same for all.

mod command;
mod nearest;
mod print;
mod program;
mod row;
mod scanner;
mod table;

pub(crate) use nearest::nearest;
pub use print::print;
pub use program::Program;
pub(crate) use row::option_rows;
pub use row::{Arity, OptionRow, ValueKind};
pub use scanner::{OptionUse, ScanError, Scanner};
pub use table::OptionTable;
