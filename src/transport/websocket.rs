//! MQTT over WebSocket (MQTT 5.0, section 6).
//!
//! The bytes are those of binary frames, whose boundaries mean nothing [MQTT-6.0.0-2].

mod accept;
mod connect;
mod stream;

pub use accept::{AcceptError, accept, is_asked_for};
pub use connect::{ConnectError, connect};
pub use stream::WebSocketStream;
