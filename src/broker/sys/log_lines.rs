//! `log_dest topic`: log lines as messages.

use std::sync::Arc;

use bytes::Bytes;

use crate::broker::Broker;
use crate::broker::ground::{LOG_PREFIX, after_seconds};
use crate::broker::log::{LogType, TopicSink};
use crate::broker::message::Message;
use crate::protocol::{QoS, TopicName};

/// So many seconds after a line nobody wants to hear it any more.
const EXPIRY: u32 = 20;

/// What publishes lines to whoever has subscribed to them.
pub(in crate::broker) fn topic_sink(broker: &Arc<Broker>) -> TopicSink {
    // The broker has the log, which must not have the broker.
    let broker = Arc::downgrade(broker);
    Box::new(move |log_type, line| {
        let (Some(broker), Some(topic)) = (broker.upgrade(), topic_of(log_type)) else {
            return;
        };
        let payload = Bytes::copy_from_slice(line.as_bytes());
        broker.publish(Arc::new(Message {
            expires_at: Some(after_seconds(broker.clock().now(), EXPIRY)),
            ..Message::of_broker(topic, payload, QoS::ExactlyOnce, false)
        }));
    })
}

fn topic_of(log_type: LogType) -> Option<TopicName> {
    let name = match log_type {
        LogType::Error => "E",
        LogType::Warning => "W",
        LogType::Notice => "N",
        LogType::Information => "I",
        LogType::Subscribe => "M/subscribe",
        LogType::Unsubscribe => "M/unsubscribe",
        LogType::Debug | LogType::WebSockets | LogType::Internal => return None,
    };
    TopicName::try_from(format!("{LOG_PREFIX}{name}").as_str()).ok()
}
