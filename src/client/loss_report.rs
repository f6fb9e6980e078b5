use std::time::Duration;

use tokio::time::Instant;

use super::Report;
use crate::protocol::{ReasonCode, Text};

/// The time within which a connection ends if two clients take each other's session.
const SHORT_LIVED: Duration = Duration::from_secs(5);

/// The messages to a person about lost connections and new ones.
#[derive(Debug)]
pub struct LossReport {
    report: Report,
    connected: Instant,
    /// The connections in a row that ended soon.
    short_lived: u32,
}

impl LossReport {
    /// Starts with the first connection.
    pub fn new(report: Report) -> Self {
        Self {
            report,
            connected: Instant::now(),
            short_lived: 0,
        }
    }

    /// Reports a lost connection, and another client as the cause if it seems to be one.
    ///
    /// `reason` is that of the broker's DISCONNECT, and `id` the client identifier.
    pub fn lost(&mut self, reason: Option<ReasonCode>, id: &Text) {
        self.report.note("Connection lost, trying again …");
        self.short_lived = match self.connected.elapsed() < SHORT_LIVED {
            true => self.short_lived + 1,
            false => 0,
        };
        if reason == Some(ReasonCode::SessionTakenOver) {
            self.report.hint(format_args!(
                "another client uses the id '{id}'; each client needs its own"
            ));
        } else if self.short_lived == 2 && !id.is_empty() {
            self.report.hint(format_args!(
                "perhaps another client uses the id '{id}'; each client needs its own"
            ));
        }
    }

    /// Reports a new connection.
    pub fn connected(&mut self) {
        self.connected = Instant::now();
        self.report.note("Connected again.");
    }
}
