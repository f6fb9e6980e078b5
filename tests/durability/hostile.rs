//! No client can freeze the broker or fill it.
//!
//! Each test is one behaviour of hostile clients. They do it for a number of rounds, or until
//! their time is over, against a broker with a `memory_limit`. Meanwhile a canary, a pair of
//! ordinary clients, measures what others feel of it: its round trips, and now and then a fresh
//! CONNECT. Afterwards the broker must stop within five seconds of a SIGTERM.
//!
//! `just hostile` runs them at full size with an optimised broker on a quiet machine. It holds
//! the round trips as they are against the limits. `cargo test` runs them in a short form and
//! allows for what a debug build costs and for what others do on the machine: see [`verdict`].
//!
//! A new behaviour is one more function in `hostile/`.

mod attack;
mod canary;
mod connections;
mod hostile_client;
mod logins;
mod messages;
mod packets;
mod processor;
mod retained;
mod sessions;
mod subscriptions;
mod verdict;

use attack::{Attack, LONG};
use hostile_client::Hostile;
