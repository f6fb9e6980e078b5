//! Numbers that the broker reports about itself: on the `$SYS` topics and over HTTP.
//!
//! [`FIGURES`] has one row for each number, with its topic and its metric.

use tokio::task::yield_now;

use super::Broker;
use super::persistence::Persistence;
use super::session::Held;
use super::statistics::{Counter, Totals};

/// Numbers of one moment.
#[derive(Debug, Default)]
pub(super) struct Figures {
    /// The totals of the counters.
    totals: Totals,
    sessions: usize,
    connected: usize,
    /// The most sessions that there were at once.
    maximum: usize,
    held: Held,
    retained: usize,
    retained_bytes: usize,
    /// The changes that wait for the store, and whether it refuses commits; `None` without
    /// persistence.
    store: Option<(usize, bool)>,
    /// Seconds since the start.
    uptime: u64,
}

/// One number that the broker reports.
pub(super) struct Figure {
    /// The topic below `$SYS/broker/`.
    pub(super) topic: &'static str,
    /// The metric, without its prefix; `None` where another row reports the same number.
    pub(super) metric: Option<Metric>,
    /// Set if Mosquitto's `/api/v1/systree` has it.
    pub(super) is_in_systree: bool,
    value: fn(&Figures) -> Option<u64>,
}

/// Name and meaning of a metric.
pub(super) struct Metric {
    /// The name without prefix and without the `_total` of a counter.
    pub(super) name: &'static str,
    /// The labels in the text format, without braces.
    pub(super) labels: &'static str,
    pub(super) is_counter: bool,
    pub(super) help: &'static str,
}

impl Figure {
    const fn new(
        topic: &'static str,
        metric: Option<Metric>,
        value: fn(&Figures) -> Option<u64>,
    ) -> Self {
        Self {
            topic,
            metric,
            is_in_systree: true,
            value,
        }
    }

    /// A number that Mosquitto's system tree does not have.
    const fn only_here(self) -> Self {
        Self {
            is_in_systree: false,
            ..self
        }
    }

    /// Returns the number; `None` where the broker has no such thing.
    pub(super) fn value(&self, figures: &Figures) -> Option<u64> {
        (self.value)(figures)
    }
}

const fn gauge(name: &'static str, labels: &'static str, help: &'static str) -> Option<Metric> {
    Some(Metric {
        name,
        labels,
        is_counter: false,
        help,
    })
}

const fn counter(name: &'static str, help: &'static str) -> Option<Metric> {
    Some(Metric {
        name,
        labels: "",
        is_counter: true,
        help,
    })
}

