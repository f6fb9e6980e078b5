use std::fmt::{Display, Write};

/// Text format of the metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// Prometheus text format 0.0.4.
    Prometheus,
    /// OpenMetrics 1.0.
    OpenMetrics,
}

impl Format {
    /// Returns the format for the value of an `Accept` header.
    pub(super) fn asked_for(accept: Option<&str>) -> Self {
        match accept.is_some_and(|accept| accept.contains("application/openmetrics-text")) {
            true => Self::OpenMetrics,
            false => Self::Prometheus,
        }
    }

    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// Metrics as text.
pub(super) struct Exposition {
    format: Format,
    text: String,
}

impl Exposition {
    pub(super) fn new(format: Format) -> Self {
        Self {
            format,
            text: String::new(),
        }
    }

    /// Begins a metric whose value goes up and down.
    pub(super) fn gauge(&mut self, name: &str, help: &str) {
        self.begin(name, "gauge", help);
    }

    /// Begins a metric that only grows; the names of its samples end in `_total`.
    pub(super) fn counter(&mut self, name: &str, help: &str) {
        match self.format {
            Format::Prometheus => self.begin(&format!("{name}_total"), "counter", help),
            Format::OpenMetrics => self.begin(name, "counter", help),
        }
    }

    /// Begins a metric that only grows and whose name says nothing of it, which OpenMetrics
    /// does not know.
    pub(super) fn plain_counter(&mut self, name: &str, help: &str) {
        let kind = match self.format {
            Format::Prometheus => "counter",
            Format::OpenMetrics => "unknown",
        };
        self.begin(name, kind, help);
    }

    fn begin(&mut self, name: &str, kind: &str, help: &str) {
        // A string takes everything.
        let _ = write!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    /// Adds a value. `labels` are written as the format wants them, without braces.
    pub(super) fn sample(&mut self, name: &str, labels: &str, value: impl Display) {
        let _ = match labels {
            "" => writeln!(self.text, "{name} {value}"),
            labels => writeln!(self.text, "{name}{{{labels}}} {value}"),
        };
    }

    /// Returns the whole text.
    pub(super) fn finish(mut self) -> String {
        if self.format == Format::OpenMetrics {
            self.text.push_str("# EOF\n");
        }
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_has_its_suffix_where_the_format_wants_it() {
        let text = |format| {
            let mut text = Exposition::new(format);
            text.counter("a_bytes", "Bytes.");
            text.sample("a_bytes_total", "kind=\"x\"", 3);
            text.finish()
        };
        assert_eq!(
            text(Format::Prometheus),
            "# HELP a_bytes_total Bytes.\n# TYPE a_bytes_total counter\na_bytes_total{kind=\"x\"} 3\n"
        );
        assert_eq!(
            text(Format::OpenMetrics),
            "# HELP a_bytes Bytes.\n# TYPE a_bytes counter\na_bytes_total{kind=\"x\"} 3\n# EOF\n"
        );
    }

    #[test]
    fn open_metrics_come_only_if_asked_for() {
        assert_eq!(Format::asked_for(None), Format::Prometheus);
        assert_eq!(Format::asked_for(Some("*/*")), Format::Prometheus);
        let prometheus = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;q=0.4";
        assert_eq!(Format::asked_for(Some(prometheus)), Format::OpenMetrics);
    }
}
