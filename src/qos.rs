//! Delivery of QoS 1 and 2: packet identifiers, the send window, acknowledgements in both
//! directions.
//!
//! No I/O and no clock. Clients and the broker use the same state machine.

mod in_flight;
mod incoming;
mod outgoing;

#[cfg(test)]
mod tests;

pub use incoming::{Incoming, Received};
pub use outgoing::{Outgoing, PubAckOutcome, PubCompOutcome, PubRecOutcome, Resend};
