//! Every rule of MQTT 3.1.1 and MQTT 5.0 that can be seen from outside, one file for each
//! section of the standard. `docs/conformance.md` says which test holds which statement.
//!
//! Above each test stand the statements that it holds, those of MQTT 5.0 behind `5.0` and
//! those of MQTT 3.1.1 behind `3.1.1`: the two number them apart.

#[path = "../support/mod.rs"]
mod support;

mod acknowledgements;
mod auth;
mod bad_packets;
mod clients;
mod connack;
mod connect;
mod cuts;
mod disconnect;
mod flow;
mod format;
mod limits;
mod order;
mod publish;
mod qos;
mod session;
mod shared;
mod strange;
mod subscribe;
mod takeover;
mod topics;
mod websocket;
mod will;

use support::{client, wire};
