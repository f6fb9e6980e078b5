use super::queued::Queued;
use crate::broker::ground::MountPoint;
use crate::broker::wire::{Alias, OutgoingPublish};
use crate::protocol::{Delivery, ProtocolVersion};

/// A connected client, as far as packets for it depend on it.
pub(in crate::broker) struct Receiver {
    pub(in crate::broker) version: ProtocolVersion,
    /// The largest packet that the client takes; `u32::MAX` is more than any has.
    pub(in crate::broker) maximum_packet_size: u32,
    /// The part of its topics that the client does not see.
    pub(in crate::broker) mount_point: Option<MountPoint>,
}

impl Receiver {
    /// Returns whether the client takes a packet of `size` bytes.
    pub(super) fn takes(&self, size: usize) -> bool {
        size <= self.maximum_packet_size as usize
    }

    /// Returns whether some packets are larger than the client takes.
    pub(super) fn has_maximum(&self) -> bool {
        self.maximum_packet_size < u32::MAX
    }

    /// Returns the packet that brings the message.
    ///
    /// `None` stands for a message whose topic is not behind the client's mount point.
    pub(super) fn single<'a>(
        &self,
        queued: &'a Queued,
        delivery: Delivery,
        dup: bool,
    ) -> Option<OutgoingPublish<'a>> {
        let message = &*queued.message;
        let topic = message.topic.as_bytes();
        let topic = match &self.mount_point {
            None => topic,
            Some(mount_point) => mount_point.unmounted(topic)?,
        };
        Some(OutgoingPublish {
            message,
            topic,
            delivery,
            dup,
            retain: queued.retain,
            granted: queued.granted,
            alias: Alias::None,
        })
    }
}
