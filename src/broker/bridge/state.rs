//! The state of a bridge as a message: `1` while it is connected, else `0`.

use std::sync::Arc;

use bytes::Bytes;

use crate::broker::Broker;
use crate::broker::ground::SessionNumber;
use crate::broker::message::Message;
use crate::protocol::{QoS, TopicName};

/// Returns the payload that reports whether a bridge is connected.
pub(super) fn payload(is_connected: bool) -> Bytes {
    Bytes::from_static(if is_connected { b"1" } else { b"0" })
}

/// Publishes the state of a bridge on this broker.
///
/// It counts as published by the bridge's own session, so that it does not go over the bridge:
/// the remote broker has a state of its own, which must not wait behind other messages.
pub(super) fn publish(
    broker: &Broker,
    topic: &TopicName,
    session: SessionNumber,
    is_connected: bool,
) {
    broker.publish(Arc::new(Message {
        publisher: Some(session),
        ..Message::of_broker(topic.clone(), payload(is_connected), QoS::AtLeastOnce, true)
    }));
}