/// All numbers. Rows of one metric stand together.
// A row is a line or two, so that the table can be read down.
#[rustfmt::skip]
pub(super) static FIGURES: &[Figure] = &[
    Figure::new("clients/total", None, |f| some(f.sessions)),
    Figure::new("clients/connected", gauge("clients", "state=\"connected\"", "Clients with a session."),
        |f| some(f.connected)),
    Figure::new("clients/disconnected", gauge("clients", "state=\"disconnected\"", "Clients with a session."),
        |f| some(f.sessions - f.connected)),
    Figure::new("clients/active", None, |f| some(f.connected)).only_here(),
    Figure::new("clients/inactive", None, |f| some(f.sessions - f.connected)).only_here(),
    Figure::new("clients/maximum", gauge("clients_maximum", "", "The most sessions that there were at once."),
        |f| some(f.maximum)),
    Figure::new("clients/expired", counter("clients_expired", "Sessions that ended because their time was over."),
        |f| Some(f.total(Counter::Expired))),
    Figure::new("messages/stored", None, |f| some(f.stored_messages())),
    Figure::new("store/messages/count", gauge("stored_messages", "", "Messages held for clients, and retained messages."),
        |f| some(f.stored_messages())).only_here(),
    Figure::new("store/messages/bytes", gauge("stored_payload_bytes", "", "Payload bytes of the stored messages."),
        |f| some(f.held.payload_bytes + f.retained_bytes)),
    Figure::new("subscriptions/count", gauge("subscriptions", "kind=\"all\"", "Subscriptions of all sessions."),
        |f| some(f.held.subscriptions)),
    Figure::new("shared_subscriptions/count", gauge("subscriptions", "kind=\"shared\"", "Subscriptions of all sessions."),
        |f| some(f.held.shared_subscriptions)),
    Figure::new("retained messages/count", gauge("retained_messages", "", "Retained messages."),
        |f| some(f.retained)),
    Figure::new("messages/received", counter("packets_received", "MQTT packets of all kinds that clients sent."),
        |f| Some(f.total(Counter::MessagesReceived))),
    Figure::new("messages/sent", counter("packets_sent", "MQTT packets of all kinds that clients were sent."),
        |f| Some(f.total(Counter::MessagesSent))),
    Figure::new("bytes/received", counter("network_received_bytes", "Bytes of the packets that clients sent."),
        |f| Some(f.total(Counter::BytesReceived))),
    Figure::new("bytes/sent", counter("network_sent_bytes", "Bytes of the packets that clients were sent."),
        |f| Some(f.total(Counter::BytesSent))),
    Figure::new("publish/messages/received", counter("publish_received", "PUBLISH packets that clients sent."),
        |f| Some(f.total(Counter::PublishesReceived))),
    Figure::new("publish/messages/sent", counter("publish_sent", "PUBLISH packets that clients were sent."),
        |f| Some(f.total(Counter::PublishesSent))),
    Figure::new("publish/messages/dropped", counter("publish_dropped", "Messages that a client should have received and did not."),
        |f| Some(f.total(Counter::PublishesDropped))),
    Figure::new("publish/bytes/received", counter("publish_received_payload_bytes", "Payload bytes of the PUBLISH packets that clients sent."),
        |f| Some(f.total(Counter::PayloadReceived))),
    Figure::new("publish/bytes/sent", counter("publish_sent_payload_bytes", "Payload bytes of the PUBLISH packets that clients were sent."),
        |f| Some(f.total(Counter::PayloadSent))),
    Figure::new("connections/socket/count", counter("sockets", "Sockets that were accepted."),
        |f| Some(f.total(Counter::Sockets))),
    Figure::new("packet/out/count", gauge("output_queue_chunks", "", "Chunks of output that the sockets have not taken."),
        |f| some(f.held.unwritten_pieces)),
    Figure::new("packet/out/bytes", gauge("output_queue_bytes", "", "Bytes of output that the sockets have not taken."),
        |f| some(f.held.unwritten_bytes)),
    Figure::new("store/pending", gauge("store_pending", "", "Changes that wait for the store."),
        |f| f.store.map(|(pending, _)| pending as u64)).only_here(),
    Figure::new("store/failed", gauge("store_failed", "", "1 while the store refuses commits, otherwise 0."),
        |f| f.store.map(|(_, has_failed)| u64::from(has_failed))).only_here(),
];

#[expect(
    clippy::unnecessary_wraps,
    reason = "a row has a number, or none where the broker has no such thing"
)]
fn some(number: usize) -> Option<u64> {
    Some(number as u64)
}

impl Figures {
    /// Collects the numbers in steps, so that many sessions hold up nobody.
    pub(super) async fn collect(broker: &Broker) -> Self {
        let statistics = &broker.env.statistics;
        let mut figures = Self {
            totals: statistics.totals(),
            store: broker
                .persistence()
                .map(Persistence::health)
                .map(|health| (health.pending, health.has_failed)),
            uptime: broker.clock().now() / 1000,
            ..Self::default()
        };
        (figures.retained, figures.retained_bytes) = broker.retained.size();
        for part in broker.sessions.parts() {
            for session in part {
                figures.sessions += 1;
                figures.connected += usize::from(session.is_connected());
                session.state().add_to(&mut figures.held);
            }
            yield_now().await;
        }
        figures.maximum = statistics.note_sessions(figures.sessions);
        figures
    }

    /// Returns the seconds since the start of the broker.
    pub(super) fn uptime(&self) -> u64 {
        self.uptime
    }

    /// Returns the total of a counter since the start.
    pub(super) fn total(&self, counter: Counter) -> u64 {
        self.totals.of(counter)
    }

    fn stored_messages(&self) -> usize {
        self.held.messages + self.retained
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_topic_is_reported_once_and_rows_of_one_metric_stand_together() {
        let topics: HashSet<_> = FIGURES.iter().map(|figure| figure.topic).collect();
        assert_eq!(topics.len(), FIGURES.len());
        let mut seen = HashSet::new();
        let mut last = "";
        let metrics = FIGURES.iter().filter_map(|figure| figure.metric.as_ref());
        for metric in metrics {
            assert!(
                metric.name == last || seen.insert(metric.name),
                "{}",
                metric.name
            );
            last = metric.name;
        }
    }
}
