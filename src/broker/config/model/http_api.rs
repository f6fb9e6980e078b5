/// Options of the listeners with `protocol http_api`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HttpApiOptions {
    /// The users who may see everything and change something.
    pub admins: Vec<String>,
    /// The web origins, besides its own, whose pages may use the API.
    pub allow_origins: Vec<String>,
    /// The names under which `/metrics` reports.
    pub metric_names: MetricNames,
}

/// Names of the metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MetricNames {
    /// `mosquitto_…`, by the rules of Prometheus.
    #[default]
    Mosquitto,
    /// `broker_…`, as the exporter of SAP Converged Cloud derives them from the `$SYS` topics.
    MosquittoExporter,
}
