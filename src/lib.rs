//! MQTT command-line tools and a broker, compatible with Eclipse Mosquitto's.
//!
//! # A broker in your program
//!
//! [`broker::Broker::builder`] starts a broker inside another program, with everything that
//! `mq-broker` has: listeners, logins, access rules, persistence.
//!
//! ```
//! use mq::broker::Broker;
//! use mq::protocol::QoS;
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let broker = Broker::builder().listen("127.0.0.1:0".parse()?).start().await?;
//! println!("Listening on {}", broker.addresses()[0]);
//! broker.publish("greeting", "hello", QoS::AtLeastOnce, true).await?;
//! broker.stop().await;
//! # Ok(())
//! # }
//! ```
//!
//! # What is stable
//!
//! Releases keep compatible: [`broker::Broker`], [`broker::embedded::Builder`],
//! [`broker::embedded::Handle`], [`broker::config::Config`], and what their methods take and
//! return. Everything else is public for the four programs and for tests, and may change in
//! any release.
//!
//! # The parts
//!
//! The rooms and the arrows between them are drawn in `docs/architecture.md`:
//! programs use [`cli`], [`publish`], [`subscribe`], [`passwd`] and [`broker`]; those
//! use [`client`]; that uses [`qos`] and [`transport`]; and everything uses
//! [`protocol`], which does no I/O. Their command lines are tables of [`options`].

#![forbid(unsafe_code)]

pub mod broker;
pub mod cli;
pub mod client;
mod files;
pub mod options;
pub mod passwd;
pub mod protocol;
pub mod publish;
pub mod qos;
pub mod subscribe;
pub mod transport;
