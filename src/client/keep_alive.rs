use std::time::Duration;

use tokio::time::Instant;

/// When a PINGREQ is due, and when its answer is missing [MQTT-3.1.2-20].
#[derive(Debug)]
pub(super) struct KeepAlive {
    interval: Option<Duration>,
    sent: Instant,
    received: Instant,
    /// When the PINGREQ went out that is not yet answered.
    pinged: Option<Instant>,
}

/// What is to be done at the deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    Nothing,
    Ping,
    /// The broker is gone.
    Lost,
}

impl KeepAlive {
    /// `seconds` of 0 turn the keep alive off.
    pub(super) fn new(seconds: u16, now: Instant) -> Self {
        Self {
            interval: (seconds != 0).then(|| Duration::from_secs(seconds.into())),
            sent: now,
            received: now,
            pinged: None,
        }
    }

    pub(super) fn sent(&mut self, now: Instant) {
        self.sent = now;
    }

    pub(super) fn received(&mut self, now: Instant) {
        self.received = now;
    }

    pub(super) fn answered(&mut self) {
        self.pinged = None;
    }

    /// When [`KeepAlive::due`] is to be asked next.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let since = self.pinged.unwrap_or(self.sent.min(self.received));
        Some(since + self.interval?)
    }

    /// When something is to be sent, whatever comes.
    pub(super) fn silence_ends(&self) -> Option<Instant> {
        Some(self.sent + self.interval?)
    }

    /// A caller that is told to ping does so.
    pub(super) fn due(&mut self, now: Instant) -> Due {
        match self.deadline() {
            Some(deadline) if deadline <= now => {}
            _ => return Due::Nothing,
        }
        if self.pinged.is_some() {
            return Due::Lost;
        }
        self.pinged = Some(now);
        Due::Ping
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ping_is_due_when_either_direction_was_silent_for_the_interval() {
        let start = Instant::now();
        let mut keep_alive = KeepAlive::new(10, start);
        keep_alive.sent(start + Duration::from_secs(8));
        assert_eq!(keep_alive.due(start + Duration::from_secs(9)), Due::Nothing);
        assert_eq!(keep_alive.due(start + Duration::from_secs(10)), Due::Ping);
        assert_eq!(
            keep_alive.due(start + Duration::from_secs(19)),
            Due::Nothing
        );
        assert_eq!(keep_alive.due(start + Duration::from_secs(20)), Due::Lost);
    }

    #[test]
    fn a_keep_alive_of_0_never_pings() {
        let start = Instant::now();
        assert_eq!(KeepAlive::new(0, start).deadline(), None);
    }
}
