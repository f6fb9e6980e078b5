//! Password files: hashes, lines, users, and the `mq-passwd` program that edits them.
//!
//! A file has one `user:hash` per line and works with these programs and Mosquitto's alike.
//! The broker reads it as [`users::Users`], leniently: it skips comments, blank lines and
//! lines without a colon. The program edits it as [`file::PasswordFile`], strictly: a
//! line that makes no sense stops it before anything is written, and every byte that it was
//! not asked to change stays as it was.
//!
//! | module | contents |
//! |---|---|
//! | [`hash`] | the schemes: `$7$`, `$6$`, `$argon2id$`, bcrypt |
//! | [`users`] | the users of one file, for the broker |
//! | [`permissions`] | warnings about a file that others could read or own |
//! | [`mod@file`] | the lines of a file, for editing |
//! | [`username`] | the names that the program accepts |
//! | [`tool`] | the command line of `mq-passwd` |

pub mod file;
pub mod hash;
pub mod permissions;
pub mod tool;
pub mod username;
pub mod users;

mod line;
mod locked_file;
mod replace;
