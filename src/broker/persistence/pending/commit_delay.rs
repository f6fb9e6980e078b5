use std::time::{Duration, Instant};

use crate::broker::persistence::key::Key;

/// Short commit delay, used where waiting was in vain.
///
/// A change that may become needless waits once or twice the present delay.
const SHORT: Duration = Duration::from_micros(500);
/// Shortest long delay, however fast receivers acknowledge.
const LEAST: Duration = Duration::from_millis(8);
/// Longest delay: an acknowledgement may be held back for twice as long.
const MOST: Duration = Duration::from_millis(25);
/// Number of changes from which the delay follows the acknowledgements.
///
/// Fewer changes are stored at once: waiting for them would only slow down a publisher with
/// few messages in flight.
const MANY: usize = 256;
const FIRST_SHORT_TIME: Duration = Duration::from_millis(100);
const LONGEST_SHORT_TIME: Duration = Duration::from_secs(2);
/// Consecutive misses before the commit delay backs off.
///
/// The changes that piled up during a short delay have to be worked off first.
const TRIES: u8 = 4;
/// Longest time that is measured.
const TIMED_AT_MOST: Duration = Duration::from_millis(100);

/// Time for which changes wait to become needless.
///
/// It is long while connected receivers acknowledge most messages within it; for many changes
/// it is the time that acknowledgements take. After consecutive misses it is short for a
/// period that doubles each time.
#[derive(Default)]
pub(super) struct CommitDelay {
    phase: Phase,
    taken: Option<Taken>,
    /// A change that became needless neither yet nor in vain, and since when it waits.
    timed: Option<(Key, Instant)>,
}

enum Phase {
    Long {
        /// The misses that are left.
        tries: u8,
        /// The length of the short phase that follows.
        short_time: Duration,
    },
    Short {
        until: Instant,
        next_short_time: Duration,
    },
}

impl Default for Phase {
    fn default() -> Self {
        Self::Long {
            tries: TRIES,
            short_time: FIRST_SHORT_TIME,
        }
    }
}

/// Time until changes become needless, smoothed as TCP smooths its round trips (RFC 6298).
#[derive(Clone, Copy)]
struct Taken {
    time: Duration,
    deviation: Duration,
}

impl Taken {
    fn with(known: Option<Self>, time: Duration) -> Self {
        match known {
            None => Self {
                time,
                deviation: time / 2,
            },
            Some(known) => Self {
                time: (known.time * 7 + time) / 8,
                deviation: (known.deviation * 3 + known.time.abs_diff(time)) / 4,
            },
        }
    }

    /// Nearly all are needless by then.
    fn bound(self) -> Duration {
        self.time + self.deviation * 4
    }
}

impl CommitDelay {
    /// Returns the present delay with this many changes.
    pub(super) fn time(&self, changes: usize) -> Duration {
        match (&self.phase, self.taken) {
            (Phase::Short { .. }, _) => SHORT,
            (Phase::Long { .. }, Some(taken)) if changes >= MANY => {
                taken.bound().clamp(LEAST, MOST)
            }
            (Phase::Long { .. }, _) => LEAST,
        }
    }

    /// Notes a change that may become needless. One at a time is timed, and none while
    /// the delay is short: publishers run ahead then, and what piles up takes its time.
    pub(super) fn began(&mut self, key: Key) {
        if self.timed.is_none() && matches!(self.phase, Phase::Long { .. }) {
            self.timed = Some((key, Instant::now()));
        }
    }

    /// Notes that a record was taken away, whether it was stored or not.
    pub(super) fn ended(&mut self, key: Key) {
        if let Some((_, since)) = self.timed.take_if(|(timed, _)| *timed == key) {
            self.taken = Some(Taken::with(self.taken, since.elapsed()));
        }
    }

    /// Stops timing what takes too long.
    pub(super) fn look_at_clock(&mut self) {
        self.timed
            .take_if(|(_, since)| since.elapsed() > TIMED_AT_MOST);
    }

