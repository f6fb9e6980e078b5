use std::borrow::Cow;

use super::queued::Queued;
use crate::broker::ground::{BridgeTopics, GrantedOptions, MountPoint};
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

    /// Returns the topic of a message as the receiver knows it.
    ///
    /// `None` stands for a message that has no name there: its topic is not behind the client's
    /// mount point, or the bridge no longer carries it.
    pub(super) fn topic<'a>(
        &self,
        queued: &'a Queued,
        bridge: Option<&BridgeTopics>,
    ) -> Option<Cow<'a, [u8]>> {
        let topic = &queued.message.topic;
        match (&self.mount_point, bridge) {
            (None, None) => Some(Cow::Borrowed(topic.as_bytes())),
            (Some(mount_point), _) => mount_point.unmounted(topic.as_bytes()).map(Cow::Borrowed),
            (None, Some(bridge)) => bridge.remote_name(topic, queued.granted.subscription_id),
        }
    }
}

impl Queued {
    /// Returns the packet that brings the message under the receiver's name for its topic.
    pub(super) fn packet<'a>(
        &'a self,
        topic: &'a [u8],
        delivery: Delivery,
        bridge: Option<&BridgeTopics>,
    ) -> OutgoingPublish<'a> {
        OutgoingPublish {
            message: &self.message,
            topic,
            delivery,
            dup: false,
            retain: self.retain && bridge.is_none_or(|bridge| bridge.keeps_retain),
            granted: GrantedOptions {
                // In a bridge's session it is the number of a line.
                subscription_id: self.granted.subscription_id.filter(|_| bridge.is_none()),
                ..self.granted
            },
            alias: Alias::None,
            is_bridged: bridge.is_some(),
        }
    }
}
