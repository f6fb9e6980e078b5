use jiff::Timestamp;

use crate::broker::ground::{Clock, Millis};

/// Returns a moment as RFC 3339 has it, in UTC.
pub(super) fn timestamp(clock: Clock, at: Millis) -> String {
    let unix = i64::try_from(clock.to_unix(at)).unwrap_or(i64::MAX);
    let timestamp = Timestamp::from_millisecond(unix);
    timestamp.map_or_else(|_| String::new(), |timestamp| timestamp.to_string())
}
