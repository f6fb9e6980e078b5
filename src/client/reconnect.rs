use std::time::Duration;

use tokio::time::sleep;

use super::{Client, Endpoint, Error, Stream};

/// The time between a lost connection and the next attempt.
const RECONNECT_DELAY: Duration = Duration::from_secs(1);

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
