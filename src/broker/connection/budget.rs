//! The time that one connection may take before others have their turn.

use std::time::{Duration, Instant};

/// The time of a turn.
const TURN: Duration = Duration::from_millis(2);
/// Pieces of work between two looks at the clock. Most take less than a microsecond, so that a
/// look at each would be felt.
const PIECES: u32 = 8;
/// The time between two looks after which the clock is looked at for each piece.
const SLOW: Duration = Duration::from_micros(200);

/// Rest of a turn.
pub(super) struct Budget {
    end: Instant,
    last_look: Instant,
    pieces_until_look: u32,
    is_spent: bool,
}

impl Budget {
    /// Begins a turn.
    pub(super) fn new() -> Self {
        let now = Instant::now();
        Self {
            end: now + TURN,
            last_look: now,
            pieces_until_look: PIECES,
            is_spent: false,
        }
    }

    /// Counts a piece of work, such as a packet or a topic filter; returns whether the turn is
    /// over.
    pub(super) fn spend(&mut self) -> bool {
        self.pieces_until_look -= 1;
        if self.pieces_until_look == 0 {
            let now = Instant::now();
            let is_slow = now.duration_since(self.last_look) > SLOW;
            self.pieces_until_look = if is_slow { 1 } else { PIECES };
            self.last_look = now;
            self.is_spent = now >= self.end;
        }
        self.is_spent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_is_over_after_its_time_however_slow_its_pieces_are() {
        let mut budget = Budget::new();
        let begin = Instant::now();
        while !budget.spend() {
            assert!(begin.elapsed() < Duration::from_secs(10));
            std::thread::sleep(Duration::from_micros(300));
        }
        assert!(begin.elapsed() >= TURN);
        assert!(budget.pieces_until_look == 1);
    }
}
