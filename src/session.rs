//! The state machine of one client's deliveries: packet identifiers, the send window,
//! and QoS 1 and 2 in both directions. No I/O and no clock; clients and broker use it
//! alike.

mod in_flight;
mod incoming;
mod outgoing;

#[cfg(test)]
mod tests;

pub use incoming::{Incoming, Received};
pub use outgoing::{Outgoing, PubAckOutcome, PubCompOutcome, PubRecOutcome, Resend};
