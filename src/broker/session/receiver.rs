use super::queued::Queued;
use crate::broker::ground::MountPoint;
use crate::broker::wire::{Alias, OutgoingPublish};
use crate::protocol::{Delivery, ProtocolVersion};

/// What a packet depends on besides the message that is queued.
pub(super) struct Receiver {
    pub(super) version: ProtocolVersion,
    pub(super) maximum_packet_size: usize,
    pub(super) mount_point: Option<MountPoint>,
}

impl Receiver {
    /// The packet that brings the message; `None` for one that has no name behind the
    /// client's mount point.
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
