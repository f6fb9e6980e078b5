//! The password file: its hashes, its lines, its users, and the `mq-passwd` program that edits it.
//!
//! A file holds one `user:hash` per line and goes both ways between these programs and Mosquitto's.
//! The broker reads it as [`users::Users`], leniently: comments, blank lines and lines without a colon
//! are passed over. The program edits it as [`file::PasswordFile`], strictly: a line that makes no sense
//! stops it before anything is written, and every byte it was not asked to change stays as it was.
//!
//! | module | what it holds |
//! |---|---|
//! | [`hash`] | the schemes: `$7$`, `$6$`, `$argon2id$`, bcrypt |
//! | [`users`] | the users of one file, for the broker |
//! | [`permissions`] | the warnings about a file that others could read or own |
//! | [`mod@file`] | the lines of a file, for editing |
//! | [`username`] | the names the program accepts |
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
