use std::time::Duration;

use tokio::time::Instant;

/// The times at which a PINGREQ is due or its answer overdue [MQTT-3.1.2-20].
#[derive(Debug)]
pub(super) struct KeepAlive {
    interval: Option<Duration>,
    sent: Instant,
    received: Instant,
    /// The time of a PINGREQ that is not yet answered.
    pinged: Option<Instant>,
}

/// The action at the deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    Nothing,
    Ping,
    /// The broker is gone.
    Lost,
}

impl KeepAlive {
    /// Starts the keep alive; 0 seconds turn it off.
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

    /// Notes a PINGREQ, unless one is under way.
    pub(super) fn ping_sent(&mut self, now: Instant) {
        self.pinged.get_or_insert(now);
    }

    /// Returns whether every PINGREQ was answered.
    pub(super) fn is_answered(&self) -> bool {
        self.pinged.is_none()
    }

    pub(super) fn answered(&mut self) {
        self.pinged = None;
    }

    /// Returns the time of the next call of [`KeepAlive::due`].
    pub(super) fn deadline(&self) -> Option<Instant> {
        let since = self.pinged.unwrap_or(self.sent.min(self.received));
        Some(since + self.interval?)
    }

    /// Returns the time by which a packet must be sent.
    pub(super) fn silence_ends(&self) -> Option<Instant> {
        Some(self.sent + self.interval?)
    }

    /// Returns the action that is due; the caller must send the PINGREQ.
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