    /// Learns that of `had` changes `left` were not needless in time.
    pub(super) fn record_outcome(&mut self, had: usize, left: usize) {
        match self.phase {
            Phase::Long { tries, short_time } if left * 2 > had && tries > 1 => {
                self.phase = Phase::Long {
                    tries: tries - 1,
                    short_time,
                };
            }
            Phase::Long { short_time, .. } if left * 2 > had => {
                self.phase = Phase::Short {
                    until: Instant::now() + short_time,
                    next_short_time: LONGEST_SHORT_TIME.min(short_time * 2),
                };
            }
            Phase::Long { .. } if had > 0 => self.phase = Phase::default(),
            Phase::Short {
                until,
                next_short_time,
            } if until <= Instant::now() => {
                self.phase = Phase::Long {
                    tries: TRIES,
                    short_time: next_short_time,
                };
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: Key = Key::Message(1);

    fn acknowledged_after(commit_delay: &mut CommitDelay, time: Duration) {
        commit_delay.began(KEY);
        if let Some((_, since)) = &mut commit_delay.timed {
            *since = since.checked_sub(time).expect("the clock began earlier");
        }
        commit_delay.ended(KEY);
    }

    #[test]
    fn a_long_delay_is_tried_again_after_a_time_that_grows() {
        let mut commit_delay = CommitDelay::default();
        for _ in 0..2 {
            for _ in 0..TRIES {
                assert_eq!(commit_delay.time(MANY), LEAST);
                commit_delay.record_outcome(10, 10);
            }
            assert_eq!(commit_delay.time(MANY), SHORT);
            if let Phase::Short { until, .. } = &mut commit_delay.phase {
                *until = Instant::now();
            }
            commit_delay.record_outcome(10, 10);
            assert_eq!(commit_delay.time(MANY), LEAST);
        }
        let Phase::Long { short_time, .. } = commit_delay.phase else {
            panic!("it is long");
        };
        assert_eq!(short_time, FIRST_SHORT_TIME * 4);
    }

    #[test]
    fn a_long_delay_follows_the_time_that_acknowledgements_take() {
        let mut commit_delay = CommitDelay::default();
        for _ in 0..100 {
            acknowledged_after(&mut commit_delay, Duration::from_millis(1));
        }
        assert_eq!(commit_delay.time(MANY), LEAST);
        acknowledged_after(&mut commit_delay, Duration::from_millis(14));
        let longer = commit_delay.time(MANY);
        assert!(longer > Duration::from_millis(14), "it is {longer:?}");
        assert_eq!(
            commit_delay.time(MANY - 1),
            LEAST,
            "these are stored in no time"
        );
        for _ in 0..100 {
            acknowledged_after(&mut commit_delay, Duration::from_millis(90));
        }
        assert_eq!(commit_delay.time(MANY), MOST);
        for _ in 0..100 {
            acknowledged_after(&mut commit_delay, Duration::from_millis(1));
        }
        assert_eq!(commit_delay.time(MANY), LEAST);
    }

    #[test]
    fn what_is_never_acknowledged_is_not_timed_for_ever() {
        let mut commit_delay = CommitDelay::default();
        commit_delay.began(KEY);
        commit_delay.look_at_clock();
        assert!(commit_delay.timed.is_some());
        commit_delay.timed = Instant::now()
            .checked_sub(TIMED_AT_MOST * 2)
            .map(|since| (KEY, since));
        commit_delay.look_at_clock();
        assert!(commit_delay.timed.is_none());
        assert_eq!(commit_delay.time(MANY), LEAST);
    }

    #[test]
    fn nothing_is_timed_while_the_delay_is_short() {
        let mut commit_delay = CommitDelay::default();
        for _ in 0..TRIES {
            commit_delay.record_outcome(10, 10);
        }
        commit_delay.began(KEY);
        assert!(commit_delay.timed.is_none());
    }
}
