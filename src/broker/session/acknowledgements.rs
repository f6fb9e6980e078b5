//! Acknowledgements of the messages in flight.

use super::state::SessionState;
use super::stored::AckedRecords;
use crate::broker::persistence::Ticket;
use crate::protocol::PacketId;
use crate::qos::{PubAckOutcome, PubCompOutcome, PubRecOutcome};

impl SessionState {
    /// Takes a PUBACK; returns whether a PUBACK may come for this identifier.
    ///
    /// A repeated or unknown one is ignored.
    pub(in crate::broker) fn puback(
        &mut self,
        packet_id: PacketId,
        settled: &mut AckedRecords,
    ) -> bool {
        match self.outbound.window.puback(packet_id) {
            PubAckOutcome::Delivered(Some(kept)) => settled.add(kept),
            PubAckOutcome::Delivered(None) | PubAckOutcome::Unknown => {}
            PubAckOutcome::Unexpected => return false,
        }
        true
    }

    /// Takes a PUBREC.
    ///
    /// Unless the client refused the message, a PUBREL is due once the ticket is done.
    pub(in crate::broker) fn pubrec(
        &mut self,
        packet_id: PacketId,
        refused: bool,
        ticket: &Ticket<'_>,
    ) -> PubRecOutcome<()> {
        let window = &mut self.outbound.window;
        match window.pubrec(packet_id, refused) {
            PubRecOutcome::Received(kept) => {
                if let Some(kept) = kept {
                    window.store_released(packet_id, kept, ticket);
                }
                PubRecOutcome::Received(())
            }
            PubRecOutcome::Refused(_) => PubRecOutcome::Refused(()),
            PubRecOutcome::Repeated => {
                ticket.wait_for_all();
                PubRecOutcome::Repeated
            }
            PubRecOutcome::Unknown => PubRecOutcome::Unknown,
            PubRecOutcome::Unexpected => PubRecOutcome::Unexpected,
        }
    }

    /// Takes a PUBCOMP; returns whether a PUBCOMP may come for this identifier.
    ///
    /// A repeated or unknown one is ignored.
    pub(in crate::broker) fn pubcomp(&mut self, packet_id: PacketId) -> bool {
        self.outbound.window.pubcomp(packet_id) != PubCompOutcome::Unexpected
    }
}
