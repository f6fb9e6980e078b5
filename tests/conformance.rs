//! Every rule of MQTT 3.1.1 and MQTT 5.0 that can be seen from outside, one file for each
//! section of the standard. `docs/conformance.md` says which test holds which statement.
//!
//! Above each test stand the statements that it holds, those of MQTT 5.0 behind `5.0` and
//! those of MQTT 3.1.1 behind `3.1.1`: the two number them apart.

mod support;

#[path = "conformance/acknowledgements.rs"]
mod acknowledgements;
#[path = "conformance/auth.rs"]
mod auth;
#[path = "conformance/bad_packets.rs"]
mod bad_packets;
#[path = "conformance/client.rs"]
mod client;
#[path = "conformance/clients.rs"]
mod clients;
#[path = "conformance/connack.rs"]
mod connack;
#[path = "conformance/connect.rs"]
mod connect;
#[path = "conformance/cuts.rs"]
mod cuts;
#[path = "conformance/disconnect.rs"]
mod disconnect;
#[path = "conformance/flow.rs"]
mod flow;
#[path = "conformance/format.rs"]
mod format;
#[path = "conformance/order.rs"]
mod order;
#[path = "conformance/publish.rs"]
mod publish;
#[path = "conformance/qos.rs"]
mod qos;
#[path = "conformance/session.rs"]
mod session;
#[path = "conformance/shared.rs"]
mod shared;
#[path = "conformance/strange.rs"]
mod strange;
#[path = "conformance/subscribe.rs"]
mod subscribe;
#[path = "conformance/topics.rs"]
mod topics;
#[path = "conformance/websocket.rs"]
mod websocket;
#[path = "conformance/will.rs"]
mod will;
#[path = "conformance/wire.rs"]
mod wire;
