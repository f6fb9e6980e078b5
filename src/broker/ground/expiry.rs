use super::clock::{Millis, after_seconds};

/// Time that a session outlives its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::broker) enum Expiry {
    /// It ends with the connection.
    AtDisconnect,
    /// It ends so many seconds later.
    After(u32),
    /// It does not end.
    Never,
}

impl Expiry {
    /// Returns the meaning of a Session Expiry Interval [MQTT-3.1.2-23].
    pub(in crate::broker) fn from_seconds(seconds: u32) -> Self {
        match seconds {
            0 => Self::AtDisconnect,
            u32::MAX => Self::Never,
            seconds => Self::After(seconds),
        }
    }

    /// Returns the Session Expiry Interval that means this.
    pub(in crate::broker) fn seconds(self) -> u32 {
        match self {
            Self::AtDisconnect => 0,
            Self::After(seconds) => seconds,
            Self::Never => u32::MAX,
        }
    }

    /// Returns the shorter of this and the broker's own limit.
    pub(in crate::broker) fn capped(self, limit: Option<u32>) -> Self {
        match (self, limit) {
            (Self::Never, Some(limit)) => Self::After(limit),
            (Self::After(seconds), Some(limit)) => Self::After(seconds.min(limit)),
            (expiry, _) => expiry,
        }
    }

    /// Returns the time at which a session that is left alone now ends; `None` is never.
    pub(in crate::broker) fn deadline(self, now: Millis) -> Option<Millis> {
        match self {
            Self::AtDisconnect => Some(now),
            Self::After(seconds) => Some(after_seconds(now, seconds)),
            Self::Never => None,
        }
    }
}
