//! Options of the listeners with `protocol http_api`.

use super::super::value::TextRule;
use super::super::value::Value::{Choice, Text};
use super::Row;
use crate::broker::config::model::MetricNames;

const METRIC_NAMES: &str = "Error: Invalid '{name}' value ({value}).";

// A row is a line, so that the table can be read down.
#[rustfmt::skip]
pub(super) static ROWS: &[Row] = &[
    Row::global(&["http_api_admin"], Text(TextRule::LAST_WINS, |config, user| config.http_api.admins.push(user)))
        .documented("", "",
            "A user who may see all clients, messages and log lines through the HTTP API, and may \
             end connections, delete sessions and retained messages, and publish. Repeat the \
             option for several users. Other users see their own clients and the topics that \
             they may read. A broker without a configuration, which only this machine reaches, \
             lets everybody do everything."),
    Row::global(&["http_api_allow_origin"], Text(TextRule::LAST_WINS, |config, origin| config.http_api.allow_origins.push(origin)))
        .documented("", "",
            "A web origin, for example `https://example.org`, whose pages may use the HTTP API. \
             Repeat the option for several origins. Without it, only the broker's own page may."),
    Row::global(&["http_api_metrics_names"], Choice(METRIC_NAMES, &[
        ("mosquitto", Some(|config| config.http_api.metric_names = MetricNames::Mosquitto)),
        ("mosquitto_exporter", Some(|config| config.http_api.metric_names = MetricNames::MosquittoExporter)),
    ])).documented("mosquitto", "",
            "The names in `/metrics`: `mosquitto` follows the rules of Prometheus, for example \
             `mosquitto_clients{state=\"connected\"}`; `mosquitto_exporter` has the names of the \
             exporter that most Grafana dashboards expect, for example \
             `broker_clients_connected`."),
];
