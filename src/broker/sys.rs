//! The `$SYS` topics: what the broker tells of itself.

mod load;
mod log_lines;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::time::{MissedTickBehavior, interval};

use self::load::Load;
pub(super) use self::log_lines::topic_sink;
use super::Broker;
use super::figures::{FIGURES, Figures};
use super::ground::SYS_PREFIX;
use super::message::Message;
use super::statistics::Counter;
use crate::protocol::{QoS, TopicName};

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
        topics.update(&broker, Duration::ZERO).await;
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
            topics.update(&broker, updated.elapsed()).await;
            updated = Instant::now();
        }
    }
}

/// What the topics said last: only what has changed is published.
struct Topics {
    published: HashMap<String, String>,
    loads: [Load; LOADS.len()],
}

impl Topics {
    fn new() -> Self {
        Self {
            published: HashMap::new(),
            loads: Default::default(),
        }
    }

    /// Publishes what has changed since the last update, `elapsed` ago.
    async fn update(&mut self, broker: &Broker, elapsed: Duration) {
        let figures = Figures::collect(broker).await;
        self.publish(broker, "uptime", format!("{} seconds", figures.uptime()));
        self.update_bridges(broker);
        for figure in FIGURES {
            if let Some(value) = figure.value(&figures) {
                self.publish(broker, figure.topic, value.to_string());
            }
        }
        for (index, (counter, topic)) in LOADS.into_iter().enumerate() {
            let averages = self.loads[index].update(figures.total(counter), elapsed);
            for (average, minutes) in averages.iter().zip(["1min", "5min", "15min"]) {
                let topic = format!("{topic}/{minutes}");
                self.publish(broker, &topic, format!("{average:.2}"));
            }
        }
    }

    /// Topics of ours about each bridge: Mosquitto only tells whether it is connected.
    fn update_bridges(&mut self, broker: &Broker) {
        for bridge in broker.bridges.all() {
            let name = &bridge.name;
            let session = broker.sessions.find(&bridge.client_id);
            let queued = session.map_or(0, |session| session.state().undelivered());
            let is_connected = u64::from(bridge.is_connected());
            let values = [("connected", is_connected), ("queued", queued as u64)];
            for (topic, value) in values.into_iter().chain(bridge.counters()) {
                self.publish(broker, &format!("bridge/{name}/{topic}"), value.to_string());
            }
        }
    }

    fn publish(&mut self, broker: &Broker, topic: &str, value: String) {
        if self.published.get(topic) == Some(&value) {
            return;
        }
        let name = format!("{SYS_PREFIX}{topic}");
        if let Ok(name) = TopicName::try_from(name.as_str()) {
            let message = Message::of_broker(name, value.clone(), QoS::ExactlyOnce, true);
            broker.publish(Arc::new(message));
        }
        self.published.insert(topic.to_owned(), value);
    }
}
