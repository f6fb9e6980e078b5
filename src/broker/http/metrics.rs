//! `GET /metrics`: the numbers of the broker and of its process, for Prometheus.

mod format;
mod process;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, header};

use self::format::{Exposition, Format};
use super::state::Api;
use crate::broker::config::MetricNames;
use crate::broker::figures::{FIGURES, Figures, Metric};

/// Answers in the format that the request asks for.
pub(super) async fn metrics(
    State(api): State<Api>,
    headers: HeaderMap,
) -> ([(HeaderName, &'static str); 1], String) {
    let accept = headers.get(header::ACCEPT);
    let format = Format::asked_for(accept.and_then(|accept| accept.to_str().ok()));
    let figures = Figures::collect(&api.broker).await;
    let mut text = Exposition::new(format);
    match api.broker.config().http_api.metric_names {
        MetricNames::Mosquitto => by_our_names(&figures, &mut text),
        MetricNames::MosquittoExporter => by_names_of_the_exporter(&figures, &mut text),
    }
    process::report(&mut text);
    (
        [(header::CONTENT_TYPE, format.content_type())],
        text.finish(),
    )
}

fn by_our_names(figures: &Figures, text: &mut Exposition) {
    text.gauge("mosquitto_build_info", "Version of the broker.");
    let version = format!("version=\"{}\"", env!("CARGO_PKG_VERSION"));
    text.sample("mosquitto_build_info", &version, 1);
    text.gauge(
        "mosquitto_uptime_seconds",
        "Time since the start of the broker.",
    );
    text.sample("mosquitto_uptime_seconds", "", figures.uptime());
    let mut last = "";
    for figure in FIGURES {
        let (Some(metric), Some(value)) = (&figure.metric, figure.value(figures)) else {
            continue;
        };
        let Metric {
            name,
            labels,
            is_counter,
            help,
        } = metric;
        let full = format!("mosquitto_{name}");
        if *name != last {
            match is_counter {
                true => text.counter(&full, help),
                false => text.gauge(&full, help),
            }
            last = name;
        }
        match is_counter {
            true => text.sample(&format!("{full}_total"), labels, value),
            false => text.sample(&full, labels, value),
        }
    }
}

/// Counters of the exporter; it reports all other topics as gauges.
const COUNTERS_OF_THE_EXPORTER: [&str; 12] = [
    "bytes/received",
    "bytes/sent",
    "messages/received",
    "messages/sent",
    "publish/bytes/received",
    "publish/bytes/sent",
    "publish/messages/received",
    "publish/messages/sent",
    "publish/messages/dropped",
    "uptime",
    "clients/maximum",
    "clients/total",
];

/// Reports each topic as the metric to which the exporter of SAP Converged Cloud turns it.
fn by_names_of_the_exporter(figures: &Figures, text: &mut Exposition) {
    let left_out = ["clients/active", "clients/inactive"];
    let topics = FIGURES.iter().filter(|row| !left_out.contains(&row.topic));
    let numbers = topics.filter_map(|row| Some((row.topic, row.value(figures)?)));
    for (topic, value) in numbers.chain([("uptime", figures.uptime())]) {
        let name = format!("broker_{}", topic.replace(['/', ' ', '-', '.'], "_"));
        let help = format!("$SYS/broker/{topic}");
        match COUNTERS_OF_THE_EXPORTER.contains(&topic) {
            true => text.plain_counter(&name, &help),
            false => text.gauge(&name, &help),
        }
        text.sample(&name, "", value);
    }
}
