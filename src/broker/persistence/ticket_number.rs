use std::num::NonZeroU64;

/// Number of a ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::broker) struct TicketNumber(pub(super) NonZeroU64);
