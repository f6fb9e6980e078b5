//! Requests of a bridge to its session and to the remote broker when a connection begins.

use std::num::{NonZeroU16, NonZeroU32};
use std::sync::Arc;

use super::negotiated::Negotiated;
use super::settings::Settings;
use crate::broker::Broker;
use crate::broker::ground::{BridgeTopics, ConnectionNumber, Expiry};
use crate::broker::lifecycle::Opening;
use crate::broker::session::{ActiveConnection, Receiver, Session, Writer};
use crate::broker::statistics::BridgeStatus;
use crate::protocol::{
    ConnAck, PacketId, Properties, ProtocolVersion, QoS, RetainHandling, Subscribe, Subscription,
    SubscriptionOptions, TopicFilter,
};

/// Parts of a bridge to which a connection is attached.
#[derive(Clone, Copy)]
pub(super) struct BridgeParts<'a> {
    pub(super) broker: &'a Arc<Broker>,
    pub(super) settings: &'a Settings,
    pub(super) session: &'a Arc<Session>,
    pub(super) status: &'a Arc<BridgeStatus>,
}

/// Returns what the bridge carries as far as the remote broker takes it.
pub(super) fn limited(
    settings: &Settings,
    connack: &ConnAck,
    negotiated: &Negotiated,
) -> Arc<BridgeTopics> {
    let retains = negotiated.retains && connack.properties.retain_available().unwrap_or(true);
    let maximum_qos = connack.properties.maximum_qos().unwrap_or(QoS::ExactlyOnce);
    let mut topics = BridgeTopics::clone(&settings.topics);
    topics.keeps_retain &= retains;
    topics.maximum_qos = maximum_qos.min(negotiated.maximum_qos);
    Arc::new(topics)
}

/// Returns what the connection asks of the bridge's session.
pub(super) fn opening(
    parts: &BridgeParts<'_>,
    connack: &ConnAck,
    number: ConnectionNumber,
    version: ProtocolVersion,
) -> Opening {
    let BridgeParts {
        broker, settings, ..
    } = parts;
    let config = &settings.config;
    let properties = &connack.properties;
    let largest = Some(config.max_packet_size).filter(|&size| size > 0);
    let remote_largest = properties
        .maximum_packet_size()
        .map_or(u32::MAX, NonZeroU32::get);
    let window = broker.config().limits.max_inflight_messages;
    let window = NonZeroU16::new(window).unwrap_or(NonZeroU16::MAX);
    // The message with the bridge's state takes a place in the remote broker's window.
    let remote_window = properties
        .receive_maximum()
        .map_or(NonZeroU16::MAX, |window| {
            NonZeroU16::new(window.get() - 1).unwrap_or(NonZeroU16::MIN)
        });
    Opening {
        identity: Arc::clone(&settings.identity),
        clean_start: false,
        expiry: match config.is_locally_clean() {
            true => Expiry::AtDisconnect,
            false => Expiry::Never,
        },
        will: None,
        active_connection: ActiveConnection {
            connection: number,
            address: None,
            since: broker.clock().now(),
            receiver: Receiver {
                version,
                maximum_packet_size: largest.unwrap_or(u32::MAX).min(remote_largest),
                mount_point: None,
            },
            // The link keeps the connection alive.
            keep_alive: None,
            waker: None,
            wants_output: true,
            socket: None,
            writer: Writer::Task,
            credentials: None,
            ending: None,
            reads_last_input: false,
        },
        receive_maximum: window.min(remote_window),
        topic_alias_maximum: properties
            .topic_alias_maximum()
            .unwrap_or(0)
            .min(config.max_topic_alias),
        own_receive_maximum: NonZeroU16::MAX,
    }
}

pub(super) fn subscribe(packet_id: PacketId, filter: TopicFilter, qos: QoS) -> Subscribe {
    // A shared subscription cannot be without its own messages [MQTT-3.8.3-4].
    let no_local = !filter.is_shared();
    Subscribe {
        packet_id,
        properties: Properties::EMPTY,
        subscriptions: vec![Subscription {
            filter,
            options: SubscriptionOptions {
                qos,
                no_local,
                retain_as_published: true,
                retain_handling: RetainHandling::Always,
            },
        }],
    }
}
