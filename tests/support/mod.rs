//! What every black-box test needs: it starts the built programs on free loopback ports,
//! speaks raw bytes to them, and ends them with the test, also when the test fails.
//!
//! The programs are the ones Cargo built. `MQ_BROKER_PROGRAM`, `MQ_PUB_PROGRAM`,
//! `MQ_SUB_PROGRAM` and `MQ_PASSWD_PROGRAM` name others, so that the same promises can be
//! held against another implementation:
//! `MQ_BROKER_PROGRAM=/usr/sbin/mosquitto cargo test --test fast guide::`.

#![allow(
    dead_code,
    unused_imports,
    reason = "each test binary uses its own part of it"
)]

pub(crate) mod broker;
pub(crate) mod browser;
pub(crate) mod client;
pub(crate) mod cutting_proxy;
pub(crate) mod http;
pub(crate) mod openssl;
pub(crate) mod output;
pub(crate) mod peers;
pub(crate) mod program;
pub(crate) mod random;
pub(crate) mod raw_client;
pub(crate) mod remote;
pub(crate) mod scripted_broker;
pub(crate) mod site;
pub(crate) mod socks5_proxy;
pub(crate) mod tls;
pub(crate) mod tls_server;
pub(crate) mod wire;

use std::time::Duration;

pub(crate) use broker::Broker;
pub(crate) use program::Program;

/// How long a test waits for anything that should happen at once. Generous, because a
/// loaded machine must not fail a test, and never reached when the promise holds.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);
