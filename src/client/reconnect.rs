use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, sleep};

use super::{Client, Endpoint, Error, Report, Stream};
use crate::protocol::ReasonCode;

/// The time between a lost connection and the next attempt.
const RECONNECT_DELAY: Duration = Duration::from_secs(1);
/// The time within which a connection ends if two clients take each other's session.
const SHORT_LIVED: Duration = Duration::from_secs(5);

impl Client<Box<dyn Stream>> {
    /// Waits a second, tries once to connect again, and returns whether that succeeded.
    ///
    /// # Errors
    ///
    /// Every further attempt would meet the same error.
    pub async fn try_reconnect(&mut self, endpoint: &Endpoint) -> Result<bool, Error> {
        sleep(RECONNECT_DELAY).await;
        let connected = match endpoint.open().await {
            Ok(stream) => self.connect(stream).await,
            Err(error) => Err(error),
        };
        match connected {
            Ok(_) => Ok(true),
            Err(error) if error.is_final() => Err(error),
            Err(_) => Ok(false),
        }
    }
}

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
    pub fn lost<S: AsyncRead + AsyncWrite + Unpin>(&mut self, client: &Client<S>) {
        self.report.note("Connection lost, trying again …");
        self.short_lived = match self.connected.elapsed() < SHORT_LIVED {
            true => self.short_lived + 1,
            false => 0,
        };
        let id = &client.options().client_id;
        if client.disconnect_reason() == Some(ReasonCode::SessionTakenOver) {
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
