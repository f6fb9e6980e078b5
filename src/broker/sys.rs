//! The `$SYS` topics: what the broker tells of itself.

mod load;
mod log_lines;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use tokio::time::{MissedTickBehavior, interval};

use self::load::Load;
pub(super) use self::log_lines::topic_sink;
use super::Broker;
use super::ground::SYS_PREFIX;
use super::message::Message;
use super::persistence::Persistence;
use super::session::Held;
use super::statistics::Counter;
use crate::protocol::{Properties, QoS, TopicName};

/// Counters, and the topic of each.
const COUNTERS: [(Counter, &str); 11] = [
    (Counter::Expired, "clients/expired"),
    (Counter::MessagesReceived, "messages/received"),
    (Counter::MessagesSent, "messages/sent"),
    (Counter::BytesReceived, "bytes/received"),
    (Counter::BytesSent, "bytes/sent"),
    (Counter::PublishesReceived, "publish/messages/received"),
    (Counter::PublishesSent, "publish/messages/sent"),
    (Counter::PublishesDropped, "publish/messages/dropped"),
    (Counter::PayloadReceived, "publish/bytes/received"),
    (Counter::PayloadSent, "publish/bytes/sent"),
    (Counter::Sockets, "connections/socket/count"),
];

/// Counters whose growth in a minute is told, and the topics for it.
const LOADS: [(Counter, &str); 9] = [
    (Counter::MessagesReceived, "load/messages/received"),
    (Counter::MessagesSent, "load/messages/sent"),
    (Counter::PublishesReceived, "load/publish/received"),
    (Counter::PublishesSent, "load/publish/sent"),
    (Counter::PublishesDropped, "load/publish/dropped"),
    (Counter::BytesReceived, "load/bytes/received"),
    (Counter::BytesSent, "load/bytes/sent"),
    (Counter::Sockets, "load/sockets"),
    (Counter::Connections, "load/connections"),
];

/// Keeps the topics up to date for as long as the broker runs; `title` is what it calls
/// itself.
pub(super) async fn run_sys_topics(broker: Arc<Broker>, title: String) {
    let mut topics = Topics::new();
    if broker.env.options.sys_interval().is_some() {
        topics.publish(&broker, "version", title);
        topics.update(&broker, Duration::ZERO);
    }
    let mut second = interval(Duration::from_secs(1));
    second.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut updated = Instant::now();
    loop {
        second.tick().await;
        let Some(interval) = broker.env.options.sys_interval() else {
            continue;
        };
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let is_due = now
            .unwrap_or_default()
            .as_secs()
            .is_multiple_of(u64::from(interval));
        if is_due {
            topics.update(&broker, updated.elapsed());
            updated = Instant::now();
        }
    }
}

/// What the topics said last: only what has changed is published.
struct Topics {
    started: Instant,
    published: HashMap<String, String>,
    loads: [Load; LOADS.len()],
    /// The most sessions that there were.
    maximum: usize,
}

impl Topics {
    fn new() -> Self {
        Self {
            started: Instant::now(),
            published: HashMap::new(),
            loads: Default::default(),
            maximum: 1,
        }
    }

    /// Publishes what has changed since the last update, `elapsed` ago.
    fn update(&mut self, broker: &Broker, elapsed: Duration) {
        let uptime = format!("{} seconds", self.started.elapsed().as_secs());
        self.publish(broker, "uptime", uptime);
        self.update_sessions(broker);
        for (counter, topic) in COUNTERS {
            self.publish(
                broker,
                topic,
                broker.env.statistics.total(counter).to_string(),
            );
        }
        for (index, (counter, topic)) in LOADS.into_iter().enumerate() {
            let total = broker.env.statistics.total(counter);
            let averages = self.loads[index].update(total, elapsed);
            for (average, minutes) in averages.iter().zip(["1min", "5min", "15min"]) {
                self.publish(
                    broker,
                    &format!("{topic}/{minutes}"),
                    format!("{average:.2}"),
                );
            }
        }
    }

    fn update_sessions(&mut self, broker: &Broker) {
        let mut total = 0;
        let mut connected = 0;
        let mut held = Held::default();
        broker.sessions.for_each(|session| {
            total += 1;
            connected += usize::from(session.is_connected());
            session.state().add_to(&mut held);
        });
        let (retained, retained_bytes) = broker.retained.size();
        let absent = total - connected;
        let messages = held.messages + retained;
        let mut tell = |topic: &str, number: usize| {
            self.publish(broker, topic, number.to_string());
        };
        tell("clients/total", total);
        tell("clients/connected", connected);
        tell("clients/active", connected);
        tell("clients/disconnected", absent);
        tell("clients/inactive", absent);
        tell("messages/stored", messages);
        tell("store/messages/count", messages);
        tell("store/messages/bytes", held.payload_bytes + retained_bytes);
        tell("subscriptions/count", held.subscriptions);
        tell("shared_subscriptions/count", held.shared_subscriptions);
        tell("retained messages/count", retained);
        tell("packet/out/count", held.unwritten_pieces);
        tell("packet/out/bytes", held.unwritten_bytes);
        if let Some(health) = broker.persistence().map(Persistence::health) {
            // Topics of ours: what waits for the store, and whether it takes nothing.
            tell("store/pending", health.pending);
            tell("store/failed", usize::from(health.has_failed));
        }
        if total > self.maximum {
            self.maximum = total;
            self.publish(broker, "clients/maximum", total.to_string());
        }
    }

    fn publish(&mut self, broker: &Broker, topic: &str, value: String) {
        if self.published.get(topic) == Some(&value) {
            return;
        }
        let name = format!("{SYS_PREFIX}{topic}");
        if let Ok(name) = TopicName::try_from(name.as_str()) {
            broker.publish(Arc::new(Message {
                topic: name,
                payload: Bytes::from(value.clone()),
                qos: QoS::ExactlyOnce,
                retain: true,
                properties: Properties::EMPTY,
                expires_at: None,
                publisher: None,
                stored: Default::default(),
            }));
        }
        self.published.insert(topic.to_owned(), value);
    }
}
