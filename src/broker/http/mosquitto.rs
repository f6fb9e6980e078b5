//! Routes that Mosquitto 2.1 has, with its answers (reference `http-api-metrics.md`, section 1).

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use serde_json::{Map, Value};

use super::state::Api;
use crate::broker::config::{Config, ListenAddress, Listener, Protocol};
use crate::broker::figures::{FIGURES, Figures};
use crate::broker::ground::SYS_PREFIX;

/// `GET /api/v1/version`.
pub(super) async fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}

/// Answer of `/api/v1/listeners`.
#[derive(Serialize)]
pub(super) struct Listeners {
    listeners: Vec<ListenerEntry>,
}

#[derive(Serialize)]
struct ListenerEntry {
    #[serde(skip_serializing_if = "Option::is_none")]
    port: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    protocol: &'static str,
    tls: bool,
    mtls: bool,
    allow_anonymous: bool,
}

impl ListenerEntry {
    fn new(config: &Config, listener: &Listener) -> Option<Self> {
        let path = match &listener.address {
            ListenAddress::InProcess => return None,
            ListenAddress::Unix(path) => Some(path.display().to_string()),
            ListenAddress::Any | ListenAddress::Loopback | ListenAddress::Host(_) => None,
        };
        let has_tls = listener.tls.certfile.is_some();
        Some(Self {
            port: path.is_none().then_some(listener.port),
            path,
            protocol: match listener.protocol {
                Protocol::Mqtt => "mqtt",
                Protocol::WebSockets => "websockets",
                Protocol::HttpApi => "httpapi",
            },
            tls: has_tls,
            mtls: has_tls && listener.tls.require_certificate,
            allow_anonymous: config.effective_security(listener).allow_anonymous,
        })
    }
}

/// `GET /api/v1/listeners`.
pub(super) async fn listeners(State(api): State<Api>) -> Json<Listeners> {
    let config = api.broker.config();
    let entries = config.listeners.iter();
    Json(Listeners {
        listeners: entries
            .filter_map(|listener| ListenerEntry::new(&config, listener))
            .collect(),
    })
}

/// `GET /api/v1/systree`: the `$SYS` topics with a number.
pub(super) async fn systree(State(api): State<Api>) -> Json<Map<String, Value>> {
    let figures = Figures::collect(&api.broker).await;
    let mut tree = Map::new();
    for figure in FIGURES.iter().filter(|figure| figure.is_in_systree) {
        if let Some(value) = figure.value(&figures) {
            tree.insert(format!("{SYS_PREFIX}{}", figure.topic), value.into());
        }
    }
    tree.insert(format!("{SYS_PREFIX}uptime"), figures.uptime().into());
    Json(tree)
}
